#include <algorithm>
#include <utility>

#include "faults/units.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

// Below this a window is only what cannot be switched off, and too short for two edges to meet in it.
constexpr core::Duration kWindowNegligible = std::chrono::seconds{1};

// The streams that a publish to the pattern at this server reaches while every link is up.
std::vector<std::size_t> reached_by(const Graph& graph, std::size_t server, std::string_view pattern, Findings& findings) {
  std::vector<std::size_t> out;
  for (std::size_t s = 0; s < graph.facts().streams.size(); ++s) {
    const StreamFacts& stream = graph.facts().streams[s];
    if (!graph.reaches(server, stream.server, pattern)) continue;
    findings.spend(1 + stream.subjects.size());
    if (stream.captures(pattern)) out.push_back(s);
  }
  return out;
}

bool is_any_at(const Facts& facts, const std::vector<std::size_t>& streams, std::size_t server) {
  return std::any_of(streams.begin(), streams.end(), [&](std::size_t s) { return facts.streams[s].server == server; });
}

// The first subject of the publisher that is lost tells of the others.
void find_lost_publishes(const Graph& graph, const PublisherFacts& publisher, Findings& findings) {
  const Facts& facts = graph.facts();
  for (const std::string& part : publisher.parts) {
    const std::vector<std::size_t> reached = reached_by(graph, publisher.server, part, findings);
    if (reached.empty() && publisher.awaits_ack) {
      findings.add(HazardKind::publish_to_nothing, publisher.subject.where,
                   quoted(publisher.name) + " awaits acks for " + quoted(part) +
                       ", which no stream captures that it can reach: every publish is answered by 503 no responders");
      return;
    }
    if (reached.empty()) {
      findings.add(HazardKind::publish_to_nothing, publisher.subject.where,
                   quoted(publisher.name) + " publishes " + quoted(part) +
                       " without awaiting an ack, and no stream captures it: each publish succeeds, and every message is gone");
      return;
    }
    const std::string& domain = publisher.ack_domain.text;
    const bool is_answered = domain.empty() || std::any_of(reached.begin(), reached.end(), [&](std::size_t s) {
                               return facts.servers[facts.streams[s].server].domain.text == domain;
                             });
    if (publisher.awaits_ack && !is_answered) {
      findings.add(HazardKind::ack_of_other_domain, publisher.ack_domain.where,
                   quoted(publisher.name) + " publishes " + quoted(part) + " and takes only acks of the domain " + quoted(domain) +
                       ", and only " + named(graph, reached.front()) +
                       " captures it: every message is stored, and its publisher takes it for failed");
      return;
    }
    if (publisher.awaits_ack || is_any_at(facts, reached, publisher.server)) continue;
    findings.add(HazardKind::plain_publish_to_remote, publisher.subject.where,
                 quoted(publisher.name) + " publishes " + quoted(part) + " at " + quoted(facts.servers[publisher.server].name) +
                     " without awaiting an ack, and only " + named(graph, reached.front()) +
                     " captures it: while that is away the publish succeeds and the message is gone");
    return;
  }
}

// What the server or the stream that captures it will not take.
void find_refusals(const Graph& graph, const PublisherFacts& publisher, const std::vector<std::size_t>& reached, Findings& findings) {
  const std::string outcome = publisher.awaits_ack ? "the publish is answered with an error" : "nobody is told, and the message is gone";
  const std::string size = quoted(publisher.name) + " sends payloads of up to " + std::to_string(publisher.size_max) + " bytes, and ";
  const ServerFacts& server = graph.facts().servers[publisher.server];
  if (publisher.size_max > server.max_payload) {
    findings.add(HazardKind::publish_refused, publisher.size_where,
                 size + quoted(server.name) + " takes " + std::to_string(server.max_payload) + " (max_payload): no client sends more");
    return;
  }
  for (const std::size_t s : reached) {
    const StreamFacts& stream = graph.facts().streams[s];
    if (stream.max_msg_size > 0 && publisher.size_max > static_cast<std::uint64_t>(stream.max_msg_size)) {
      findings.add(
          HazardKind::publish_refused, publisher.size_where,
          size + named(graph, s) + " takes " + std::to_string(stream.max_msg_size) + " with the headers (max_msg_size, 10054): " + outcome);
    }
    if (publisher.rolls_up && (!stream.allows_rollup || stream.denies_purge)) {
      findings.add(HazardKind::publish_refused, publisher.rollup_where,
                   quoted(publisher.name) + " rolls up, and " + named(graph, s) +
                       (stream.denies_purge ? " denies purges" : " does not allow it") + " (\"rollup not permitted\", 10111): " + outcome);
    }
  }
}

