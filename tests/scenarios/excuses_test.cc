// What operators, crashes and message ids that come again may excuse, and what they may not: beside each excuse that an invariant
// grants, the core that is broken right next to it and is found all the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

RunResult run(const std::string& text, std::vector<Defect> defects = {}) {
  RunOptions options = with_defects(defects);
  options.tells_stories = false;
  return run_text("scenario: s\nabout: x\n" + text, options);
}

TEST_CASE("an operator's purge excuses what it takes, and nothing that is evicted when it is over") {
  const std::string text =
      "nodes: { srv: {} }\nstreams: [ { on: srv, name: S, subjects: [s], discard: new, max_bytes: 1020 } ]\nworkloads:\n"
      "  - { publish: s, at: srv, via: jetstream, rate: 20/s, for: 3600ms, size: 30B }\n"
      "  - { admin: S, at: srv, do: [purge], keep: 9, every: 3s, count: 1 }\nexpect: [ { invariants: [discard-new-never-evicts] } ]\n";
  const RunResult right = run(text);
  CHECK_MESSAGE(right.passed(), told(right));
  CHECK(finds(run(text, {Defect::nats_4775}), "discard-new-never-evicts"));
}

// Two edges and a hub that gathers them, which an operator trims; another operator is at work elsewhere.
const std::string kTrimmed = R"(
nodes: { hub: { domain: hub }, east: { domain: east, leaf_of: hub }, west: { domain: west, leaf_of: hub } }
links: [ { between: [hub, west], latency: 200ms } ]
streams:
  - { on: east, name: EAST, subjects: [east.>] }
  - { on: west, name: WEST, subjects: [west.>], retention: workqueue }
  - { on: hub, name: ALL, sources: [ { name: EAST, domain: east } ] }
  - { on: hub, name: JOBS, sources: [ { name: WEST, domain: west } ] }
workloads:
  - { publish: east.new, at: east, via: jetstream, rate: 50/s, for: 20s }
  - { publish: west.new, at: west, via: jetstream, rate: 50/s, for: 20s }
  - { admin: ALL, at: hub, do: [purge], keep: 10, every: 2s, for: 30s }
faults:
  - { at: 3s, cut: { link: [hub, west], how: reset } }
  - { at: 5s, heal: { link: [hub, west] } }
  - { at: 7s, cut: { link: [hub, west], how: reset } }
  - { at: 8s, heal: { link: [hub, west] } }
expect: [ { invariants: [no-loss-after-offline] } ]
)";

TEST_CASE("what an operator took from an aggregate has been there; what never came is missed") {
  const RunResult right = run(kTrimmed);
  CHECK_MESSAGE(right.passed(), told(right));
  const RunResult skipping = run(kTrimmed, {Defect::break_source_skips});
  CHECK(std::any_of(skipping.divergences.begin(), skipping.divergences.end(),
                    [](const Divergence& d) { return d.invariant == "no-loss-after-offline" && d.stream == "ALL"; }));
}

TEST_CASE("an operator elsewhere excuses no loss of a work queue") {
  const RunResult lossy = run(kTrimmed, {Defect::nats_3207});
  CHECK(std::any_of(lossy.divergences.begin(), lossy.divergences.end(),
                    [](const Divergence& d) { return d.invariant == "no-loss-after-offline" && d.stream == "JOBS"; }));
}

// A hub that syncs now and then loses its power, and with it what it has from its edges: one keeps its messages, the other's are gone
// with their acknowledgement.
TEST_CASE("what an aggregate lost with its power is its own loss; what it never had is missed") {
  const std::string text = R"(
nodes: { hub: { domain: hub }, east: { domain: east, leaf_of: hub }, west: { domain: west, leaf_of: hub } }
streams:
  - { on: east, name: EAST, subjects: [east.>] }
  - { on: west, name: WEST, subjects: [west.>], retention: workqueue }
  - { on: hub, name: ALL, sources: [ { name: EAST, domain: east } ] }
  - { on: hub, name: JOBS, sources: [ { name: WEST, domain: west } ] }
workloads:
  - { publish: east.new, at: east, via: jetstream, rate: 50/s, for: 20s }
  - { publish: west.new, at: west, via: jetstream, rate: 50/s, for: 20s }
faults:
  - { at: 6s, power_loss: { node: hub, keep: none } }
  - { at: 8s, start: hub }
expect: [ { invariants: [no-loss-after-offline] } ]
)";
  const auto misses = [](const RunResult& result, const char* stream) {
    return std::any_of(result.divergences.begin(), result.divergences.end(),
                       [&](const Divergence& d) { return d.invariant == "no-loss-after-offline" && d.stream == stream; });
  };
  const RunResult right = run(text);
  CHECK_MESSAGE(right.passed(), told(right));
  const RunResult skipping = run(text, {Defect::break_source_skips});
  CHECK(misses(skipping, "ALL"));
  CHECK(misses(skipping, "JOBS"));
}

