#include "scenarios/invariants/health.h"

#include <algorithm>
#include <variant>

namespace windtunnel::scenarios {

bool has_clock_faults(const Scenario& scenario) {
  return std::any_of(scenario.faults.begin(), scenario.faults.end(),
                     [](const FaultSpec& fault) { return std::holds_alternative<faults::ClockStep>(fault.fault.action); });
}

bool is_disk_sick(const Evidence& evidence, const FinalStream& stream, core::Instant from, core::Instant to) {
  const std::vector<DiskTrouble>& troubles = evidence.history.disk_troubles();
  return std::any_of(troubles.begin(), troubles.end(), [&](const DiskTrouble& trouble) {
    return trouble.node == stream.key.node && trouble.from <= to && core::after(trouble.to, kWellWithin) >= from;
  });
}

}  // namespace windtunnel::scenarios
