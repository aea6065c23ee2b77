// How long a mirror or a source may take is the sum of what the core's configuration allows: whatever keeps to it passes, and a core
// that is one notch slower does not.
#include "scenarios/sync_bound.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/jetstream/consumer_flow.h"
#include "core/server/server_config.h"
#include "sim/disk.h"
#include "tests/scenarios/run_text.h"
#include "tests/support/sanitized.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
namespace timing = core::copy_timing;
using core::Defect;

RunResult run(const std::string& text, std::uint64_t seed, const std::vector<Defect>& defects = {}) {
  RunOptions options = with_defects(defects, seed);
  options.tells_stories = false;
  return run_text(text, options);
}

std::string world(const std::string& faults, const std::string& link = "latency: 20ms", const std::string& node = "") {
  return "scenario: bounded\nabout: A mirror and what may happen to its link.\n"
         "nodes: { hub: { domain: hub" +
         node + " }, leaf: { domain: leaf, leaf_of: hub" + node + " } }\nlinks: [ { between: [hub, leaf], " + link +
         " } ]\nstreams:\n"
         "  - { on: hub, name: ORDERS, subjects: [orders.>] }\n"
         "  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub } }\n"
         "workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 10/s, for: 5s } ]\nfaults: [ " +
         faults + " ]\nexpect: [ { invariants: [sync-makes-progress] } ]\n";
}

const std::set<std::string> kBoth{"hub", "leaf"};

TEST_CASE("the bound of a copy is what the core's configuration allows on its way") {
  const core::ServerConfig server;
  const core::Duration trip = 40ms;
  const core::Duration asks = std::max<core::Duration>(timing::kSuspect, timing::kRequestSpacing) + timing::kJitterMax;
  const core::Duration clean = server.leaf_dial_timeout + 2 * server.leaf_reconnect + 10 * trip + asks + 2 * kLookEvery;
  CHECK(resume_bound(parse(world("")), kBoth, {}).total() == clean);
  CHECK(resume_bound(parse(world("")), kBoth, 7s).total() == clean + 7s);
  // On one node there is nothing to dial.
  CHECK(resume_bound(parse(world("")), {"hub"}, {}).total() == asks + 2 * kLookEvery);
  // What delays a link for good counts, and what was healed does not.
  const std::string delay = "{ at: 1s, delay: { link: [hub, leaf], latency: 1s..2s } }";
  CHECK(resume_bound(parse(world(delay)), kBoth, {}).total() == clean + 10 * (4s - trip));
  CHECK(resume_bound(parse(world(delay + ", { at: 2s, heal: { link: [hub, leaf] } }")), kBoth, {}).total() == clean);
  // A store that refuses is asked again by timer.
  const std::string full = "{ at: 1s, disk_full: { node: leaf, free: 0B } }, { at: 2s, heal_disk: { node: leaf } }";
  CHECK(resume_bound(parse(world(full)), kBoth, {}).total() == clean + timing::kBackoffMax);
}

