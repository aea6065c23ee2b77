// The reply subject of a delivered message: where to acknowledge it, and what the receiver may know of it (reference:
// jetstream-api 8.1). "$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time ns>.<pending>".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

struct AckInfo {
  std::string_view stream;
  std::string_view consumer;
  std::uint64_t deliveries = 0;
  Seq stream_seq;
  std::uint64_t consumer_seq = 0;
  WallTime time;
  std::uint64_t pending = 0;
};

[[nodiscard]] std::string ack_subject(const AckInfo& info);
// nullopt if it is no ack subject. The views point into `subject`.
[[nodiscard]] std::optional<AckInfo> parse_ack_subject(std::string_view subject);

}  // namespace windtunnel::core