// What a stream republishes is a plain publish at its server.
void find_lost_republishes(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  for (const StreamFacts& stream : facts.streams) {
    if (stream.republish_as.empty()) continue;
    if (findings.is_full()) return;
    const std::vector<std::size_t> reached = reached_by(graph, stream.server, stream.republish_as, findings);
    if (reached.empty() || is_any_at(facts, reached, stream.server)) continue;
    findings.add(HazardKind::plain_publish_to_remote, stream.republish_from.where,
                 quoted(stream.name.text) + " on " + quoted(facts.servers[stream.server].name) + " republishes to " +
                     quoted(stream.republish_as) + ", and only " + named(graph, reached.front()) +
                     " captures it: nobody awaits an ack for what is republished, and while that is away it is gone");
  }
}

// The longest time for which what this publisher sends does not come to the stream. Outages that leave no time for another attempt
// are one.
core::Duration longest_outage(const Graph& graph, std::size_t from, std::size_t to, core::Duration step) {
  core::Duration longest{};
  std::vector<std::pair<core::Duration, core::Duration>> spans;
  for (const OutageFacts& outage : graph.facts().outages) {
    const bool is_between = outage.b == kNowhere ? graph.passes(from, to, outage.a) : graph.passes(from, to, outage.a, outage.b);
    if (!is_between) continue;
    longest = std::max(longest, outage.length);
    if (outage.begin) spans.emplace_back(*outage.begin, sum(*outage.begin, outage.length));
  }
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 0; i < spans.size();) {
    const core::Duration begin = spans[i].first;
    core::Duration end = spans[i].second;
    for (++i; i < spans.size() && spans[i].first <= sum(end, step); ++i) end = std::max(end, spans[i].second);
    longest = std::max(longest, end - begin);
  }
  return longest;
}

// From the first attempt of a message to the last one, at most.
core::Duration horizon_of(const Graph& graph, const PublisherFacts& publisher, std::size_t stream) {
  const core::Duration step = sum(publisher.timeout, publisher.retries->wait);
  if (publisher.retries->until_acked) return sum(longest_outage(graph, publisher.server, graph.facts().streams[stream].server, step), step);
  const auto max = static_cast<std::uint64_t>(core::Duration::max().count());
  const auto each = static_cast<std::uint64_t>(std::max<std::int64_t>(step.count(), 1));
  if (publisher.retries->max > max / each) return core::Duration::max();
  return core::Duration{static_cast<std::int64_t>(publisher.retries->max * each)};
}

void find_retries(const Graph& graph, const PublisherFacts& publisher, const std::vector<std::size_t>& reached, Findings& findings) {
  if (!publisher.retries || !publisher.awaits_ack || reached.empty()) return;
  if (!publisher.has_msg_id) {
    findings.add(HazardKind::retries_without_msg_id, publisher.retries_where,
                 quoted(publisher.name) +
                     " repeats what was not acknowledged and gives it no message id: a message whose ack was lost, and not "
                     "itself, is stored twice by " +
                     named(graph, reached.front()));
    return;
  }
  for (const std::size_t s : reached) {
    const StreamFacts& stream = graph.facts().streams[s];
    const core::Duration horizon = horizon_of(graph, publisher, s);
    if (stream.window() >= horizon) continue;
    const bool is_endless = horizon == core::Duration::max();
    findings.add(HazardKind::dedup_window_too_short, stream.duplicate_window ? stream.at("duplicate_window") : publisher.retries_where,
                 named(graph, s) + " remembers an id for " + faults::format_duration(stream.window()) + ", and " + quoted(publisher.name) +
                     " may repeat it " + (is_endless ? std::string{"for ever"} : "as late as " + faults::format_duration(horizon)) +
                     " after its first attempt: the message is then stored again");
  }
}

