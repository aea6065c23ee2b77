// The invariants of what copies streams, over links that come and go (reference: defect corpus, "Mirrors, sources, leaf links").
// mirror-is-prefix and the like, of mirrors alone: mirrors.cc.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "faults/units.h"
#include "scenarios/api_answer.h"
#include "scenarios/copy_status.h"
#include "scenarios/invariants/copied.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/sync_bound.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_no_loss_after_offline(const Evidence& evidence);
std::vector<Divergence> check_no_duplicate_in_sources(const Evidence& evidence);
std::vector<Divergence> check_bounded_retry(const Evidence& evidence);
std::vector<Divergence> check_config_error_surfaced(const Evidence& evidence);

namespace {

// From one attempt to set a copy up to the next (streams D.5).
constexpr core::Duration kAttemptSpacing = core::copy_timing::kRequestSpacing;

const FinalStream* origin_of(const Evidence& evidence, const FinalStream& stream, const FinalCopy& copy) {
  const StreamSpec* origin = evidence.scenario.origin(*stream.spec, *copy.from);
  return origin == nullptr ? nullptr : evidence.end.find(origin->on, origin->name);
}

// Its sequences mean one message each.
bool uses_sequences_once(const Evidence& evidence, const FinalStream& origin) {
  const StreamLife* life = evidence.history.life(origin.key);
  return life == nullptr || (life->ascents.size() <= 1 && life->steps_back.empty());
}

// "EDGE at east".
std::string named(const FinalStream& stream) { return stream.key.stream + " at " + stream.node; }

// Whether the time within which the copy had to be level has passed.
bool is_due(const Evidence& evidence, const FinalCopy& copy) {
  return std::any_of(evidence.lags.begin(), evidence.lags.end(), [&](const LagSample& sample) { return sample.from == copy.from; });
}

// Whether a fault of the run strikes a node or a link on the way.
bool is_ever_disturbed(const Scenario& scenario, const std::set<std::string>& nodes) {
  return std::any_of(scenario.faults.begin(), scenario.faults.end(), [&](const FaultSpec& spec) {
    if (const std::string* node = faults::node_of(spec.fault.action)) return nodes.contains(*node);
    const faults::LinkEnds* link = faults::link_of(spec.fault.action);
    return link == nullptr || (nodes.contains(link->a) && nodes.contains(link->b));
  });
}

bool restarted_between(const Evidence& evidence, const FinalStream& stream, core::Instant from, core::Instant to) {
  const StreamLife* life = evidence.history.life(stream.key);
  return life != nullptr && life->recovered_between(from, to);
}

// Whether an operator may have changed what it copies in that time: then it reads anew.
bool is_resourced_between(const Evidence& evidence, const FinalStream& stream, core::Instant from, core::Instant to) {
  std::vector<std::string_view> before{stream.spec->create_body};
  for (const ConfigChange& change : evidence.changes.changes_of(stream.key)) {
    if (change.is_refused) continue;
    const bool may_differ = std::any_of(before.begin(), before.end(), [&](auto body) { return !have_same_sources(body, change.body); });
    if (may_differ && change.may_come_between(from, to)) return true;
    before.push_back(change.body);
  }
  return false;
}

// Whether an operator removed messages from it.
bool is_trimmed(const Evidence& evidence, const FinalStream& stream) {
  return std::any_of(evidence.removals.all().begin(), evidence.removals.all().end(),
                     [&](const RequestedRemoval& each) { return each.node == stream.node && each.stream == stream.key.stream; });
}

// Which of its origin's sequences an aggregate that operators trim ever had, ascending; nullopt: that is not known.
std::optional<std::vector<core::Seq>> ever_brought(const Evidence& evidence, const FinalStream& stream, const FinalCopy& copy) {
  const StreamLife* life = evidence.history.life(stream.key);
  if (evidence.brought == nullptr || life == nullptr) return std::nullopt;
  // It said that it removed what it never said it had: written as its node was killed, and whose that was nobody can say.
  const bool has_unheard = std::any_of(life->removed.begin(), life->removed.end(),
                                       [&](const StreamLife::Removal& removal) { return life->at(removal.seq).empty(); });
  if (has_unheard) return std::nullopt;
  std::vector<core::Seq> out;
  if (const auto found = evidence.brought->find({stream.key, copy.key}); found != evidence.brought->end()) {
    for (const BroughtSeq& each : found->second) out.push_back(each.seq);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// How many mirrors and sources read the stream.
std::size_t copies_of(const Scenario& scenario, const StreamSpec& origin) {
  std::size_t count = 0;
  for (const StreamSpec& each : scenario.streams) {
    if (each.mirror && scenario.origin(each, *each.mirror) == &origin) ++count;
    for (const OriginSpec& source : each.sources) count += scenario.origin(each, source) == &origin ? 1 : 0;
  }
  return count;
}

// What its origin stored and may not be missing in the aggregate, in the origin's order: sequence and message.
std::map<core::Seq, PublishId> owed(const Evidence& evidence, const FinalStream& origin, const FinalCopy& copy) {
  std::map<core::Seq, PublishId> out;
  const std::set<std::uint64_t> wanted = origin.subjects_matching(copy.from->filters);
  const auto is_meant = [&](std::uint64_t subject) { return copy.from->filters.empty() || wanted.contains(subject); };
  for (const FinalMessage& message : origin.messages) {
    if (message.id && is_meant(message.subject)) out.emplace(message.seq, *message.id);
  }
  if (origin.spec->retention != Retention::workqueue) return out;
  // Nobody but the aggregate takes messages out of a work queue that has no consumer of its own.
  const bool is_consumed = std::any_of(evidence.end.consumers.begin(), evidence.end.consumers.end(),
                                       [&](const FinalConsumer& each) { return each.stream == origin.key; }) ||
                           copies_of(evidence.scenario, *origin.spec) > 1;
  const StreamLife* life = evidence.history.life(origin.key);
  if (origin.has_stream_limits || is_consumed || life == nullptr || !copy.from->filters.empty() || is_trimmed(evidence, origin)) return out;
  std::unordered_map<std::uint64_t, PublishId> published;  // by content
  for (std::size_t w = 0; w < evidence.ledger.books().size(); ++w) {
    evidence.ledger.books()[w].each([&](std::uint64_t index, const PublishRecord& record) {
      published.emplace(record.content(), PublishId{static_cast<std::uint16_t>(w), index});
      return true;
    });
  }
  for (const StoredEvent& stored : life->stored) {
    const auto id = published.find(stored.content);
    const bool may_be_gone = origin.rolled_up.contains(stored.seq) || may_be_lost(evidence, origin, stored.seq, stored.at);
    if (id != published.end() && !may_be_gone) out.emplace(stored.seq, id->second);
  }
  return out;
}

bool has_message(const FinalStream& stream, PublishId id) {
  return std::any_of(stream.messages.begin(), stream.messages.end(), [&](const FinalMessage& message) { return message.id == id; });
}

// The message, or another one with its Nats-Msg-Id.
bool has_id_of(const Evidence& evidence, const FinalStream& stream, PublishId id) {
  return std::any_of(stream.messages.begin(), stream.messages.end(), [&](const FinalMessage& message) {
    return message.id && message.id->workload == id.workload && msg_id_of(evidence, *message.id) == msg_id_of(evidence, id);
  });
}

// Whether the stream stored the message more than once: it was repeated when its id was forgotten.
bool was_stored_again(const Evidence& evidence, const FinalStream& stream, PublishId id) {
  const StreamLife* life = evidence.history.life(stream.key);
  const std::uint64_t content = evidence.ledger.at(id).content();
  return life != nullptr &&
         std::count_if(life->stored.begin(), life->stored.end(), [&](const StoredEvent& stored) { return stored.content == content; }) > 1;
}

// Whether the configuration of its sources leaves out what lies before a start, or was another one for a while.
bool is_partial(const Evidence& evidence, const FinalStream& stream) {
  const std::vector<std::string> updates = evidence.changes.bodies_of(stream.key);
  return stream.spec->create_body.find("\"opt_start_") != std::string::npos ||
         std::any_of(updates.begin(), updates.end(), [&](const auto& body) { return !have_same_sources(body, stream.spec->create_body); });
}

// The streams whose publishers' messages come by this origin, and those on the way.
void add_ancestors(const Scenario& scenario, const StreamSpec& of, const OriginSpec& from, std::vector<const StreamSpec*>& out) {
  const StreamSpec* origin = scenario.origin(of, from);
  if (origin == nullptr || std::find(out.begin(), out.end(), origin) != out.end()) return;
  out.push_back(origin);
  if (origin->mirror) add_ancestors(scenario, *origin, *origin->mirror, out);
  for (const OriginSpec& source : origin->sources) add_ancestors(scenario, *origin, source, out);
}

// Whether a message may come to the aggregate by two of its sources, and is then stored once if it has an id.
bool has_two_ways(const Scenario& scenario, const StreamSpec& aggregate) {
  std::vector<const StreamSpec*> known;
  for (const OriginSpec& source : aggregate.sources) {
    std::vector<const StreamSpec*> ancestors;
    add_ancestors(scenario, aggregate, source, ancestors);
    const auto is_known = [&](const StreamSpec* each) { return std::find(known.begin(), known.end(), each) != known.end(); };
    if (std::any_of(ancestors.begin(), ancestors.end(), is_known)) return true;
    known.insert(known.end(), ancestors.begin(), ancestors.end());
  }
  return false;
}

// Whether an aggregate had it, and lost it when its node's power went before it was synced. Of an origin that keeps its messages it
// copies again what lies behind the last one that it still has; one whose messages go when they are acknowledged has none to send.
bool is_lost_at_home(const Evidence& evidence, const FinalStream& stream, const FinalCopy& copy, const FinalStream& origin, core::Seq seq,
                     const std::vector<const SourcedMessage*>& sourced) {
  const StreamLife* life = evidence.history.life(stream.key);
  if (evidence.brought == nullptr || life == nullptr) return false;
  const auto brought = evidence.brought->find({stream.key, copy.key});
  if (brought == evidence.brought->end()) return false;
  core::Instant had{};  // the last time
  for (const BroughtSeq& each : brought->second) had = each.seq == seq ? std::max(had, each.at) : had;
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return had != core::Instant{} && std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) {
           if (crash.node != stream.key.node || crash.at < had || !may_cost(evidence, stream, crash)) return false;
           if (origin.spec != nullptr && origin.spec->retention != Retention::limits) return true;
           return std::any_of(sourced.begin(), sourced.end(), [&](const SourcedMessage* each) {
             const std::vector<const StoredEvent*> events = life->at(each->seq);
             const auto is_before = [&](const StoredEvent* event) { return event->at <= crash.at; };
             return each->origin_seq > seq && std::any_of(events.begin(), events.end(), is_before);
           });
         });
}

}  // namespace

