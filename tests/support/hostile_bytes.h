// Bytes that no honest client sends, by seed: noise, verbs with sizes that are none, messages that end early, connects that are too
// large, headers that are not, requests and acknowledgements that somebody has damaged.
#pragma once

#include <string>

#include "core/base/random.h"

namespace windtunnel::tests {

// One stream of a few bytes to some hundred kilobytes. `stream` and `consumer`: names that are worth naming.
[[nodiscard]] std::string hostile_bytes(core::Random& random, const std::string& stream, const std::string& consumer);

}  // namespace windtunnel::tests
