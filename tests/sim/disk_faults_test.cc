// What goes wrong with a disk besides crashes: each fault bites, and without it nothing happens (reference: fault model 1.1).
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/disk.h"

namespace windtunnel::sim {
namespace {

using namespace std::chrono_literals;
using core::Bytes;
using core::Errc;
using core::Random;
using core::Seed;

constexpr std::uint64_t kSector = DiskFile::kSector;
constexpr std::uint64_t kPage = DiskFile::kPage;

template <typename T>
void must(const core::Result<T>& result) {
  CHECK(result.has_value());
}

// A disk with one machine on it after the other.
struct World {
  Kernel kernel;
  SimDisk disk;
  std::vector<DiskDamage> damage;
  std::vector<std::string> damaged_paths;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<core::TaskGroup> group;
  std::unique_ptr<core::Disk> port;

  explicit World(std::uint64_t seed = 1) : kernel(Seed{seed}), disk(kernel, NodeId{1}, "n1") {
    disk.set_damage_listener([this](const DiskDamage& d) {
      damaged_paths.emplace_back(d.path);
      damage.push_back(d);
    });
    boot();
  }
  ~World() { kill(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void boot() {
    gate = std::make_unique<Gate>();
    group = std::make_unique<core::TaskGroup>(kernel.runtime(), "node");
    port = disk.mount(*gate, *group);
  }
  void kill(std::optional<Keep> power = std::nullopt) {
    if (!group) return;
    gate->close();
    if (power) {
      disk.lose_power(*power);
    } else {
      disk.crash_process();
    }
    group->kill();
    port.reset();
    group.reset();
  }
  void run(std::function<void(core::Disk&)> body, core::Duration time = 1s) {
    group->spawn("main", [this, body] { body(*port); });
    kernel.run_until(kernel.now() + time);
  }
  [[nodiscard]] std::optional<std::string> content(std::string_view path) const { return disk.tree().content(path); }
};

void write_synced(core::Disk& disk, std::string_view path, std::string_view data) {
  auto file = disk.open(path, {.create = true});
  must(file);
  must((*file)->write_at(Bytes{0}, data));
  must((*file)->sync());
  must(disk.sync_directory(""));
}

std::string read(core::Disk& disk, std::string_view path) {
  auto bytes = disk.read_file(path);
  return bytes ? *bytes : "error " + std::string(core::name_of(bytes.error().code));
}

PathMatch only(std::string name) {
  return [name](std::string_view path) { return path == name; };
}

TEST_CASE("a lost file is gone at once and for good, and who has it open goes on into nothing") {
  for (const bool is_lost : {false, true}) {
    CAPTURE(is_lost);
    World world;
    world.run([&](core::Disk& disk) {
      write_synced(disk, "f", "abc");
      write_synced(disk, "g", "other");
      auto file = disk.open("f", {});
      must(file);
      if (is_lost) CHECK(world.disk.lose("f"));
      must((*file)->write_at(Bytes{3}, "def"));
      must((*file)->sync());
      must(disk.sync_directory(""));
    });
    world.kill(Keep::any);
    CHECK(world.content("f") == (is_lost ? std::nullopt : std::optional<std::string>("abcdef")));
    CHECK(world.content("g") == "other");
    CHECK(world.damage.size() == (is_lost ? 2u : 0u));
    if (!is_lost) continue;
    CHECK(world.damage[0].before == "abc");
    CHECK(world.damage[1].before == "abcdef");  // what was written into nothing
    CHECK_FALSE(world.damage[1].after.has_value());
  }
  World world;
  CHECK_FALSE(world.disk.lose("nothing"));
}

TEST_CASE("losing a file makes no other name durable, and takes its own pending ones with it") {
  World world;
  world.run([&](core::Disk& disk) {
    auto a = disk.open("a", {.create = true});
    must(a);
    auto b = disk.open("b", {.create = true});
    must(b);
    must(disk.rename("a", "c"));
    CHECK(world.disk.lose("c"));
  });
  world.disk.tree().check_invariants();
  world.kill(Keep::none);
  CHECK(world.disk.tree().files().empty());
}

TEST_CASE("an older version comes back, and is what a power loss leaves") {
  World world;
  world.run([](core::Disk& disk) { write_synced(disk, "f", "newer"); });
  CHECK(world.disk.restore("f", "old"));
  CHECK(world.content("f") == "old");
  world.kill(Keep::none);
  CHECK(world.content("f") == "old");
  REQUIRE(world.damage.size() == 1);
  CHECK(world.damage[0].before == "newer");
  CHECK(world.damage[0].after == "old");
}

TEST_CASE("a cut takes a tail, zeros replace one, and the rest stays") {
  World world;
  world.run([](core::Disk& disk) {
    write_synced(disk, "f", "abcdef");
    write_synced(disk, "g", "abcdef");
  });
  CHECK(world.disk.cut("f", 2));
  CHECK(world.content("f") == "ab");
  CHECK_FALSE(world.disk.cut("f", 2));
  CHECK(world.disk.zero("g", 4));
  CHECK(world.content("g") == std::string("abcd\0\0", 6));
  CHECK_FALSE(world.disk.zero("g", 6));
}

TEST_CASE("so many bits flip, all of them in one sector") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    World world(seed);
    const std::string content(5 * kSector + 7, 'a');
    world.run([&](core::Disk& disk) { write_synced(disk, "f", content); });
    Random random{Seed{seed}};
    const std::uint64_t bits = 1 + seed % 32;
    CHECK(world.disk.flip_bits("f", bits, random));
    const std::string left = *world.content("f");
    REQUIRE(left.size() == content.size());
    std::uint64_t flipped = 0;
    std::set<std::uint64_t> sectors;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const unsigned difference = static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>('a');
      for (unsigned bit = 0; bit < 8; ++bit) flipped += difference >> bit & 1u;
      if (difference != 0) sectors.insert(i / kSector);
    }
    CHECK(flipped == bits);
    CHECK(sectors.size() == 1);
  }
}

TEST_CASE("a bad sector fails every read of its page, also after a restart, and no other") {
  World world;
  world.run([](core::Disk& disk) { write_synced(disk, "f", std::string(3 * kPage, 'a')); });
  Random random{Seed{3}};
  CHECK(world.disk.spoil_sector("f", random));
  REQUIRE(world.damage.size() == 1);
  const std::size_t page = world.damage[0].after->find('\0') / kPage;
  for (const bool is_restarted : {false, true}) {
    CAPTURE(is_restarted);
    if (is_restarted) {
      world.kill(Keep::all);
      world.boot();
    }
    world.run([&](core::Disk& disk) {
      auto file = disk.open("f", {});
      must(file);
      for (std::size_t i = 0; i < 3; ++i) {
        std::string into(kSector, '\0');
        const auto got = (*file)->read_at(Bytes{i * kPage + kSector}, into);
        CHECK(got.has_value() == (i != page));
        if (!got) CHECK(got.error().code == Errc::io_error);
      }
    });
  }
}

TEST_CASE("a misread is wrong once and right on retry") {
  World world;
  std::vector<std::string> reads;
  world.run([&](core::Disk& disk) {
    write_synced(disk, "f", "abcdef");
    world.disk.play({DiskTrick::Kind::misread, only("f"), 1, Random{Seed{1}}});
    for (int i = 0; i < 3; ++i) reads.push_back(read(disk, "f"));
  });
  REQUIRE(reads.size() == 3);
  CHECK(reads[0] != "abcdef");
  CHECK(reads[1] == "abcdef");
  CHECK(reads[2] == "abcdef");
  CHECK(world.content("f") == "abcdef");
}

TEST_CASE("a misdirected read gives the bytes of another file, once") {
  World world;
  std::vector<std::string> reads;
  world.run([&](core::Disk& disk) {
    write_synced(disk, "f", "abcdef");
    write_synced(disk, "g", "ABCDEF");
    world.disk.play({DiskTrick::Kind::misdirected_read, [](std::string_view) { return true; }, 1, Random{Seed{1}}});
    for (int i = 0; i < 2; ++i) reads.push_back(read(disk, "f"));
  });
  CHECK(reads == std::vector<std::string>{"ABCDEF", "abcdef"});
}

TEST_CASE("a misdirected write lands in another file, and its own keeps what it had") {
  for (const bool is_misdirected : {false, true}) {
    CAPTURE(is_misdirected);
    World world;
    world.run([&](core::Disk& disk) {
      write_synced(disk, "f", "abc");
      write_synced(disk, "g", std::string(2 * kSector, 'g'));
      if (is_misdirected) world.disk.play({DiskTrick::Kind::misdirected_write, [](std::string_view) { return true; }, 1, Random{Seed{1}}});
      auto file = disk.open("f", {});
      must(file);
      must((*file)->write_at(Bytes{2}, "XYZ"));
    });
    CHECK(world.content("f") == (is_misdirected ? std::string("abc\0\0", 5) : std::string("abXYZ")));
    CHECK((world.content("g")->find("XYZ") != std::string::npos) == is_misdirected);
    CHECK(world.damage.size() == (is_misdirected ? 2u : 0u));
    if (!is_misdirected) continue;
    CHECK(world.damaged_paths == std::vector<std::string>{"g", "f"});
    CHECK(world.damage[1].before == "abXYZ");
  }
}

TEST_CASE("a short write is whole for its caller, and torn at any byte for one who is killed in it") {
  std::set<std::string> left;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    World world(seed);
    bool is_done = false;
    world.disk.play({DiskTrick::Kind::short_write, only("f"), 1, Random{Seed{seed}}});
    world.group->spawn("main", [&] {
      auto file = world.port->open("f", {.create = true});
      must(file);
      must((*file)->write_at(Bytes{0}, "abcdef"));
      is_done = true;
    });
    world.kernel.run_until(core::Instant{} + 10us + core::Duration{static_cast<std::int64_t>(seed) * 500});
    world.kill();
    left.insert(world.content("f").value_or("no file"));
    if (is_done) CHECK(world.content("f") == "abcdef");
  }
  CHECK(left.contains("abcdef"));
  CHECK(left.contains(""));
  CHECK(left.size() >= 6);  // and pieces of it
}

