// The invariants of what a store comes to from its files: of each restart, and of the index as no more than a cache.

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/nats/subject.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_recovery_equals_precrash(const Evidence& evidence);
std::vector<Divergence> check_index_is_cache(const Evidence& evidence);

namespace {

using Messages = std::map<core::Seq, std::uint64_t>;

std::string name_of(core::Seq seq) { return "sequence " + std::to_string(seq.value); }

bool is_block_damaged_by(const Evidence& evidence, const FinalStream& stream, core::Instant until) {
  return std::any_of(evidence.history.damages().begin(), evidence.history.damages().end(), [&](const Damage& damage) {
    return damage.node == stream.key.node && damage.stream == stream.key.stream && damage.part == Damage::Part::block && damage.at <= until;
  });
}

bool syncs_always(const Evidence& evidence, const FinalStream& stream) {
  const NodeSpec* node = evidence.scenario.node(stream.node);
  return node != nullptr && node->sync_interval && node->sync_interval->always;
}

bool lost_power_by(const Evidence& evidence, const FinalStream& stream, core::Instant until) {
  return std::any_of(evidence.history.crashes().begin(), evidence.history.crashes().end(),
                     [&](const Crash& crash) { return crash.is_power_loss && crash.node == stream.key.node && crash.at <= until; });
}

// A stream's path: where it stood by its own words, from one reading to the next.
struct Path {
  Messages messages;
  core::Seq last;
  std::map<core::Seq, core::Instant> stored_at;
  std::map<core::Seq, core::Instant> removed_at;  // since the last reading
  std::set<core::Seq> unsaid;                     // the last reading found them, and nobody had said that they were stored

  void go_on(const StreamLife& life, core::Instant since, core::Instant until) {
    removed_at.clear();
    for (const StoredEvent& stored : life.stored) {
      if (stored.at <= since || stored.at > until) continue;
      messages[stored.seq] = stored.content;
      stored_at[stored.seq] = stored.at;
      last = std::max(last, stored.seq);
    }
    for (const StreamLife::Removal& removal : life.removed) {
      if (removal.at <= since || removal.at > until) continue;
      const auto stored = stored_at.find(removal.seq);
      if (stored != stored_at.end() && stored->second > removal.at) continue;
      messages.erase(removal.seq);
      removed_at[removal.seq] = removal.at;
    }
    for (const StreamLife::Skip& skip : life.skips) {
      if (skip.at > since && skip.at <= until) last = std::max(last, skip.through);
    }
  }

