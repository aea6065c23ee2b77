#include "core/fiber/timer_wheel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/base/random.h"

namespace windtunnel::core {
namespace {

Instant at(std::int64_t ns) { return Instant{Duration{ns}}; }

struct Recorder final : Timer {
  Recorder(std::vector<int>& o, int i) : out(o), id(i) {}
  void on_timer() noexcept override { out.push_back(id); }
  std::vector<int>& out;
  int id;
};

// Fires everything up to `limit` as the runtime does: from bound to bound.
void run(TimerWheel& wheel, Instant limit) {
  while (wheel.next() <= limit) wheel.advance(wheel.next());
  wheel.advance(limit);
}

TEST_CASE("timers fire in order of time, and of setting where times are equal") {
  TimerWheel wheel;
  std::vector<int> fired;
  Recorder a{fired, 1};
  Recorder b{fired, 2};
  Recorder c{fired, 3};
  Recorder d{fired, 4};
  wheel.set(a, at(1'000'000'000));
  wheel.set(b, at(5));
  wheel.set(c, at(1'000'000'000));
  run(wheel, at(999'999'999));
  wheel.set(d, at(1'000'000'000));
  CHECK(fired == std::vector<int>{2});
  run(wheel, at(1'000'000'000));
  CHECK(fired == std::vector<int>{2, 1, 3, 4});
  CHECK(wheel.is_empty());
}

TEST_CASE("a cancelled, reset or destroyed timer does not fire at its old time") {
  TimerWheel wheel;
  std::vector<int> fired;
  Recorder cancelled{fired, 1};
  Recorder moved{fired, 2};
  wheel.set(cancelled, at(100));
  wheel.set(moved, at(100));
  {
    Recorder destroyed{fired, 3};
    wheel.set(destroyed, at(100));
  }
  cancelled.cancel();
  wheel.set(moved, at(10'000));
  run(wheel, at(9'999));
  CHECK(fired.empty());
  run(wheel, at(10'000));
  CHECK(fired == std::vector<int>{2});
}

TEST_CASE("a time that has passed fires at the next advance") {
  TimerWheel wheel;
  std::vector<int> fired;
  Recorder late{fired, 1};
  wheel.advance(at(1'000));
  wheel.set(late, at(10));
  CHECK(wheel.next() <= at(1'000));
  wheel.advance(at(1'000));
  CHECK(fired == std::vector<int>{1});
}

TEST_CASE("the bound is never later than the earliest timer, over random sets, moves and cancels") {
  Random random{Seed{11}};
  TimerWheel wheel;
  std::vector<int> fired;
  std::vector<std::unique_ptr<Recorder>> timers;
  for (int i = 0; i < 200; ++i) timers.push_back(std::make_unique<Recorder>(fired, i));
  std::vector<Instant> due(timers.size(), kForever);
  Instant now{};
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t which = random.below(timers.size());
    const std::uint64_t action = random.below(4);
    if (action == 0) {
      timers[which]->cancel();
      due[which] = kForever;
    } else if (action < 3) {
      const std::uint64_t magnitude = random.below(40);
      const Instant when = now + Duration{static_cast<std::int64_t>(random.below(std::uint64_t{1} << magnitude))};
      wheel.set(*timers[which], when);
      due[which] = when;
    } else {
      const Instant earliest = *std::min_element(due.begin(), due.end());
      REQUIRE(wheel.next() <= earliest);
      if (earliest == kForever) continue;
      now = std::max(now, wheel.next());
      fired.clear();
      wheel.advance(now);
      Instant previous{};
      for (const int id : fired) {
        const auto index = static_cast<std::size_t>(id);
        REQUIRE(due[index] <= now);
        REQUIRE(due[index] >= previous);
        previous = due[index];
        due[index] = kForever;
      }
      REQUIRE(*std::min_element(due.begin(), due.end()) > now);
    }
  }
}

}  // namespace
}  // namespace windtunnel::core
