// The invariants of retention and of consumers (reference: defect corpus, "Retention and consumers").

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/health.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_retention_only_removes_acked(const Evidence& evidence);
std::vector<Divergence> check_no_orphans(const Evidence& evidence);
std::vector<Divergence> check_ack_effective_before_reply(const Evidence& evidence);
std::vector<Divergence> check_at_least_once(const Evidence& evidence);
std::vector<Divergence> check_delivery_count_monotone(const Evidence& evidence);
std::vector<Divergence> check_ack_floor(const Evidence& evidence);
std::vector<Divergence> check_num_pending_exact(const Evidence& evidence);
std::vector<Divergence> check_ack_pending_bounded(const Evidence& evidence);
std::vector<Divergence> check_consumer_survives(const Evidence& evidence);

namespace {

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

// Whether the node lost its power in that time, and with it perhaps what it had written.
bool had_power_loss(const Evidence& evidence, sim::NodeId node, core::Instant from, core::Instant to) {
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return std::any_of(crashes.begin(), crashes.end(),
                     [&](const Crash& crash) { return crash.node == node && crash.is_power_loss && crash.at >= from && crash.at <= to; });
}

// Whether messages of that subject (its hash) are the consumer's; nullopt where a wildcard makes that unknowable from a hash.
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
  const auto found = evidence.history.consumers().find(ConsumerKey{consumer.stream, consumer.name});
  return found == evidence.history.consumers().end() ? kNone : found->second;
}

ConsumerKey key_of(const FinalConsumer& consumer) { return {consumer.stream, consumer.name}; }

// When each sequence was first acknowledged to a consumer.
struct Acks {
  std::map<core::Seq, core::Instant> each;
  std::vector<std::pair<core::Instant, core::Seq>> up_to;  // of ack policies all and none: everything up to there

  [[nodiscard]] bool has(core::Seq seq, core::Instant by) const {
    if (const auto found = each.find(seq); found != each.end() && found->second <= by) return true;
    return std::any_of(up_to.begin(), up_to.end(), [&](const auto& ack) { return ack.first <= by && ack.second >= seq; });
  }
};

Acks acks_of(const Evidence& evidence, const FinalConsumer& consumer, core::Instant since = {}) {
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
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) { return is_unwritten(evidence, consumer, at, crash); });
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
    if (!has_retention(stream) || is_disk_sick(evidence, stream)) continue;  // what cannot be removed stays
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

constexpr core::Duration kServed = std::chrono::seconds{5};  // no pull waits longer by default

bool is_served_at_end(const Evidence& evidence, const FinalConsumer& consumer) {
  const std::vector<ConsumerEvent>& events = events_of(evidence, consumer);
  return std::any_of(events.rbegin(), events.rend(),
                     [&](const ConsumerEvent& event) { return !event.is_ack && core::after(event.at, kServed) >= evidence.end.at; });
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
    // Whoever asks and acknowledges gets everything there is, in time: one that is slow, or far away, is still served.
    if (!consumer.is_asked_to_the_end || consumer.num_pending == 0 || is_served_at_end(evidence, consumer)) continue;
    Divergence d = about(evidence, "at-least-once", consumer);
    d.expected = "consumer " + consumer.name + " has nothing left to deliver: its application asks for more";
    d.actual = std::to_string(consumer.num_pending) + " messages were never delivered";
    out.push_back(std::move(d));
  }
  return out;
}

std::vector<Divergence> check_delivery_count_monotone(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const auto& watched : evidence.history.consumers()) {
    const ConsumerKey& key = watched.first;
    const StreamLife* life = evidence.history.life(key.stream);
    std::map<core::Seq, const ConsumerEvent*> last;
    for (const ConsumerEvent& event : watched.second) {
      if (event.is_ack) continue;
      const ConsumerEvent* before = std::exchange(last[event.seq], &event);
      if (before == nullptr ? event.count == 1 : event.count > before->count) continue;
      // What a crash made it forget it counts anew, and a sequence that was used again is another message.
      const std::vector<Crash>& crashes = evidence.history.crashes();
      const bool has_forgotten = std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) {
        return crash.node == key.stream.node && (before == nullptr || crash.at >= before->at) && crash.at <= event.at;
      });
      const bool is_renewed = before != nullptr && evidence.changes.may_be_renewed(key, before->at, event.at);
      if (has_forgotten || is_renewed || had_damage(evidence, key.stream) || (life != nullptr && life->at(event.seq).size() > 1)) continue;
      Divergence d;
      d.invariant = "delivery-count-monotone";
      d.stream = key.stream.stream;
      for (const FinalStream& stream : evidence.end.streams) {
        if (stream.key == key.stream) d.node = stream.node;
      }
      d.first_seq = event.seq;
      d.at = event.at;
      d.expected = "consumer " + key.consumer + " delivers sequence " + std::to_string(event.seq.value) + " with the count " +
                   std::to_string(before == nullptr ? 1 : before->count + 1);
      d.actual = "its count is " + std::to_string(event.count);
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

