// The invariants of retention and of delivery: what may leave a stream, and what must reach its consumers (reference: defect corpus,
// "Retention and consumers").

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/client/jetstream_client.h"
#include "scenarios/consumption.h"
#include "scenarios/invariants/consumer_history.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/health.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/sync_bound.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_retention_only_removes_acked(const Evidence& evidence);
std::vector<Divergence> check_no_orphans(const Evidence& evidence);
std::vector<Divergence> check_ack_effective_before_reply(const Evidence& evidence);
std::vector<Divergence> check_at_least_once(const Evidence& evidence);

namespace {

// Whether the node lost its power in that time, and with it perhaps what it had written.
bool had_power_loss(const Evidence& evidence, sim::NodeId node, core::Instant from, core::Instant to) {
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return std::any_of(crashes.begin(), crashes.end(),
                     [&](const Crash& crash) { return crash.node == node && crash.is_power_loss && crash.at >= from && crash.at <= to; });
}

// The consumers of a stream that the harness knows, with what was acknowledged to them; or only to those that are there now, and not
// to what they were before an operator deleted them.
std::vector<std::pair<const FinalConsumer*, Acks>> consumers_of(const Evidence& evidence, const FinalStream& stream, bool only_now) {
  std::vector<std::pair<const FinalConsumer*, Acks>> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    if (consumer.stream != stream.key) continue;
    const bool never_was = !consumer.exists && !consumer.is_listed && events_of(evidence, consumer).empty();
    if (never_was) continue;  // a workload asked for it, and was refused
    const core::Instant since = only_now ? evidence.changes.last_deletion(key_of(consumer)) : core::Instant{};
    out.emplace_back(&consumer, acks_of(evidence, consumer, since));
  }
  return out;
}

bool has_retention(const FinalStream& stream) { return stream.is_readable && stream.spec->retention != Retention::limits; }

}  // namespace

