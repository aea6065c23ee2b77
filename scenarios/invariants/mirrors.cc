// The invariants of mirrors.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "faults/units.h"
#include "scenarios/invariants/copied.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/lag_log.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_mirror_is_prefix(const Evidence& evidence);
std::vector<Divergence> check_no_duplicate_in_mirror(const Evidence& evidence);
std::vector<Divergence> check_no_duplicate_in_sources(const Evidence& evidence);  // copies.cc
std::vector<Divergence> check_sync_makes_progress(const Evidence& evidence);

namespace {

struct MirrorPair {
  const FinalStream* mirror = nullptr;
  const FinalStream* origin = nullptr;
  bool has_transforms = false;
};

std::vector<MirrorPair> mirrors(const Evidence& evidence) {
  std::vector<MirrorPair> out;
  for (const FinalStream& stream : evidence.end.streams) {
    if (stream.spec == nullptr || !stream.spec->mirror) continue;
    const StreamSpec* origin = evidence.scenario.origin(*stream.spec, *stream.spec->mirror);
    if (origin == nullptr) continue;
    const FinalStream* found = evidence.end.find(origin->on, origin->name);
    if (found != nullptr) out.push_back({&stream, found, stream.spec->create_body.find("\"subject_transform") != std::string::npos});
  }
  return out;
}

Divergence divergence(const MirrorPair& pair, std::string_view invariant, core::Seq seq, core::Instant at) {
  Divergence d;
  d.invariant = invariant;
  d.stream = pair.mirror->key.stream;
  d.node = pair.mirror->node;
  d.first_seq = seq;
  d.at = at;
  return d;
}

std::string named(const Evidence& evidence, const FinalMessage& message) {
  if (!message.id) return "a message of nobody's";
  return evidence.ledger.name_of(*message.id);
}

// What the origin had under a sequence, by all it ever stored; and whether it lost some of it and used sequences again.
struct OriginView {
  std::multimap<core::Seq, const StoredEvent*> stored;
  std::map<core::Seq, const FinalMessage*> live;
  core::Seq reused_above = core::Seq{UINT64_MAX};  // sequences above it may mean two messages, after a loss
};

OriginView view(const Evidence& evidence, const FinalStream& origin) {
  OriginView out;
  if (const StreamLife* life = evidence.history.life(origin.key)) {
    for (const StoredEvent& e : life->stored) out.stored.emplace(e.seq, &e);
    for (const StreamLife::StepBack& step : life->steps_back) out.reused_above = std::min(out.reused_above, step.to);
  }
  for (const FinalMessage& message : origin.messages) out.live[message.seq] = &message;
  return out;
}

// Whether the mirror had the message and has lost it since, as a fault of its own disk may cost it.
bool was_lost_by_mirror(const Evidence& evidence, const FinalStream& mirror, core::Seq seq) {
  const StreamLife* life = evidence.history.life(mirror.key);
  if (life == nullptr) return false;
  const std::vector<const StoredEvent*> stored = life->at(seq);
  return !stored.empty() && may_be_lost(evidence, mirror, seq, stored.back()->at);
}

// Which subjects of the origin the mirror is to have, by hash; nullopt: all.
std::optional<std::set<std::uint64_t>> wanted_subjects(const MirrorPair& pair) {
  const OriginSpec& from = *pair.mirror->spec->mirror;
  if (from.filters.empty()) return std::nullopt;
  return pair.origin->subjects_matching(from.filters);
}

bool is_stored_as(const OriginView& origin, const FinalMessage& message, bool has_transforms) {
  const auto [begin, end] = origin.stored.equal_range(message.seq);
  return std::any_of(begin, end, [&](const auto& entry) {
    const StoredEvent& e = *entry.second;
    return e.content == message.content && (has_transforms || e.subject == message.subject) && e.time == message.time;
  });
}

// Whether the mirror keeps what its origin has lost, says so in its status, and copies nothing any more.
bool has_parted(const Evidence& evidence, const LagSample& sample) {
  const FinalStream* mirror = evidence.end.find(sample.copy->on, sample.copy->name);
  const StreamSpec* from = evidence.scenario.origin(*sample.copy, *sample.from);
  const FinalStream* origin = from == nullptr ? nullptr : evidence.end.find(from->on, from->name);
  if (!sample.copy->mirror || mirror == nullptr || origin == nullptr || mirror->mirror_error.empty()) return false;
  const StreamLife* life = evidence.history.life(origin->key);
  return life != nullptr && !life->steps_back.empty();
}

}  // namespace