TEST_CASE("a drive that lies syncs nothing: the next power loss takes what it said it had") {
  for (const bool is_lying : {false, true}) {
    CAPTURE(is_lying);
    World world;
    world.run([&](core::Disk& disk) { write_synced(disk, "f", "abc"); });
    if (is_lying) world.disk.play({DiskTrick::Kind::phantom_sync, {}, UINT64_MAX, Random{Seed{1}}});
    world.run([&](core::Disk& disk) {
      write_synced(disk, "f", "ABC");
      write_synced(disk, "g", "new");
    });
    world.disk.heal();
    // What a sync after the healing covers is what was written after it: the drive takes the rest for written.
    world.run([&](core::Disk& disk) {
      auto file = disk.open("f", {});
      must(file);
      must((*file)->sync());
    });
    CHECK(world.content("f") == "ABC");
    world.kill(Keep::none);
    CHECK(world.content("f") == (is_lying ? "abc" : "ABC"));
    CHECK(world.content("g").has_value() != is_lying);
    CHECK(world.damage.empty() != is_lying);
    for (const DiskDamage& d : world.damage) CHECK(d.is_after_power_loss);
  }
}

TEST_CASE("a sync that fails late says that it worked, and the next one of that file is told") {
  World world;
  std::vector<bool> syncs;
  DiskFailure failure;
  failure.operation = DiskOperation::sync;
  failure.times = 1;
  failure.is_late = true;
  world.disk.fail(failure);
  world.run([&](core::Disk& disk) {
    auto file = disk.open("f", {.create = true});
    must(file);
    must(disk.sync_directory(""));
    must((*file)->write_at(Bytes{0}, "abc"));
    for (int i = 0; i < 3; ++i) syncs.push_back((*file)->sync().has_value());
  });
  CHECK(syncs == std::vector<bool>{true, false, true});
  world.kill(Keep::none);
  CHECK(world.content("f") == std::string(3, '\0'));  // its pages counted as clean and never reached the disk
}

