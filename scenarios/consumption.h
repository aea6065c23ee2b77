// What the consuming workloads got.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "scenarios/ledger.h"

namespace windtunnel::scenarios {

// Between a pull request that could not be served (no way to the consumer) and the next.
inline constexpr core::Duration kAskAgain = std::chrono::milliseconds{250};

struct Consumption {  // of one `consume` workload
  std::string workload;
  std::uint64_t deliveries = 0;
  std::uint64_t duplicates = 0;  // deliveries of a stream sequence that it had already got
  std::set<core::Seq> got;
  std::uint64_t acks_confirmed = 0;
  std::string refusal;  // why it never had its consumer; empty: it had, or was not told why not
};

}  // namespace windtunnel::scenarios
