// The invariants of what publishers are told, by what the streams said that they stored (reference: defect corpus,
// pub-ack-truthful and dedup-exact).

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/health.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_pub_ack_truthful(const Evidence& evidence);
std::vector<Divergence> check_dedup_exact(const Evidence& evidence);

namespace {

// What a stream stored of one message of ours: by its content, which carries its identity.
using Copies = std::map<std::uint64_t, std::vector<const StoredEvent*>>;

Copies copies_of(const StreamLife& life) {
  Copies out;
  for (const StoredEvent& stored : life.stored) out[stored.content].push_back(&stored);
  return out;
}

// A Nats-Msg-Id: of a workload, and the number of those of its messages that share it.
using MsgId = std::pair<std::uint16_t, std::uint64_t>;

std::optional<MsgId> whole_id_of(const Evidence& evidence, PublishId id) {
  const std::optional<std::uint64_t> number = msg_id_of(evidence, id);
  return number ? std::optional{MsgId{id.workload, *number}} : std::nullopt;
}

// The ids of all messages that have one, by content.
std::map<std::uint64_t, MsgId> ids_of(const Evidence& evidence) {
  std::map<std::uint64_t, MsgId> out;
  const std::vector<Ledger::Book>& books = evidence.ledger.books();
  for (std::size_t w = 0; w < books.size(); ++w) {
    books[w].each([&](std::uint64_t i, const PublishRecord& record) {
      if (const auto id = whole_id_of(evidence, {static_cast<std::uint16_t>(w), i})) out.emplace(record.content(), *id);
      return true;
    });
  }
  return out;
}

std::string text_of(const Evidence& evidence, const MsgId& id) {
  return evidence.ledger.books()[id.first].name + "-" + std::to_string(id.second);
}

// What a stream stored under one id, in order.
using Holders = std::map<MsgId, std::vector<const StoredEvent*>>;

Holders holders_of(const StreamLife& life, const std::map<std::uint64_t, MsgId>& ids) {
  Holders out;
  for (const StoredEvent& stored : life.stored) {
    if (const auto id = ids.find(stored.content); id != ids.end()) out[id->second].push_back(&stored);
  }
  return out;
}

// An id goes out of the window when its time has come, and then as soon as somebody looks.
constexpr core::Duration kWindowSlack = std::chrono::seconds{1};

// Whether the stream said that it stored something under that sequence.
bool was_heard_of(const Evidence& evidence, const FinalStream& stream, core::Seq seq) {
  const StreamLife* life = evidence.history.life(stream.key);
  return life != nullptr && !life->at(seq).empty();
}

// A repeat that was told of a copy which the stream did not have, or had long ago.
std::optional<Divergence> misled_repeat(const Evidence& evidence, const std::map<StreamKey, Holders>& holders, PublishId id) {
  const PublishRecord& record = evidence.ledger.at(id);
  const std::optional<MsgId> own = whole_id_of(evidence, id);
  if (record.outcome() != Outcome::acked || !record.is_duplicate() || !own) return std::nullopt;
  const FinalStream* stream = stream_of_ack(evidence, record);
  const StreamLife* life = stream == nullptr ? nullptr : evidence.history.life(stream->key);
  if (life == nullptr || record.seq() <= life->pruned.through) return std::nullopt;  // it was right, or it would not be pruned
  const auto known = holders.find(stream->key);
  if (known == holders.end()) return std::nullopt;
  const auto stored = known->second.find(*own);
  const bool burns_sequences = stream->spec != nullptr && stream->spec->retention == Retention::interest;
  if ((stored == known->second.end() && burns_sequences) ||
      was_of_no_interest(evidence, *stream, record.seq(), core::hash_bytes(subject_of(evidence, id))))
    return std::nullopt;
  // A crash between the write and the word of it: the copy that is named is one of which nobody heard.
  if (crashed_between(evidence, *stream, kTimeZero, record.settled_at()) &&
      (stored == known->second.end() || !was_heard_of(evidence, *stream, record.seq())))
    return std::nullopt;
  Divergence d = about("dedup-exact", *stream, record.seq(), record.settled_at());
  d.message = evidence.ledger.name_of(id);
  d.expected = "a repeat of id " + text_of(evidence, *own) + " is told the sequence of the copy that was stored within the window";
  const StoredEvent* named = nullptr;
  if (stored != known->second.end()) {
    for (const StoredEvent* each : stored->second) {
      if (each->seq == record.seq() && each->at <= record.settled_at()) named = each;
    }
  }
  if (named == nullptr) {
    d.actual = d.message + " was told " + std::to_string(record.seq().value) + ", which never had that id";
    return d;
  }
  // Each attempt may have been the one that was told so.
  if (has_clock_faults(evidence.scenario) || record.published_at() - named->at <= stream->window_max + kWindowSlack) return std::nullopt;
  d.expected = "id " + text_of(evidence, *own) + " is forgotten when the window is over, and the message stored";
  d.actual = d.message + " was told that it is sequence " + std::to_string(record.seq().value) + ", stored long before";
  return d;
}

}  // namespace

