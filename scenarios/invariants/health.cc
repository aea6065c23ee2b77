#include "scenarios/invariants/health.h"

#include <algorithm>
#include <string>
#include <variant>

namespace windtunnel::scenarios {
namespace {

template <typename... Kinds>
bool is_any_of(const faults::Action& action) {
  return (std::holds_alternative<Kinds>(action) || ...);
}

}  // namespace

bool has_clock_faults(const Scenario& scenario) {
  return std::any_of(scenario.faults.begin(), scenario.faults.end(),
                     [](const FaultSpec& fault) { return is_any_of<faults::ClockStep>(fault.fault.action); });
}

bool is_disk_sick(const Evidence& evidence, const FinalStream& stream) {
  return std::any_of(evidence.scenario.faults.begin(), evidence.scenario.faults.end(), [&](const FaultSpec& fault) {
    const faults::Action& action = fault.fault.action;
    const std::string* node = faults::node_of(action);
    const bool is_harmless = is_any_of<faults::SlowDisk, faults::HealDisk, faults::SendSignal, faults::PowerLoss, faults::Start,
                                       faults::Pause, faults::Resume, faults::ClockStep>(action);
    return node != nullptr && *node == stream.node && !is_harmless;
  });
}

}  // namespace windtunnel::scenarios
