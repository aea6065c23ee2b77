// The invariants of what a stream takes and lets go (reference: defect corpus, "Stream semantics", and expiry-exact).

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/health.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_per_subject_limit(const Evidence& evidence);
std::vector<Divergence> check_discard_new_never_evicts(const Evidence& evidence);
std::vector<Divergence> check_purge_exact(const Evidence& evidence);
std::vector<Divergence> check_expiry_exact(const Evidence& evidence);

namespace {

// Expiry is looked at no more often than this, and then takes its time on the disk.
constexpr core::Duration kExpirySlack = std::chrono::seconds{2};

// Whether a message of that subject (its hash) is meant by the filter; only where that can be told from a hash.
bool is_surely_meant(std::string_view filter, std::uint64_t subject) {
  return filter.empty() || filter == ">" || core::hash_bytes(filter) == subject;
}

// The first of the messages in question that is not there at the end, though nothing that may take it did.
template <typename IsMeant>
const StoredEvent* first_gone(const Evidence& evidence, const FinalStream& stream, const StreamLife& life, const IsMeant& is_meant) {
  std::set<core::Seq> present;
  for (const FinalMessage& message : stream.messages) present.insert(message.seq);
  for (const StoredEvent& stored : life.stored) {
    if (!is_meant(stored) || present.contains(stored.seq) || stream.unreadable.contains(stored.seq)) continue;
    if (may_be_asked_for(evidence, stream, stored.seq, stored.at) || may_be_lost(evidence, stream, stored.seq, stored.at)) continue;
    return &stored;
  }
  return nullptr;
}

}  // namespace

