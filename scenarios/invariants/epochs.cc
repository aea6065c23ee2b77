#include "scenarios/invariants/epochs.h"

#include <algorithm>
#include <variant>

#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {
namespace {

// Of such an end nobody knows the time afterwards.
bool has_stop(const Scenario& scenario, const std::string& node) {
  return std::any_of(scenario.faults.begin(), scenario.faults.end(), [&](const FaultSpec& fault) {
    const auto* signal = std::get_if<faults::SendSignal>(&fault.fault.action);
    return signal != nullptr && signal->node == node && signal->name != faults::SignalName::kill &&
           signal->name != faults::SignalName::abrt;
  });
}

}  // namespace

std::vector<Epoch> epochs_of(const Evidence& evidence, const FinalStream& stream) {
  const StreamSpec& spec = *stream.spec;
  const bool is_foreign = spec.mirror || !spec.sources.empty() || spec.create_body.find("subject_transform") != std::string::npos;
  const bool forgets_unseen = spec.storage == Storage::memory && has_stop(evidence.scenario, stream.node);
  if (is_foreign || forgets_unseen) return {};
  core::Instant end = evidence.changes.first_change(stream.key);
  for (const Damage& damage : evidence.history.damages()) {
    const bool is_own = damage.node == stream.key.node && (damage.stream.empty() || damage.stream == stream.key.stream);
    if (is_own && damage.part != Damage::Part::consumer) end = std::min(end, damage.at);
  }
  std::vector<Epoch> out{Epoch{core::Instant{}}};
  for (const Crash& crash : evidence.history.crashes()) {
    if (crash.node != stream.key.node || !may_cost(evidence, stream, crash) || crash.at >= end) continue;
    out.back().to = crash.at;
    out.push_back({crash.at});
  }
  out.back().to = end;
  return out;
}

}  // namespace windtunnel::scenarios
