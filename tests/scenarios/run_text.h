// Scenarios as text, for tests: read, run inside the simulation, and asked what was found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/run.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// Fails the test case if it is no scenario, and says why.
[[nodiscard]] Scenario parse(const std::string& text);
// Of this seed, with these defects on every node.
[[nodiscard]] RunOptions with_defects(const std::vector<core::Defect>& defects, std::uint64_t seed = 1);
// Fails the test case if it cannot run, or touches the real world.
[[nodiscard]] RunResult run_inside(const Scenario& scenario, const RunOptions& options);
[[nodiscard]] inline RunResult run_text(const std::string& text, const RunOptions& options) { return run_inside(parse(text), options); }

// What was found, a line each.
[[nodiscard]] std::string told(const RunResult& result);
[[nodiscard]] bool finds(const RunResult& result, std::string_view invariant);

}  // namespace windtunnel::scenarios
