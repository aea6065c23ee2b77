// What a fault may legally cost is no alarm, and what a run says of a loss that is one.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/scenarios/broken_core.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

TEST_CASE("what a power loss may legally cost is no alarm, and what it may not is one") {
  const std::string scenario = R"(
scenario: lazy-sync
about: The default syncs every two minutes, and acknowledges before.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 6s, name: careful } ]
faults: [ { at: 3s, power_loss: { node: hub, keep: none } }, { at: 4s, start: hub } ]
expect:
  - invariants: [acked-is-durable, last-seq-monotone]
  - { workload: careful, lost: { at_least: 40 } }
)";
  const RunResult result = run(parse(scenario), {});
  for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(result.passed());
}

TEST_CASE("a kill loses nothing that was acknowledged, without any sync") {
  for (const char* signal : {"SIGABRT", "SIGKILL", "SIGTERM"}) {
    CAPTURE(signal);
    const std::string scenario = kAlone + R"(
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 6s, name: careful } ]
faults: [ { at: 3s, signal: { node: hub, name: )" +
                                 signal + R"( } }, { at: 4s, start: hub } ]
expect:
  - invariants: [acked-is-durable, last-seq-monotone, state-equals-contents, publish-outcome-known]
  - { workload: careful, errors: { at_least: 1 }, acked: { at_least: 150 } }
)";
    const RunResult result = run(parse(scenario), {});
    for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(result.passed());
  }
}

TEST_CASE("what a stream's limits remove is not lost, and limits that are none excuse nothing") {
  const auto scenario = [](const std::string& limit) {
    return R"(
scenario: limited
about: One server, one stream with limits.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, )" +
           limit + R"( } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 5s, name: careful } ]
expect: [ { invariants: [acked-is-durable, no-silent-drop, state-equals-contents] }, { stream: ORDERS, on: hub, messages: { at_most: 100 } } ]
)";
  };
  CHECK(run(parse(scenario("max_msgs: 10")), {}).passed());
  CHECK(run(parse(scenario("max_msgs: -1")), {}).passed());
  CHECK(find(run(parse(scenario("max_msgs: -1")), {Defect::break_ack_before_store}), "acked-is-durable") != nullptr);
}