TEST_CASE("a stream that goes back while it runs has gone back, though its origin has lost as much") {
  const std::string text = R"(
nodes: { hub: { domain: hub, sync_interval: always }, edge: { domain: edge, leaf_of: hub, sync_interval: 6s } }
streams:
  - { on: edge, name: EDGE, subjects: [edge.>] }
  - { on: hub, name: COPY, mirror: { name: EDGE, domain: edge } }
workloads: [ { publish: edge.new, at: edge, via: jetstream, rate: 20/s, for: 10s } ]
faults: [ { at: 10100ms, power_loss: { node: edge, keep: none } }, { at: 11s, start: edge } ]
expect: [ { invariants: [last-seq-monotone, mirror-is-prefix] } ]
)";
  const RunResult right = run(text);
  CHECK_MESSAGE(right.passed(), told(right));
  CHECK(finds(run(text, {Defect::nats_8152}), "last-seq-monotone"));
}

std::string rolled_up(const std::string& ids, const std::string& admin) {
  return "nodes: { srv: { block_size: 512B } }\nstreams: [ { on: srv, name: S, subjects: [s.*], allow_rollup_hdrs: true } ]\nworkloads:\n"
         "  - { publish: s, subjects: 4, at: srv, via: jetstream, rate: 20/s, for: 10s, msg_id: true, rollup: subject, rollup_every: 3, "
         "ids: " +
         ids + " }\n" + admin + "expect: [ { invariants: [purge-exact] } ]\n";
}

TEST_CASE("a roll-up that was told of another message of its id takes nobody's place; one that was stored does") {
  const RunResult repeated = run(rolled_up("30", ""));
  CHECK_MESSAGE(repeated.passed(), told(repeated));
  const std::string deleted = rolled_up("90", "  - { admin: S, at: srv, do: [delete_message], every: 130ms, for: 12s }\n");
  CHECK(run(deleted).passed());
  CHECK(finds(run(deleted, {Defect::nats_8004}), "purge-exact"));
}

// A worker goes home, and the power fails.
std::string orphaned(const std::string& goes_home, const std::string& faults) {
  return "nodes: { srv: { sync_interval: always } }\nstreams: [ { on: srv, name: JOBS, subjects: [jobs], retention: workqueue } ]\n"
         "workloads:\n  - { publish: jobs, at: srv, via: jetstream, rate: 20/s, for: 6s, name: p }\n"
         "  - { consume: JOBS, at: srv, consumer: worker, expires: 1s, timeout: 1s, for: " +
         goes_home + " }\nfaults:\n" + faults + "  - { after: 1s, start: srv }\nexpect: [ { invariants: [no-orphans] } ]\n";
}

TEST_CASE("an ack that was not written down before a crash, and of which nobody was told, may be forgotten; no other") {
  const std::string stalled =
      "  - { at: 4900ms, slow_disk: { node: srv, factor: 2, stall: 3s } }\n  - { at: 7s, power_loss: { node: srv, keep: none } }\n";
  const RunResult right = run(orphaned("5s", stalled));
  CHECK_MESSAGE(right.passed(), told(right));
  const std::string early = orphaned("12s", "  - { at: 1s, power_loss: { node: srv, keep: none } }\n");
  CHECK(run(early).passed());
  CHECK(finds(run(early, {Defect::break_ack_removal}), "no-orphans"));
}

// Pings and heartbeats wait behind what fills the link, and a side that hears of none in time gives it up, as nats-server does.
TEST_CASE("a copy whose link is full may be set up anew, and no other may") {
  const std::string full = R"(
scenario: full
about: More is published than one link carries.
nodes: { hub: { domain: hub, ping_interval: 2s }, near: { domain: near, leaf_of: hub }, far: { domain: far, leaf_of: hub, ping_interval: 2s } }
links: [ { between: [hub, far], latency: 20ms, bandwidth: 32KiB/s } ]
streams:
  - { on: hub, name: A, subjects: [a.>] }
  - { on: far, name: M, mirror: { name: A, domain: hub } }
  - { on: near, name: NEAR, subjects: [near.>] }
  - { on: hub, name: ALL, sources: [ { name: NEAR, domain: near } ] }
workloads:
  - { publish: a.x, at: hub, via: jetstream, rate: 30/s, for: 30s, size: 0B..4KiB }
  - { publish: a.y, at: far, domain: hub, via: jetstream, rate: 30/s, for: 30s, size: 0B..4KiB }
  - { consume: A, at: far, domain: hub }
expect: [ { invariants: [bounded-retry] } ]
)";
  const RunResult result = run_text(full, with_defects({}));
  CHECK_MESSAGE(result.passed(), told(result));
  CHECK(finds(run_text(full, with_defects({Defect::nats_7796})), "bounded-retry"));  // sets ALL up when the other link is back
}

}  // namespace
}  // namespace windtunnel::scenarios
