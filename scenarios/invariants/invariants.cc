#include "scenarios/invariants/invariants.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/base/hash.h"
#include "scenarios/invariants/durability.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_mirror_is_prefix(const Evidence& evidence);              // mirrors.cc
std::vector<Divergence> check_no_duplicate_in_mirror(const Evidence& evidence);        // mirrors.cc
std::vector<Divergence> check_sync_makes_progress(const Evidence& evidence);           // mirrors.cc
std::vector<Divergence> check_no_resurrection(const Evidence& evidence);               // storage.cc
std::vector<Divergence> check_first_seq_exact(const Evidence& evidence);               // storage.cc
std::vector<Divergence> check_corruption_is_surfaced(const Evidence& evidence);        // storage.cc
std::vector<Divergence> check_recovery_equals_precrash(const Evidence& evidence);      // recovery.cc
std::vector<Divergence> check_index_is_cache(const Evidence& evidence);                // recovery.cc
std::vector<Divergence> check_bounded_work(const Evidence& evidence);                  // storage.cc
std::vector<Divergence> check_block_size_bounded(const Evidence& evidence);            // storage.cc
std::vector<Divergence> check_consumer_state_durable(const Evidence& evidence);        // consumers.cc
std::vector<Divergence> check_consumer_not_ahead(const Evidence& evidence);            // consumers.cc
std::vector<Divergence> check_cas_exact(const Evidence& evidence);                     // key_value.cc
std::vector<Divergence> check_latest_per_subject_visible(const Evidence& evidence);    // key_value.cc
std::vector<Divergence> check_pub_ack_truthful(const Evidence& evidence);              // publishing.cc
std::vector<Divergence> check_dedup_exact(const Evidence& evidence);                   // publishing.cc
std::vector<Divergence> check_per_subject_limit(const Evidence& evidence);             // contents.cc
std::vector<Divergence> check_discard_new_never_evicts(const Evidence& evidence);      // contents.cc
std::vector<Divergence> check_purge_exact(const Evidence& evidence);                   // contents.cc
std::vector<Divergence> check_bounded_retry(const Evidence& evidence);                 // copies.cc
std::vector<Divergence> check_no_loss_after_offline(const Evidence& evidence);         // copies.cc
std::vector<Divergence> check_config_error_surfaced(const Evidence& evidence);         // copies.cc
std::vector<Divergence> check_expiry_exact(const Evidence& evidence);                  // contents.cc
std::vector<Divergence> check_retention_only_removes_acked(const Evidence& evidence);  // retention.cc
std::vector<Divergence> check_no_orphans(const Evidence& evidence);                    // retention.cc
std::vector<Divergence> check_ack_effective_before_reply(const Evidence& evidence);    // retention.cc
std::vector<Divergence> check_at_least_once(const Evidence& evidence);                 // retention.cc
std::vector<Divergence> check_delivery_count_monotone(const Evidence& evidence);       // positions.cc
std::vector<Divergence> check_ack_floor(const Evidence& evidence);                     // positions.cc
std::vector<Divergence> check_num_pending_exact(const Evidence& evidence);             // positions.cc
std::vector<Divergence> check_ack_pending_bounded(const Evidence& evidence);           // positions.cc
std::vector<Divergence> check_consumer_survives(const Evidence& evidence);             // positions.cc
std::vector<Divergence> check_stream_linearizable(const Evidence& evidence);           // stream_linearizable.cc
std::vector<Divergence> check_interest_matches(const Evidence& evidence);              // leafs.cc
std::vector<Divergence> check_no_forwarding_loop(const Evidence& evidence);            // leafs.cc