std::vector<Divergence> check_no_loss_after_offline(const Evidence& evidence) {
  std::vector<Divergence> out = found_out_of_order(evidence);
  for (const FinalStream& stream : evidence.end.streams) {
    if (stream.spec == nullptr || !stream.is_readable || stream.spec->sources.empty() || is_found(out, stream)) continue;
    const auto report = [&](core::Seq seq, std::string expected, std::string actual) {
      Divergence& d = out.emplace_back(about("no-loss-after-offline", stream, seq, evidence.end.at));
      d.expected = std::move(expected);
      d.actual = std::move(actual);
    };
    std::vector<std::vector<const SourcedMessage*>> sourced(stream.copies.size());  // by copy
    for (const SourcedMessage& message : stream.sourced) sourced[message.copy].push_back(&message);
    const bool two_ways = has_two_ways(evidence.scenario, *stream.spec);
    const std::vector<Crash>& crashes = evidence.history.crashes();
    // What came by one of the two, and was legally lost, the other has passed over as a repeat.
    const bool is_passed_over = two_ways && std::any_of(crashes.begin(), crashes.end(), [&](const Crash& crash) {
                                  return crash.node == stream.key.node && may_cost(evidence, stream, crash);
                                });
    bool is_reported = false;
    for (std::size_t c = 0; c < stream.copies.size() && !is_reported; ++c) {
      const FinalCopy& copy = stream.copies[c];
      const FinalStream* origin = origin_of(evidence, stream, copy);
      if (origin == nullptr || !origin->is_readable) continue;
      // After a loss the origin gives sequences to other messages: then only who they are tells them apart.
      const bool has_order = uses_sequences_once(evidence, *origin);
      core::Seq last;
      std::set<core::Seq> here;
      for (const SourcedMessage* message : sourced[c]) {
        if (has_order && message->origin_seq < last && !is_reported) {
          report(message->seq, "what comes from " + named(*origin) + " lies in its order",
                 "its sequence " + std::to_string(message->origin_seq.value) + " lies behind " + std::to_string(last.value));
          is_reported = true;
        }
        last = std::max(last, message->origin_seq);
        here.insert(here.end(), message->origin_seq);
      }
      // What an aggregate's own limits and consumers took, nobody can tell from what never came. What operators took was noted as it came.
      const bool is_rolled_up = stream.limits.allows_rollup && evidence.scenario.rolls_up();
      const bool keeps_all = !stream.has_limits && stream.spec->retention == Retention::limits && !is_rolled_up;
      if (is_reported || !keeps_all || is_partial(evidence, stream) || !is_due(evidence, copy)) continue;
      std::optional<std::vector<core::Seq>> brought;
      if (is_trimmed(evidence, stream)) {
        brought = has_order ? ever_brought(evidence, stream, copy) : std::nullopt;
        if (!brought) continue;
      }
      for (const auto& [seq, id] : owed(evidence, *origin, copy)) {
        if (has_order ? here.contains(seq) : has_message(stream, id)) continue;
        // Its id is known from another copy of it: of another way, or of a repeat that its origin stored again.
        const PublishSpec* publish = publish_of(evidence, id);
        const bool is_shared = publish != nullptr && publish->ids > 0;
        const bool is_gone = brought && (two_ways || is_shared || was_stored_again(evidence, *origin, id));
        if (msg_id_of(evidence, id) && (is_gone || is_passed_over || has_id_of(evidence, stream, id))) continue;
        if (brought && std::binary_search(brought->begin(), brought->end(), seq)) continue;
        if (is_lost_at_home(evidence, stream, copy, *origin, seq, sourced[c])) continue;
        const bool is_unreadable = !stream.unreadable.empty() || had_damage(evidence, stream.key);
        if (is_unreadable) break;
        report({},
               "the stream has " + evidence.ledger.name_of(id) + ", which " + named(*origin) + " has under sequence " +
                   std::to_string(seq.value),
               "it has come from there as far as sequence " + std::to_string(last.value) + ", and has no such message");
        is_reported = true;
        break;
      }
    }
  }
  return out;
}

