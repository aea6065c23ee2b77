#include "scenarios/invariants/refusals.h"

#include <algorithm>
#include <string>

#include "scenarios/api_answer.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {
namespace {

// More than a record adds to its payload: its frame, the subject, and the headers that workloads send.
constexpr std::uint64_t kAddedMax = 1024;

struct Limits {
  std::uint64_t messages = 0;  // 0: none
  std::uint64_t bytes = 0;
  std::uint64_t message_size = 0;
  bool is_discard_new = false;
};

Mistold mistold(const Evidence& evidence, PublishId id, const PublishRecord& record, const std::string& expected,
                const std::string& actual) {
  return {
      record.seq(), record.settled_at(), expected,
      evidence.ledger.name_of(id) + " (" + clock_text(record.published_at()) + " to " + clock_text(record.settled_at()) + ") " + actual};
}

std::optional<Mistold> judge_full(const Evidence& evidence, const Limits& limits, const Presence& presence, PublishId id,
                                  const PublishRecord& record) {
  const std::string expected = "a publish is refused because the stream is full if it can have been";
  if (!limits.is_discard_new || (limits.messages == 0 && limits.bytes == 0))
    return mistold(evidence, id, record, expected, "was refused, and the stream has no limit that refuses");
  const Tally::Sum come = presence.come.until(record.settled_at());
  const Tally::Sum gone = presence.gone.until(record.published_at());
  const std::uint64_t messages = come.messages - gone.messages + presence.hidden;
  if (limits.messages > 0 && messages >= limits.messages) return std::nullopt;
  const std::string there = std::to_string(messages) + " messages";
  if (limits.bytes == 0) {
    return mistold(evidence, id, record, expected,
                   "was refused, when at most " + there + " of " + std::to_string(limits.messages) + " can have been there");
  }
  const std::optional<faults::SizeRange> size = payload_size_of(evidence, id);
  if (!size || presence.hidden > 0) return std::nullopt;
  const std::uint64_t bytes = come.bytes - gone.bytes;
  if (bytes + size->high.value + kAddedMax > limits.bytes) return std::nullopt;
  return mistold(evidence, id, record, expected,
                 "was refused, when at most " + there + " can have been there, of " + std::to_string(bytes) + " bytes and not " +
                     std::to_string(limits.bytes));
}

std::optional<Mistold> judge_size(const Evidence& evidence, const Limits& limits, PublishId id, const PublishRecord& record) {
  const std::optional<faults::SizeRange> size = payload_size_of(evidence, id);
  if (!size) return std::nullopt;
  if (record.refusal() == Refusal::too_large) {
    if (limits.message_size > 0 && size->high.value + kAddedMax > limits.message_size) return std::nullopt;
    return mistold(evidence, id, record, "a publish is refused for its size if it exceeds max_msg_size",
                   "was refused, with a payload of " + std::to_string(size->high.value) + " bytes at most, of " +
                       (limits.message_size == 0 ? std::string("any number") : std::to_string(limits.message_size)));
  }
  if (limits.message_size == 0 || size->low.value <= limits.message_size) return std::nullopt;
  return mistold(
      evidence, id, record, "a message of more than max_msg_size is refused",
      "was taken, with a payload of " + std::to_string(size->low.value) + " bytes at least, of " + std::to_string(limits.message_size));
}

}  // namespace

void Tally::sort() {
  std::sort(all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Sum sum;
  for (auto& [at, own] : all_) {
    sum.messages += own.messages;
    sum.bytes += own.bytes;
    own = sum;
  }
}

Tally::Sum Tally::until(core::Instant at) const {
  const auto end =
      std::upper_bound(all_.begin(), all_.end(), at, [](core::Instant wanted, const auto& each) { return wanted < each.first; });
  return end == all_.begin() ? Sum{} : std::prev(end)->second;
}

std::optional<Mistold> judge_refusals(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch, const Presence& presence) {
  const std::string& config = stream.spec->create_body;
  const Limits limits{limit_of(config, "max_msgs"), limit_of(config, "max_bytes"), limit_of(config, "max_msg_size"),
                      limits_of(config).is_discard_new};
  std::optional<Mistold> found;
  each_refused(evidence, stream, [&](PublishId id, const PublishRecord& record) {
    if (found || !epoch.has(record.published_at(), record.settled_at())) return;
    if (record.refusal() == Refusal::stream_full) found = judge_full(evidence, limits, presence, id, record);
    if (record.refusal() == Refusal::too_large) found = judge_size(evidence, limits, id, record);
  });
  if (found || limits.message_size == 0) return found;
  AckStreams acked_by{evidence};
  each_acked(evidence, stream, acked_by, [&](PublishId id, const PublishRecord& record) {
    if (!found && epoch.has(record.published_at(), record.settled_at())) found = judge_size(evidence, limits, id, record);
  });
  return found;
}

}  // namespace windtunnel::scenarios
