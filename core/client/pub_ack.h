// PubAck: a stream's answer to a publish (reference: jetstream-api 7.3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::core {

struct PubAck {
  std::string stream;
  std::string domain;  // empty: none
  Seq seq;
  bool duplicate = false;
  friend bool operator==(const PubAck&, const PubAck&) = default;
};

struct ApiFailure {
  int code = 0;      // as HTTP's
  int err_code = 0;  // JetStream's own
  std::string description;
};

struct PubAnswer {
  PubAck ack;  // of a failure only the stream
  std::optional<ApiFailure> failure;
};

// Errors: corrupt (no PubAck at all).
[[nodiscard]] Result<PubAnswer> parse_pub_ack(std::string_view json);

}  // namespace windtunnel::core
