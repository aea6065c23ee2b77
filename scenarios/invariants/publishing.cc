// The invariants of what publishers are told, by what the streams said that they stored (reference: defect corpus,
// pub-ack-truthful and dedup-exact).

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "scenarios/api_answer.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_pub_ack_truthful(const Evidence& evidence);
std::vector<Divergence> check_dedup_exact(const Evidence& evidence);

namespace {

std::string text_of(const Evidence& evidence, PublishId id) {
  return evidence.ledger.books()[id.workload].name + "#" + std::to_string(id.index);
}

bool restarted_between(const StreamLife& life, core::Instant from, core::Instant to) {
  return std::any_of(life.recoveries.begin(), life.recoveries.end(), [&](core::Instant at) { return at >= from && at <= to; });
}

// What a stream stored of one message of ours: by its content, which carries its identity.
using Copies = std::map<std::uint64_t, std::vector<const StoredEvent*>>;

Copies copies_of(const StreamLife& life) {
  Copies out;
  for (const StoredEvent& stored : life.stored) out[stored.content].push_back(&stored);
  return out;
}

}  // namespace

std::vector<Divergence> check_pub_ack_truthful(const Evidence& evidence) {
  std::vector<Divergence> out;
  std::map<StreamKey, Copies> copies;
  for (const auto& [key, life] : evidence.history.lives()) copies[key] = copies_of(life);
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    const Ledger::Book& book = evidence.ledger.books()[w];
    book.each([&](std::uint64_t i, const PublishRecord& record) {
      const FinalStream* stream = record.outcome() == Outcome::acked ? stream_of_ack(evidence, record) : nullptr;
      if (stream == nullptr) return true;  // publish-outcome-known's business
      const std::vector<const StoredEvent*>& stored = copies[stream->key][record.content()];
      const bool is_there = std::any_of(stored.begin(), stored.end(), [&](const StoredEvent* each) { return each->seq == record.seq(); });
      // A crash between the write and the word of it: the repeat's answer names a copy of which nobody heard.
      const bool is_unheard = record.is_duplicate() && crashed_between(evidence, *stream, record.published_at(), record.settled_at());
      const bool burns_sequences = stream->spec != nullptr && stream->spec->retention == Retention::interest;
      if (is_there || is_unheard || (stored.empty() && burns_sequences)) return true;
      const PublishId id{static_cast<std::uint16_t>(w), i};
      Divergence d;
      d.invariant = "pub-ack-truthful";
      d.stream = stream->key.stream;
      d.node = stream->node;
      d.message = text_of(evidence, id);
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

// Twice the same content within the window: its messages carry an id, or are the same by chance of nobody.
std::vector<Divergence> check_dedup_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  std::set<std::uint64_t> with_id;  // contents
  for (const Ledger::Book& book : evidence.ledger.books()) {
    const WorkloadSpec* spec = evidence.scenario.workload(book.name);
    const auto* publish = spec == nullptr ? nullptr : std::get_if<PublishSpec>(&spec->work);
    if (publish == nullptr || !publish->msg_id) continue;
    book.each([&](std::uint64_t, const PublishRecord& record) {
      with_id.insert(record.content());
      return true;
    });
  }
  if (with_id.empty()) return out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr || stream.spec == nullptr || stream.spec->mirror || !stream.spec->sources.empty()) continue;
    const core::Duration window = duplicate_window(stream.spec->create_body);
    std::set<core::Seq> removed;
    for (const StreamLife::Removal& removal : life->removed) removed.insert(removal.seq);
    for (const auto& [content, stored] : copies_of(*life)) {
      if (!with_id.contains(content)) continue;
      const StoredEvent* again = nullptr;
      for (std::size_t i = 1; i < stored.size() && again == nullptr; ++i) {
        const StoredEvent& first = *stored[i - 1];
        // Over a restart only what the stream still has is known; and a wall clock that is stepped moves the window.
        const bool is_forgotten = (restarted_between(*life, first.at, stored[i]->at) &&
                                   (removed.contains(first.seq) || may_be_lost(evidence, stream, first.seq, first.at))) ||
                                  stored[i]->at - first.at >= window || stored[i]->time - first.time >= window.count() ||
                                  stored[i]->time < first.time;
        if (!is_forgotten) again = stored[i];
      }
      if (again == nullptr) continue;
      Divergence d;
      d.invariant = "dedup-exact";
      d.stream = stream.key.stream;
      d.node = stream.node;
      d.first_seq = again->seq;
      d.at = again->at;
      d.expected = "a message id is stored once within the window";
      d.actual =
          "what sequence " + std::to_string(stored.front()->seq.value) + " has was stored again as " + std::to_string(again->seq.value);
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

}  // namespace windtunnel::scenarios
