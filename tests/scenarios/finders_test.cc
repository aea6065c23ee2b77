// Each defect has a scenario of the catalog that finds it at the scenario's own seed: by its plain run, or with one crash after a disk
// operation, as `windtunnel crash-points` tries them all. Without the defect the same run, with the same crash, finds nothing.
// docs/defects.md is the same table, to read.

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/scenarios/finders.h"
#include "tests/support/no_real_world.h"
#include "tests/support/sanitized.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;
using How = sim::Survivors::How;

// Crashes behind the `number`-th operation that begins like that, from 0. nullopt: there is no such operation.
std::optional<RunResult> run(const Scenario& scenario, const Finder& finder, core::Defects defects, std::uint64_t number) {
  RunOptions options;
  options.seed = scenario.seed.value_or(core::Seed{1});
  options.defects = defects;
  options.tells_stories = false;
  bool has_crashed = finder.operation.empty();
  std::uint64_t seen = 0;
  if (!has_crashed) {
    options.crash_hook = [&](const CrashMoment& moment) -> std::optional<sim::Survivors> {
      if (has_crashed || moment.is_preparing || !moment.what.starts_with(finder.operation) || seen++ < number) return std::nullopt;
      has_crashed = true;
      return sim::Survivors{finder.keep, 0};
    };
  }
  const tests::InsideSimulation inside;  // no clock, sleep, thread or random number of the real world
  core::Result<RunResult> result = run_scenario(scenario, options);
  if (!has_crashed || !result) return std::nullopt;
  return *std::move(result);
}

TEST_CASE("each defect is found by its scenario, which passes without it") {
  std::size_t row = 0;
  for (const Finder& finder : finders()) {
    if (tests::kIsSanitized && row++ % 6 != 0) continue;
    CAPTURE(core::name_of(finder.defect));
    CAPTURE(finder.scenario);
    const Loaded loaded = load_file("scenarios/catalog/" + std::string(finder.scenario) + ".yaml");
    REQUIRE(loaded.scenario.has_value());
    core::Defects defects;
    defects.set(finder.defect);
    bool is_found = false;
    for (std::uint64_t number = 0; !is_found; ++number) {
      const std::optional<RunResult> broken = run(*loaded.scenario, finder, defects, number);
      if (!broken) break;
      is_found = std::any_of(broken->divergences.begin(), broken->divergences.end(),
                             [&](const Divergence& d) { return d.invariant == finder.invariant; });
      if (is_found) {
        const std::optional<RunResult> right = run(*loaded.scenario, finder, {}, number);
        // A crash at the same operation may have no counterpart in what the right core does; a plain run has.
        if (finder.operation.empty()) REQUIRE(right.has_value());
        CHECK((!right || right->passed()));
      }
      if (finder.operation.empty()) break;
    }
    CHECK(is_found);
  }
}

TEST_CASE("no defect is without a finder") {
  std::set<Defect> found;
  for (const Finder& finder : finders()) found.insert(finder.defect);
  for (const core::DefectInfo& info : core::all_defects()) {
    CAPTURE(info.name);
    if (!info.name.starts_with("break-")) CHECK(found.contains(info.defect));
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
