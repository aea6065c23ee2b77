// Durations as Go writes them: "1h2m3.5s", "100ms".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

[[nodiscard]] std::optional<Duration> parse_go_duration(std::string_view text);
// "5s", "1m30s", "100ms": what Go's Duration.String prints.
[[nodiscard]] std::string go_duration(Duration duration);

}  // namespace windtunnel::core
