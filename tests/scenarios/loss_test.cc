// What the durability contract allows to be lost under disk faults is no alarm, and what it does not allow is one: both sides
// of each rule, with one knob between them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

RunResult run(const std::string& text, const std::vector<Defect>& defects = {}) { return run_text(text, with_defects(defects)); }

bool alarms(const RunResult& result, std::string_view invariant) {
  return std::any_of(result.divergences.begin(), result.divergences.end(), [&](const Divergence& d) { return d.invariant == invariant; });
}

std::string world(const std::string& sync, const std::string& faults, const std::string& expect) {
  return "scenario: loss\nabout: One server.\nnodes: { hub: { domain: hub, block_size: 4KiB, sync_interval: " + sync +
         " } }\n"
         "streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]\n"
         "workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 6s, size: 200B, name: careful } ]\n"
         "faults: [ " +
         faults + " ]\nexpect: [ " + expect + " ]\n";
}

const std::string kAll = "{ invariants: [acked-is-durable, last-seq-monotone, no-silent-drop, corruption-is-surfaced, no-resurrection] }";
const std::string kStop = "{ at: 7s, signal: { node: hub, name: SIGTERM } }, ";
const std::string kStart = ", { at: 9s, start: hub }";

TEST_CASE("what lay in a damaged place may be gone, and a core that loses more is found") {
  for (const std::string damage :
       {"bit_flip: { node: hub, file: \"3.blk\" }", "zero_file: { node: hub, file: \"3.blk\", tail: 200B }",
        "lose_file: { node: hub, file: \"3.blk\" }", "truncate_file: { node: hub, file: \"3.blk\", cut: 50B }"}) {
    CAPTURE(damage);
    const std::string scenario = world("2s", kStop + "{ at: 8s, " + damage + " }" + kStart, kAll);
    const RunResult right = run(scenario);
    for (const Divergence& d : right.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(right.passed());
    // The publisher's acknowledgements lie besides: of messages that no damage hit.
    CHECK(alarms(run(scenario, {Defect::break_ack_before_store}), "acked-is-durable"));
  }
  // One bit costs its record, and the release that gave up the block there lost what the contract does not allow.
  const std::string flipped = world("2s", kStop + "{ at: 8s, bit_flip: { node: hub, file: \"3.blk\" } }" + kStart, kAll);
  CHECK(alarms(run(flipped, {Defect::nats_7549}), "acked-is-durable"));
}

TEST_CASE("after a lie of the drive a power loss may take what it said it had; without the lie it may not") {
  const std::string lying = "{ at: 3s, phantom_sync: hub }, { at: 5s, power_loss: { node: hub, keep: none } }, { at: 6s, start: hub }";
  const std::string honest = "{ at: 3s, heal_disk: hub }, { at: 5s, power_loss: { node: hub, keep: none } }, { at: 6s, start: hub }";
  CHECK(run(world("always", lying, kAll)).passed());
  CHECK(run(world("always", honest, kAll)).passed());
  CHECK(alarms(run(world("always", honest, kAll), {Defect::break_sync_always}), "acked-is-durable"));
}

TEST_CASE("a sync that fails delays what is safe by one interval, not by more") {
  const std::string faults =
      "{ at: 1s, failed_fsync: { node: hub, file: \"*.blk\", count: 1 } }, { at: 5500ms, power_loss: { node: hub, keep: none } }, "
      "{ at: 7s, start: hub }";
  CHECK(run(world("1s", faults, kAll)).passed());
}

TEST_CASE("the last sequence may fall back to what is left on the disk, and no further") {
  // With the newest block everything is gone that knew of its sequences, but for the index.
  const std::string with_index =
      world("2s", kStop + "{ at: 8s, truncate_file: { node: hub, file: \"newest .blk\", keep: 0B } }" + kStart, kAll);
  CHECK(run(with_index).passed());
  // A work queue that was drained: all that its blocks knew was how far it had come.
  const auto drained = [](const std::string& more) {
    return "scenario: drained\nabout: One server.\nnodes: { hub: { domain: hub, sync_interval: 2s } }\n"
           "streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, retention: workqueue } ]\n"
           "workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 4s, size: 200B, name: careful }, "
           "{ consume: ORDERS, at: hub, consumer: worker, name: work } ]\n"
           "faults: [ { at: 6s, signal: { node: hub, name: SIGTERM } }, { after: 100ms, truncate_file: { node: hub, file: \"*.blk\", pick: "
           "all, keep: 0B } }" +
           more + ", { after: 1s, start: hub } ]\nexpect: [ { invariants: [last-seq-monotone] } ]\n";
  };
  CHECK(run(drained("")).passed());
  CHECK(alarms(run(drained(""), {Defect::nats_6881}), "last-seq-monotone"));
  // Without the index nobody could know.
  CHECK(run(drained(", { after: 0s, lose_file: { node: hub, file: index.db } }"), {Defect::nats_6881}).passed());
}

TEST_CASE("a loss that is expected within a time before a power loss, and reported, is held to both") {
  const std::string lazy = "{ at: 5s, power_loss: { node: hub, keep: none } }, { at: 7s, start: hub }";
  const auto with = [&](const std::string& terms) { return world("2m", lazy, "{ workload: careful, lost: " + terms + " }"); };
  CHECK(run(with("{ at_least: 100, at_most: 6s }")).passed());
  CHECK(alarms(run(with("{ at_most: 2s }")), "expectation"));
  // A power loss takes whole tails, and nobody can report those; a flipped bit is seen.
  CHECK(alarms(run(with("{ reported: true }")), "expectation"));
  const std::string flipped = kStop + "{ at: 8s, bit_flip: { node: hub, file: \"3.blk\" } }" + kStart;
  CHECK(run(world("2s", flipped, "{ workload: careful, lost: { at_least: 1, at_most: 1, reported: true } }")).passed());
  CHECK(alarms(run(world("2s", flipped, "{ workload: careful, lost: { at_most: 1m } }")), "expectation"));  // there was no power loss
}

}  // namespace
}  // namespace windtunnel::scenarios
