// The invariants of where a consumer stands: its counts of deliveries, its ack floor, what is pending (reference: defect corpus,
// "Retention and consumers").

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/invariants/consumer_history.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_delivery_count_monotone(const Evidence& evidence);
std::vector<Divergence> check_ack_floor(const Evidence& evidence);
std::vector<Divergence> check_num_pending_exact(const Evidence& evidence);
std::vector<Divergence> check_ack_pending_bounded(const Evidence& evidence);
std::vector<Divergence> check_consumer_survives(const Evidence& evidence);

namespace {

// Whether an end of its process, an orderly one included, may have cost the consumer what it knew at `from`: nothing could be written, or
// is ever.
bool is_state_lost(const Evidence& evidence, const ConsumerKey& key, core::Instant from, core::Instant to) {
  return may_be_unwritten(evidence, key, from, to) || ended_with_process(evidence, key, from, to);
}

}  // namespace

std::vector<Divergence> check_delivery_count_monotone(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const auto& watched : evidence.history.consumers()) {
    const ConsumerKey& key = watched.first;
    const StreamLife* life = evidence.history.life(key.stream);
    std::map<core::Seq, const ConsumerEvent*> last;
    for (const ConsumerEvent& event : watched.second) {
      if (event.is_ack) continue;
      const ConsumerEvent* before = std::exchange(last[event.seq], &event);
      const std::uint64_t counted = before == nullptr ? 0 : before->count - (before->is_untaken ? 1 : 0);
      if (event.count > counted && (before != nullptr || event.count == 1)) continue;
      // What a crash made it forget it counts anew, and a sequence that was used again is another message.
      const std::vector<Crash>& crashes = evidence.history.crashes();
      const bool has_crashed = std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) {
        return crash.node == key.stream.node && (before == nullptr || crash.at >= before->at) && crash.at <= event.at;
      });
      const bool has_forgotten = has_crashed || (before != nullptr && is_state_lost(evidence, key, before->at, event.at));
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
                   std::to_string(counted + 1);
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

// From the moment at which the floor may close: the core's timer, and the work that it comes upon.
constexpr core::Duration kFloorSlack = std::chrono::milliseconds{100};

// With nothing pending the floor moves to the last delivery one ack wait after the last message ran out of deliveries, not at once
// (docs/fidelity.md, "Messages out of deliveries").
bool is_yet_to_close(const Evidence& evidence, const FinalConsumer& consumer) {
  const std::optional<core::Instant> exhausted = evidence.history.exhausted_at(key_of(consumer));
  return consumer.max_deliver > 0 && exhausted && core::after(*exhausted, consumer.ack_wait + kFloorSlack) >= evidence.end.at;
}

// Whether a crash may have left the consumer with a state that is older than that.
bool may_know_no_more(const Evidence& evidence, const FinalConsumer& consumer, core::Instant at) {
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return had_damage(evidence, consumer.stream) || may_be_unwritten(evidence, key_of(consumer), at, core::kForever) ||
         std::any_of(crashes.begin(), crashes.end(),
                     [&](const Crash& crash) { return crash.node == consumer.stream.node && crash.is_power_loss && crash.at >= at; });
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
      if (is_state_lost(evidence, key_of(consumer), step.before, step.at)) continue;
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
    if (is_yet_to_close(evidence, consumer)) continue;
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
    if (ended_with_process(evidence, key_of(consumer), evidence.changes.last_creation(key_of(consumer)), evidence.end.at)) continue;
    Divergence d = about(evidence, "consumer-survives", consumer);
    d.expected = "the durable consumer " + consumer.name + " exists: nobody deleted it";
    d.actual = "it is gone";
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
