#include "core/client/delivery.h"

#include <array>
#include <charconv>
#include <utility>

#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

template <typename Number>
bool parse(std::string_view token, Number& into) {
  const char* const end = token.data() + token.size();
  const auto [stop, failure] = std::from_chars(token.data(), end, into);
  return failure == std::errc{} && stop == end;
}

}  // namespace

std::optional<Delivery> to_delivery(Message message) {
  // $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>, in the newer form with domain and
  // account hash before the stream, and perhaps more tokens behind.
  constexpr std::size_t kOldForm = 9;
  constexpr std::size_t kNewForm = 11;
  std::array<std::string_view, kNewForm> tokens;
  std::size_t count = 0;
  Tokens walk(message.reply);
  for (std::string_view token; walk.next(token); ++count) {
    if (count < tokens.size()) tokens[count] = token;
  }
  if (tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
  if (count != kOldForm && count < kNewForm) return std::nullopt;
  const std::size_t at = count == kOldForm ? 2 : 4;
  Delivery delivery;
  if (count != kOldForm && tokens[2] != "_") delivery.domain = tokens[2];
  delivery.stream = tokens[at];
  delivery.consumer = tokens[at + 1];
  if (!parse(tokens[at + 2], delivery.deliveries) || !parse(tokens[at + 3], delivery.stream_seq.value) ||
      !parse(tokens[at + 4], delivery.consumer_seq.value) || !parse(tokens[at + 5], delivery.stored_at.unix_ns) ||
      !parse(tokens[at + 6], delivery.pending)) {
    return std::nullopt;
  }
  delivery.message = std::move(message);
  return delivery;
}

}  // namespace windtunnel::core