std::vector<Divergence> check_retention_only_removes_acked(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    // What other limits take nobody has to acknowledge, and what a fault damaged nobody can.
    if (!has_retention(stream) || life == nullptr || stream.limits.evicts() || stream.limits.max_age.count() > 0 ||
        stream.limits.allows_rollup || had_damage(evidence, stream.key))
      continue;
    const auto consumers = consumers_of(evidence, stream, /*only_now=*/false);
    if (consumers.empty()) continue;
    std::set<core::Seq> gone;  // rightly
    for (const StreamLife::Removal& removal : life->removed) {
      const std::vector<const StoredEvent*> stored = life->at(removal.seq);
      if (gone.contains(removal.seq) && stored.size() < 2) continue;  // recovery says it again
      if (stored.empty() || may_be_asked_for(evidence, stream, removal.seq, stored.back()->at)) continue;
      // With the last acknowledgement it is decided that the message goes; that may take the disk a while.
      core::Instant decided = kTimeZero;
      for (const auto& [consumer, acks] : consumers) {
        const auto ack = acks.each.find(removal.seq);
        if (ack != acks.each.end() && ack->second <= removal.at) decided = std::max(decided, ack->second);
      }
      if (decided == kTimeZero) decided = removal.at;
      const bool is_acked = std::all_of(consumers.begin(), consumers.end(), [&](const auto& each) {
        const std::optional<bool> is_wanted = wants(*each.first, stored.back()->subject);
        // Nobody waits for who has yet to come, nor, where interest is what counts, for who is not there, then or when it has left.
        const bool is_to_come = evidence.history.created_at(key_of(*each.first)) > removal.at;
        const bool is_gone =
            stream.spec->retention == Retention::interest && (evidence.changes.may_be_absent(key_of(*each.first), removal.at) ||
                                                              evidence.changes.may_be_absent(key_of(*each.first), decided));
        return is_wanted != true || is_to_come || is_gone || each.second.has(removal.seq, removal.at);
      });
      const bool has_owner = std::any_of(consumers.begin(), consumers.end(),
                                         [&](const auto& each) { return wants(*each.first, stored.back()->subject) != false; });
      if (is_acked && (has_owner || stream.spec->retention == Retention::interest)) {
        gone.insert(removal.seq);
        continue;
      }
      Divergence d = about("retention-only-removes-acked", stream, removal.seq, evidence.end.at);
      d.at = removal.at;
      d.expected = "sequence " + std::to_string(removal.seq.value) + " stays until every consumer that wants it has acknowledged it";
      d.actual = "it was removed";
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

namespace {

// Whether a crash came before an ack was written down, and nobody had been told that it counts: its consumer waits for it again, and
// there may be no application any more that asks. With other consumers a message stays when one has been told, and shows nothing of it.
bool may_be_forgotten(const Evidence& evidence, const FinalStream& stream, const ConsumerKey& consumer, core::Seq seq, core::Instant at,
                      bool is_alone) {
  const auto is_told = [&](const History::ConfirmedAck& each) {
    return each.seq == seq && each.node == stream.node && each.stream == stream.key.stream && each.at >= at;
  };
  const std::vector<History::ConfirmedAck>& told = evidence.history.confirmed_acks();
  if (is_alone && std::any_of(told.begin(), told.end(), is_told)) return false;
  return may_be_unwritten(evidence, consumer, at, evidence.end.at);
}

// Whether a copy may wait for the message by a consumer of its own: it did not answer, or its node lost its memory, or more, and with it
// the answer, or what the copy knows the stream by.
bool may_wait_for_copy(const Evidence& evidence, const FinalStream& stream, core::Seq seq) {
  const std::vector<FinalConsumer>& known = evidence.end.consumers;
  for (const auto& watched : evidence.history.consumers()) {
    const auto is_it = [&](const FinalConsumer& each) { return key_of(each) == watched.first; };
    if (watched.first.stream != stream.key || std::any_of(known.begin(), known.end(), is_it)) continue;
    if (crashed_between(evidence, stream, core::Instant{}, evidence.end.at)) return true;
    const auto is_of = [seq](bool is_ack) {
      return [=](const ConsumerEvent& event) { return event.seq == seq && event.is_ack == is_ack; };
    };
    const std::vector<ConsumerEvent>& events = watched.second;
    if (std::any_of(events.begin(), events.end(), is_of(false)) && std::none_of(events.begin(), events.end(), is_of(true))) return true;
  }
  return false;
}

}  // namespace

std::vector<Divergence> check_no_orphans(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    if (!has_retention(stream) || is_disk_sick(evidence, stream, evidence.end.at, evidence.end.at))
      continue;  // what cannot be removed stays
    const auto consumers = consumers_of(evidence, stream, /*only_now=*/true);
    for (const FinalMessage& message : stream.messages) {
      bool is_wanted = consumers.empty();
      core::Instant acked_at = kTimeZero;
      for (const auto& [consumer, acks] : consumers) {
        if (wants(*consumer, message.subject) == false) continue;
        const auto ack = acks.each.find(message.seq);
        // What is acknowledged while the end is read may have been read before.
        if (ack == acks.each.end() || ack->second >= evidence.end.at ||
            may_be_forgotten(evidence, stream, key_of(*consumer), message.seq, ack->second, consumers.size() == 1)) {
          is_wanted = true;
          break;
        }
        acked_at = std::max(acked_at, ack->second);
      }
      const bool has_owner =
          std::any_of(consumers.begin(), consumers.end(), [&](const auto& each) { return wants(*each.first, message.subject) == true; });
      if (is_wanted || !has_owner || may_come_back(evidence, stream, message.seq, acked_at)) continue;
      if (may_wait_for_copy(evidence, stream, message.seq)) continue;
      // A sequence that was used again is another message.
      const StreamLife* life = evidence.history.life(stream.key);
      if (life != nullptr && life->at(message.seq).size() > 1) continue;
      Divergence d = about("no-orphans", stream, message.seq, evidence.end.at);
      d.expected =
          "sequence " + std::to_string(message.seq.value) + " leaves the stream, for every consumer that wants it has acknowledged it";
      d.actual = "it is still there";
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_ack_effective_before_reply(const Evidence& evidence) {
  std::vector<Divergence> out;
  std::map<StreamKey, std::map<core::Seq, core::Instant>> removed;
  std::set<StreamKey> reported;
  for (const History::ConfirmedAck& confirmed : evidence.history.confirmed_acks()) {
    const FinalStream* stream = evidence.end.find(confirmed.node, confirmed.stream);
    if (stream == nullptr || stream->spec->retention != Retention::workqueue || reported.contains(stream->key)) continue;
    const StreamLife* life = evidence.history.life(stream->key);
    if (life == nullptr || had_damage(evidence, stream->key)) continue;
    std::map<core::Seq, core::Instant>& gone = removed[stream->key];
    if (gone.empty()) {
      for (const StreamLife::Removal& removal : life->removed) gone.try_emplace(removal.seq, removal.at);
    }
    // A power loss can take a message away without a removal.
    if (had_power_loss(evidence, stream->key.node, kTimeZero, confirmed.at)) continue;
    const auto removal = gone.find(confirmed.seq);
    if (removal != gone.end() && removal->second <= confirmed.at) continue;
    Divergence d = about("ack-effective-before-reply", *stream, confirmed.seq, evidence.end.at);
    d.at = confirmed.at;
    d.expected = "sequence " + std::to_string(confirmed.seq.value) + " has left the stream when its ack is confirmed";
    d.actual = removal == gone.end() ? "it never left" : "it left later";
    out.push_back(std::move(d));
    reported.insert(stream->key);
  }
  return out;
}

namespace {

// What the largest message of any workload carries.
std::uint64_t payload_max(const Scenario& scenario) {
  std::uint64_t most = 0;
  for (const WorkloadSpec& workload : scenario.workloads) {
    if (const auto* publish = std::get_if<PublishSpec>(&workload.work)) most = std::max(most, publish->size.high.value);
    if (const auto* loop = std::get_if<RepublishSpec>(&workload.work)) most = std::max(most, loop->size.high.value);
  }
  return most;
}

// How long an application that asks may be given nothing though there is something for it: a pull that is lost is waited for to its end;
// then it is asked for the next, whose messages come and are worked on and acknowledged one after the other.
core::Duration time_between_batches(const Evidence& evidence, const WorkloadSpec& reader, const ConsumeSpec& consume) {
  const std::set<std::string> nodes = way(evidence.scenario, reader.at, consume.on);
  const auto batch = static_cast<std::int64_t>(consume.batch);
  const Backlog backlog{.messages = consume.batch, .bytes = consume.batch * payload_max(evidence.scenario)};
  const core::Duration ack = std::min(consume.timeout, round_trip(evidence.scenario, nodes));
  const core::Duration each = consume.handler.work.high + (consume.ack == AckPolicy::explicit_ ? ack : core::Duration{0});
  return consume.expires + core::kStatusPatience + kAskAgain + transfer_bound(evidence.scenario, nodes, backlog) + batch * each + ack;
}

bool reads_from(const WorkloadSpec& workload, const FinalConsumer& consumer) {
  const auto* consume = std::get_if<ConsumeSpec>(&workload.work);
  return consume != nullptr && consume->on == consumer.node && consume->stream == consumer.stream.stream &&
         consume->consumer == consumer.name;
}

bool is_served_at_end(const Evidence& evidence, const FinalConsumer& consumer) {
  core::Duration patience{};
  for (const WorkloadSpec& workload : evidence.scenario.workloads) {
    if (!reads_from(workload, consumer)) continue;
    const auto& consume = std::get<ConsumeSpec>(workload.work);
    if (!consume.duration) patience = std::max(patience, time_between_batches(evidence, workload, consume));
  }
  const std::vector<ConsumerEvent>& events = events_of(evidence, consumer);
  return std::any_of(events.rbegin(), events.rend(),
                     [&](const ConsumerEvent& event) { return !event.is_ack && core::after(event.at, patience) >= evidence.end.at; });
}

// The longest that an application asks to be spared a message.
core::Duration nak_delay_max(const Evidence& evidence, const FinalConsumer& consumer) {
  core::Duration longest{};
  for (const WorkloadSpec& workload : evidence.scenario.workloads) {
    if (!reads_from(workload, consumer)) continue;
    const HandlerSpec& handler = std::get<ConsumeSpec>(workload.work).handler;
    const auto later = static_cast<std::size_t>(HandlerSpec::Answer::nak_later);
    if (handler.weights.size() > later && handler.weights[later] > 0) longest = std::max(longest, handler.nak_delay);
  }
  return longest;
}

// Beyond the time of a redelivery, for the consumer's timer and a removal or a look at the disk that it has under way.
constexpr core::Duration kRedeliverySlack = std::chrono::seconds{1};

// A message that nobody has acknowledged and that was due again when its readers, who had answered all that they had got, began a pull
// which the server ended for want of messages. Redeliveries go before everything else, so it had forgotten this one.
const FinalMessage* never_again(const Evidence& evidence, const FinalConsumer& consumer, const FinalStream& stream) {
  const std::map<std::string, PullReader>& readers = evidence.history.readers(key_of(consumer));
  const StreamLife* life = evidence.history.life(stream.key);
  if (consumer.ack == AckPolicy::none || consumer.is_paced || readers.empty() || life == nullptr) return nullptr;
  core::Instant asked_at{};
  core::Instant settled_at = life->recoveries.empty() ? core::Instant{} : life->recoveries.back();
  for (const auto& [name, reader] : readers) {
    if (!reader.settled_at) return nullptr;
    settled_at = std::max(settled_at, *reader.settled_at);
    asked_at = std::max(asked_at, reader.asked_at);
  }
  const core::Duration wait = std::max(consumer.ack_wait, nak_delay_max(evidence, consumer)) + kRedeliverySlack;
  if (core::after(settled_at, wait) >= asked_at || is_disk_sick(evidence, stream, asked_at, evidence.end.at)) return nullptr;
  if (evidence.history.slow_time(stream.key.node, "/streams/" + stream.key.stream, asked_at, evidence.end.at) > core::Duration{0})
    return nullptr;
  struct Last {
    core::Instant at;
    std::uint64_t count = 0;
  };
  std::map<core::Seq, Last> last;
  const core::Instant since = evidence.changes.last_deletion(key_of(consumer));
  for (const ConsumerEvent& event : events_of(evidence, consumer)) {
    if (event.is_ack || event.at < since) continue;
    Last& of = last[event.seq];
    of = {event.at, std::max(of.count, event.count)};
  }
  const Acks acks = acks_of(evidence, consumer, since);
  for (const FinalMessage& message : stream.messages) {
    const auto delivered = last.find(message.seq);
    if (delivered == last.end() || core::after(delivered->second.at, wait) >= asked_at) continue;
    if (consumer.max_deliver > 0 && delivered->second.count >= consumer.max_deliver) continue;
    const bool is_another = life->at(message.seq).size() > 1;  // the sequence was used again
    if (wants(consumer, message.subject) == true && !is_another && !acks.has(message.seq, evidence.end.at)) return &message;
  }
  return nullptr;
}

}  // namespace

std::vector<Divergence> check_at_least_once(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    const FinalStream* stream = stream_of(evidence, consumer);
    if (!consumer.exists || stream == nullptr || !consumer.delivers_all || had_damage(evidence, consumer.stream)) continue;
    std::set<core::Seq> delivered;
    const core::Instant since = evidence.changes.last_deletion(key_of(consumer));
    for (const ConsumerEvent& event : events_of(evidence, consumer)) {
      if (!event.is_ack && event.at >= since) delivered.insert(event.seq);
    }
    for (const FinalMessage& message : stream->messages) {
      if (message.seq > consumer.delivered || wants(consumer, message.subject) != true || delivered.contains(message.seq)) continue;
      Divergence d = about(evidence, "at-least-once", consumer);
      d.first_seq = message.seq;
      d.expected = "consumer " + consumer.name + " delivers sequence " + std::to_string(message.seq.value);
      d.actual = "it stands at " + std::to_string(consumer.delivered.value) + " and has never delivered it";
      out.push_back(std::move(d));
      break;
    }
    if (const FinalMessage* forgotten = never_again(evidence, consumer, *stream)) {
      Divergence d = about(evidence, "at-least-once", consumer);
      d.first_seq = forgotten->seq;
      d.expected = "consumer " + consumer.name + " delivers sequence " + std::to_string(forgotten->seq.value) +
                   " again, for nobody has acknowledged it";
      d.actual = "whoever asked for it got nothing, long after it was due";
      out.push_back(std::move(d));
      continue;
    }
    // Whoever asks and acknowledges gets everything there is, in time: one that is slow, or far away, is still served.
    if (!consumer.is_asked_to_the_end || consumer.num_pending == 0 || is_served_at_end(evidence, consumer)) continue;
    Divergence d = about(evidence, "at-least-once", consumer);
    d.expected = "consumer " + consumer.name + " has nothing left to deliver: its application asks for more";
    d.actual = std::to_string(consumer.num_pending) + " messages were never delivered";
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
