// The eight letters and digits that nats-server makes of a name, where a name is too long or must not be shown.
#pragma once

#include <string>
#include <string_view>

namespace windtunnel::core {

// "bTMUkJQk" of "$JS.hub.API" (reference: jetstream-api 6.3).
[[nodiscard]] std::string short_hash(std::string_view text);

}  // namespace windtunnel::core