namespace {

// A message that its consumer has delivered and that nobody has acknowledged, though the floor says so.
const FinalMessage* passed_by_floor(const Evidence& evidence, const FinalConsumer& consumer, const FinalStream* stream) {
  const bool is_judged = stream != nullptr && consumer.ack == AckPolicy::explicit_ && consumer.max_deliver == 0;
  if (!is_judged || had_damage(evidence, consumer.stream)) return nullptr;
  const Acks acks = acks_of(evidence, consumer);
  const core::Instant since = evidence.changes.last_deletion(key_of(consumer));
  std::set<core::Seq> delivered;
  for (const ConsumerEvent& event : events_of(evidence, consumer)) {
    if (!event.is_ack && event.at >= since) delivered.insert(event.seq);
  }
  const StreamLife* life = evidence.history.life(stream->key);
  for (const FinalMessage& message : stream->messages) {
    if (message.seq > consumer.ack_floor) break;
    const bool is_another = life != nullptr && life->at(message.seq).size() > 1;  // the sequence was used again
    if (!is_another && delivered.contains(message.seq) && !acks.each.contains(message.seq)) return &message;
  }
  return nullptr;
}

// A message that runs out of deliveries holds the floor in a consumer's file, though the one in memory may pass it: an orderly restart
// between `from` and `to` begins with the lower one, as 2.10.27's does (tests/fixtures/consumer_state). It lies right below such a
// message: of what was delivered above `floor`, the first was delivered as often as it may be.
bool is_held_by_exhausted(const Evidence& evidence, const FinalConsumer& consumer, core::Seq floor, core::Instant from, core::Instant to) {
  const StreamLife* life = evidence.history.life(consumer.stream);
  if (consumer.max_deliver == 0 || life == nullptr || !life->recovered_between(from, to)) return false;
  core::Seq first;
  std::uint64_t deliveries = 0;
  const core::Instant since = evidence.changes.last_creation(key_of(consumer));
  for (const ConsumerEvent& event : events_of(evidence, consumer)) {
    if (event.is_ack || event.at < since || event.at > to || event.seq <= floor) continue;
    if (first.value > 0 && event.seq > first) continue;
    deliveries = event.seq == first ? std::max(deliveries, event.count) : event.count;
    first = event.seq;
  }
  return first.value > 0 && deliveries >= consumer.max_deliver;
}

}  // namespace

namespace {

// Whether a crash may have left the consumer with a state that is older than that.
bool may_know_no_more(const Evidence& evidence, const FinalConsumer& consumer, core::Instant at) {
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return had_damage(evidence, consumer.stream) || std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) {
           return is_unwritten(evidence, key_of(consumer), at, crash) ||
                  (crash.node == consumer.stream.node && crash.is_power_loss && crash.at >= at);
         });
}

}  // namespace

