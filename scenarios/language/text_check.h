// What a file must be before a YAML parser may see it: text, of bounded size and nesting.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scenarios/language/diagnostic.h"

namespace windtunnel::scenarios {

// Whether the bytes are UTF-16, as PowerShell's `>` writes a file, and what to say then.
[[nodiscard]] bool is_utf16(std::string_view text);
inline constexpr std::string_view kUtf16 = "the file is UTF-16, as PowerShell's `>` writes it; save it as UTF-8";

// Whether the bytes are a text that can be a scenario: not too large, UTF-8 without control characters, indented with
// spaces, not nested beyond all reason. nullopt if so. Linear in the size; allocates nothing that grows with it.
[[nodiscard]] std::optional<Diagnostic> check_text(std::string_view text, const std::string& file);

}  // namespace windtunnel::scenarios
