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

// Fires everything up to `limit` as the runtime does: from one time to the next.
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

TEST_CASE("one advance fires a far timer, and leaves its neighbours to their times") {
  TimerWheel wheel;
  std::vector<int> fired;
  Recorder first{fired, 1};
  Recorder second{fired, 2};
  Recorder third{fired, 3};
  wheel.set(third, at(1'000'100'000));
  wheel.set(second, at(1'000'000'001));
  wheel.set(first, at(1'000'000'000));
  CHECK(wheel.next() == at(1'000'000'000));
  CHECK(wheel.advance(at(1'000'000'000)) == 1);
  CHECK(fired == std::vector<int>{1});
  CHECK(wheel.next() == at(1'000'000'001));
  CHECK(wheel.next(at(1'000'000'000)) == kForever);
  wheel.advance(at(1'000'099'999));
  CHECK(fired == std::vector<int>{1, 2});
  CHECK(wheel.next() == at(1'000'100'000));
}

TEST_CASE("a time that has passed fires at the next advance") {
  TimerWheel wheel;
  std::vector<int> fired;
  Recorder late{fired, 1};
  wheel.advance(at(1'000));
  wheel.set(late, at(10));
  CHECK(wheel.next() == at(1'000));
  wheel.advance(at(1'000));
  CHECK(fired == std::vector<int>{1});
}

TEST_CASE("the next time is the earliest timer's, as far as the limit goes, over random sets, moves and cancels") {
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
      REQUIRE(wheel.next() == earliest);
      const Instant limit = now + Duration{static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(40)))};
      REQUIRE(wheel.next(limit) == (earliest <= limit ? earliest : kForever));
      if (earliest == kForever) continue;
      if (random.below(3) == 0 && limit < earliest) {  // as far as somebody wanted to go, and no timer was due
        now = limit;
        REQUIRE(wheel.advance(now) == 0);
        continue;
      }
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