std::vector<Divergence> check_per_subject_limit(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const std::uint64_t limit = stream.limits.max_msgs_per_subject;
    if (!stream.is_readable || limit == 0) continue;
    std::map<std::uint64_t, std::uint64_t> counts;  // by subject
    for (const FinalMessage& message : stream.messages) {
      if (++counts[message.subject] <= limit) continue;
      Divergence d = about("per-subject-limit", stream, message.seq, evidence.end.at);
      d.expected = "no subject has more than " + std::to_string(limit) + " messages";
      d.actual = "that of sequence " + std::to_string(message.seq.value) + " has more";
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

namespace {

// The first message that the stream said it removed when nobody was asking it to: before, or not yet, and with nothing unanswered.
const StoredEvent* first_evicted(const Evidence& evidence, const FinalStream& stream, const StreamLife& life) {
  std::set<core::Seq> judged;  // recovery says it again
  for (const StreamLife::Removal& removal : life.removed) {
    const std::vector<const StoredEvent*> stored = life.at(removal.seq);
    if (stored.size() != 1 || !judged.insert(removal.seq).second) continue;
    const bool is_asked_for = evidence.removals.any_of(stream.node, stream.key.stream, removal.seq, removal.at,
                                                       [&](const RequestedRemoval& asked) { return asked.asked_at <= removal.at; });
    if (!is_asked_for && !may_be_lost(evidence, stream, removal.seq, stored.front()->at)) return stored.front();
  }
  return nullptr;
}

}  // namespace

std::vector<Divergence> check_discard_new_never_evicts(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    const StreamLimits& limits = stream.limits;
    // Not where its age, acks or roll-ups may remove, or a limit a subject that replaces.
    const bool only_limits = limits.is_discard_new && !limits.evicts() && limits.max_age.count() == 0 &&
                             stream.spec->retention == Retention::limits && !limits.allows_rollup;
    if (!stream.is_readable || life == nullptr || !only_limits || had_damage(evidence, stream.key)) continue;
    const StoredEvent* gone = first_gone(evidence, stream, *life, [](const StoredEvent&) { return true; });
    if (gone == nullptr) gone = first_evicted(evidence, stream, *life);
    if (gone == nullptr) continue;
    Divergence d = about("discard-new-never-evicts", stream, gone->seq, evidence.end.at);
    d.expected = "sequence " + std::to_string(gone->seq.value) + " stays: the stream refuses what is new instead";
    d.actual = "it was removed";
    out.push_back(std::move(d));
  }
  return out;
}

namespace {

// What a roll-up, which its publisher was told is stored, should have taken the place of and did not.
std::optional<Divergence> survivor_of_rollup(const Evidence& evidence, PublishId id) {
  const PublishRecord& record = evidence.ledger.at(id);
  const PublishSpec* publish = publish_of(evidence, id);
  if (publish == nullptr || !publish->is_rollup(id.index) || record.outcome() != Outcome::acked) return std::nullopt;
  const FinalStream* stream = stream_of_ack(evidence, record);
  // A crash may come between the storing and the removal: nobody takes that up, and a repeat is only told where the message is.
  if (stream == nullptr || !stream->is_readable || crashed_between(evidence, *stream, record.published_at(), record.settled_at()))
    return std::nullopt;
  // Where ids come again it may have been told of another message, and was never stored: that takes nobody's place. A repeat of its own
  // does.
  const StreamLife* life = evidence.history.life(stream->key);
  const auto is_itself = [&](const StoredEvent* stored) { return stored->content == record.content(); };
  if (publish->ids > 0 && record.is_duplicate() && life != nullptr) {
    const std::vector<const StoredEvent*> stored = life->at(record.seq());
    if (std::none_of(stored.begin(), stored.end(), is_itself)) return std::nullopt;
  }
  const std::uint64_t subject = core::hash_bytes(publish->subject_of(id.index));
  for (const FinalMessage& message : stream->messages) {
    if (message.seq >= record.seq()) break;
    if (publish->rollup != PublishSpec::Rollup::all && message.subject != subject) continue;
    if (may_come_back(evidence, *stream, message.seq, record.settled_at())) continue;
    Divergence d = about("purge-exact", *stream, message.seq, record.settled_at());
    d.message = evidence.ledger.name_of(id);
    d.expected = d.message + ", sequence " + std::to_string(record.seq().value) + ", takes the place of all before it on its subject";
    if (publish->rollup == PublishSpec::Rollup::all)
      d.expected = d.message + ", sequence " + std::to_string(record.seq().value) + ", takes the place of all before it";
    d.actual = "sequence " + std::to_string(message.seq.value) + " is still there";
    return d;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Divergence> check_purge_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    evidence.ledger.books()[w].each([&](std::uint64_t i, const PublishRecord&) {
      std::optional<Divergence> d = survivor_of_rollup(evidence, {static_cast<std::uint16_t>(w), i});
      if (d) out.push_back(std::move(*d));
      return !d;
    });
  }
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (!stream.is_readable || life == nullptr) continue;
    bool is_reported = false;
    for (const RequestedRemoval& purge : evidence.removals.all()) {
      const bool is_purge = purge.node == stream.node && purge.stream == stream.key.stream && purge.is_done && purge.seq.value == 0;
      if (!is_purge || purge.keep > 0 || is_reported) continue;
      for (const FinalMessage& message : stream.messages) {
        if (!is_surely_meant(purge.filter_subject, message.subject)) continue;
        const std::vector<const StoredEvent*> stored = life->at(message.seq);
        const bool was_before = stored.size() == 1 && stored.front()->at < purge.asked_at;
        if (!was_before || may_come_back(evidence, stream, message.seq, *purge.answered_at)) continue;
        Divergence d = about("purge-exact", stream, message.seq, *purge.answered_at);
        d.expected = "the purge removes sequence " + std::to_string(message.seq.value) + ", which was there when it was asked for";
        d.actual = "it is still there";
        out.push_back(std::move(d));
        is_reported = true;
        break;
      }
    }
  }
  return out;
}

std::vector<Divergence> check_expiry_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const core::Duration max_age = stream.limits.max_age;
    const StreamLife* life = evidence.history.life(stream.key);
    if (!stream.is_readable || life == nullptr || max_age.count() == 0 || has_clock_faults(evidence.scenario)) continue;
    const auto age_at = [](std::int64_t time, core::Instant at) { return (at - kTimeZero) - core::Duration{time - kWallAtTimeZero}; };
    for (const FinalMessage& message : stream.messages) {
      if (age_at(message.time, evidence.end.at) <= max_age + kExpirySlack) continue;
      Divergence d = about("expiry-exact", stream, message.seq, evidence.end.at);
      d.expected = "sequence " + std::to_string(message.seq.value) + " leaves when it is as old as max_age";
      d.actual = "it is still there";
      out.push_back(std::move(d));
      break;
    }
    const bool only_age = stream.spec->retention == Retention::limits && !stream.limits.evicts() && !stream.limits.allows_rollup;
    if (!only_age || had_damage(evidence, stream.key)) continue;
    const StoredEvent* gone =
        first_gone(evidence, stream, *life, [&](const StoredEvent& stored) { return age_at(stored.time, evidence.end.at) < max_age; });
    if (gone == nullptr) continue;
    Divergence d = about("expiry-exact", stream, gone->seq, evidence.end.at);
    d.expected = "sequence " + std::to_string(gone->seq.value) + " stays until it is as old as max_age";
    d.actual = "it was removed before";
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
