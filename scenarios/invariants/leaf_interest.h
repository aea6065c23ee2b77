// What must be so of interest and of messages on leaf links, judged from what a server shows of itself (reference: wire 11, 13.3,
// 14.2). Each function returns what is wrong, in words; empty: nothing.
#pragma once

#include <string>

#include "core/server/interest_reading.h"
#include "core/server/route_watcher.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// A message: each plain subscription that matches has it once, and so has one member of each group; nobody else does, and it does
// not go back where it came from.
[[nodiscard]] std::string misrouted(const core::RoutedMessage& routed);
// What `node` has announced over a link: the union of what is subscribed to behind it, as far as the rules let it.
[[nodiscard]] std::string misannounced(const NodeSpec& node, const core::InterestReading& reading, const core::InterestReading::Link& link);
// What the two sides of one link make of it: once `to` has heard all that `from` said it knows just that. `receiver`: the node of `to`.
[[nodiscard]] std::string misunderstood(const NodeSpec& receiver, const core::InterestReading::Link& from,
                                        const core::InterestReading::Link& to);

}  // namespace windtunnel::scenarios
