#include "faults/timeline.h"

#include <doctest/doctest.h>

#include <set>

namespace windtunnel::faults {
namespace {

using namespace std::chrono_literals;
using core::Instant;
using core::Random;
using core::Seed;

Instant at(core::Duration d) { return Instant{d}; }
Fault kill_at(core::Duration low, core::Duration high) { return {At{{low, high}}, SendSignal{.node = "hub", .name = SignalName::kill}}; }
Fault start_after(core::Duration low, core::Duration high) { return {After{{low, high}}, Start{"hub"}}; }
Fault kill_on_fsync() {
  return {OpTrigger{.op = DiskOp::fsync, .occurrence = 3, .path = "2.blk", .node = "hub"}, SendSignal{.node = "hub"}};
}

TEST_CASE("fixed times stand, and `after` counts from the entry before") {
  const std::vector<Fault> faults = {kill_at(20s, 20s), start_after(5s, 5s), kill_at(10s, 10s), start_after(2s, 2s), start_after(1s, 1s)};
  const Timeline timeline{faults, Random{Seed{1}}};
  std::vector<Instant> times;
  for (const TimelineEntry& entry : timeline.entries()) times.push_back(*entry.at);
  CHECK(times == std::vector<Instant>{at(20s), at(25s), at(10s), at(12s), at(13s)});
  CHECK(timeline.last_fault() == at(25s));
}

TEST_CASE("an `after` at the very beginning counts from the start of the run") {
  const std::vector<Fault> faults = {start_after(5s, 5s)};
  CHECK(Timeline{faults, Random{Seed{1}}}.entries()[0].at == at(5s));
}

TEST_CASE("without faults the last one is the start of the run") { CHECK(Timeline{{}, Random{Seed{1}}}.last_fault() == at(0s)); }

TEST_CASE("a range is drawn from the seed, both ends included") {
  const std::vector<Fault> faults = {kill_at(3ns, 5ns)};
  std::set<Instant> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Instant drawn = *Timeline{faults, Random{Seed{seed}}}.entries()[0].at;
    CHECK(drawn == *Timeline{faults, Random{Seed{seed}}}.entries()[0].at);
    seen.insert(drawn);
  }
  CHECK(seen == std::set<Instant>{at(3ns), at(4ns), at(5ns)});
}

TEST_CASE("the time of an entry does not depend on the other entries") {
  const Fault first = kill_at(0s, 100s);
  const Fault second{At{{0s, 100s}}, Pause{"leaf"}};
  const std::vector<Fault> both = {first, second};
  const std::vector<Fault> alone = {second};
  const std::vector<Fault> turned = {second, first};
  const Random random{Seed{9}};
  CHECK(Timeline{both, random}.entries()[1].at == Timeline{alone, random}.entries()[0].at);
  CHECK(Timeline{both, random}.entries()[0].at == Timeline{turned, random}.entries()[1].at);
}

TEST_CASE("different entries of one range are drawn apart") {
  const std::vector<Fault> faults = {kill_at(0s, 1000s), {At{{0s, 1000s}}, Pause{"leaf"}}};
  const Timeline timeline{faults, Random{Seed{1}}};
  CHECK(timeline.entries()[0].at != timeline.entries()[1].at);
}

TEST_CASE("two equal entries are drawn apart") {
  const std::vector<Fault> faults = {kill_at(0s, 1000s), kill_at(0s, 1000s)};
  const Timeline timeline{faults, Random{Seed{1}}};
  CHECK(timeline.entries()[0].at != timeline.entries()[1].at);
}

TEST_CASE("what waits for a disk operation has no time until it happens, nor have those after it") {
  const std::vector<Fault> faults = {kill_on_fsync(), start_after(2s, 2s), start_after(3s, 3s), kill_at(60s, 60s), start_after(1s, 1s)};
  Timeline timeline{faults, Random{Seed{1}}};
  CHECK_FALSE(timeline.entries()[0].at);
  CHECK_FALSE(timeline.entries()[2].at);
  CHECK(timeline.entries()[4].at == at(61s));
  CHECK_FALSE(timeline.last_fault());

  const auto settled = timeline.struck(0, at(100s));
  CHECK(settled == std::vector<std::size_t>{1, 2});
  CHECK(timeline.entries()[1].at == at(102s));
  CHECK(timeline.entries()[2].at == at(105s));
  CHECK(timeline.last_fault() == at(105s));
}

TEST_CASE("a fault with `every` strikes after each gap until its end") {
  const Fault flip{.when = At{{10s, 10s}}, .action = BitFlip{.node = "hub", .file = {}}, .every = DurationRange{5s, 5s}, .until = 26s};
  const std::vector<Fault> faults = {flip, start_after(1s, 1s)};
  const Timeline timeline{faults, Random{Seed{1}}};
  std::vector<Instant> times;
  for (const TimelineEntry& entry : timeline.entries()) times.push_back(*entry.at);
  CHECK(times == std::vector<Instant>{at(15s), at(20s), at(25s), at(26s)});
  std::set<std::uint64_t> seeds;
  for (const TimelineEntry& entry : timeline.entries()) seeds.insert(entry.random.seed().value);
  CHECK(seeds.size() == 4);  // what each leaves to the seed is drawn apart
}

TEST_CASE("the gaps of `every` are drawn from its range") {
  const Fault flip{.when = At{}, .action = BitFlip{.node = "hub", .file = {}}, .every = DurationRange{1s, 9s}, .until = 10min};
  const std::vector<Fault> faults = {flip};
  const Timeline timeline{faults, Random{Seed{1}}};
  std::set<core::Duration> gaps;
  Instant before{};
  for (const TimelineEntry& entry : timeline.entries()) {
    gaps.insert(*entry.at - before);
    before = *entry.at;
  }
  CHECK(*gaps.begin() >= 1s);
  CHECK(*gaps.rbegin() <= 9s);
  CHECK(gaps.size() > 50);
  CHECK(before <= at(10min));
}

TEST_CASE("an operation that counts from a time, or from the entry before, is armed then") {
  Fault armed = kill_at(7s, 7s);
  armed.on = OpTrigger{.op = DiskOp::read, .occurrence = 2, .path = "2.blk", .node = "hub"};
  Fault later = start_after(3s, 3s);
  later.on = armed.on;
  const std::vector<Fault> faults = {armed, later, start_after(1s, 1s)};
  Timeline timeline{faults, Random{Seed{1}}};
  CHECK(timeline.entries()[0].armed_at == at(7s));
  CHECK_FALSE(timeline.entries()[0].at);
  CHECK_FALSE(timeline.entries()[1].armed_at);
  CHECK(timeline.struck(0, at(20s)) == std::vector<std::size_t>{1});
  CHECK(timeline.entries()[1].armed_at == at(23s));
  CHECK_FALSE(timeline.entries()[2].at);
  CHECK(timeline.struck(1, at(30s)) == std::vector<std::size_t>{2});
  CHECK(timeline.last_fault() == at(31s));
}

TEST_CASE("a fault with odds stands in the timeline with its end") {
  Fault odd = kill_on_fsync();
  std::get<OpTrigger>(odd.when).odds = 100;
  odd.until = 40s;
  const std::vector<Fault> faults = {odd, start_after(2s, 2s)};
  const Timeline timeline{faults, Random{Seed{1}}};
  CHECK(timeline.entries()[0].has_odds());
  CHECK(timeline.entries()[0].armed_at == at(0s));
  CHECK(timeline.entries()[1].at == at(42s));
  CHECK(timeline.last_fault() == at(42s));
}

}  // namespace
}  // namespace windtunnel::faults
