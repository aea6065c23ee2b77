#include "core/env/tasks.h"

namespace windtunnel::core {

Timer::~Timer() { cancel(); }

}  // namespace windtunnel::core