std::vector<Divergence> check_pub_ack_truthful(const Evidence& evidence) {
  std::vector<Divergence> out;
  const std::map<std::uint64_t, MsgId> ids = ids_of(evidence);
  std::map<StreamKey, Copies> copies;
  std::map<StreamKey, Holders> holders;
  for (const auto& [key, life] : evidence.history.lives()) {
    copies[key] = copies_of(life);
    holders[key] = holders_of(life, ids);
  }
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    const Ledger::Book& book = evidence.ledger.books()[w];
    book.each([&](std::uint64_t i, const PublishRecord& record) {
      const FinalStream* stream = record.outcome() == Outcome::acked ? stream_of_ack(evidence, record) : nullptr;
      if (stream == nullptr) return true;  // publish-outcome-known's business
      const PublishId id{static_cast<std::uint16_t>(w), i};
      const std::optional<MsgId> msg_id = record.is_duplicate() ? whole_id_of(evidence, id) : std::nullopt;
      const std::vector<const StoredEvent*>& stored = msg_id ? holders[stream->key][*msg_id] : copies[stream->key][record.content()];
      const bool is_there = std::any_of(stored.begin(), stored.end(), [&](const StoredEvent* each) { return each->seq == record.seq(); });
      // A crash between the write and the word of it: the repeat's answer names a copy of which nobody heard.
      const bool is_unheard = record.is_duplicate() && (crashed_between(evidence, *stream, record.published_at(), record.settled_at()) ||
                                                        (record.seq().value > 0 && !was_heard_of(evidence, *stream, record.seq()) &&
                                                         crashed_between(evidence, *stream, kTimeZero, record.settled_at())));
      const bool burns_sequences = stream->spec != nullptr && stream->spec->retention == Retention::interest && record.seq().value > 0;
      if (is_there || is_unheard || (stored.empty() && burns_sequences) ||
          was_of_no_interest(evidence, *stream, record.seq(), core::hash_bytes(subject_of(evidence, id))))
        return true;
      Divergence d;
      d.invariant = "pub-ack-truthful";
      d.stream = stream->key.stream;
      d.node = stream->node;
      d.message = evidence.ledger.name_of(id);
      d.first_seq = record.seq();
      d.at = record.settled_at();
      d.expected = d.message + " is stored under the sequence that its publisher was told, " + std::to_string(record.seq().value);
      d.actual = stored.empty() ? "it was never stored" : "it was stored under " + std::to_string(stored.front()->seq.value);
      out.push_back(std::move(d));
      return false;  // one a workload
    });
  }
  return out;
}

// Two messages with one id within the window, and repeats that were told something else than where the first copy is.
std::vector<Divergence> check_dedup_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  const std::map<std::uint64_t, MsgId> ids = ids_of(evidence);
  if (ids.empty()) return out;
  const bool is_stepped = has_clock_faults(evidence.scenario);
  std::map<StreamKey, Holders> holders;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr || stream.spec == nullptr || stream.spec->mirror || !stream.spec->sources.empty()) continue;
    std::set<core::Seq> removed;
    for (const StreamLife::Removal& removal : life->removed) removed.insert(removal.seq);
    const Holders& own = holders[stream.key] = holders_of(*life, ids);
    for (const auto& [id, stored] : own) {
      const StoredEvent* first = nullptr;
      const StoredEvent* again = nullptr;
      for (std::size_t i = 1; i < stored.size() && again == nullptr; ++i) {
        first = stored[i - 1];
        // Over a restart only what the stream still has is known; and a wall clock that is stepped moves the window, also if it is
        // stepped back again.
        const bool is_forgotten = is_stepped ||
                                  (life->recovered_between(first->at, stored[i]->at) &&
                                   (removed.contains(first->seq) || may_be_lost(evidence, stream, first->seq, first->at))) ||
                                  stored[i]->at - first->at >= stream.window_min ||
                                  stored[i]->time - first->time >= stream.window_min.count() || stored[i]->time < first->time;
        if (!is_forgotten) again = stored[i];
      }
      if (again == nullptr) continue;
      Divergence d = about("dedup-exact", stream, again->seq, again->at);
      d.expected = "message id " + text_of(evidence, id) + " is stored once within the window";
      d.actual = "it is stored as " + std::to_string(first->seq.value) + ", and again as " + std::to_string(again->seq.value);
      out.push_back(std::move(d));
      break;
    }
  }
  const std::vector<Ledger::Book>& books = evidence.ledger.books();
  for (std::size_t w = 0; w < books.size(); ++w) {
    books[w].each([&](std::uint64_t i, const PublishRecord&) {
      std::optional<Divergence> d = misled_repeat(evidence, holders, {static_cast<std::uint16_t>(w), i});
      if (d) out.push_back(std::move(*d));
      return !d;  // one a workload
    });
  }
  return out;
}

}  // namespace windtunnel::scenarios
