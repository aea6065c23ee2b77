// What the durability contract allows to be lost under disk faults is no alarm, and what it does not allow is one: both sides
// of each rule, with one knob between them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

RunResult run(const std::string& text, std::vector<Defect> defects = {}) {
  Loaded loaded = load_text(text, "test.yaml");
  for (const Diagnostic& d : loaded.diagnostics) MESSAGE(d.text());
  REQUIRE(loaded.scenario.has_value());
  RunOptions options;
  for (const Defect defect : defects) options.defects.set(defect);
  const tests::InsideSimulation inside;
  core::Result<RunResult> result = run_scenario(*loaded.scenario, options);
  REQUIRE(result.has_value());
  return *std::move(result);
}

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
  const std::string all_gone =
      world("2s", kStop + "{ at: 8s, truncate_file: { node: hub, file: \"*.blk\", pick: all, keep: 0B } }" + kStart, kAll);
  CHECK(run(all_gone).passed());
  CHECK(alarms(run(all_gone, {Defect::nats_6881}), "last-seq-monotone"));
  const std::string index_too = world("2s",
                                      kStop +
                                          "{ at: 8s, truncate_file: { node: hub, file: \"*.blk\", pick: all, keep: 0B } }, "
                                          "{ after: 0s, lose_file: { node: hub, file: index.db } }" +
                                          kStart,
                                      "{ invariants: [last-seq-monotone] }");
  CHECK(run(index_too, {Defect::nats_6881}).passed());  // nobody could know
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