TEST_CASE("a backlog may take as long as the link needs for it") {
  const core::Duration trip = 40ms;
  CHECK(transfer_bound(parse(world("")), kBoth, {0, 0}) == trip);
  CHECK(transfer_bound(parse(world("")), kBoth, {1, 2 * core::kFlowWindowStart}) == 5 * trip);
  const Backlog backlog{10, 100'000};
  const core::Duration slow = transfer_bound(parse(world("", "latency: 20ms, bandwidth: 10KiB/s")), kBoth, backlog);
  CHECK(slow > 9s);
  CHECK(slow < 12s);
  const std::string throttle = "{ at: 1s, throttle: { link: [hub, leaf], bandwidth: 1KiB/s } }";
  CHECK(transfer_bound(parse(world(throttle)), kBoth, backlog) > 90s);
  CHECK(transfer_bound(parse(world(throttle + ", { at: 2s, heal: { link: [hub, leaf] } }")), kBoth, backlog) == trip);
}

TEST_CASE("a backlog may take as long as the disk needs for what all copies of a node bring") {
  const sim::DiskTraits disk;
  const core::Duration one = disk.read.high + disk.write.high + disk.names.high;
  CHECK(transfer_bound(parse(world("")), kBoth, {.messages = 0, .bytes = 0, .stored = 400'000}) == 40ms + 400'000 * one);
  const Backlog synced{.messages = 0, .bytes = 0, .stored = 50, .syncs_always = true};
  CHECK(transfer_bound(parse(world("")), kBoth, synced) == 40ms + 50 * (one + disk.sync.high));
}

TEST_CASE("what nobody is told of is noticed by pings at the latest, and no later than it lasted") {
  const core::Instant quiet{200s};
  const auto left = [&](core::Instant from, std::optional<core::Instant> to, const std::string& node, const std::string& a = "hub",
                        const std::string& b = "leaf", DisturbanceLog::Told told = DisturbanceLog::Told::no) {
    DisturbanceLog log;
    log.began(told, a, b, from);
    log.began(DisturbanceLog::Told::yes, a, b, core::Instant{1s});
    if (to) log.over(b, a, *to);
    return log.left_at(quiet, parse(world("", "latency: 20ms", node)), kBoth);
  };
  const core::Duration pings = 5s * (core::ServerConfig{}.ping_max + 1) + 1s;
  CHECK(left(core::Instant{100s}, quiet, ", ping_interval: 5s") == pings);
  CHECK(left(core::Instant{100s}, std::nullopt, ", ping_interval: 5s") == pings);
  CHECK(left(core::Instant{100s}, core::Instant{195s}, ", ping_interval: 5s") == pings - 5s);
  CHECK(left(core::Instant{100s}, core::Instant{150s}, ", ping_interval: 5s") == 0s);
  CHECK(left(core::Instant{160s}, quiet, "") == 40s);
  CHECK(left(core::Instant{199s}, quiet, "") == timing::kStalled);
  CHECK(left(core::Instant{160s}, quiet, "", "hub", "hub") == 40s);
  CHECK(left(core::Instant{160s}, quiet, "", "hub", "elsewhere") == 0s);
  CHECK(left(core::Instant{199s}, quiet, ", ping_interval: 5s", "hub", "hub", DisturbanceLog::Told::unmet) == pings);
}

// The link is cut 1 s after time 0, and healed at `healed_ms`.
std::string outage(std::int64_t healed_ms) {
  return world("{ at: 1s, cut: { link: [hub, leaf], how: reset } }, { at: " + std::to_string(healed_ms) +
               "ms, heal: { link: [hub, leaf] } }");
}

TEST_CASE("the slowest of many seeds is of the order of its bound, and not beyond") {
  core::Duration slowest{};
  core::Duration bound{};
  for (std::uint64_t seed = 1; seed <= (tests::kIsSanitized ? 5 : 60); ++seed) {
    const RunResult result = run(outage(5'500 + 37 * static_cast<std::int64_t>(seed)), seed);
    CHECK(result.passed());
    REQUIRE(result.catch_ups.size() == 1);
    REQUIRE(result.catch_ups.front().took.has_value());
    slowest = std::max(slowest, *result.catch_ups.front().took);
    bound = result.catch_ups.front().bound;
  }
  MESSAGE("slowest " << slowest.count() / 1'000'000 << " ms of " << bound.count() / 1'000'000 << " ms");
  CHECK(slowest <= bound);
  if (!tests::kIsSanitized) CHECK(slowest >= bound / 3);
}

// By timer alone (nats-6981) a copy that lost its origin at 1 s asks in vain from 11 s on, for the origin's facts and for a consumer,
// gives up at 46 s and asks again 10 s later: that is legal if the link heals just before, and not if it was well for so long that any
// copy that is told of it would have asked.
TEST_CASE("a core that resumes a notch later than it may is found, and one that is just in time is not") {
  bool has_late = false;
  bool has_punctual = false;
  std::int64_t last_late = 0;
  std::int64_t first_punctual = 1'000'000;
  for (std::int64_t healed = 48'000; healed <= 53'000; healed += 250) {
    CAPTURE(healed);
    const RunResult right = run(outage(healed), 3);
    CHECK(right.passed());
    const RunResult timed = run(outage(healed), 3, {Defect::nats_6981});
    REQUIRE(timed.catch_ups.size() == 1);
    const CopyWait& it = timed.catch_ups.front();
    const bool is_late = !it.took || *it.took > it.bound;
    CHECK(timed.passed() == !is_late);
    if (is_late) {
      has_late = true;
      last_late = std::max(last_late, healed);
      const Divergence& d = timed.divergences.front();
      CHECK(d.invariant == "sync-makes-progress");
      CHECK(d.expected.find("to dial again") != std::string::npos);
    } else {
      has_punctual = true;
      first_punctual = std::min(first_punctual, healed);
    }
  }
  CHECK(has_late);
  CHECK(has_punctual);
  // One notch decides.
  CHECK(first_punctual - last_late == 250);
}

// The end of the sender breaks, here the hub's; that the other one is half-open the leaf finds out by silence.
TEST_CASE("a reset of one direction may take until somebody notices; one of both directions may not, and no copy may stand still for it") {
  const auto reset = [](const std::string& direction) {
    return world("{ at: 4s, cut: { link: [hub, leaf], how: reset, direction: " + direction +
                 " } }, { at: 4500ms, heal: { link: [hub, leaf] } }");
  };
  const core::Duration of_both = run(reset("both"), 1).catch_ups.at(0).bound;
  core::Duration slowest{};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RunResult right = run(reset("a_to_b"), seed);
    CHECK_MESSAGE(right.passed(), told(right));
    REQUIRE(right.catch_ups.size() == 1);
    REQUIRE(right.catch_ups.front().took.has_value());
    slowest = std::max(slowest, *right.catch_ups.front().took);
    CHECK(right.catch_ups.front().bound - of_both < timing::kStalled);
  }
  CHECK(slowest > of_both);
  CHECK(finds(run(reset("a_to_b"), 1, {Defect::break_mirror_never_resumes}), "sync-makes-progress"));
}

// Without a word in between it would wait out its answer, 30 s, on a connection that is dead.
TEST_CASE("a reset of one direction that takes the answer to a copy's question is noticed no later than any other") {
  const std::string asked = world(
      "{ at: 4s, cut: { link: [hub, leaf], how: reset } }, { after: 1s, heal: { link: [hub, leaf] } }, "
      "{ after: 1s..4s, cut: { link: [hub, leaf], how: reset, direction: a_to_b } }, { after: 1s, heal: { link: [hub, leaf] } }",
      "latency: 200ms..400ms");
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    const RunResult result = run(asked, seed);
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("a copy whose way is broken, or one whose origin cannot be seen, is not judged, and the run ends all the same") {
  for (const char* const faults :
       {"{ at: 1s, cut: { link: [hub, leaf], how: reset } }", "{ at: 1s, cut: { link: [hub, leaf], how: black_hole } }",
        "{ at: 1s, pause: { node: hub } }", "{ at: 1s, signal: { node: hub, name: SIGKILL } }",
        "{ at: 1s, power_loss: { node: leaf, keep: any } }"}) {
    CAPTURE(faults);
    const RunResult result = run(world(faults), 1);
    CHECK(result.passed());
    CHECK(result.catch_ups.empty());
  }
}

TEST_CASE("a mirror of a mirror is level when both are, and may take what both may take") {
  const std::string chain = R"(
scenario: chain
about: A mirror of a mirror.
nodes: { hub: { domain: hub }, region: { domain: region, leaf_of: hub }, edge: { domain: edge, leaf_of: region } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>] }
  - { on: region, name: COPY, mirror: { name: ORDERS, domain: hub } }
  - { on: edge, name: COPY_OF_COPY, mirror: { name: COPY, domain: region } }
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 10/s, for: 5s } ]
faults: [ { at: 1s, cut: { link: [hub, region], how: reset } }, { at: 20s, heal: { link: [hub, region] } } ]
expect: [ { invariants: [sync-makes-progress] } ]
)";
  const RunResult result = run(chain, 1);
  CHECK(result.passed());
  REQUIRE(result.catch_ups.size() == 2);
  REQUIRE(result.catch_ups[0].took.has_value());
  REQUIRE(result.catch_ups[1].took.has_value());
  // The lower one has no outage of its own, and has all that its origin has: it is not level for that.
  CHECK(*result.catch_ups[1].took >= *result.catch_ups[0].took);
  CHECK(*result.catch_ups[0].took > 100ms);
  CHECK(result.catch_ups[1].bound >= result.catch_ups[0].bound);
}

}  // namespace
}  // namespace windtunnel::scenarios