std::vector<Divergence> check_ack_floor(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    if (!consumer.exists || consumer.ack == AckPolicy::none) continue;
    Divergence d = about(evidence, "ack-floor-monotone-and-tight", consumer);
    d.first_seq = consumer.ack_floor;
    for (const FinalConsumer::FloorStep& step : consumer.floor_steps_back) {
      const FinalStream* stream = evidence.end.find(consumer.node, consumer.stream.stream);
      if (stream == nullptr || crashed_between(evidence, *stream, step.before, step.at)) continue;
      if (evidence.changes.may_be_renewed(key_of(consumer), step.before, step.at)) continue;
      const core::Instant created_at = evidence.history.created_at(key_of(consumer));
      if (created_at != core::kForever && step.before < created_at) continue;  // it was just being made
      if (is_held_by_exhausted(evidence, consumer, step.to, step.before, step.at)) continue;
      d.at = step.at;
      d.expected = "the ack floor of consumer " + consumer.name + " never decreases from " + std::to_string(step.from.value);
      d.actual = "it is " + std::to_string(step.to.value);
      out.push_back(d);
      break;
    }
    const FinalStream* stream = stream_of(evidence, consumer);
    if (const FinalMessage* passed = passed_by_floor(evidence, consumer, stream)) {
      d.at = evidence.end.at;
      d.first_seq = passed->seq;
      d.expected = "sequence " + std::to_string(passed->seq.value) +
                   ", delivered and not acknowledged, is above the ack floor of consumer " + consumer.name;
      d.actual = "the floor is " + std::to_string(consumer.ack_floor.value) + ": it will not be delivered again";
      out.push_back(std::move(d));
      continue;
    }
    if (consumer.num_ack_pending > 0 || stream == nullptr || !stream->unreadable.empty()) continue;
    if (is_held_by_exhausted(evidence, consumer, consumer.ack_floor, kTimeZero, evidence.end.at)) continue;
    // Between the two there may be what it does not want.
    const bool is_tight = std::none_of(stream->messages.begin(), stream->messages.end(), [&](const FinalMessage& message) {
      return message.seq > consumer.ack_floor && message.seq <= consumer.delivered && wants(consumer, message.subject) == true;
    });
    // What it passed over without delivering it, since it was gone, does not move the floor.
    const core::Instant since = evidence.changes.last_creation(key_of(consumer));
    const std::vector<ConsumerEvent>& events = events_of(evidence, consumer);
    const bool was_delivered_above = std::any_of(events.begin(), events.end(), [&](const ConsumerEvent& event) {
      return !event.is_ack && event.at >= since && event.seq > consumer.ack_floor && event.seq <= consumer.delivered &&
             !may_know_no_more(evidence, consumer, event.at);
    });
    const bool is_whole = !consumer.filters.empty() || consumer.ack_floor == consumer.delivered || !was_delivered_above;
    if (is_tight && is_whole) continue;
    d.at = evidence.end.at;
    d.expected = "the ack floor of consumer " + consumer.name + " is what it delivered last, " + std::to_string(consumer.delivered.value) +
                 ": nothing is pending";
    d.actual = "it is " + std::to_string(consumer.ack_floor.value);
    out.push_back(std::move(d));
  }
  return out;
}

std::vector<Divergence> check_num_pending_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    const FinalStream* stream = stream_of(evidence, consumer);
    if (!consumer.exists || stream == nullptr || !consumer.delivers_all || !stream->unreadable.empty()) continue;
    std::uint64_t pending = 0;
    bool is_certain = true;
    for (const FinalMessage& message : stream->messages) {
      if (message.seq <= consumer.delivered) continue;
      const std::optional<bool> is_wanted = wants(consumer, message.subject);
      is_certain = is_certain && is_wanted.has_value();
      pending += is_wanted == true ? 1 : 0;
    }
    if (!is_certain || pending == consumer.num_pending) continue;
    Divergence d = about(evidence, "num-pending-exact", consumer);
    d.expected = "consumer " + consumer.name + " has " + std::to_string(pending) + " messages still to deliver";
    d.actual = "it says " + std::to_string(consumer.num_pending);
    out.push_back(std::move(d));
  }
  return out;
}

std::vector<Divergence> check_ack_pending_bounded(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    const FinalStream* stream = stream_of(evidence, consumer);
    if (!consumer.exists || stream == nullptr || consumer.ack != AckPolicy::explicit_) continue;
    // A pending entry is a live message that was delivered.
    const auto live =
        static_cast<std::uint64_t>(std::count_if(stream->messages.begin(), stream->messages.end(), [&](const FinalMessage& m) {
          return m.seq <= consumer.delivered && wants(consumer, m.subject) != false;
        }));
    // After a crash an entry may stand for a message that had left: it goes when its turn to be delivered again comes.
    const bool had_crash = crashed_between(evidence, *stream, kTimeZero, evidence.end.at);
    const std::uint64_t most = had_crash ? consumer.max_ack_pending : std::min(consumer.max_ack_pending, live + stream->unreadable.size());
    if (consumer.num_ack_pending <= most) continue;
    Divergence d = about(evidence, "ack-pending-bounded", consumer);
    d.expected = "consumer " + consumer.name + " has at most " + std::to_string(most) + " pending: " + std::to_string(live) +
                 " live messages that it delivered, and max_ack_pending " + std::to_string(consumer.max_ack_pending);
    d.actual = "it has " + std::to_string(consumer.num_ack_pending);
    out.push_back(std::move(d));
  }
  return out;
}

std::vector<Divergence> check_consumer_survives(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    if (consumer.exists || !consumer.is_durable || stream_of(evidence, consumer) == nullptr) continue;
    if (!consumer.is_listed && events_of(evidence, consumer).empty()) continue;  // a workload's own: nobody knows that it ever was
    if (had_damage(evidence, consumer.stream) || evidence.changes.may_be_absent(key_of(consumer), evidence.end.at)) continue;
    Divergence d = about(evidence, "consumer-survives", consumer);
    d.expected = "the durable consumer " + consumer.name + " exists: nobody deleted it";
    d.actual = "it is gone";
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
