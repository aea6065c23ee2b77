#include "scenarios/invariants/consumer_history.h"

#include <string>

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

Divergence about(const Evidence& evidence, std::string_view invariant, const FinalConsumer& consumer) {
  Divergence d;
  d.invariant = std::string{invariant};
  d.stream = consumer.stream.stream;
  d.node = consumer.node;
  d.at = evidence.end.at;
  return d;
}

const FinalStream* stream_of(const Evidence& evidence, const FinalConsumer& consumer) {
  const FinalStream* stream = evidence.end.find(consumer.node, consumer.stream.stream);
  return stream != nullptr && stream->is_readable ? stream : nullptr;
}

std::optional<bool> wants(const FinalConsumer& consumer, std::uint64_t subject) {
  if (consumer.filters.empty()) return true;
  bool is_certain = true;
  for (const std::string& filter : consumer.filters) {
    if (filter == ">" || core::hash_bytes(filter) == subject) return true;
    is_certain = is_certain && !core::has_wildcard(filter);
  }
  return is_certain ? std::optional{false} : std::nullopt;
}

const std::vector<ConsumerEvent>& events_of(const Evidence& evidence, const FinalConsumer& consumer) {
  static const std::vector<ConsumerEvent> kNone;
  const auto found = evidence.history.consumers().find(key_of(consumer));
  return found == evidence.history.consumers().end() ? kNone : found->second;
}

Acks acks_of(const Evidence& evidence, const FinalConsumer& consumer, core::Instant since) {
  Acks acks;
  for (const ConsumerEvent& event : events_of(evidence, consumer)) {
    if (event.at < since) continue;
    if (consumer.ack == AckPolicy::none || (consumer.ack == AckPolicy::all && event.is_ack)) {
      acks.up_to.emplace_back(event.at, event.seq);
    } else if (event.is_ack) {
      acks.each.try_emplace(event.seq, event.at);
    }
  }
  return acks;
}

}  // namespace windtunnel::scenarios
