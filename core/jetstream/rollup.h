// What a message's Nats-Rollup header asks for (reference: streams A.2, step 6f).
#pragma once

#include <cstdint>
#include <string_view>

namespace windtunnel::core {

enum class Rollup : std::uint8_t { none, subject, all, unknown };

[[nodiscard]] Rollup rollup_of(std::string_view headers);

}  // namespace windtunnel::core
