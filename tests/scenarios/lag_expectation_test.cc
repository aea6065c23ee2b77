// What `within: ..., of: last_fault, mirror: ..., lag: ...` says of a mirror, and what it does not let pass.
#include <doctest/doctest.h>

#include <string>

#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

RunResult run(const std::string& rest, std::vector<core::Defect> defects = {}) {
  return run_text(
      "scenario: s\nabout: x\nstreams:\n  - { on: hub, name: O, subjects: [o.>] }\n"
      "  - { on: leaf, name: M, mirror: { name: O, domain: hub } }\n" +
          rest,
      with_defects(defects));
}

const std::string kNodes = "nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }\n";
const std::string kLoad = "workloads: [ { publish: o.x, at: hub, via: jetstream, rate: 10/s, for: 30s } ]\n";

std::string level(const std::string& within) {
  return "expect: [ { within: " + within + ", of: last_fault, mirror: M, on: leaf, lag: 0 } ]\n";
}

TEST_CASE("a mirror that was level in the moment of the fault, and never again, is not level within a time") {
  const std::string cut = "faults: [ { at: 5s, cut: { link: [hub, leaf], how: reset } } ]\n";
  for (const char* within : {"1s", "20s", "1h"}) {
    CAPTURE(within);
    const RunResult result = run(kNodes + kLoad + cut + level(within));
    CHECK(finds(result, "expectation"));
  }
}

TEST_CASE("one that resumes is, also while the load goes on; one that gives up is not") {
  const std::string faults = "faults: [ { at: 5s, cut: { link: [hub, leaf], how: reset } }, { at: 8s, heal: { link: [hub, leaf] } } ]\n";
  const RunResult right = run(kNodes + kLoad + faults + level("15s"));
  CHECK_MESSAGE(right.passed(), told(right));
  CHECK(finds(run(kNodes + kLoad + faults + level("15s"), {core::Defect::break_mirror_never_resumes}), "expectation"));
}

TEST_CASE("one that has parted from its origin is behind, whatever the two sequences are") {
  const std::string faults = "faults: [ { at: 10s, power_loss: { node: hub, keep: none } }, { at: 12s, start: hub } ]\n";
  const RunResult result = run(kNodes + kLoad + faults + level("60s"));
  REQUIRE(finds(result, "expectation"));
  CHECK(told(result).find("the mirror has parted from its origin") != std::string::npos);
  REQUIRE(result.remarks.size() == 1);
  CHECK(result.remarks.front().starts_with("mirror M on leaf ends with an error: origin"));
}

TEST_CASE("a worker that is refused its consumer to the end is remarked upon; one that is served is not") {
  const std::string queue =
      "scenario: s\nabout: x\nnodes: { hub: {} }\nstreams: [ { on: hub, name: Q, subjects: [q], retention: workqueue } ]\nworkloads:\n"
      "  - { publish: q, at: hub, via: jetstream, rate: 10/s, for: 2s }\n  - { consume: Q, at: hub, name: first }\n";
  const std::string expect = "expect: [ { invariants: [acked-is-durable] } ]\n";
  CHECK(run_text(queue + expect, with_defects({})).remarks.empty());
  const RunResult result = run_text(queue + "  - { consume: Q, at: hub, name: second, start: 1s }\n" + expect, with_defects({}));
  REQUIRE(result.remarks.size() == 1);
  CHECK(result.remarks.front().starts_with("second never had its consumer: "));
}

TEST_CASE("a mirror of one that has parted is level with that one") {
  const RunResult result = run_text(
      "scenario: s\nabout: x\nstreams:\n  - { on: hub, name: O, subjects: [o.>] }\n"
      "  - { on: leaf, name: M, mirror: { name: O, domain: hub } }\n  - { on: leaf, name: N, mirror: { name: M } }\n" +
          kNodes + kLoad + "faults: [ { at: 10s, power_loss: { node: hub, keep: none } }, { at: 12s, start: hub } ]\n" +
          "expect: [ { invariants: [sync-makes-progress] } ]\n",
      with_defects({}));
  CHECK_MESSAGE(result.passed(), told(result));
}

}  // namespace
}  // namespace windtunnel::scenarios
