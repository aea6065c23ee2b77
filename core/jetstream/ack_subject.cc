#include "core/jetstream/ack_subject.h"

#include <array>
#include <charconv>

namespace windtunnel::core {
namespace {

constexpr std::string_view kPrefix = "$JS.ACK.";
constexpr std::size_t kNumberMax = 20;  // digits, or a sign and 19

// Takes off the last token, if there is one before it.
std::optional<std::string_view> take_last(std::string_view& rest) {
  const std::size_t dot = rest.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view token = rest.substr(dot + 1);
  rest = rest.substr(0, dot);
  return token;
}

template <typename N>
bool take_number(std::string_view& rest, N& out) {
  const std::optional<std::string_view> token = take_last(rest);
  if (!token) return false;
  const auto [end, failed] = std::from_chars(token->data(), token->data() + token->size(), out);
  return failed == std::errc{} && end == token->data() + token->size();
}

}  // namespace

std::string ack_subject(const AckInfo& info) {
  std::array<char, 5 * (1 + kNumberMax)> numbers;
  char* end = numbers.data();
  const auto add = [&](auto number) {
    *end++ = '.';
    end = std::to_chars(end, end + kNumberMax, number).ptr;
  };
  add(info.deliveries);
  add(info.stream_seq.value);
  add(info.consumer_seq);
  add(info.time.unix_ns);
  add(info.pending);
  const std::string_view tail{numbers.data(), static_cast<std::size_t>(end - numbers.data())};
  std::string out;
  out.reserve(kPrefix.size() + info.stream.size() + 1 + info.consumer.size() + tail.size());
  out.append(kPrefix).append(info.stream).append(".").append(info.consumer).append(tail);
  return out;
}

std::optional<AckInfo> parse_ack_subject(std::string_view subject) {
  if (!subject.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = subject.substr(kPrefix.size());
  AckInfo info;
  if (!take_number(rest, info.pending) || !take_number(rest, info.time.unix_ns) || !take_number(rest, info.consumer_seq) ||
      !take_number(rest, info.stream_seq.value) || !take_number(rest, info.deliveries)) {
    return std::nullopt;
  }
  const std::optional<std::string_view> consumer = take_last(rest);
  if (!consumer || rest.find('.') != std::string_view::npos) return std::nullopt;
  info.stream = rest;
  info.consumer = *consumer;
  return info;
}

}  // namespace windtunnel::core
