#include "tests/scenarios/run_text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "scenarios/language/load.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {

Scenario parse(const std::string& text) {
  Loaded loaded = load_text(text, "test.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(loaded.scenario.has_value());
  return *std::move(loaded.scenario);
}

RunOptions with_defects(const std::vector<core::Defect>& defects, std::uint64_t seed) {
  RunOptions options;
  options.seed = core::Seed{seed};
  for (const core::Defect defect : defects) options.defects.set(defect);
  return options;
}

RunResult run_inside(const Scenario& scenario, const RunOptions& options) {
  core::Result<RunResult> result = core::error(core::Errc::invalid_argument, "not run");
  {
    const tests::InsideSimulation inside;  // no clock, sleep, thread or random number of the real world
    result = run_scenario(scenario, options);
  }
  if (!result) MESSAGE(result.error().text());
  REQUIRE(result.has_value());
  return *std::move(result);
}

std::string told(const RunResult& result) {
  std::string out;
  for (const Divergence& d : result.divergences) out += d.invariant + ": " + d.expected + " / " + d.actual + "\n";
  return out;
}

bool finds(const RunResult& result, std::string_view invariant) {
  return std::any_of(result.divergences.begin(), result.divergences.end(), [&](const Divergence& d) { return d.invariant == invariant; });
}

}  // namespace windtunnel::scenarios
