#include "core/fiber/runtime.h"

#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/env/sync.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

// Picks the oldest that the runtime offers; virtual time jumps.
struct FirstOf final : Schedule {
  std::size_t pick(std::size_t) override { return 0; }
  void running(std::uint64_t) override {}
  Instant idle(Instant next) override { return next; }
};

Instant at(Duration d) { return Instant{d}; }

struct World {
  FirstOf schedule;
  Runtime runtime{schedule};
  TaskGroup group{runtime, "node"};
  ~World() { group.kill(); }
};

TEST_CASE("a sleeping task wakes at its time and no earlier") {
  World world;
  std::vector<Instant> woke;
  world.group.spawn("sleeper", [&] {
    for (int i = 1; i <= 3; ++i) {
      world.group.sleep_until(at(i * 500ms));
      woke.push_back(world.runtime.now());
    }
  });
  world.runtime.run_until(at(499ms));
  CHECK(woke.empty());
  world.runtime.run_until(at(2s));
  CHECK(woke == std::vector<Instant>{at(500ms), at(1s), at(1500ms)});
  CHECK(world.runtime.now() == at(2s));
  CHECK(world.group.size() == 0);
}

TEST_CASE("an exception caught in one fiber is still that fiber's after others have thrown theirs") {
  World world;
  std::string first;
  std::string second;
  const auto thrower = [&](const char* what, std::string& out, Duration nap) {
    try {
      throw std::runtime_error(what);
    } catch (const std::exception&) {
      world.group.sleep_until(world.runtime.now() + nap);
      try {
        throw;
      } catch (const std::exception& again) {
        out = again.what();
      }
    }
  };
  world.group.spawn("a", [&] { thrower("a", first, 2s); });
  world.group.spawn("b", [&] { thrower("b", second, 1s); });
  world.runtime.run_until(at(3s));
  CHECK(first == "a");
  CHECK(second == "b");
}

SCENARIO("a killed group unwinds its tasks in the order of their creation and runs no more code") {
  GIVEN("three tasks: two parked with something on their stacks, one that never started") {
    World world;
    std::vector<std::string> log;
    struct Guard {
      std::vector<std::string>& log;
      std::string name;
      ~Guard() { log.push_back(name); }
    };
    TaskGroup victim{world.runtime, "victim"};
    victim.spawn("first", [&] {
      Guard guard{log, "first"};
      victim.sleep_until(at(1h));
      log.push_back("first goes on");
    });
    victim.spawn("second", [&] {
      Guard guard{log, "second"};
      victim.park("for ever", kForever);
      log.push_back("second goes on");
    });
    world.runtime.run_until(at(1s));
    victim.spawn("third", [&] { log.push_back("third starts"); });
    WHEN("the group is killed") {
      victim.kill();
      THEN("both stacks are unwound in order, and nothing else ran") {
        CHECK(log == std::vector<std::string>{"first", "second"});
        CHECK(victim.size() == 0);
      }
      THEN("what it spawns afterwards never runs") {
        victim.spawn("late", [&] { log.push_back("late"); });
        world.runtime.run_until(at(2h));
        CHECK(log == std::vector<std::string>{"first", "second"});
      }
    }
  }
}

TEST_CASE("a task that swallows the kill meets it again at its next suspension") {
  World world;
  TaskGroup victim{world.runtime, "victim"};
  int caught = 0;
  victim.spawn("stubborn", [&] {
    for (int i = 0; i < 5; ++i) {
      try {
        victim.sleep_until(at(1h));
      } catch (...) {
        ++caught;
      }
    }
  });
  world.runtime.run_until(at(1s));
  victim.kill();
  CHECK(caught == 5);
}

TEST_CASE("tasks of a paused group run when it resumes, however long their timers have been due") {
  World world;
  TaskGroup node{world.runtime, "node"};
  Instant woke{};
  node.spawn("sleeper", [&] {
    node.sleep_until(at(1s));
    woke = world.runtime.now();
  });
  world.runtime.run_until(at(500ms));
  node.pause();
  world.runtime.run_until(at(10s));
  CHECK(woke == Instant{});
  node.resume();
  world.runtime.run_until(at(11s));
  CHECK(woke == at(10s));
}

TEST_CASE("a mutex is handed over in the order of arrival, and a deadline ends the wait") {
  World world;
  Mutex mutex{world.group};
  std::vector<int> order;
  world.group.spawn("holder", [&] {
    MutexLock lock{mutex};
    world.group.sleep_until(at(1s));
  });
  world.runtime.run_until(at(1ms));
  for (int i = 0; i < 3; ++i) {
    world.group.spawn("waiter", [&, i] {
      MutexLock lock{mutex};
      order.push_back(i);
      world.group.yield();
    });
    world.runtime.run_until(at(Duration{2ms} + i * 1ms));
  }
  bool got = true;
  world.group.spawn("impatient", [&] { got = mutex.lock_until(at(100ms)); });
  world.runtime.run_until(at(2s));
  CHECK_FALSE(got);
  CHECK(order == std::vector<int>{0, 1, 2});
}

TEST_CASE("a bounded queue holds its producer back, and closing it lets the consumer drain") {
  World world;
  Queue<int> queue{world.group, 2};
  std::vector<int> popped;
  bool pushed_after_close = true;
  Instant produced{};
  world.group.spawn("producer", [&] {
    for (int i = 0; i < 4; ++i) queue.push(i, "room");
    produced = world.runtime.now();
    queue.close();
    pushed_after_close = queue.push(9, "room");
  });
  world.group.spawn("consumer", [&] {
    world.group.sleep_until(at(1s));
    while (auto item = queue.pop("item")) popped.push_back(*item);
  });
  world.runtime.run_until(at(2s));
  CHECK(popped == std::vector<int>{0, 1, 2, 3});
  CHECK(produced == at(1s));
  CHECK_FALSE(pushed_after_close);
}

TEST_CASE("an event wakes all who wait and stays set") {
  World world;
  Event event{world.group};
  int woken = 0;
  bool timed_out = false;
  for (int i = 0; i < 3; ++i) {
    world.group.spawn("waiter", [&] {
      if (event.wait("event")) ++woken;
    });
  }
  world.group.spawn("impatient", [&] { timed_out = !event.wait("event", at(1s)); });
  world.group.spawn("setter", [&] {
    world.group.sleep_until(at(2s));
    event.set();
  });
  world.runtime.run_until(at(3s));
  CHECK(woken == 3);
  CHECK(timed_out);
  CHECK(event.is_set());
}

TEST_CASE("a run that stands still says what it waits for") {
  World world;
  world.group.spawn("reader", [&] { world.group.park("network read", kForever); });
  world.runtime.run_until(at(1s));
  CHECK(world.runtime.is_quiescent());
  CHECK(world.group.describe() == std::vector<std::string>{"reader: network read"});
}

}  // namespace
}  // namespace windtunnel::core