// Streams whose ids are known to be used: somebody publishes to them with ids, or set a window on purpose (2m is what a server puts down
// by itself), or they copy such a stream.
std::vector<bool> have_ids(const Graph& graph, std::vector<bool> have) {
  const Facts& facts = graph.facts();
  std::vector<std::size_t> found;
  for (std::size_t s = 0; s < facts.streams.size(); ++s) {
    const StreamFacts& stream = facts.streams[s];
    const bool is_set = stream.duplicate_window && stream.duplicate_window->count() > 0;
    const bool has_own_window = is_set && !stream.is_mirror() && *stream.duplicate_window != std::chrono::minutes{2} &&
                                (stream.copies.empty() || *stream.duplicate_window > kWindowNegligible);
    have[s] = have[s] || has_own_window;
    if (have[s]) found.push_back(s);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const std::size_t out : graph.edges_out_of(found[i])) {
      const std::size_t copier = graph.edges()[out].copier;
      if (have[copier]) continue;
      have[copier] = true;
      found.push_back(copier);
    }
  }
  return have;
}

void find_ids_of_origins(const Graph& graph, const std::vector<bool>& with_ids, Findings& findings) {
  const Facts& facts = graph.facts();
  for (std::size_t s = 0; s < facts.streams.size() && !findings.is_full(); ++s) {
    const StreamFacts& copier = facts.streams[s];
    if (copier.is_mirror() || copier.window() <= kWindowNegligible) continue;
    std::vector<const CopyEdge*> edges;
    for (const std::size_t into : graph.edges_into(s)) {
      if (with_ids[graph.edges()[into].origin]) edges.push_back(&graph.edges()[into]);
    }
    const std::string window = faults::format_duration(copier.window());
    for (const CopyEdge* edge : edges) {
      findings.add(HazardKind::dedup_at_source_origin, edge->copy->where,
                   named(graph, s) + " sources " + named(graph, edge->origin) + ", whose messages carry ids, and remembers ids for " +
                       window + " itself: what the origin stored twice, for its own window was over, is refused here");
    }
    if (edges.size() < 2) continue;
    std::string text = named(graph, s) + " sources ";
    for (const CopyEdge* edge : edges) {
      if (edge != edges.front()) text += edge == edges.back() ? " and " : ", ";
      text += named(graph, edge->origin);
    }
    text.append(", whose messages carry ids: if two of them use the same id within ").append(window);
    text.append(", only the first is stored, and releases before 2.12.6 stand still at the second");
    findings.add(HazardKind::colliding_msg_ids, edges.back()->copy->where, std::move(text));
  }
}

}  // namespace

void find_publish_hazards(const Graph& graph, Findings& findings) {
  std::vector<bool> with_ids(graph.facts().streams.size());
  for (const PublisherFacts& publisher : graph.facts().publishers) {
    if (findings.is_full()) return;
    const std::vector<std::size_t> reached = reached_by(graph, publisher.server, publisher.subject.text, findings);
    find_lost_publishes(graph, publisher, findings);
    find_refusals(graph, publisher, reached, findings);
    find_retries(graph, publisher, reached, findings);
    if (!publisher.has_msg_id) continue;
    for (const std::size_t s : reached) with_ids[s] = true;
  }
  find_lost_republishes(graph, findings);
  find_ids_of_origins(graph, have_ids(graph, std::move(with_ids)), findings);
}

}  // namespace windtunnel::scenarios
