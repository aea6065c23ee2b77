// Reading times as text.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

// "2024-05-01T10:00:00.123456789Z", also with an offset such as +02:00. nullopt if it is not RFC 3339.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace windtunnel::core
