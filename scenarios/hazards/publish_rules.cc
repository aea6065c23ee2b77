#include <algorithm>
#include <utility>

#include "core/nats/subject.h"
#include "faults/units.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

// The streams that a publish of this client reaches while every link is up.
std::vector<std::size_t> reached_by(const Graph& graph, const PublisherFacts& publisher, Findings& findings) {
  std::vector<std::size_t> out;
  for (std::size_t s = 0; s < graph.facts().streams.size(); ++s) {
    const StreamFacts& stream = graph.facts().streams[s];
    if (!graph.reaches(publisher.server, stream.server, publisher.subject.text)) continue;
    findings.spend(1 + stream.subjects.size());
    const bool is_captured = std::any_of(stream.subjects.begin(), stream.subjects.end(),
                                         [&publisher](const PlacedText& each) { return core::collide(each.text, publisher.subject.text); });
    if (is_captured) out.push_back(s);
  }
  return out;
}

void find_lost_publishes(const Graph& graph, const PublisherFacts& publisher, const std::vector<std::size_t>& reached, Findings& findings) {
  const Facts& facts = graph.facts();
  if (reached.empty()) {
    if (publisher.awaits_ack) {
      findings.add(HazardKind::publish_to_nothing, publisher.subject.where,
                   quoted(publisher.name) + " awaits acks for " + quoted(publisher.subject.text) +
                       ", which no stream captures that it can reach: every publish is answered by 503 no responders");
    }
    return;
  }
  if (publisher.awaits_ack) return;
  const bool is_local =
      std::any_of(reached.begin(), reached.end(), [&](std::size_t s) { return facts.streams[s].server == publisher.server; });
  if (is_local) return;
  findings.add(HazardKind::plain_publish_to_remote, publisher.subject.where,
               quoted(publisher.name) + " publishes " + quoted(publisher.subject.text) + " at " +
                   quoted(facts.servers[publisher.server].name) + " without awaiting an ack, and only " + named(graph, reached.front()) +
                   " captures it: while that is away the publish succeeds and the message is gone");
}

core::Duration longest_outage(const Facts& facts) {
  core::Duration out{};
  for (const OutageFacts& outage : facts.outages) out = std::max(out, outage.length);
  return out;
}

// From the first attempt of a message to the last one, at most.
core::Duration horizon_of(const Facts& facts, const PublisherFacts& publisher) {
  const core::Duration step = sum(publisher.timeout, publisher.retries->wait);
  if (publisher.retries->until_acked) return sum(longest_outage(facts), step);
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
  const core::Duration horizon = horizon_of(graph.facts(), publisher);
  for (const std::size_t s : reached) {
    const StreamFacts& stream = graph.facts().streams[s];
    if (stream.window() >= horizon) continue;
    const bool is_endless = horizon == core::Duration::max();
    findings.add(HazardKind::dedup_window_too_short, stream.duplicate_window ? stream.at("duplicate_window") : publisher.retries_where,
                 named(graph, s) + " remembers an id for " + faults::format_duration(stream.window()) + ", and " + quoted(publisher.name) +
                     " may repeat it " + (is_endless ? std::string{"for ever"} : "as late as " + faults::format_duration(horizon)) +
                     " after its first attempt: the message is then stored again");
  }
}

// Below this a window is only what cannot be switched off, and too short for two edges to meet in it.
constexpr core::Duration kWindowNegligible = std::chrono::seconds{1};

void find_ids_of_origins(const Graph& graph, const std::vector<std::vector<const PublisherFacts*>>& with_ids, Findings& findings) {
  const Facts& facts = graph.facts();
  for (std::size_t s = 0; s < facts.streams.size() && !findings.is_full(); ++s) {
    const StreamFacts& copier = facts.streams[s];
    if (copier.is_mirror() || copier.window() <= kWindowNegligible) continue;
    // Origins whose ids are known to be used: somebody publishes with them, or set a window on purpose. 2m is what a server
    // puts down by itself.
    std::vector<const CopyEdge*> edges;
    for (const std::size_t into : graph.edges_into(s)) {
      const CopyEdge& edge = graph.edges()[into];
      const StreamFacts& origin = facts.streams[edge.origin];
      const bool has_own_window = origin.duplicate_window && origin.duplicate_window->count() > 0 &&
                                  *origin.duplicate_window != std::chrono::minutes{2} && !origin.is_mirror();
      if (has_own_window || !with_ids[edge.origin].empty()) edges.push_back(&edge);
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
  std::vector<std::vector<const PublisherFacts*>> with_ids(graph.facts().streams.size());
  for (const PublisherFacts& publisher : graph.facts().publishers) {
    if (findings.is_full()) return;
    const std::vector<std::size_t> reached = reached_by(graph, publisher, findings);
    find_lost_publishes(graph, publisher, reached, findings);
    find_retries(graph, publisher, reached, findings);
    if (!publisher.has_msg_id) continue;
    for (const std::size_t s : reached) with_ids[s].push_back(&publisher);
  }
  find_ids_of_origins(graph, with_ids, findings);
}

}  // namespace windtunnel::scenarios
