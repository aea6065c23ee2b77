// A store among tasks that are suspended in its disk operations: its end comes while its own tasks are at work.
#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "core/base/random.h"
#include "core/env/sync.h"
#include "core/store/file_store.h"
#include "sim/disk.h"
#include "tests/support/fake_env.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;
using namespace std::chrono_literals;
namespace sim = windtunnel::sim;

namespace {

class KernelClock final : public Clock {
 public:
  explicit KernelClock(const sim::Kernel& kernel) : kernel_(kernel) {}
  [[nodiscard]] Instant now() const override { return kernel_.now(); }
  [[nodiscard]] WallTime wall_now() const override { return WallTime{1704067200000000000} + kernel_.now().time_since_epoch(); }

 private:
  const sim::Kernel& kernel_;
};

enum class End { stop, destroy, abandon, kill, power_loss };

// One process with one store, on which some tasks work until its end.
class Incarnation {
 public:
  Incarnation(sim::Kernel& kernel, sim::SimDisk& disk, const Defects& defects, std::uint64_t number)
      : kernel_(kernel),
        disk_(disk),
        defects_(defects),
        clock_(kernel),
        group_(kernel.runtime(), "node"),
        port_(disk.mount(gate_, group_)),
        random_(kernel.random("work/" + std::to_string(number))),
        env_{clock_, *port_, network_, group_, log_, Random{Seed{number}}, defects_} {
    options_.name = "S";
    options_.directory = "js/S";
    options_.block_size = Bytes{700};
    options_.limits.max_msgs = 40;
    settings_.compact_min = Bytes{200};
    settings_.sync_interval = 20ms;
    if (random_.chance({1, 3})) options_.compression = Compression::s2;
  }
  ~Incarnation() {
    if (!group_.is_killed()) kill(std::nullopt);
  }
  Incarnation(const Incarnation&) = delete;
  Incarnation& operator=(const Incarnation&) = delete;

  // Does what it does for some time, and comes to this end. `expected` is what an earlier one left, and what this one leaves.
  void run(End how, std::optional<StreamState>& expected) {
    group_.spawn("owner", [this, how] { own(how); });
    const Duration time = random_.between(Duration{1ms}, Duration{150ms});
    is_enough_at_ = after(kernel_.now(), time);
    kernel_.run_until(is_enough_at_);
    if (how == End::kill || how == End::power_loss) {
      // A store that is being opened may be killed as well.
      expected.reset();
      kill(how == End::power_loss ? std::optional{sim::Keep::any} : std::nullopt);
      return;
    }
    kernel_.run_until(after(kernel_.now(), 10min));
    REQUIRE(is_over_);
    REQUIRE_MESSAGE(!failure_, failure_->text());
    if (expected && opened_) {
      CHECK(opened_->messages == expected->messages);
      CHECK(opened_->last_seq == expected->last_seq);
    }
    // Its own tasks have ended, however it was let go.
    CHECK(group_.size() == 0);
    expected = how == End::stop ? left_ : std::nullopt;
    if (how == End::destroy) CHECK(disk_.tree().files().empty());
  }

 private:
  void own(End how) {
    auto opened = open_file_store(env_, settings_, options_);
    if (!opened) {
      failure_ = opened.error();
      return;
    }
    store_ = *std::move(opened);
    opened_ = store_->state();
    TaskScope workers{group_};
    for (int i = 0; i < 3; ++i) workers.spawn("worker", [this] { work(); });
    workers.join();
    if (how == End::kill || how == End::power_loss) return group_.sleep_until(kForever);
    Status done;
    if (how == End::stop) done = store_->stop();
    if (how == End::destroy) done = store_->destroy();
    left_ = store_->state();
    if (!done) failure_ = done.error();
    store_.reset();
    is_over_ = true;
  }
  void work() {
    while (kernel_.now() < is_enough_at_) {
      const std::uint64_t kind = random_.below(40);
      const Seq seq{random_.between(1, store_->state().last_seq.value + 1)};
      Status done;
      if (kind < 20) {
        const std::string payload(static_cast<std::size_t>(random_.below(200)), 'p');
        done = to_status(store_->append({random_.chance({1, 2}) ? "a" : "b", {}, payload}, clock_.wall_now()));
      } else if (kind < 26) {
        done = to_status(store_->remove(seq, kind == 20));
      } else if (kind < 34) {
        const auto loaded = store_->load(seq);
        if (!loaded && loaded.error().code != Errc::not_found) done = loaded.error();
      } else if (kind == 34) {
        done = to_status(store_->purge({.filter = random_.chance({1, 2}) ? "a" : "", .below = {}, .keep = 1}));
      } else if (kind == 35) {
        done = to_status(store_->compact(seq));
      } else if (kind == 36) {
        const Status cut = store_->truncate(seq);
        if (!cut && cut.error().code != Errc::not_found) done = cut;
      } else if (kind == 37) {
        done = store_->sync();
      } else {
        group_.sleep_until(after(kernel_.now(), random_.between(Duration{0}, Duration{4ms})));
      }
      if (!done && !failure_) failure_ = done.error();
    }
  }
  template <typename T>
  static Status to_status(const Result<T>& result) {
    return result ? Status{} : Status{result.error()};
  }
  void kill(std::optional<sim::Keep> power) {
    gate_.close();
    if (power) {
      disk_.lose_power(*power);
    } else {
      disk_.crash_process();
    }
    group_.kill();
    store_.reset();
  }

