#include "core/env/tasks.h"

namespace windtunnel::core {

Timer::~Timer() { cancel(); }

void Timer::cancel() noexcept {
  if (queue_ != nullptr) queue_->remove(*this);
}

}  // namespace windtunnel::core
