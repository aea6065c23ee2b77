// DurationRange: how long something takes, when the seed decides.
#pragma once

#include "core/base/random.h"
#include "core/base/types.h"

namespace windtunnel::sim {

struct DurationRange {  // both ends included
  core::Duration low{};
  core::Duration high{};

  // Draws nothing if there is nothing to decide.
  [[nodiscard]] core::Duration draw(core::Random& random) const { return low == high ? low : random.between(low, high); }
  friend bool operator==(const DurationRange&, const DurationRange&) = default;
};

}  // namespace windtunnel::sim
