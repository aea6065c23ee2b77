#include "scenarios/invariants/stream_entries.h"

#include <algorithm>
#include <set>

#include "core/base/hash.h"
#include "scenarios/api_answer.h"

namespace windtunnel::scenarios {

MessagesByContent messages_by_content(const Ledger& ledger) {
  MessagesByContent out;
  for (const Ledger::Book& book : ledger.books()) out.reserve(out.size() + book.size());
  ledger.each([&](PublishId id, const PublishRecord& record) { out.emplace(record.content(), id); });
  return out;
}

const StreamLife& life_of(const Evidence& evidence, const FinalStream& stream) {
  static const StreamLife kNone;
  const StreamLife* life = evidence.history.life(stream.key);
  return life == nullptr ? kNone : *life;
}

const std::vector<StreamRead>* reads_of(const Evidence& evidence, const FinalStream& stream) {
  return evidence.reads == nullptr ? nullptr : evidence.reads->find(stream.node, stream.key.stream);
}

bool is_told_to_the_end(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch) {
  return epoch.to == core::kForever && stream.is_readable && stream.unreadable.empty() && !had_damage(evidence, stream.key);
}

std::string subject_by_hash(const Evidence& evidence, PublishId id, std::uint64_t subject) {
  std::optional<std::string> name = exact_subject_of(evidence, id);
  return name && core::hash_bytes(*name) == subject ? std::move(*name) : std::string{};
}

StreamEntries::StreamEntries(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch, const MessagesByContent& messages) {
  take_from_stream(evidence, stream, epoch, messages);
  sort();
  // The stream's own word for what it stored may be missing: it lies, or a crash came between the write and the word.
  if (epoch.from == core::Instant{}) take_from_others(evidence, stream, epoch);
}

void StreamEntries::take_from_stream(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch,
                                     const MessagesByContent& messages) {
  for (const StoredEvent& stored : life_of(evidence, stream).stored) {
    if (stored.at < epoch.from || stored.at >= epoch.to) continue;
    StreamEntry entry{stored.seq, stored.subject, epoch.from};
    entry.said = stored.at;
    if (const auto known = messages.find(stored.content); known != messages.end()) {
      entry.id = known->second;
      const PublishRecord& record = evidence.ledger.at(known->second);
      entry.called = record.published_at();
      const bool is_told = record.outcome() == Outcome::acked && !record.is_duplicate() && record.seq() == stored.seq;
      if (is_told && record.settled_at() < epoch.to) entry.returned = record.settled_at();
    }
    entries_.push_back(entry);
  }
}

void StreamEntries::take_from_others(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch) {
  const StreamLife& life = life_of(evidence, stream);
  std::vector<StreamEntry> more;
  std::set<core::Seq> added;
  const auto add = [&](core::Seq seq, std::uint64_t subject, std::optional<PublishId> id, std::optional<core::Instant> returned) {
    if (seq <= life.pruned.through || find(seq) != nullptr || !added.insert(seq).second) return;
    more.push_back({seq, subject, id ? evidence.ledger.at(*id).published_at() : core::Instant{}, returned, id});
  };
  if (stream.spec->retention != Retention::interest) {
    AckStreams acked_by{evidence};
    each_acked(evidence, stream, acked_by, [&](PublishId id, const PublishRecord& record) {
      if (record.is_duplicate() || record.settled_at() >= epoch.to) return;
      if (const std::optional<std::string> subject = exact_subject_of(evidence, id))
        add(record.seq(), core::hash_bytes(*subject), id, record.settled_at());
    });
  }
  if (const std::vector<StreamRead>* reads = reads_of(evidence, stream)) {
    for (const StreamRead& read : *reads) {
      if (read.told == StreamRead::Told::found && read.returned < epoch.to)
        add(read.found, core::hash_bytes(read.found_subject), read.id, {});
    }
  }
  if (is_told_to_the_end(evidence, stream, epoch)) {
    for (const FinalMessage& message : stream.messages) add(message.seq, message.subject, message.id, {});
  }
  entries_.insert(entries_.end(), more.begin(), more.end());
  sort();
}

void StreamEntries::sort() {
  std::sort(entries_.begin(), entries_.end(), [](const StreamEntry& a, const StreamEntry& b) { return a.seq < b.seq; });
  const auto same = [](const StreamEntry& a, const StreamEntry& b) { return a.seq == b.seq; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
}

const StreamEntry* StreamEntries::find(core::Seq seq) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), seq,
                                      [](const StreamEntry& entry, core::Seq wanted) { return entry.seq < wanted; });
  return found == entries_.end() || found->seq != seq ? nullptr : &*found;
}

const char* why_wrong(const StreamEntries& entries, const StreamRead& read) {
  if (read.told != StreamRead::Told::found) return nullptr;
  if (read.kind == StreamRead::Kind::sequence && read.found != read.seq) return "a get by sequence finds the message of that sequence";
  if (read.kind != StreamRead::Kind::sequence && read.found_subject != read.subject)
    return "a get by subject finds a message of that subject";
  if (read.kind == StreamRead::Kind::next && read.found < read.seq)
    return "a get finds a message at or after the sequence that it is told to begin at";
  const StreamEntry* entry = entries.find(read.found);
  if (entry == nullptr) return nullptr;
  if (core::hash_bytes(read.found_subject) != entry->subject) return "a get finds a message with the subject to which it was published";
  if (entry->id && (entry->id != read.id || !read.is_intact))
    return "a get finds the message that was stored under its sequence, as it was published";
  return nullptr;
}

}  // namespace windtunnel::scenarios