std::vector<Divergence> check_no_duplicate_in_sources(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    std::map<std::pair<std::size_t, core::Seq>, core::Seq> first;
    for (const SourcedMessage& message : stream.sourced) {
      const auto [before, is_new] = first.try_emplace({message.copy, message.origin_seq}, message.seq);
      if (is_new) continue;
      const FinalStream* origin = origin_of(evidence, stream, stream.copies[message.copy]);
      if (origin != nullptr && !uses_sequences_once(evidence, *origin)) continue;
      Divergence& d = out.emplace_back(about("no-duplicate-in-mirror", stream, message.seq, evidence.end.at));
      d.expected = "sequence " + std::to_string(message.origin_seq.value) + " of source " + stream.copies[message.copy].from->name +
                   " is in the stream once, as " + std::to_string(before->second.value);
      d.actual = "it is there again, at sequence " + std::to_string(message.seq.value);
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_bounded_retry(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    for (const FinalCopy& copy : stream.copies) {
      const CopyLife* life = evidence.history.copy(stream.key.node, copy.reader);
      if (life == nullptr) continue;
      const std::string what = stream.spec->mirror ? "the mirror" : "its source " + copy.from->name;
      const auto hasty = std::adjacent_find(life->requests.begin(), life->requests.end(), [&](core::Instant a, core::Instant b) {
        return b - a < kAttemptSpacing && !restarted_between(evidence, stream, a, b);
      });
      if (hasty != life->requests.end()) {
        Divergence& d = out.emplace_back(about("bounded-retry", stream, {}, *std::next(hasty)));
        d.expected = "attempts to set " + what + " up are at least " + faults::format_duration(kAttemptSpacing) + " apart";
        d.actual = "one came " + faults::format_duration(*std::next(hasty) - *hasty) + " after the other";
        break;
      }
      // What happens elsewhere is none of its business.
      const StreamSpec* origin = evidence.scenario.origin(*stream.spec, *copy.from);
      if (origin == nullptr || life->connected.empty()) continue;
      const std::set<std::string> nodes = way(evidence.scenario, stream.node, origin->on);
      // On a link that may be full heartbeats and pings wait their turn, and nobody can tell that from silence.
      const bool is_narrow = bandwidth(evidence.scenario, nodes) > 0;
      if (nodes.empty() || is_narrow || is_ever_disturbed(evidence.scenario, nodes) || !copy.error.empty()) continue;
      const auto again = std::adjacent_find(life->requests.begin(), life->requests.end(), [&](core::Instant before, core::Instant next) {
        return next > life->connected.front() && !is_resourced_between(evidence, stream, before, next);
      });
      if (again == life->requests.end()) continue;
      Divergence& d = out.emplace_back(about("bounded-retry", stream, {}, *std::next(again)));
      d.expected = what + " is set up once: no fault strikes a node or a link between " + stream.node + " and " + origin->on;
      d.actual = "it was set up anew";
      break;
    }
  }
  return out;
}

// What a status shows at the end says nothing of how long it did not: this is looked at while the run goes on.
std::vector<Divergence> check_config_error_surfaced(const Evidence& evidence) {
  std::vector<Divergence> out;
  if (evidence.silent == nullptr) return out;
  for (const FinalStream& stream : evidence.end.streams) {
    const auto silent =
        std::find_if(evidence.silent->begin(), evidence.silent->end(), [&](const SilentCopy& each) { return each.stream == stream.key; });
    if (silent == evidence.silent->end()) continue;
    Divergence& d = out.emplace_back(about("config-error-surfaced", stream, {}, silent->at));
    d.expected = "the status shows an error or a lag: it has asked for " + silent->origin + " in vain for " +
                 faults::format_duration(silent->at - silent->since);
    d.actual = (stream.spec->mirror ? "The mirror" : "Its source " + silent->origin) + " shows neither";
  }
  return out;
}

}  // namespace windtunnel::scenarios