  void begin_anew(const RecoveryReading& reading) {
    unsaid.clear();
    for (const auto& [seq, content] : reading.with_index.messages) {
      const auto said = messages.find(seq);
      if (said != messages.end() && said->second == content) continue;
      stored_at[seq] = reading.at;
      unsaid.insert(seq);
    }
    messages = reading.with_index.messages;
    last = reading.with_index.state.last_seq;
  }
};

// Whether the power went before the stream had recovered from the crash ahead of that.
bool was_recovery_cut_short(const Evidence& evidence, const FinalStream& stream, core::Instant since, core::Instant until) {
  const StreamLife* life = evidence.history.life(stream.key);
  const auto is_between = [&](core::Instant at) { return at > since && at <= until; };
  const bool has_lost_power = std::any_of(evidence.history.crashes().begin(), evidence.history.crashes().end(), [&](const Crash& crash) {
    return crash.is_power_loss && crash.node == stream.key.node && is_between(crash.at);
  });
  return has_lost_power && std::none_of(life->recoveries.begin(), life->recoveries.end(), is_between);
}

// A removal that may have been under way when the node ended: written and not said, or said and not written for good.
bool is_removal_under_way(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant from, core::Instant at) {
  return evidence.removals.any_of(stream.node, stream.key.stream, seq, from,
                                  [&](const RequestedRemoval& removal) { return removal.asked_at <= at; });
}

bool may_be_missing(const Evidence& evidence, const FinalStream& stream, const RecoveryReading& reading, core::Seq seq, core::Instant since,
                    core::Instant stored_at) {
  if (may_be_lost_by(evidence, stream, seq, stored_at, reading.at)) return true;
  if (is_removal_under_way(evidence, stream, seq, since, reading.at) || stream.rolled_up.contains(seq)) return true;
  if (stream.spec != nullptr && stream.spec->retention != Retention::limits) {
    // Its consumers may have acknowledged it just then.
    for (const auto& [key, events] : evidence.history.consumers()) {
      if (key.stream == stream.key && std::any_of(events.begin(), events.end(), [seq](const ConsumerEvent& e) { return e.seq == seq; }))
        return true;
    }
    return (stream.has_stream_limits && seq < reading.with_index.state.first_seq) || stream.has_subject_limit;
  }
  // Just then a newer one may have pushed it out.
  return stream.has_limits && (seq < reading.with_index.state.first_seq || stream.has_subject_limit);
}

bool may_have_come_back(const Evidence& evidence, const FinalStream& stream, const RecoveryReading& reading, core::Seq seq,
                        core::Instant removed_at) {
  if (is_removal_under_way(evidence, stream, seq, removed_at, reading.at) && lost_power_by(evidence, stream, reading.at)) return true;
  // What tighter limits let go, the store says before it writes the marks and before the operator has the answer.
  if (evidence.changes.is_changing(stream.key, removed_at, reading.at)) return true;
  return may_come_back_by(evidence, stream, seq, removed_at, reading.at);
}

std::optional<Divergence> compare(const Evidence& evidence, const FinalStream& stream, const RecoveryReading& reading, const Path& path,
                                  core::Instant since) {
  constexpr std::string_view kName = "recovery-equals-precrash";
  const Messages& now = reading.with_index.messages;
  for (const auto& [seq, content] : path.messages) {
    const core::Instant stored_at = path.stored_at.at(seq);
    const auto found = now.find(seq);
    if (found != now.end() && found->second == content) continue;
    if (may_be_missing(evidence, stream, reading, seq, since, stored_at)) continue;
    if (path.unsaid.contains(seq) && was_recovery_cut_short(evidence, stream, since, reading.at)) continue;
    Divergence d = about(kName, stream, seq, reading.at);
    d.expected = "recovery finds " + name_of(seq) + ", which was there when the node ended";
    d.actual = found == now.end() ? "it is gone" : "it is another message";
    return d;
  }
  for (const auto& [seq, content] : now) {
    const auto removed = path.removed_at.find(seq);
    if (path.messages.contains(seq) || removed == path.removed_at.end()) continue;
    if (may_have_come_back(evidence, stream, reading, seq, removed->second)) continue;
    Divergence d = about(kName, stream, seq, reading.at);
    d.expected = "recovery does not find " + name_of(seq) + ", which was removed before the node ended";
    d.actual = "it is there again";
    return d;
  }
  const core::Seq last = reading.with_index.state.last_seq;
  if (last < path.last && !may_step_back(evidence, stream, {reading.at, path.last, last})) {
    Divergence d = about(kName, stream, last.next(), reading.at);
    d.expected = "recovery comes to the last sequence that the stream had, " + std::to_string(path.last.value);
    d.actual = "it comes to " + std::to_string(last.value);
    return d;
  }
  return std::nullopt;
}

// What went on while the end was read: acknowledged, removed or stored after the first message was read and before the disk was.
bool is_of_the_end(const Evidence& evidence, const FinalStream& stream, core::Seq seq) {
  const core::Instant since = evidence.end.at;
  const StreamLife* life = evidence.history.life(stream.key);
  const auto is_it = [&](const auto& event) { return event.seq == seq && event.at >= since; };
  if (life != nullptr &&
      (std::any_of(life->removed.begin(), life->removed.end(), is_it) || std::any_of(life->stored.begin(), life->stored.end(), is_it)))
    return true;
  return std::any_of(evidence.history.consumers().begin(), evidence.history.consumers().end(), [&](const auto& consumer) {
    const auto is_ack = [&](const ConsumerEvent& event) { return event.is_ack && is_it(event); };
    return consumer.first.stream == stream.key && std::any_of(consumer.second.begin(), consumer.second.end(), is_ack);
  });
}

// At the end the stream is there to be asked.
std::optional<Divergence> compare_with_end(const Evidence& evidence, const FinalStream& stream, const RecoveryReading& reading) {
  Divergence d = about("recovery-equals-precrash", stream, core::Seq{}, reading.at);
  const Messages& recovered = reading.with_index.messages;
  std::set<core::Seq> live;
  for (const FinalMessage& message : stream.messages) {
    live.insert(message.seq);
    const auto found = recovered.find(message.seq);
    if ((found != recovered.end() && found->second == message.content) || is_of_the_end(evidence, stream, message.seq)) continue;
    d.first_seq = message.seq;
    d.expected = "a kill at the end leaves " + name_of(message.seq) + " as it can be read now";
    d.actual = found == recovered.end() ? "recovery does not find it" : "recovery finds another message";
    return d;
  }
  for (const auto& [seq, content] : recovered) {
    if (live.contains(seq) || is_of_the_end(evidence, stream, seq)) continue;
    d.first_seq = seq;
    d.expected = "a kill at the end leaves no message that cannot be read now";
    d.actual = "recovery finds " + name_of(seq);
    return d;
  }
  if (reading.with_index.state.last_seq == stream.state.last_seq) return std::nullopt;
  d.first_seq = reading.with_index.state.last_seq.next();
  d.expected = "a kill at the end leaves the stream's last sequence, " + std::to_string(stream.state.last_seq.value);
  d.actual = "recovery comes to " + std::to_string(reading.with_index.state.last_seq.value);
  return d;
}

// What differs, and from which sequence on; nullopt: nothing does.
std::optional<std::pair<core::Seq, std::string>> difference(const RecoveredStore& with, const RecoveredStore& other) {
  const auto [a, b] = std::mismatch(with.messages.begin(), with.messages.end(), other.messages.begin(), other.messages.end());
  const bool is_missing = a != with.messages.end() && (b == other.messages.end() || a->first < b->first);
  if (is_missing) return std::pair{a->first, name_of(a->first) + " is not there"};
  if (b != other.messages.end()) {
    const bool is_same = a != with.messages.end() && a->first == b->first;
    return std::pair{b->first, name_of(b->first) + (is_same ? " is another message" : " is there as well")};
  }
  const auto differs = [](std::string_view what, std::uint64_t value) {
    return std::pair{core::Seq{}, std::string(what) + " " + std::to_string(value)};
  };
  if (with.state.messages != other.state.messages) return differs("messages", other.state.messages);
  if (with.state.bytes != other.state.bytes) return differs("bytes", other.state.bytes.value);
  if (with.state.last_seq != other.state.last_seq) return differs("last sequence", other.state.last_seq.value);
  if (with.state.first_seq != other.state.first_seq) return differs("first sequence", other.state.first_seq.value);
  if (with.subjects != other.subjects) return differs("other counts of subjects, of which there are", other.subjects.size());
  return std::nullopt;
}

const StreamLife* readable_life(const Evidence& evidence, const FinalStream& stream) {
  return stream.is_readable && stream.unreadable.empty() ? evidence.history.life(stream.key) : nullptr;
}

}  // namespace

