// What the scenario's faults do to clocks and disks, as far as it changes what may be expected of a node.
#pragma once

#include "core/jetstream/disk_retry.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

// From when a disk is healed until everything has been done that it had refused: nobody in the core pauses longer between two tries,
// and what waits in line has as long again.
inline constexpr core::Duration kWellWithin = 2 * core::kDiskRetry;

// Clocks are stepped: nobody can say how long ago something was, or how old a message is.
[[nodiscard]] bool has_clock_faults(const Scenario& scenario);
// Whether operations of the node's disk failed, or lied, at some time between the two, or what they had left undone could still be
// undone. A server says of a message that it cannot read that there is none, as nats-server does, and a roll-up that cannot be written
// leaves what was there. What is damaged stays so.
[[nodiscard]] bool is_disk_sick(const Evidence& evidence, const FinalStream& stream, core::Instant from, core::Instant to);

}  // namespace windtunnel::scenarios
