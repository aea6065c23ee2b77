// Sets of subjects as patterns: what streams carry, and what is left of it behind a filter or a transform.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::scenarios {

// The pattern of exactly those literals that match both; nullopt if there are none. Requires valid subjects.
[[nodiscard]] std::optional<std::string> intersection(std::string_view a, std::string_view b);

// A pattern that holds every subject that a transform's destination can come to: "a.{{wildcard(1)}}" is "a.*".
[[nodiscard]] std::string pattern_of_destination(std::string_view destination);

}  // namespace windtunnel::scenarios