TEST_CASE("nothing completes while the disk stalls") {
  World world;
  core::Instant done{};
  world.disk.stall_until(core::Instant{5s});
  world.run(
      [&](core::Disk& disk) {
        static_cast<void>(disk.exists("f").has_value());
        done = world.kernel.now();
      },
      10s);
  CHECK(done >= core::Instant{5s});
  CHECK(done < core::Instant{6s});
}

TEST_CASE("healing ends every failure, and not the damage") {
  World world;
  DiskFailure failure;
  failure.matches = only("f");
  world.disk.fail(failure);
  world.disk.set_capacity(Bytes{0});
  world.disk.set_slowdown(1000);
  world.disk.stall_until(core::Instant{1000s});
  world.disk.heal();
  world.run([](core::Disk& disk) { write_synced(disk, "f", "abc"); });
  CHECK(world.content("f") == "abc");
  CHECK(world.disk.flip_bit("f", 0));
  world.disk.heal();
  CHECK(world.content("f") == "`bc");
}

// ---- what a power loss does under Keep::any: each row shows seeds that do it, and seeds that do not ----

struct Shown {
  int seeds_with = 0;
  int seeds_without = 0;
};

Shown show(const std::function<void(core::Disk&)>& work, const std::function<bool(const DiskTree&)>& has_happened) {
  Shown out;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    World world(seed);
    world.run(work);
    world.kill(Keep::any);
    ++(has_happened(world.disk.tree()) ? out.seeds_with : out.seeds_without);
  }
  return out;
}

