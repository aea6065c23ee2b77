// Delivery: a message from a consumer, with what its ack subject says about it (reference: jetstream-api 8.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "core/nats/message.h"

namespace windtunnel::core {

struct Delivery {
  Message message;  // its reply is the ack subject
  std::string stream;
  std::string consumer;
  std::string domain;            // empty: none, or an ack subject of the old form
  std::uint64_t deliveries = 0;  // of this message, this one included
  Seq stream_seq;
  Seq consumer_seq;
  WallTime stored_at;
  std::uint64_t pending = 0;  // still to be delivered after this one
};

// Both forms. nullopt if the message's reply is no ack subject.
[[nodiscard]] std::optional<Delivery> to_delivery(Message message);

}  // namespace windtunnel::core