std::vector<Divergence> check_recovery_equals_precrash(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = readable_life(evidence, stream);
    if (life == nullptr) continue;
    Path path;
    core::Instant since{};
    for (const RecoveryReading& reading : evidence.readings) {
      if (reading.key != stream.key) continue;
      if (!reading.is_final) path.go_on(*life, since, reading.at);
      const std::optional<Divergence> found = !reading.is_final ? compare(evidence, stream, reading, path, since)
                                              : is_block_damaged_by(evidence, stream, core::kForever)
                                                  ? std::nullopt
                                                  : compare_with_end(evidence, stream, reading);
      if (found) {
        out.push_back(*found);
        break;
      }
      path.begin_anew(reading);
      since = reading.at;
    }
  }
  return out;
}

std::vector<Divergence> check_index_is_cache(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    if (readable_life(evidence, stream) == nullptr) continue;
    for (const RecoveryReading& reading : evidence.readings) {
      // Where blocks were damaged the index is a witness, and where a power loss took what was not synced it may know of removals
      // whose marks went.
      const bool is_exempt = is_block_damaged_by(evidence, stream, reading.at) ||
                             (lost_power_by(evidence, stream, reading.at) && !syncs_always(evidence, stream));
      if (reading.key != stream.key || is_exempt) continue;
      std::string_view how = "without an index";
      auto differs = difference(reading.with_index, reading.without_index);
      if (!differs && reading.with_older_index) {
        how = "with an older index";
        differs = difference(reading.with_index, *reading.with_older_index);
      }
      if (!differs) continue;
      Divergence d = about("index-is-cache", stream, differs->first, reading.at);
      d.expected = "recovery " + std::string(how) + " comes to the same as with the index that is there: messages " +
                   std::to_string(reading.with_index.state.messages) + ", sequences " +
                   std::to_string(reading.with_index.state.first_seq.value) + " to " +
                   std::to_string(reading.with_index.state.last_seq.value);
      d.actual = "it differs: " + differs->second;
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

}  // namespace windtunnel::scenarios