TEST_CASE("a divergence that is expected makes a run pass, and its absence makes it fail") {
  const std::string expected = kAlone + kCareful + "\nexpect: [ { divergence: acked-is-durable } ]\n";
  CHECK_FALSE(run(parse(expected), {}).passed());
  const RunResult broken = run(parse(expected), {Defect::break_ack_before_store});
  for (const Divergence& d : broken.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(broken.passed());
}

TEST_CASE("a divergence tells the life of its message and the faults around it") {
  const RunResult broken = run(parse(kSyncAlways + only("acked-is-durable")), {Defect::break_sync_always});
  const Divergence* found = find(broken, "acked-is-durable");
  REQUIRE(found != nullptr);
  CHECK(found->stream == "ORDERS");
  CHECK(found->node == "hub");
  CHECK(found->first_seq.value > 0);
  const auto tells = [&](const std::vector<std::string>& lines, const std::string& what) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  CHECK(tells(found->life_story, "stream.stored"));
  CHECK(tells(found->life_story, "publish.acked"));
  CHECK(tells(found->faults_around, "power_loss hub"));
}

TEST_CASE("the same seed gives the same run and another seed another one, whatever ran before in this process") {
  const Scenario scenario = parse(kOutage + only("mirror-is-prefix"));
  const RunResult first = run(scenario, {}, 5);
  const RunResult other = run(scenario, {}, 6);
  const RunResult again = run(scenario, {}, 5);
  CHECK(first.trace_hash == again.trace_hash);
  CHECK(first.events == again.events);
  CHECK(first.trace_hash != other.trace_hash);
}

// Each without a word of what it expects: every invariant.
RunResult run_all(const std::string& text, std::uint64_t seed) {
  RunOptions options = with_defects({}, seed);
  options.tells_stories = false;
  std::string all;
  for (const Invariant& invariant : invariants()) all.append(all.empty() ? "" : ", ").append(invariant.name);
  return run_text("scenario: s\nabout: x\n" + text + "expect: [ { invariants: [" + all + "] } ]\n", options);
}

TEST_CASE("what is in memory only goes with its process, however that ends") {
  for (const char* signal : {"SIGTERM", "SIGUSR2", "SIGKILL"}) {
    CAPTURE(signal);
    const RunResult result =
        run_all(std::string("nodes: { hub: {} }\nstreams: [ { on: hub, name: O, subjects: [o.>], storage: memory } ]\n"
                            "workloads: [ { publish: o.a, at: hub, via: jetstream, rate: 5/s, for: 10s, name: p } ]\nfaults:\n"
                            "  - { at: 20s, signal: { node: hub, name: ") +
                    signal + " } }\n  - { after: 15s, start: hub }\n",
                1);
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("what no sync could save, for the disk stood still, a power loss may take") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const RunResult result = run_all(R"(
nodes: { hub: { sync_interval: 3s } }
streams: [ { on: hub, name: O, subjects: [o.>] } ]
workloads: [ { publish: o.x, at: hub, via: jetstream, rate: 20/s, for: 30s, name: p } ]
faults:
  - { at: 10s..14s, slow_disk: { node: hub, stall: 15s } }
  - { after: 10s, power_loss: { node: hub, keep: none } }
  - { after: 2s, heal_disk: hub }
  - { after: 0s, start: hub }
)",
                                     seed);
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("a message of which nobody heard may stand where a power loss had taken another one") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const RunResult result = run_all(R"(
nodes: { hub: {} }
streams: [ { on: hub, name: O, subjects: [o.>] } ]
workloads: [ { publish: o.x, at: hub, via: jetstream, rate: 50/s, for: 30s, name: p } ]
faults:
  - { at: 10s, power_loss: { node: hub, keep: none } }
  - { after: 1s, start: hub }
  - { after: 3s, slow_disk: { node: hub, factor: 200, stall: 1s } }
  - { after: 200ms..900ms, signal: { node: hub, name: SIGABRT } }
  - { after: 1s, heal_disk: hub }
  - { after: 1s, start: hub }
)",
                                     seed);
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("one of which nobody heard may be rolled up by another publisher, and its repeat be told that it is there") {
  for (std::uint64_t seed = 20; seed <= 26; ++seed) {
    CAPTURE(seed);
    const RunResult result = run_all(R"(
nodes: { hub: { sync_interval: always } }
streams: [ { on: hub, name: CFG, subjects: [cfg.>], allow_rollup_hdrs: true } ]
workloads:
  - { publish: cfg.x, at: hub, via: jetstream, rate: 40/s, for: 20s, msg_id: true, timeout: 4s, retries: { max: until-acked, wait: 200ms }, name: p }
  - { publish: cfg.x, at: hub, via: jetstream, rate: 5/s, for: 20s, rollup: subject, timeout: 1s, name: q }
faults:
  - { at: 10s, slow_disk: { node: hub, factor: 188 } }
  - { after: 200ms..900ms, signal: { node: hub, name: SIGKILL } }
  - { after: 500ms, heal_disk: hub }
  - { after: 500ms, start: hub }
)",
                                     seed);
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("ids that can never be read are waited for a minute, and passed over then") {
  const std::string text = R"(
scenario: s
about: A restart after which nothing of a stream's blocks can be read.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], duplicate_window: 1h } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 10/s, for: 5s, msg_id: true, name: before }
  - { publish: orders.new, at: hub, via: jetstream, rate: 1/s, start: 12s, for: 100s, msg_id: true, name: after }
faults:
  - { at: 10s, signal: { node: hub, name: SIGTERM } }
  - { at: 11s, start: hub }
  - { at: 11500ms, disk_error: { node: hub, op: read, error: EIO, file: "*.blk", count: 0 } }
  - { at: 110s, heal_disk: hub }
duration: 120s
expect: [ { workload: after, acked: { at_least: 35, at_most: 45 } } ]
)";
  const RunResult result = run(parse(text), {});
  for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(result.passed());
}

}  // namespace
}  // namespace windtunnel::scenarios
