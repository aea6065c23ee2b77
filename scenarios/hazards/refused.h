// What a server refuses to create: told before a run is.
#pragma once

#include "scenarios/language/diagnostic.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// An error for each stream, and for each consumer that the scenario lists, that its node would refuse, in the words and with the code of
// its answer. What is wrong with the consumers of a work queue are hazards (consumer_rules.cc): a scenario may have them on purpose.
void find_refused(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