void check_both(const Shown& shown) {
  CHECK(shown.seeds_with > 0);
  CHECK(shown.seeds_without > 0);
}

TEST_CASE("under any: a size ahead of its data reads as zeros (D6), and data ahead of its size is cut off (D7)") {
  const auto work = [](core::Disk& disk) {
    write_synced(disk, "f", std::string(kSector, 'a'));
    auto file = disk.open("f", {});
    must(file);
    must((*file)->write_at(Bytes{0}, std::string(4 * kSector, 'b')));
  };
  check_both(show(work, [](const DiskTree& tree) {
    const std::string content = *tree.content("f");
    return content.size() > kSector && content.substr(kSector).find_first_not_of('\0') == std::string::npos;
  }));
  check_both(show(work, [](const DiskTree& tree) { return *tree.content("f") == std::string(kSector, 'b'); }));
}

TEST_CASE("under any: a torn sector may hold garbage (D5)") {
  check_both(show(
      [](core::Disk& disk) {
        write_synced(disk, "f", std::string(kSector, 'a'));
        auto file = disk.open("f", {});
        must(file);
        must((*file)->write_at(Bytes{0}, std::string(4 * kSector, 'b')));
      },
      [](const DiskTree& tree) { return tree.content("f")->find_first_not_of(std::string_view("ab\0", 3)) != std::string::npos; }));
}

TEST_CASE("under any: one file is durable and another, written before it, is not (D8)") {
  check_both(show(
      [](core::Disk& disk) {
        write_synced(disk, "a", "");
        write_synced(disk, "b", "");
        auto a = disk.open("a", {});
        must(a);
        must((*a)->write_at(Bytes{0}, "first"));
        auto b = disk.open("b", {});
        must(b);
        must((*b)->write_at(Bytes{0}, "second"));
      },
      [](const DiskTree& tree) { return tree.content("b") == "second" && tree.content("a") != "first"; }));
}

// As every careful writer replaces a file, but for one of the syncs.
std::function<void(core::Disk&)> replacing(bool syncs_file) {
  return [syncs_file](core::Disk& disk) {
    write_synced(disk, "f", "old");
    auto file = disk.open("f.tmp", {.create = true});
    must(file);
    must((*file)->write_at(Bytes{0}, "new"));
    if (syncs_file) must((*file)->sync());
    must(disk.rename("f.tmp", "f"));
  };
}

TEST_CASE("under any: a rename whose directory was not synced is lost (D10), with or without its first name") {
  check_both(show(replacing(true), [](const DiskTree& tree) { return tree.content("f") == "old" && !tree.content("f.tmp"); }));
  check_both(show(replacing(true), [](const DiskTree& tree) { return tree.content("f") == "old" && tree.content("f.tmp") == "new"; }));
  check_both(show(replacing(true), [](const DiskTree& tree) { return tree.content("f") == "new" && tree.content("f.tmp") == "new"; }));
  check_both(show(replacing(true), [](const DiskTree& tree) { return tree.content("f") == "new" && !tree.content("f.tmp"); }));
}

TEST_CASE("under any: a rename is durable before the data of what it names (D11)") {
  const auto is_hollow = [](const DiskTree& tree) {
    const std::optional<std::string> content = tree.content("f");
    return content && *content != "old" && *content != "new" && content->find_first_not_of('\0') == std::string::npos;
  };
  check_both(show(replacing(false), is_hollow));
  CHECK(show(replacing(true), is_hollow).seeds_with == 0);
}

TEST_CASE("under any: a file whose removal was not synced comes back (D12), and one whose removal was does not") {
  for (const bool syncs : {false, true}) {
    CAPTURE(syncs);
    const Shown shown = show(
        [syncs](core::Disk& disk) {
          write_synced(disk, "f", "deleted");
          must(disk.remove("f"));
          if (syncs) must(disk.sync_directory(""));
        },
        [](const DiskTree& tree) { return tree.content("f") == "deleted"; });
    if (syncs) {
      CHECK(shown.seeds_with == 0);
    } else {
      check_both(shown);
    }
  }
}

}  // namespace
}  // namespace windtunnel::sim
