#include "reports/slowest.h"

#include <fmt/format.h>

#include <algorithm>

#include "faults/units.h"

namespace windtunnel::reports {
namespace {

bool is_slower(const scenarios::CopyWait& a, const scenarios::CopyWait& b) {
  if (!a.took || !b.took) return !a.took && b.took;
  return *a.took > *b.took;
}

std::string to_the_millisecond(core::Duration duration) {
  return faults::format_duration(std::chrono::floor<std::chrono::milliseconds>(duration));
}

}  // namespace

void SlowestRuns::add(const RunRecord& record) {
  add(record, SlowestRun::What::level, record.result.catch_ups);
  add(record, SlowestRun::What::surfaced, record.result.surfacings);
}

void SlowestRuns::add(const RunRecord& record, SlowestRun::What what, std::span<const scenarios::CopyWait> waits) {
  for (const scenarios::CopyWait& each : waits) {
    // It was excused: its status said why it stood still. That is not slow.
    if (!each.took && record.outcome == Outcome::passed) continue;
    const auto known = std::find_if(runs_.begin(), runs_.end(), [&](const SlowestRun& run) {
      return run.what == what && run.file == record.file && run.variant == record.variant;
    });
    if (known == runs_.end()) {
      runs_.push_back({what, record.file, record.scenario, record.seed, record.variant, each});
    } else if (is_slower(each, known->wait)) {
      known->seed = record.seed;
      known->wait = each;
    }
  }
}

std::string slowest_text(const SlowestRun& run) {
  const scenarios::CopyWait& it = run.wait;
  std::string how = "did not catch up";
  if (it.took) {
    how = run.what == SlowestRun::What::level
              ? "caught up " + to_the_millisecond(*it.took) + " after all was quiet"
              : "showed an error or a lag " + to_the_millisecond(*it.took) + " after it first asked in vain";
  }
  return fmt::format("slowest: {} seed={}{} {} (bound {}): {} on {} with {}\n", run.scenario, run.seed.value, variant_text(run.variant),
                     how, to_the_millisecond(it.bound), it.stream, it.node, it.origin);
}

}  // namespace windtunnel::reports
