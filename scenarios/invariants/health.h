// What the scenario's faults do to clocks and disks, as far as it changes what may be expected of a node.
#pragma once

#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

// Clocks are stepped: nobody can say how long ago something was, or how old a message is.
[[nodiscard]] bool has_clock_faults(const Scenario& scenario);
// Operations of the node's disk fail, or lie. A server says of a message that it cannot read that there is none, as nats-server
// does, and a roll-up that cannot be written leaves what was there.
[[nodiscard]] bool is_disk_sick(const Evidence& evidence, const FinalStream& stream);

}  // namespace windtunnel::scenarios
