// SlowestRuns: of each scenario the run in which a copy took longest to be level once all was quiet. How near it came to the bound
// tells more than that none went beyond.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "reports/run_record.h"

namespace windtunnel::reports {

struct SlowestRun {
  std::string file;
  std::string scenario;
  core::Seed seed;
  RunVariant variant;
  scenarios::CatchUp catch_up;
};

class SlowestRuns {
 public:
  // Of equally slow ones the first that is added stays.
  void add(const RunRecord& record);
  // One for each scenario and variant that has copies, in the order in which they were first added.
  [[nodiscard]] std::span<const SlowestRun> all() const { return runs_; }

 private:
  std::vector<SlowestRun> runs_;
};

// "slowest: offline-edge seed=17 caught up 4s120ms after all was quiet (bound 11s): ALL on hub with WEST\n"
[[nodiscard]] std::string slowest_text(const SlowestRun& run);

}  // namespace windtunnel::reports
