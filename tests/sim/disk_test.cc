#include "sim/disk.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/disk_path.h"

namespace windtunnel::sim {
namespace {

using namespace std::chrono_literals;
using core::Bytes;
using core::Errc;
using core::Seed;

core::Instant at(core::Duration d) { return core::Instant{d}; }

// Instead of CHECK around a call that may suspend: doctest catches everything, TaskKilled too.
template <typename T>
void must(const core::Result<T>& result) {
  CHECK(result.has_value());
}

// One incarnation of a node as far as its disk goes.
struct Machine {
  Kernel& kernel;
  SimDisk& disk;
  Gate gate;
  core::TaskGroup group;
  std::unique_ptr<core::Disk> port;

  Machine(Kernel& k, SimDisk& d) : kernel(k), disk(d), group(k.runtime(), "node"), port(d.mount(gate, group)) {}
  ~Machine() { crash(std::nullopt); }
  void crash(std::optional<Keep> power) {
    if (group.is_killed()) return;
    gate.close();
    if (power) {
      disk.lose_power(*power);
    } else {
      disk.crash_process();
    }
    const std::uint64_t changes = disk.tree().changes();
    group.kill();
    CHECK(disk.tree().changes() == changes);
  }
  void run(std::function<void(core::Disk&)> body, core::Duration time = 1s) {
    group.spawn("main", [this, body] { body(*port); });
    kernel.run_until(kernel.now() + time);
  }
};

struct World {
  Kernel kernel;
  SimDisk disk;
  explicit World(std::uint64_t seed = 1) : kernel(Seed{seed}), disk(kernel, NodeId{1}, "n1") {}
};

void append(core::Disk& disk, std::string_view path, std::string_view data) {
  auto file = disk.open(path, {.create = true});
  must(file);
  if (!file) return;
  const auto size = (*file)->size();
  must((*file)->write_at(*size, data));
}

TEST_CASE("a write takes time, and has no effect before that") {
  World world;
  Machine node(world.kernel, world.disk);
  core::Duration took{};
  node.group.spawn("main", [&] {
    auto file = node.port->open("f", {.create = true});
    const core::Instant before = world.kernel.now();
    must((*file)->write_at(Bytes{0}, "abc"));
    took = world.kernel.now() - before;
  });
  world.kernel.run_until(at(1s));
  CHECK(took >= 5us);
  CHECK(took <= 40us);
  CHECK(world.disk.tree().content("f") == "abc");
}

TEST_CASE("a slow disk takes so many times longer, and no longer than that once it is healed") {
  const auto time_for = [](std::uint32_t factor) {
    World world;
    world.disk.set_slowdown(factor);
    Machine node(world.kernel, world.disk);
    core::Duration took{};
    node.run([&](core::Disk& disk) {
      append(disk, "f", "abc");
      took = world.kernel.now() - at(0s);
    });
    return took;
  };
  CHECK(time_for(50) == time_for(1) * 50);
}

TEST_CASE("a kill keeps the page cache and the names, a power loss neither") {
  for (const bool is_power_lost : {false, true}) {
    CAPTURE(is_power_lost);
    World world;
    Machine node(world.kernel, world.disk);
    node.run([&](core::Disk& disk) { append(disk, "f", "abc"); });
    node.crash(is_power_lost ? std::optional(Keep::none) : std::nullopt);
    CHECK(world.disk.tree().content("f") == (is_power_lost ? std::nullopt : std::optional<std::string>("abc")));
  }
}

TEST_CASE("a kill closes the files of the process: those without a name are gone") {
  World world;
  Machine node(world.kernel, world.disk);
  std::unique_ptr<core::File> open;
  node.run([&](core::Disk& disk) {
    open = *disk.open("f", {.create = true});
    must(open->write_at(Bytes{0}, "abc"));
    must(disk.remove("f"));
    must(disk.sync_directory(""));
  });
  CHECK(world.disk.tree().bytes_used() == 3);
  node.crash(std::nullopt);
  CHECK(world.disk.tree().bytes_used() == 0);
  CHECK(world.disk.tree().inode_count() == 1);
}

TEST_CASE("close does not sync; sync and sync_directory together make a file durable") {
  World world;
  Machine node(world.kernel, world.disk);
  node.run([&](core::Disk& disk) {
    must(disk.make_directories("d/e"));
    must(disk.sync_directory(""));
    must(disk.sync_directory("d"));
    append(disk, "d/e/closed", "abc");
    auto file = disk.open("d/e/synced", {.create = true});
    must((*file)->write_at(Bytes{0}, "abc"));
    must((*file)->sync());
    must(disk.sync_directory("d/e"));
  });
  node.crash(Keep::none);
  CHECK(world.disk.tree().content("d/e/closed") == "");
  CHECK(world.disk.tree().content("d/e/synced") == "abc");
}

TEST_CASE("behind the closed gate no call has an effect, and destructors do nothing") {
  World world;
  Machine node(world.kernel, world.disk);
  std::unique_ptr<core::File> kept;
  bool is_through = false;
  node.group.spawn("writer", [&] {
    kept = *node.port->open("f", {.create = true});
    struct AtUnwinding {
      core::File& file;
      bool& is_through;
      ~AtUnwinding() {
        try {
          const auto written = file.write_at(Bytes{0}, "from the grave");
          is_through = written.has_value();
        } catch (const core::TaskKilled&) {  // a destructor must not throw; the test plays a careless one
        }
      }
    } at_unwinding{*kept, is_through};
    node.group.park("forever", core::kForever);
  });
  world.kernel.run_until(at(1s));
  const std::uint64_t events = world.kernel.trace().count();
  node.crash(std::nullopt);
  CHECK_FALSE(is_through);
  CHECK(world.disk.tree().content("f") == "");
  CHECK(world.kernel.trace().count() == events);
  kept.reset();
  CHECK(world.disk.tree().files() == std::vector<std::string>{"f"});
  const Gate gate;
  const auto again = world.disk.mount(gate, node.group);  // the next incarnation
}

TEST_CASE("a kill in the middle of a write leaves whole pages of it, by the seed") {
  std::set<std::size_t> landed;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world(seed);
    Machine node(world.kernel, world.disk);
    world.disk.set_listener([&](const DiskEvent& event) {
      if (event.operation != DiskOperation::write || event.is_done) return false;
      world.kernel.post([&] { node.crash(std::nullopt); });
      return true;
    });
    node.run([&](core::Disk& disk) {
      append(disk, "f", std::string(20000, 'x'));
      FAIL_CHECK("the write returned");
    });
    landed.insert(world.disk.tree().content("f")->size());
  }
  CHECK(landed.contains(0));
  CHECK(landed.contains(20000));
  CHECK(landed.size() > 3);
  for (const std::size_t size : landed) CHECK((size == 20000 || size % 4096 == 0));
}

TEST_CASE("a listener can strike before or after the nth operation on a path") {
  for (const bool is_after : {false, true}) {
    CAPTURE(is_after);
    World world;
    Machine node(world.kernel, world.disk);
    world.disk.set_listener([&](const DiskEvent& event) {
      if (event.operation != DiskOperation::sync || !path_matches("msgs/2.blk", event.path) || event.count != 3 ||
          event.is_done != is_after)
        return false;
      world.kernel.post([&] { node.crash(Keep::none); });
      return true;
    });
    world.disk.put("s/msgs/1.blk", "");
    world.disk.put("s/msgs/2.blk", "");
    int rounds = 0;
    node.run([&](core::Disk& disk) {
      auto other = disk.open("s/msgs/1.blk", {});
      auto file = disk.open("s/msgs/2.blk", {});
      for (;; ++rounds) {
        must((*other)->sync());
        must((*file)->write_at(*(*file)->size(), "x"));
        must((*file)->sync());
      }
    });
    CHECK(rounds == 2);
    CHECK(world.disk.tree().content("s/msgs/2.blk") == (is_after ? "xxx" : "xx"));
  }
}

TEST_CASE("a full disk refuses what does not fit, and recovers when space returns") {
  for (const bool is_full : {false, true}) {
    CAPTURE(is_full);
    World world;
    if (is_full) world.disk.set_capacity(Bytes{10});
    Machine node(world.kernel, world.disk);
    node.run([&](core::Disk& disk) {
      auto file = disk.open("f", {.create = true});
      must((*file)->write_at(Bytes{0}, "12345678"));
      const auto over = (*file)->write_at(Bytes{8}, "9abcdef");
      CHECK(over.has_value() == !is_full);
      if (!is_full) return;
      CHECK(over.error().code == Errc::no_space);
      CHECK(world.disk.tree().content("f") == "123456789a");
      must((*file)->write_at(Bytes{0}, "overwrites"));
      CHECK(disk.open("g", {.create = true}).error().code == Errc::no_space);
      CHECK(disk.make_directories("d").error().code == Errc::no_space);
      CHECK((*file)->truncate(Bytes{20}).error().code == Errc::no_space);
      must((*file)->truncate(Bytes{2}));
      must((*file)->write_at(Bytes{2}, "12345678"));
    });
  }
}

TEST_CASE("a failing operation fails where and as often as it was told") {
  World world;
  world.disk.put("a/f", "content");
  world.disk.put("b/f", "content");
  world.disk.fail({.operation = DiskOperation::read, .pattern = "a/*", .skip = 1, .times = 2});
  world.disk.fail({.operation = DiskOperation::write, .pattern = "b/f", .error = Errc::read_only});
  Machine node(world.kernel, world.disk);
  node.run([&](core::Disk& disk) {
    auto a = disk.open("a/f", {});
    auto b = disk.open("b/f", {});
    std::string buffer(7, ' ');
    std::string outcome;
    for (int i = 0; i < 5; ++i) {
      outcome += (*a)->read_at(Bytes{0}, buffer) ? 'y' : 'n';
      must((*b)->read_at(Bytes{0}, buffer));
    }
    CHECK(outcome == "ynnyy");
    CHECK((*b)->write_at(Bytes{0}, "x").error().code == Errc::read_only);
    must((*a)->write_at(Bytes{0}, "x"));
    world.disk.clear_failures();
    must((*b)->write_at(Bytes{0}, "x"));
  });
}

TEST_CASE("a failed sync drops the pages: a second one that succeeds does not bring them back") {
  for (const bool is_failing : {false, true}) {
    CAPTURE(is_failing);
    World world;
    world.disk.put("f", "old");
    if (is_failing) world.disk.fail({.operation = DiskOperation::sync, .pattern = "f", .times = 1});
    Machine node(world.kernel, world.disk);
    node.run([&](core::Disk& disk) {
      auto file = disk.open("f", {});
      must((*file)->write_at(Bytes{0}, "new"));
      CHECK((*file)->sync().has_value() == !is_failing);
      must((*file)->sync());
    });
    CHECK(world.disk.tree().content("f") == "new");
    node.crash(Keep::none);
    CHECK(world.disk.tree().content("f") == (is_failing ? "old" : "new"));
  }
}

TEST_CASE("remove_all removes name by name, so that a crash in it leaves a part") {
  World world;
  for (const char* name : {"d/a", "d/b/c", "d/e"}) world.disk.put(name, "x");
  Machine node(world.kernel, world.disk);
  world.disk.set_listener([&](const DiskEvent& event) {
    if (event.operation != DiskOperation::remove || event.path != "d/b" || event.is_done) return false;
    world.kernel.post([&] { node.crash(std::nullopt); });
    return true;
  });
  node.run([&](core::Disk& disk) { must(disk.remove_all("d")); });
  CHECK(world.disk.tree().files() == std::vector<std::string>{"d/e"});
  CHECK(world.disk.tree().is_directory("d/b"));
  world.disk.set_listener({});
  Machine again(world.kernel, world.disk);
  again.run([&](core::Disk& disk) {
    must(disk.remove_all("d"));
    must(disk.remove_all("d"));
  });
  CHECK_FALSE(world.disk.tree().exists("d"));
}

TEST_CASE("the harness can flip one bit of a file") {
  World world;
  world.disk.put("f", "abc");
  CHECK(world.disk.flip_bit("f", 8));
  CHECK(world.disk.tree().content("f") == "acc");
  CHECK(world.disk.tree().durable_content("f") == "acc");
  CHECK_FALSE(world.disk.flip_bit("f", 24));
  CHECK_FALSE(world.disk.flip_bit("g", 0));
  world.disk.drop("f");
  CHECK(world.disk.tree().durable_files().empty());
}

std::uint64_t hash_of_run(std::uint64_t seed, std::string_view content, Keep keep = Keep::any) {
  World world(seed);
  Machine node(world.kernel, world.disk);
  for (int i = 0; i < 3; ++i) {
    node.group.spawn("writer", [&, i] {
      for (int round = 0; round < 20; ++round) {
        append(*node.port, "f" + std::to_string(i), content);
        if (round % 7 == i) must(node.port->sync_directory(""));
      }
    });
  }
  world.kernel.run_until(at(3ms));
  node.crash(keep);
  Machine again(world.kernel, world.disk);
  again.run([&](core::Disk& disk) {
    const auto entries = disk.list("");
    for (const auto& entry : *entries) must(disk.read_file(entry.name));
  });
  return world.kernel.trace().hash();
}

TEST_CASE("same seed, same trace; another seed, another byte or another way to lose power, another trace") {
  CHECK(hash_of_run(7, "abc") == hash_of_run(7, "abc"));
  CHECK(hash_of_run(7, "abc") != hash_of_run(8, "abc"));
  CHECK(hash_of_run(7, "abc") != hash_of_run(7, "abd"));
  CHECK(hash_of_run(7, "abc", Keep::all) != hash_of_run(7, "abc", Keep::none));
}

TEST_CASE("paths match by name, by tail, by star and by double star") {
  struct Row {
    const char* pattern;
    const char* path;
    bool is_match;
  };
  for (const Row& row :
       {Row{"2.blk", "s/msgs/2.blk", true}, Row{"msgs/2.blk", "s/msgs/2.blk", true}, Row{"sgs/2.blk", "s/msgs/2.blk", false},
        Row{"*.blk", "s/msgs/2.blk", true}, Row{"s/*.blk", "s/msgs/2.blk", false}, Row{"s/**.blk", "s/msgs/2.blk", true},
        Row{"s/**/meta.inf", "s/a/b/meta.inf", true}, Row{"s/*/meta.inf", "s/a/b/meta.inf", false}, Row{"**", "", true},
        Row{"?.blk", "msgs/12.blk", false}, Row{"?.blk", "msgs/1.blk", true}, Row{"*a*b", "xaxbxb", true}, Row{"**a/*b", "x/a/cb", true},
        Row{"", "a", false}, Row{"2.blk", "s/2.blk/x", false}}) {
    CAPTURE(row.pattern);
    CAPTURE(row.path);
    CHECK(path_matches(row.pattern, row.path) == row.is_match);
  }
}

}  // namespace
}  // namespace windtunnel::sim
