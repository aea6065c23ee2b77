// What a server refuses to create: told before a run is.
#pragma once

#include "scenarios/language/diagnostic.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// An error for each stream that its node would refuse, in the words and with the code of its answer.
void find_refused(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
