#include "scenarios/final_state.h"

#include <algorithm>

namespace windtunnel::scenarios {

const FinalStream* FinalState::find(std::string_view node, std::string_view stream) const {
  const auto it =
      std::find_if(streams.begin(), streams.end(), [&](const FinalStream& s) { return s.node == node && s.key.stream == stream; });
  return it == streams.end() ? nullptr : &*it;
}

}  // namespace windtunnel::scenarios
