// The header by which a sourced message tells where it comes from, and the name that tells two sources of a stream from
// each other (reference: streams E.1 and E.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "core/jetstream/stream_config.h"

namespace windtunnel::core {

inline constexpr std::string_view kStreamSourceHeader = "Nats-Stream-Source";
// Of headers that a copy does without: the origin has seen to them.
inline constexpr std::string_view kExpectationPrefix = "Nats-Expected-";

// "ORDERS:bTMUkJQk orders.eu >": the origin, a hash of its API, filters and destinations.
[[nodiscard]] std::string source_key(const StreamSource& source);
// "ORDERS:bTMUkJQk 42 orders.eu >"; `key` is a source_key().
[[nodiscard]] std::string source_header(std::string_view key, Seq seq);

struct SourcedFrom {
  std::string key;     // empty: an older form, which knows the stream alone
  std::string stream;  // without the hash
  Seq seq;
  // Whether the message came by this source, as far as the header tells.
  [[nodiscard]] bool is_of(const StreamSource& source, std::string_view key_of_source) const;
};
// Also of the older forms: "ORDERS 42", and an ack subject. nullopt if it is none of them.
[[nodiscard]] std::optional<SourcedFrom> parse_source_header(std::string_view value);

}  // namespace windtunnel::core
