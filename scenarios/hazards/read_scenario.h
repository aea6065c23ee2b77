// A scenario as facts. Internal to scenarios/hazards.
#pragma once

#include "scenarios/hazards/facts.h"
#include "scenarios/language/typed_value.h"

namespace windtunnel::scenarios {

// `root`: the checked tree that `scenario` was built from (scenarios/language/load.h).
[[nodiscard]] Facts facts_of(const Scenario& scenario, const TypedValue& root);

}  // namespace windtunnel::scenarios
