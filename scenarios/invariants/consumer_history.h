// What the harness saw of a consumer, as its invariants ask for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

// When each sequence was first acknowledged to a consumer.
struct Acks {
  std::map<core::Seq, core::Instant> each;
  std::vector<std::pair<core::Instant, core::Seq>> up_to;  // of ack policies all and none: everything up to there

  [[nodiscard]] bool has(core::Seq seq, core::Instant by) const {
    if (const auto found = each.find(seq); found != each.end() && found->second <= by) return true;
    return std::any_of(up_to.begin(), up_to.end(), [&](const auto& ack) { return ack.first <= by && ack.second >= seq; });
  }
};

[[nodiscard]] inline ConsumerKey key_of(const FinalConsumer& consumer) { return {consumer.stream, consumer.name}; }
// A divergence of the consumer at the run's end; its sequences and sentences are the caller's.
[[nodiscard]] Divergence about(const Evidence& evidence, std::string_view invariant, const FinalConsumer& consumer);
// nullptr where the consumer's stream cannot be read at the end.
[[nodiscard]] const FinalStream* stream_of(const Evidence& evidence, const FinalConsumer& consumer);
// Whether messages of that subject (its hash) are the consumer's; nullopt where a wildcard makes that unknowable from a hash.
[[nodiscard]] std::optional<bool> wants(const FinalConsumer& consumer, std::uint64_t subject);
// Its deliveries and acks in their order; empty where none was seen.
[[nodiscard]] const std::vector<ConsumerEvent>& events_of(const Evidence& evidence, const FinalConsumer& consumer);
// What was acknowledged to it from `since` on.
[[nodiscard]] Acks acks_of(const Evidence& evidence, const FinalConsumer& consumer, core::Instant since = {});

}  // namespace windtunnel::scenarios
