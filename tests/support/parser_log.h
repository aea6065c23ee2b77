// What a parser makes of a stream of bytes, as text, so that two ways of cutting the stream up can be compared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/nats/parser.h"

namespace windtunnel::tests {

inline std::string describe(const core::Operation& o) {
  static constexpr const char* kNames[] = {
      "info",           "connect",          "ping",        "pong", "ok", "err", "publish", "subscribe", "unsubscribe", "message",
      "leaf_subscribe", "leaf_unsubscribe", "leaf_message"};
  std::string out = kNames[static_cast<std::size_t>(o.kind)];
  const auto add = [&](const char* key, std::string_view value) {
    if (!value.empty()) out.append(" ").append(key).append("=").append(value);
  };
  if (o.has_headers) out.append(" has_headers");
  if (o.max_msgs != 0) add("max_msgs", std::to_string(o.max_msgs));
  if (o.weight != 0) add("weight", std::to_string(o.weight));
  add("text", o.text);
  add("subject", o.subject);
  add("reply", o.reply);
  add("queue", o.queue);
  add("sid", o.sid);
  add("headers", o.headers);
  add("payload", o.payload);
  for (const std::string_view queue : o.queues) add("queues", queue);
  return out;
}

inline std::string describe(const core::ParserViolation& violation) {
  return violation.err.empty() ? "closed" : "-ERR '" + std::string(violation.err) + "'";
}

// Feeds copies of the pieces, each freed before the next, so that a view kept too long shows under ASan.
inline std::vector<std::string> parse_pieces(core::ParserRole role, const core::ParserLimits& limits,
                                             const std::vector<std::string_view>& pieces) {
  core::Parser parser{role, limits};
  std::vector<std::string> log;
  core::Operation operation;
  for (const std::string_view piece : pieces) {
    const std::vector<char> bytes(piece.begin(), piece.end());
    parser.feed({bytes.data(), bytes.size()});
    for (;;) {
      const core::Parse parse = parser.next(operation);
      if (parse == core::Parse::need_more) break;
      if (parse == core::Parse::violation) {
        log.push_back(describe(parser.violation()));
        return log;
      }
      log.push_back(describe(operation));
    }
  }
  return log;
}

}  // namespace windtunnel::tests
