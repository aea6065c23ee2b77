// What an operator sees of a stream's mirror or sources, and what is kept from him.
#pragma once

#include <string>
#include <vector>

#include "core/base/types.h"
#include "scenarios/final_state.h"
#include "scenarios/history.h"
#include "scenarios/scenario.h"

namespace windtunnel::core {
class Stream;
}

namespace windtunnel::scenarios {

// In the order of the scenario; empty if operators have given the stream others since.
[[nodiscard]] std::vector<FinalCopy> copies_of(const core::Stream& stream, const StreamSpec& spec);

// A copy that showed neither an error nor a lag for longer than kSurfaceBound.
struct SilentCopy {
  StreamKey stream;
  std::string origin;
  core::Instant since;  // its first request in vain
  core::Instant at;     // when that was too long ago
};

}  // namespace windtunnel::scenarios
