// The invariants of consumers' state.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "scenarios/invariants/consumer_history.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"
#include "sim/disk.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_consumer_state_durable(const Evidence& evidence);
std::vector<Divergence> check_consumer_not_ahead(const Evidence& evidence);

namespace {

// A consumer's state is written at most 100 ms after the write before it, each in some operations that take less than sim::kSlow.
// Those that take longer come on top.
constexpr core::Duration kFlushMax = std::chrono::seconds{1};
constexpr core::Duration kFlushPause = std::chrono::milliseconds{100};
constexpr int kOperationsMax = 5;  // of one write: open, write, sync, rename, and the names
static_assert(kFlushPause + 2 * kOperationsMax * sim::kSlow <= kFlushMax, "one write under way, and one of its own");

// How long between the two a slow operation on the consumer's file, or on its name, was under way.
core::Duration busy_between(const Evidence& evidence, const ConsumerKey& key, core::Instant from, core::Instant to) {
  const std::string directory = "/streams/" + key.stream.stream + "/obs/" + key.consumer;
  return evidence.history.slow_time(key.stream.node, directory, from, to);
}

// Whether the disk refused to write the consumer's file because of that: it was full, or an operation of which a write consists was made to
// fail.
bool keeps_from_writing(const DiskTrouble& trouble, const ConsumerKey& key) {
  if (trouble.node != key.stream.node) return false;
  if (std::holds_alternative<faults::DiskFull>(trouble.action)) return true;
  const auto* error = std::get_if<faults::DiskError>(&trouble.action);
  if (error == nullptr) return false;
  switch (error->op) {
    case faults::DiskOp::create:
    case faults::DiskOp::open:
    case faults::DiskOp::write:
    case faults::DiskOp::fsync:
    case faults::DiskOp::rename:
    case faults::DiskOp::fsync_directory: break;
    default: return false;
  }
  const std::string directory = "jetstream/$G/streams/" + key.stream.stream + "/obs/" + key.consumer;
  const std::string file = directory + "/o.dat";
  return error->file.matches(file) || error->file.matches(file + ".tmp") ||
         (error->op == faults::DiskOp::fsync_directory && error->file.matches(directory));
}

// Whether that was time enough to write what had changed before it.
bool is_time_to_write(const Evidence& evidence, const ConsumerKey& key, core::Instant from, core::Instant to) {
  const core::Duration passed = to - from;
  return passed > kFlushMax && passed - busy_between(evidence, key, from, to) > kFlushMax;
}

// Whether what changed at `at` need not have been written at that end of the process.
bool is_unwritten(const Evidence& evidence, const ConsumerKey& key, core::Instant at, const Crash& end) {
  if (end.node != key.stream.node || end.at < at) return false;
  // A write that was refused is tried again and again (core/store/consumer_store.cc): what counts is each time between two troubles.
  core::Instant from = at;
  for (const DiskTrouble& trouble : evidence.history.disk_troubles()) {  // in order of their beginnings
    if (!keeps_from_writing(trouble, key) || trouble.to <= from || trouble.from >= end.at) continue;
    if (trouble.from > from && is_time_to_write(evidence, key, from, trouble.from)) return false;
    from = trouble.to;
  }
  return from >= end.at || !is_time_to_write(evidence, key, from, end.at);
}

// Whether something that the node had written more than a flush before it crashed at `crash` may be older afterwards: after
// a power loss to any older state, after damage to the consumer's own files.
bool may_be_older(const Evidence& evidence, const ConsumerKey& key, core::Instant written, core::Instant read) {
  const auto is_between = [&](core::Instant at) { return at >= written && at <= read; };
  for (const Crash& crash : evidence.history.crashes()) {
    if (crash.node == key.stream.node && crash.is_power_loss && is_between(crash.at)) return true;
  }
  if (ended_with_process(evidence, key, written, read)) return true;
  for (const Damage& damage : evidence.history.damages()) {
    const bool is_own = damage.node == key.stream.node && damage.stream == key.stream.stream &&
                        (damage.part == Damage::Part::consumer && damage.consumer == key.consumer);
    if (is_own && is_between(damage.at)) return true;
  }
  return false;
}

// A consumer that counts more messages as delivered again, or out of deliveries, than it has delivered and nobody has answered.
std::optional<Divergence> forgotten_answers(const Evidence& evidence, const FinalConsumer& consumer) {
  const ConsumerKey key = key_of(consumer);
  const auto watched = evidence.history.consumers().find(key);
  const bool is_judged = consumer.exists && consumer.ack == AckPolicy::explicit_ && consumer.num_redelivered > 0 &&
                         watched != evidence.history.consumers().end();
  if (!is_judged || may_be_older(evidence, key, core::Instant{}, core::kForever)) return std::nullopt;
  std::set<core::Seq> open;
  for (const ConsumerEvent& event : watched->second) {
    if (!event.is_ack) open.insert(event.seq);
    // What was answered within a flush of a crash it may not know any more; nor, as the end is read, what is answered just then.
    if (event.is_ack && event.at < evidence.end.at && !may_be_unwritten(evidence, key, event.at, core::kForever)) open.erase(event.seq);
  }
  if (consumer.num_redelivered <= open.size()) return std::nullopt;
  Divergence d = about(evidence, "consumer-state-durable", consumer);
  d.expected = "consumer " + consumer.name + " knows of at most " + std::to_string(open.size()) +
               " messages that were delivered again or ran out of deliveries: the others were acknowledged";
  d.actual = "it counts " + std::to_string(consumer.num_redelivered);
  return d;
}

}  // namespace