namespace {

const FinalMessage* message_at(const FinalStream& stream, core::Seq seq) {
  const auto it =
      std::lower_bound(stream.messages.begin(), stream.messages.end(), seq, [](const FinalMessage& m, core::Seq s) { return m.seq < s; });
  return it == stream.messages.end() || it->seq != seq ? nullptr : &*it;
}

std::vector<Divergence> check_acked_is_durable(const Evidence& evidence) {
  std::vector<Divergence> out;
  std::map<std::pair<std::string, std::string>, bool> reported;  // one a stream: the first in the ledger's order
  AckStreams acked_by{evidence};
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    const Ledger::Book& book = evidence.ledger.books()[w];
    book.each([&](std::uint64_t i, const PublishRecord& record) {
      if (record.outcome() != Outcome::acked) return true;
      const FinalStream* stream = acked_by.of(record);
      if (stream == nullptr) return true;  // publish-outcome-known's business
      const FinalMessage* message = message_at(*stream, record.seq());
      const PublishId id{static_cast<std::uint16_t>(w), i};
      if (message != nullptr && is_what_ack_names(evidence, id, record, message->id)) return true;
      if (may_be_lost(evidence, *stream, record) || was_removed_by_limits(*stream, record.seq())) return true;
      const auto [subject, since] = first_copy_of(evidence, *stream, id, record);
      if (was_of_no_interest(evidence, *stream, record.seq(), core::hash_bytes(subject))) return true;
      if (was_removed_on_request(evidence, *stream, record.seq(), subject, since)) return true;
      if (std::exchange(reported[{stream->node, stream->key.stream}], true)) return true;
      Divergence d;
      d.invariant = "acked-is-durable";
      d.expected = evidence.ledger.name_of(id) + " is readable: its publisher was told that it is " + stream->key.stream + " seq " +
                   std::to_string(record.seq().value);
      d.actual = message == nullptr ? "sequence " + std::to_string(record.seq().value) + " cannot be read; the stream ends at " +
                                          std::to_string(stream->state.last_seq.value)
                 : message->id.has_value() ? "the sequence holds " + evidence.ledger.name_of(*message->id)
                                           : "the sequence holds another message";
      d.stream = stream->key.stream;
      d.node = stream->node;
      d.message = evidence.ledger.name_of(id);
      d.first_seq = record.seq();
      d.at = evidence.end.at;
      out.push_back(std::move(d));
      return true;
    });
  }
  return out;
}

// Whether the stream ever said that it stored another message with the same id under that sequence.
bool was_first_stored(const Evidence& evidence, const FinalStream& stream, PublishId id, const PublishRecord& record) {
  const StreamLife* life = evidence.history.life(stream.key);
  const std::optional<std::uint64_t> msg_id = msg_id_of(evidence, id);
  if (life == nullptr || !msg_id) return false;
  bool was_stored = false;
  for (const StoredEvent* stored : life->at(record.seq())) {
    evidence.ledger.books()[id.workload].each([&](std::uint64_t i, const PublishRecord& other) {
      was_stored = was_stored || (other.content() == stored->content && msg_id_of(evidence, {id.workload, i}) == msg_id);
      return !was_stored;
    });
  }
  return was_stored;
}

// Whether another publish of the same id was told of the same sequence, after a crash that may have come between the write and the word
// of it.
bool was_stored_unsaid(const Evidence& evidence, const FinalStream& stream, PublishId id, const PublishRecord& record) {
  const StreamLife* life = evidence.history.life(stream.key);
  const std::optional<std::uint64_t> msg_id = msg_id_of(evidence, id);
  if (!record.is_duplicate() || !msg_id || life == nullptr || !life->at(record.seq()).empty()) return false;
  bool was_stored = false;
  evidence.ledger.books()[id.workload].each([&](std::uint64_t i, const PublishRecord& other) {
    was_stored = i != id.index && other.outcome() == Outcome::acked && other.seq() == record.seq() &&
                 msg_id_of(evidence, {id.workload, i}) == msg_id &&
                 crashed_between(evidence, stream, other.published_at(), other.settled_at());
    return !was_stored;
  });
  return was_stored;
}

std::vector<Divergence> check_publish_outcome_known(const Evidence& evidence) {
  std::vector<Divergence> out;
  AckStreams acked_by{evidence};
  const auto is_stored_as = [&](const FinalStream& stream, const PublishRecord& record) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr) return false;
    const std::vector<const StoredEvent*> stored = life->at(record.seq());
    return std::any_of(stored.begin(), stored.end(), [&](const StoredEvent* e) { return e->content == record.content(); });
  };
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    const Ledger::Book& book = evidence.ledger.books()[w];
    if (book.via != Via::jetstream) continue;
    book.each([&](std::uint64_t i, const PublishRecord& record) {
      Divergence d;
      d.invariant = "publish-outcome-known";
      d.at = record.settled_at();
      const PublishId id{static_cast<std::uint16_t>(w), i};
      d.message = evidence.ledger.name_of(id);
      if (record.outcome() == Outcome::pending) {
        // Whoever repeats until it is acknowledged waits as long as the stream cannot be opened.
        const bool waits_for_stream = std::any_of(evidence.end.streams.begin(), evidence.end.streams.end(),
                                                  [&](const FinalStream& stream) { return is_kept_shut(evidence, stream); });
        // One that is told each time that it is refused waits for nothing: it asks anew.
        if (waits_for_stream || record.is_refused_so_far()) return true;
        d.expected = evidence.ledger.name_of(id) + " ends in an acknowledgement, an error or a timeout";
        d.actual = "its publisher still waits";
      } else if (record.outcome() == Outcome::acked) {
        const FinalStream* stream = acked_by.of(record);
        const bool is_stored = stream != nullptr && is_stored_as(*stream, record);
        if (is_stored || (stream != nullptr && record.is_duplicate() && was_first_stored(evidence, *stream, id, record))) return true;
        if (stream != nullptr && was_of_no_interest(evidence, *stream, record.seq(), core::hash_bytes(subject_of(evidence, id))))
          return true;
        // Stored, and its node died before it could say so: the repetition after the restart was told of the copy.
        if (stream != nullptr && record.is_duplicate() && crashed_between(evidence, *stream, record.published_at(), record.settled_at()))
          return true;
        if (stream != nullptr && was_stored_unsaid(evidence, *stream, id, record)) return true;
        // Written before a crash that came before the word of it: the repeat's answer names what is there.
        const FinalMessage* there = stream == nullptr || !record.is_duplicate() ? nullptr : message_at(*stream, record.seq());
        if (there != nullptr && is_what_ack_names(evidence, id, record, there->id)) return true;
        const std::string named = evidence.ledger.stream_of(record.stream()) + " seq " + std::to_string(record.seq().value);
        d.expected = "the acknowledgement of " + evidence.ledger.name_of(id) + " (" + named + ") is backed by a stream";
        d.actual = stream == nullptr ? "there is no such stream" : "the stream never stored it under that sequence";
        d.stream = evidence.ledger.stream_of(record.stream());
        d.first_seq = record.seq();
        if (stream != nullptr) d.node = stream->node;
      } else {
        return true;
      }
      out.push_back(std::move(d));
      return false;  // one a workload
    });
  }
  return out;
}

