// How long whoever was refused by a disk waits before the next try: no event tells when a disk is well again.
#pragma once

#include <chrono>

#include "core/base/types.h"

namespace windtunnel::core {

inline constexpr Duration kDiskRetry = std::chrono::seconds{1};

}  // namespace windtunnel::core
