// Runs a scenario twice under one seed and compares: the same binary, scenario and seed must give the same events.
#pragma once

#include <functional>
#include <string>

#include "core/base/result.h"
#include "scenarios/run.h"

namespace windtunnel::scenarios {

// What runs a scenario: run_scenario, or a stand-in in tests.
using Runner = std::function<core::Result<RunResult>(const Scenario&, const RunOptions&)>;

enum class Verify : std::uint8_t {
  failures,  // only runs that fail
  always,
};

struct VerifiedRun {
  RunResult result;          // of the first run
  bool is_verified = false;  // it was run again
  std::string difference;    // empty if the runs agree: what differs, and the first event that does
};

// Runs once, and again as `verify` says. The second run leaves no trace; when they differ, two more are made whose trace
// lines are compared to find the first event that differs. Errors: what the first run fails with.
[[nodiscard]] core::Result<VerifiedRun> run_verified(const Scenario& scenario, const RunOptions& options, const Runner& runner,
                                                     Verify verify);

}  // namespace windtunnel::scenarios
