#include "reports/slowest.h"

#include <fmt/format.h>

#include <algorithm>

#include "faults/units.h"

namespace windtunnel::reports {
namespace {

bool is_slower(const scenarios::CatchUp& a, const scenarios::CatchUp& b) {
  if (!a.took || !b.took) return !a.took && b.took;
  return *a.took > *b.took;
}

std::string to_the_millisecond(core::Duration duration) {
  return faults::format_duration(std::chrono::floor<std::chrono::milliseconds>(duration));
}

}  // namespace

void SlowestRuns::add(const RunRecord& record) {
  for (const scenarios::CatchUp& each : record.result.catch_ups) {
    const auto known = std::find_if(runs_.begin(), runs_.end(),
                                    [&](const SlowestRun& run) { return run.file == record.file && run.variant == record.variant; });
    if (known == runs_.end()) {
      runs_.push_back({record.file, record.scenario, record.seed, record.variant, each});
    } else if (is_slower(each, known->catch_up)) {
      known->seed = record.seed;
      known->catch_up = each;
    }
  }
}

std::string slowest_text(const SlowestRun& run) {
  const scenarios::CatchUp& it = run.catch_up;
  const std::string how = it.took ? "caught up " + to_the_millisecond(*it.took) + " after all was quiet" : "did not catch up";
  return fmt::format("slowest: {} seed={}{} {} (bound {}): {} on {} with {}\n", run.scenario, run.seed.value, variant_text(run.variant),
                     how, to_the_millisecond(it.bound), it.stream, it.node, it.origin);
}

}  // namespace windtunnel::reports