  sim::Kernel& kernel_;
  sim::SimDisk& disk_;
  Defects defects_;
  KernelClock clock_;
  FakeNetwork network_;
  FakeLog log_;
  sim::Gate gate_;
  TaskGroup group_;
  std::unique_ptr<Disk> port_;
  Random random_;
  Env env_;
  StoreSettings settings_;
  StreamStoreOptions options_;
  std::unique_ptr<StreamStore> store_;
  Instant is_enough_at_{};
  std::optional<StreamState> opened_;
  std::optional<StreamState> left_;
  std::optional<Error> failure_;
  bool is_over_ = false;
};

}  // namespace

TEST_CASE("a store comes to any end while its own tasks are at work, and what a stop leaves is all there") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random{Seed{seed}};
    Defects defects;
    if (seed % 4 != 0) defects.set(Defect::nats_7594);
    sim::Kernel kernel{Seed{seed}};
    sim::SimDisk disk{kernel, sim::NodeId{1}, "n"};
    std::optional<StreamState> expected;
    for (std::uint64_t number = 1; number <= 5; ++number) {
      CAPTURE(number);
      const End how = static_cast<End>(random.below(5));
      CAPTURE(static_cast<int>(how));
      Incarnation incarnation{kernel, disk, defects, number};
      incarnation.run(how, expected);
    }
  }
}

TEST_CASE("nothing goes while what follows it is being synced") {
  sim::Kernel kernel{Seed{1}};
  sim::SimDisk disk{kernel, sim::NodeId{1}, "n", {.sync = {50ms, 50ms}}};
  KernelClock clock{kernel};
  FakeNetwork network;
  FakeLog log;
  const Defects defects;
  sim::Gate gate;
  TaskGroup group{kernel.runtime(), "node"};
  const std::unique_ptr<Disk> port = disk.mount(gate, group);
  Env env{clock, *port, network, group, log, Random{Seed{1}}, defects};
  StreamStoreOptions options;
  options.name = "S";
  options.directory = "js/S";
  options.block_size = Bytes{200};
  std::unique_ptr<StreamStore> store;
  std::optional<Instant> removed;
  std::vector<Instant> synced;  // the block that stays
  const auto put = [&](std::string_view payload) {
    const auto stored = store->append({"a", {}, payload}, clock.wall_now());
    CHECK(stored.has_value());
  };
  group.spawn("owner", [&] {
    store = *open_file_store(env, {}, options);
    for (int i = 0; i < 5; ++i) put(std::string(40, 'x'));
    (void)store->sync();
    put("after the sync");
    disk.set_listener([&](const sim::DiskEvent& event) {
      if (!event.is_done) return false;
      if (event.operation == sim::DiskOperation::remove && event.path.ends_with("/1.blk")) removed = kernel.now();
      if (event.operation == sim::DiskOperation::sync && event.path.ends_with("/3.blk")) synced.push_back(kernel.now());
      return false;
    });
    group.spawn("sync", [&] { (void)store->sync(); });
    group.sleep_until(after(kernel.now(), 10ms));
    (void)store->compact(Seq{5});
    (void)store->stop();
  });
  kernel.run_until(after(kernel.now(), 10s));
  CHECK(group.size() == 0);
  REQUIRE(removed);
  REQUIRE_FALSE(synced.empty());
  CHECK(synced.front() < *removed);
  gate.close();
  disk.crash_process();
  group.kill();
}
