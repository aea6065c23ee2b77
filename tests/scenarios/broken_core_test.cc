// A checker earns trust by failing: each invariant that is checked has a core broken on purpose (broken_stores.cc, broken_streams.cc,
// broken_copies.cc) that violates it, and the same scenario on the right core passes.

#include "tests/scenarios/broken_core.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace windtunnel::scenarios {

RunResult run(const Scenario& scenario, const std::vector<core::Defect>& defects, std::uint64_t seed) {
  return run_inside(scenario, with_defects(defects, seed));
}

const Divergence* find(const RunResult& result, std::string_view invariant) {
  const auto it =
      std::find_if(result.divergences.begin(), result.divergences.end(), [&](const Divergence& d) { return d.invariant == invariant; });
  return it == result.divergences.end() ? nullptr : &*it;
}

namespace {

std::vector<BrokenCore> all() {
  std::vector<BrokenCore> out = broken_stores();
  for (auto* more : {broken_streams, broken_copies}) {
    for (BrokenCore& core : more()) out.push_back(std::move(core));
  }
  return out;
}

TEST_CASE("each invariant fails on a core that is broken on purpose, and holds on the right one") {
  for (const BrokenCore& row : all()) {
    CAPTURE(row.what);
    const Scenario scenario = parse(row.scenario + only(row.expect));
    const RunResult right = run(scenario, {});
    for (const Divergence& d : right.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(right.passed());
    const RunResult broken = run(scenario, row.defects);
    const Divergence* found = find(broken, row.invariant);
    CHECK(found != nullptr);
    if (found == nullptr) continue;
    CHECK_FALSE(found->sentence.empty());
    CHECK_FALSE(found->expected.empty());
    CHECK_FALSE(found->actual.empty());
  }
}

TEST_CASE("every invariant that is checked has a broken core, and a sentence") {
  const std::vector<BrokenCore> rows = all();
  for (const Invariant& invariant : invariants()) {
    CAPTURE(invariant.name);
    CHECK(std::any_of(rows.begin(), rows.end(), [&](const BrokenCore& row) { return row.invariant == invariant.name; }));
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
