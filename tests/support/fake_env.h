// An Env for unit tests without fibers: a clock that is set by hand, tasks that run only when the test says so, a disk
// in memory.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/network.h"
#include "core/env/tasks.h"
#include "tests/support/memory_disk.h"

namespace windtunnel::tests {

class FakeClock final : public core::Clock {
 public:
  core::Instant time{};
  core::WallTime epoch{1704067200000000000};  // 2024-01-01
  [[nodiscard]] core::Instant now() const override { return time; }
  [[nodiscard]] core::WallTime wall_now() const override { return epoch + time.time_since_epoch(); }
};

// Spawned tasks wait in a list. run_one() runs one on the caller's stack: each park with a deadline passes that time and
// times out, until `parks_left` are used up; then the task is killed.
class FakeTasks final : public core::Tasks {
 public:
  explicit FakeTasks(FakeClock& clock) : clock_(clock) {}
  void spawn(std::string_view, std::function<void()> body) override { spawned.push_back(std::move(body)); }
  core::Task& current() override { return *reinterpret_cast<core::Task*>(this); }
  core::Wake park(const char*, core::Instant deadline) override {
    if (on_park) on_park();
    if (parks_left == 0 || deadline == core::kForever) throw core::TaskKilled{};
    --parks_left;
    clock_.time = std::max(clock_.time, deadline);
    return core::Wake::timed_out;
  }
  void unpark(core::Task&) noexcept override {}
  void yield() override {}
  void sleep_until(core::Instant at) override { clock_.time = std::max(clock_.time, at); }
  void set_timer(core::Timer&, core::Instant) override {}

  // True if the task came to its end, false if it was killed where it was parked.
  bool run_one(int parks) {
    const std::function<void()> body = std::move(spawned.front());
    spawned.pop_front();
    parks_left = parks;
    try {
      body();
      return true;
    } catch (const core::TaskKilled&) {
      return false;
    }
  }
  std::deque<std::function<void()>> spawned;
  std::function<void()> on_park;
  int parks_left = 0;

 private:
  FakeClock& clock_;
};

class FakeNetwork final : public core::Network {
 public:
  core::Result<std::unique_ptr<core::Listener>> listen(std::uint16_t) override {
    return core::error(core::Errc::unsupported, "no network");
  }
  core::Result<std::unique_ptr<core::Connection>> connect(const core::Address&, core::Instant) override {
    return core::error(core::Errc::unsupported, "no network");
  }
};

class FakeLog final : public core::Log {
 public:
  std::vector<std::string> events;  // the names
  void event(core::LogLevel, core::EventName name, core::LogFields) noexcept override {
    if (is_kept) events.emplace_back(name.text);
  }
  bool is_kept = false;
};

struct FakeWorld {
  FakeClock clock;
  std::unique_ptr<MemoryDisk> disk = std::make_unique<MemoryDisk>();
  FakeNetwork network;
  FakeTasks tasks{clock};
  FakeLog log;
  core::Defects defects;

  // Valid until the disk is replaced.
  [[nodiscard]] core::Env env() { return core::Env{clock, *disk, network, tasks, log, core::Random{core::Seed{1}}, defects}; }
};

}  // namespace windtunnel::tests
