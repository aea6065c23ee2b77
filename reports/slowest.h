// SlowestRuns: of each scenario the run in which a copy took longest to be level once all was quiet, and the one in which a copy that
// asked for its origin in vain showed it last. How near it came to the bound tells more than that none went beyond.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "reports/run_record.h"

namespace windtunnel::reports {

struct SlowestRun {
  enum class What : std::uint8_t { level, surfaced };
  What what = What::level;
  std::string file;
  std::string scenario;
  core::Seed seed;
  RunVariant variant;
  scenarios::CopyWait wait;
};

class SlowestRuns {
 public:
  // Of equally slow ones the first that is added stays.
  void add(const RunRecord& record);
  // One of each kind for each scenario and variant that has such, in the order in which they were first added.
  [[nodiscard]] std::span<const SlowestRun> all() const { return runs_; }

 private:
  void add(const RunRecord& record, SlowestRun::What what, std::span<const scenarios::CopyWait> waits);

  std::vector<SlowestRun> runs_;
};

// "slowest: offline-edge seed=17 caught up 4s120ms after all was quiet (bound 11s): ALL on hub with WEST\n", or
// "slowest: wrong-prefix seed=3 showed an error or a lag 20s after it first asked in vain (bound 40s): ALL on hub with WEST\n"
[[nodiscard]] std::string slowest_text(const SlowestRun& run);

}  // namespace windtunnel::reports
