// What the system's error numbers mean to the core.
#pragma once

#include <string_view>

#include "core/base/result.h"

namespace windtunnel::core {

[[nodiscard]] Errc errc_of(int number);
// "write msgs/1.blk: No space left on device"
[[nodiscard]] Error posix_error(int number, std::string_view what, std::string_view path);

}  // namespace windtunnel::core
