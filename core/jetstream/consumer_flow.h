// Flow control of push consumers (reference: streams D.4): how much may be on its way without an answer.
#pragma once

#include <cstdint>

namespace windtunnel::core {

inline constexpr std::uint64_t kFlowWindowMax = 32u << 20;  // bytes
inline constexpr std::uint64_t kFlowWindowStart = kFlowWindowMax / 16;

}  // namespace windtunnel::core
