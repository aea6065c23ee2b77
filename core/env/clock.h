// The port through which the core asks for the time.
#pragma once

#include "core/base/types.h"

namespace windtunnel::core {

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back; the axis of deadlines, timers and timeouts.
  [[nodiscard]] virtual Instant now() const = 0;
  // What this node's wall clock shows. May step either way; only for what is stored or shown to people.
  [[nodiscard]] virtual WallTime wall_now() const = 0;
};

}  // namespace windtunnel::core