bool states_losses(const Scenario& scenario, const std::string& workload) {
  for (const Expectation& expectation : scenario.expectations) {
    const auto* counted = std::get_if<WorkloadExpectation>(&expectation.what);
    if (counted == nullptr || counted->workload != workload) continue;
    for (const auto& [counter, bound] : counted->counters) {
      if (counter == Counter::lost) return true;
    }
  }
  return false;
}

// The lost messages of a workload that no stream had, or that the one which had them must not lose.
std::vector<std::uint64_t> illegally_lost(const Evidence& evidence, LostMessages& lost, std::uint16_t workload) {
  std::vector<std::uint64_t> out;
  for (const std::uint64_t index : lost.of(workload)) {
    const PublishRecord& record = evidence.ledger.at({workload, index});
    const bool may_be_gone = std::any_of(evidence.end.streams.begin(), evidence.end.streams.end(), [&](const FinalStream& stream) {
      const StreamLife* life = evidence.history.life(stream.key);
      if (life == nullptr) return false;
      return std::any_of(life->stored.begin(), life->stored.end(), [&](const StoredEvent& stored) {
        return stored.content == record.content() && may_be_lost(evidence, stream, stored.seq, stored.at);
      });
    });
    if (!may_be_gone) out.push_back(index);
  }
  return out;
}

std::vector<Divergence> check_no_silent_drop(const Evidence& evidence) {
  std::vector<Divergence> out;
  LostMessages all_lost{evidence};
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    const Ledger::Book& book = evidence.ledger.books()[w];
    if (states_losses(evidence.scenario, book.name)) continue;  // then the number is what is checked
    const std::vector<std::uint64_t> lost = illegally_lost(evidence, all_lost, static_cast<std::uint16_t>(w));
    if (lost.empty()) continue;
    const PublishId id{static_cast<std::uint16_t>(w), lost.front()};
    Divergence d;
    d.invariant = "no-silent-drop";
    d.expected =
        "every message of " + book.name + " is in a stream, or its publisher got an error, or the scenario states how many are lost";
    d.actual = std::to_string(lost.size()) + " of " + std::to_string(book.size()) + " vanished without an error, the first is " +
               evidence.ledger.name_of(id);
    d.message = evidence.ledger.name_of(id);
    d.at = evidence.ledger.at(id).published_at();
    out.push_back(std::move(d));
  }
  return out;
}

namespace {

// Where a stream that runs must be by what it has said since it last came back from its disk with less than it had had.
core::Seq last_seq_said(const StreamLife& life) {
  if (life.steps_back.empty()) return life.last_seq;
  const StreamLife::StepBack& step = life.steps_back.back();
  core::Seq last = step.to;
  for (const StoredEvent& stored : life.stored) last = stored.at > step.at ? std::max(last, stored.seq) : last;
  for (const StreamLife::Skip& skip : life.skips) last = skip.at > step.at ? std::max(last, skip.through) : last;
  return last;
}

}  // namespace

