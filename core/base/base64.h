// Base64 back into bytes; the other way is base64() of core/base/json_writer.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::core {

// The bytes of a base64 text as Go's encoding/json writes it, with its padding; nullopt if it is none.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace windtunnel::core
