// What is wrong with a text that should be JSON, in the words of Go's encoding/json: nats-server shows them to clients.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::core {

// "invalid character 'b' looking for beginning of object key string"; nullopt if the text is JSON.
[[nodiscard]] std::optional<std::string> go_json_error(std::string_view text);

}  // namespace windtunnel::core