bool may_be_unwritten(const Evidence& evidence, const ConsumerKey& key, core::Instant at, core::Instant until) {
  const std::vector<Crash>& crashes = evidence.history.crashes();
  const std::vector<Crash>& stops = evidence.history.stops();
  const std::vector<DiskTrouble>& troubles = evidence.history.disk_troubles();
  const auto is_lost = [&](const Crash& end) { return end.at <= until && is_unwritten(evidence, key, at, end); };
  // An orderly end writes what has not been written, if it can.
  const auto is_refused = [&](const Crash& stop) {
    return std::any_of(troubles.begin(), troubles.end(), [&](const DiskTrouble& trouble) {
      return keeps_from_writing(trouble, key) && trouble.from <= stop.at && trouble.to > stop.at;
    });
  };
  return std::any_of(crashes.begin(), crashes.end(), is_lost) ||
         std::any_of(stops.begin(), stops.end(), [&](const Crash& stop) { return is_lost(stop) && is_refused(stop); });
}

bool ended_with_process(const Evidence& evidence, const ConsumerKey& key, core::Instant from, core::Instant to) {
  const auto is_it = [&](const FinalConsumer& each) { return each.is_in_memory && key_of(each) == key; };
  if (std::none_of(evidence.end.consumers.begin(), evidence.end.consumers.end(), is_it)) return false;
  const auto is_between = [&](const Crash& end) { return end.node == key.stream.node && end.at >= from && end.at <= to; };
  return std::any_of(evidence.history.crashes().begin(), evidence.history.crashes().end(), is_between) ||
         std::any_of(evidence.history.stops().begin(), evidence.history.stops().end(), is_between);
}

std::vector<Divergence> check_consumer_state_durable(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const auto& watched : evidence.history.consumers()) {
    const ConsumerKey& key = watched.first;  // a lambda of clang 14 cannot capture a structured binding
    std::map<core::Seq, core::Instant> acked;
    for (const ConsumerEvent& event : watched.second) {
      if (event.is_ack) {
        acked.try_emplace(event.seq, event.at);
        continue;
      }
      const auto ack = acked.find(event.seq);
      if (ack == acked.end()) continue;
      // Only a crash can make it forget, and then only what was not written yet. A sequence that was used again is another
      // message.
      const StreamLife* life = evidence.history.life(key.stream);
      const bool is_new = life != nullptr && std::any_of(life->stored.begin(), life->stored.end(), [&](const StoredEvent& stored) {
                            return stored.seq == event.seq && stored.at > ack->second;
                          });
      const bool is_in_flush = may_be_unwritten(evidence, key, ack->second, event.at);
      const bool is_renewed = evidence.changes.may_be_renewed(key, ack->second, event.at);
      if (is_new || is_in_flush || is_renewed || may_be_older(evidence, key, ack->second, event.at)) {
        acked.erase(ack);
        continue;
      }
      Divergence d;
      d.invariant = "consumer-state-durable";
      d.stream = key.stream.stream;
      for (const FinalStream& stream : evidence.end.streams) {
        if (stream.key == key.stream) d.node = stream.node;
      }
      d.first_seq = event.seq;
      d.at = event.at;
      d.expected =
          "consumer " + key.consumer + " does not deliver sequence " + std::to_string(event.seq.value) + " again: it was acknowledged";
      d.actual = "it was delivered again";
      out.push_back(std::move(d));
      break;
    }
  }
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    if (std::optional<Divergence> d = forgotten_answers(evidence, consumer)) out.push_back(std::move(*d));
  }
  return out;
}

std::vector<Divergence> check_consumer_not_ahead(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalConsumer& consumer : evidence.end.consumers) {
    const FinalStream* stream = stream_of(evidence, consumer);
    if (!consumer.exists || stream == nullptr) continue;
    const core::Seq last = stream->state.last_seq;
    if (consumer.ack_floor <= consumer.delivered && consumer.delivered <= last) continue;
    Divergence d = about(evidence, "consumer-not-ahead-of-stream", consumer);
    d.first_seq = last.next();
    d.expected = "consumer " + consumer.name + " stands at or before its stream's last sequence " + std::to_string(last.value);
    d.actual = "it has delivered up to " + std::to_string(consumer.delivered.value) + " and acknowledged up to " +
               std::to_string(consumer.ack_floor.value);
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
