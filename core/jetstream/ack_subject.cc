#include "core/jetstream/ack_subject.h"

#include <array>
#include <charconv>

#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kTokens = 9;

template <typename N>
bool number(std::string_view token, N& out) {
  const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), out);
  return failed == std::errc{} && end == token.data() + token.size();
}

}  // namespace

std::string ack_subject(const AckInfo& info) {
  std::string out;
  out.reserve(info.stream.size() + info.consumer.size() + 80);
  out.append("$JS.ACK.").append(info.stream).append(".").append(info.consumer);
  const auto add = [&](auto number) {
    std::array<char, 20> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.push_back('.');
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  };
  add(info.deliveries);
  add(info.stream_seq.value);
  add(info.consumer_seq);
  add(info.time.unix_ns);
  add(info.pending);
  return out;
}

std::optional<AckInfo> parse_ack_subject(std::string_view subject) {
  std::array<std::string_view, kTokens> tokens;
  Tokens walk{subject};
  std::size_t count = 0;
  for (std::string_view token; walk.next(token); ++count) {
    if (count == kTokens) return std::nullopt;
    tokens[count] = token;
  }
  if (count != kTokens || tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
  AckInfo info;
  info.stream = tokens[2];
  info.consumer = tokens[3];
  if (!number(tokens[4], info.deliveries) || !number(tokens[5], info.stream_seq.value) || !number(tokens[6], info.consumer_seq) ||
      !number(tokens[7], info.time.unix_ns) || !number(tokens[8], info.pending)) {
    return std::nullopt;
  }
  return info;
}

}  // namespace windtunnel::core
