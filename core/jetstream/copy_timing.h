// The times by which a mirror or a source reads its origin (reference: streams H; nats-server's). Whoever judges how long a copy may
// take derives it from these.
#pragma once

#include <chrono>

#include "core/base/types.h"

namespace windtunnel::core::copy_timing {

inline constexpr Duration kReplyWait = std::chrono::seconds{30};  // for the answer to a request for a consumer
inline constexpr Duration kFactsWait = std::chrono::seconds{5};   // for what may be forbidden where the consumer is not
// Who has sent nothing since is not told that the other end of its connection is gone: so often it says a word while it waits.
inline constexpr Duration kKnock = std::chrono::seconds{5};
inline constexpr Duration kRequestSpacing = std::chrono::seconds{2};
// After the n-th failure in a row: n steps, at most the maximum. A way that comes back ends the wait.
inline constexpr Duration kBackoffStep = std::chrono::seconds{10};
inline constexpr Duration kBackoffMax = std::chrono::minutes{2};
inline constexpr Duration kJitterMin = std::chrono::milliseconds{100};
inline constexpr Duration kJitterMax = std::chrono::milliseconds{199};
inline constexpr Duration kHeartbeat = std::chrono::seconds{1};
inline constexpr Duration kStalled = std::chrono::seconds{10};  // without a word of the origin
inline constexpr Duration kOriginInactive = std::chrono::seconds{10};
// After a link has come up a live origin speaks within a heartbeat; this is two.
inline constexpr Duration kSuspect = std::chrono::seconds{2};

}  // namespace windtunnel::core::copy_timing