std::vector<Divergence> check_last_seq_monotone(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr) continue;
    if (const core::Seq said = last_seq_said(*life); stream.is_readable && stream.state.last_seq < said) {
      Divergence& d = out.emplace_back();
      d.invariant = "last-seq-monotone";
      d.expected = "the stream's last sequence stays at or above " + std::to_string(said.value);
      d.actual = "it went back to " + std::to_string(stream.state.last_seq.value) + " without a restart";
      d.stream = stream.key.stream;
      d.node = stream.node;
      d.first_seq = stream.state.last_seq.next();
      d.at = evidence.end.at;
      continue;
    }
    for (const StreamLife::StepBack& step : life->steps_back) {
      if (may_step_back(evidence, stream, step)) continue;
      Divergence d;
      d.invariant = "last-seq-monotone";
      d.expected = "the stream's last sequence stays at or above " + std::to_string(step.from.value);
      d.actual = "after a restart it is " + std::to_string(step.to.value);
      d.stream = stream.key.stream;
      d.node = stream.node;
      d.first_seq = step.to.next();
      d.at = step.at;
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_state_equals_contents(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    if (!stream.is_readable) continue;
    Divergence d;
    d.invariant = "state-equals-contents";
    d.stream = stream.key.stream;
    d.node = stream.node;
    d.at = evidence.end.at;
    const std::uint64_t readable = stream.messages.size() + stream.unreadable.size();  // an error is not silence
    if (stream.state.messages != readable) {
      d.expected = "the stream holds the " + std::to_string(stream.state.messages) + " messages that its state counts";
      d.actual = std::to_string(readable) + " can be read";
    } else if (!stream.messages.empty() && stream.unreadable.empty() &&
               (stream.messages.front().seq != stream.state.first_seq || stream.messages.back().seq > stream.state.last_seq)) {
      d.expected = "the stream's messages lie within its state's sequences " + std::to_string(stream.state.first_seq.value) + " to " +
                   std::to_string(stream.state.last_seq.value);
      d.actual = "they begin at " + std::to_string(stream.messages.front().seq.value) + " and end at " +
                 std::to_string(stream.messages.back().seq.value);
      d.first_seq = stream.messages.front().seq;
    } else {
      continue;
    }
    out.push_back(std::move(d));
  }
  return out;
}

constexpr std::array<Invariant, 40> kInvariants = {{
    {"acked-is-durable", check_acked_is_durable},
    {"publish-outcome-known", check_publish_outcome_known},
    {"no-silent-drop", check_no_silent_drop},
    {"mirror-is-prefix", check_mirror_is_prefix},
    {"no-duplicate-in-mirror", check_no_duplicate_in_mirror},
    {"sync-makes-progress", check_sync_makes_progress},
    {"bounded-retry", check_bounded_retry},
    {"no-loss-after-offline", check_no_loss_after_offline},
    {"config-error-surfaced", check_config_error_surfaced},
    {"last-seq-monotone", check_last_seq_monotone},
    {"state-equals-contents", check_state_equals_contents},
    {"no-resurrection", check_no_resurrection},
    {"first-seq-exact", check_first_seq_exact},
    {"index-is-cache", check_index_is_cache},
    {"recovery-equals-precrash", check_recovery_equals_precrash},
    {"corruption-is-surfaced", check_corruption_is_surfaced},
    {"bounded-work", check_bounded_work},
    {"block-size-bounded", check_block_size_bounded},
    {"consumer-state-durable", check_consumer_state_durable},
    {"consumer-not-ahead-of-stream", check_consumer_not_ahead},
    {"stream-linearizable", check_stream_linearizable},
    {"cas-exact", check_cas_exact},
    {"latest-per-subject-visible", check_latest_per_subject_visible},
    {"pub-ack-truthful", check_pub_ack_truthful},
    {"dedup-exact", check_dedup_exact},
    {"per-subject-limit", check_per_subject_limit},
    {"discard-new-never-evicts", check_discard_new_never_evicts},
    {"purge-exact", check_purge_exact},
    {"expiry-exact", check_expiry_exact},
    {"retention-only-removes-acked", check_retention_only_removes_acked},
    {"no-orphans", check_no_orphans},
    {"ack-effective-before-reply", check_ack_effective_before_reply},
    {"at-least-once", check_at_least_once},
    {"delivery-count-monotone", check_delivery_count_monotone},
    {"ack-floor-monotone-and-tight", check_ack_floor},
    {"num-pending-exact", check_num_pending_exact},
    {"ack-pending-bounded", check_ack_pending_bounded},
    {"consumer-survives", check_consumer_survives},
    {"interest-matches-subscriptions", check_interest_matches},
    {"no-forwarding-loop", check_no_forwarding_loop},
}};

}  // namespace

Divergence about(std::string_view invariant, const FinalStream& stream, core::Seq seq, core::Instant at) {
  Divergence d;
  d.invariant = std::string{invariant};
  d.stream = stream.key.stream;
  d.node = stream.node;
  d.first_seq = seq;
  d.at = at;
  return d;
}

std::span<const Invariant> invariants() { return kInvariants; }

const Invariant* check_of(std::string_view name) {
  const auto it = std::find_if(kInvariants.begin(), kInvariants.end(), [&](const Invariant& i) { return i.name == name; });
  return it == kInvariants.end() ? nullptr : &*it;
}

}  // namespace windtunnel::scenarios