std::vector<Divergence> check_mirror_is_prefix(const Evidence& evidence) {
  std::vector<Divergence> out = found_unlike_origin(evidence);
  for (const MirrorPair& pair : mirrors(evidence)) {
    if (!pair.mirror->is_readable || !pair.origin->is_readable || is_found(out, *pair.mirror)) continue;
    const OriginView origin = view(evidence, *pair.origin);
    const auto report = [&](core::Seq seq, std::string expected, std::string actual) {
      Divergence d = divergence(pair, "mirror-is-prefix", seq, evidence.end.at);
      d.expected = std::move(expected);
      d.actual = std::move(actual);
      out.push_back(std::move(d));
    };
    // After a legal loss the origin may be behind its mirror: then the mirror must say so and keep what it has.
    if (pair.mirror->state.last_seq > pair.origin->state.last_seq && pair.mirror->mirror_error.empty()) {
      report(pair.origin->state.last_seq.next(),
             "the mirror ends at or before its origin's " + std::to_string(pair.origin->state.last_seq.value),
             "it ends at " + std::to_string(pair.mirror->state.last_seq.value) + ", and its status shows no error");
      continue;
    }
    std::set<core::Seq> held;
    bool is_reported = false;
    for (const FinalMessage& message : pair.mirror->messages) {
      held.insert(message.seq);
      if (is_stored_as(origin, message, pair.has_transforms)) continue;
      // A crash between the origin's write and the word of it: it holds the message all the same.
      if (const auto same = origin.live.find(message.seq); same != origin.live.end() && same->second->content == message.content &&
                                                           (pair.has_transforms || same->second->subject == message.subject) &&
                                                           same->second->time == message.time)
        continue;
      // Written so, and gone again: it said that it removed what it never said it had.
      if (origin.stored.count(message.seq) == 0 && said_removed(evidence, pair.origin->key, message.seq, core::Instant{})) continue;
      const auto live = origin.live.find(message.seq);
      report(message.seq,
             live == origin.live.end() ? "the origin stored nothing under this sequence that the mirror could hold"
                                       : "the mirror holds the origin's " + named(evidence, *live->second),
             "it holds " + named(evidence, message));
      is_reported = true;
      break;
    }
    if (is_reported) continue;
    // A hole is right only where the origin no longer has the message either, the filter leaves it out, or the mirror's own limits or
    // retention did not keep it.
    const std::optional<std::set<std::uint64_t>> wanted = wanted_subjects(pair);
    for (const auto& [seq, message] : origin.live) {
      if (seq > pair.mirror->state.last_seq) break;
      if (seq < pair.mirror->state.first_seq || held.contains(seq) || pair.mirror->unreadable.contains(seq)) continue;
      if (wanted && !wanted->contains(message->subject)) continue;
      // What the sequence means since the loss after which the mirror has parted.
      if (seq > origin.reused_above && !pair.mirror->mirror_error.empty()) continue;
      if (was_lost_by_mirror(evidence, *pair.mirror, seq) || said_removed(evidence, pair.mirror->key, seq, core::Instant{})) continue;
      if (was_of_no_interest(evidence, *pair.mirror, seq, message->subject)) continue;
      // It was gone when the mirror came by, and is back since: a power loss may take the mark of a removal (no-resurrection).
      if (said_removed(evidence, pair.origin->key, seq, core::Instant{})) continue;
      report(seq, "the mirror holds the origin's " + named(evidence, *message),
             "it has a hole there, though it goes on to " + std::to_string(pair.mirror->state.last_seq.value));
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_no_duplicate_in_mirror(const Evidence& evidence) {
  std::vector<Divergence> out = found_again(evidence);
  for (Divergence& each : check_no_duplicate_in_sources(evidence)) {
    const bool is_known =
        std::any_of(out.begin(), out.end(), [&](const Divergence& d) { return d.node == each.node && d.stream == each.stream; });
    if (!is_known) out.push_back(std::move(each));
  }
  for (const MirrorPair& pair : mirrors(evidence)) {
    if (is_found(out, *pair.mirror)) continue;
    std::unordered_map<std::uint64_t, std::uint64_t> at_origin;  // by content; a careless retry stores one content twice
    const StreamLife* life = evidence.history.life(pair.origin->key);
    if (life != nullptr) {
      at_origin.reserve(life->stored.size());
      for (const StoredEvent& e : life->stored) ++at_origin[e.content];
    }
    std::unordered_map<std::uint64_t, std::uint64_t> in_mirror;
    in_mirror.reserve(pair.mirror->messages.size());
    for (const FinalMessage& message : pair.mirror->messages) {
      if (!message.id) continue;
      // One that the origin stored as it was killed, and of which it never spoke.
      const bool is_unheard =
          life != nullptr && life->at(message.seq).empty() && crashed_between(evidence, *pair.origin, core::Instant{}, evidence.end.at);
      if (is_unheard) continue;
      const auto stored = at_origin.find(message.content);
      const std::uint64_t allowed = life == nullptr ? 0 : stored == at_origin.end() ? 1 : stored->second;
      if (++in_mirror[message.content] <= allowed) continue;
      Divergence d = divergence(pair, "no-duplicate-in-mirror", message.seq, evidence.end.at);
      d.expected = named(evidence, message) + " is in the mirror as often as at its origin: " + std::to_string(allowed);
      d.actual = "it is there again, at sequence " + std::to_string(message.seq.value);
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_sync_makes_progress(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const LagSample& sample : evidence.lags) {
    if (sample.level_at <= sample.due_at && sample.level_at != core::kForever) continue;
    if (has_parted(evidence, sample)) continue;
    Divergence d;
    d.invariant = "sync-makes-progress";
    d.stream = sample.copy->name;
    d.node = sample.copy->on;
    const std::string what = sample.copy->mirror ? "the mirror" : "its source " + sample.from->name;
    d.expected = what + " is level within " + rounded_text(sample.due_at - sample.quiet_since) +
                 " of the last fault and the last publish (" + sample.bound + ")";
    d.actual = sample.level_at == core::kForever ? "it is " + std::to_string(sample.lag) + " messages behind"
                                                 : "it took " + rounded_text(sample.level_at - sample.quiet_since);
    d.at = sample.due_at;
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
