// Reading answers of the JetStream API.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::scenarios {

// "stream not found (10059)" if the answer is an error, or no JSON at all; else nullopt.
[[nodiscard]] std::optional<std::string> api_error_text(std::string_view answer);

}  // namespace windtunnel::scenarios
