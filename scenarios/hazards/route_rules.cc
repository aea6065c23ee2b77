#include <algorithm>
#include <deque>
#include <set>

#include "core/nats/subject.h"
#include "scenarios/hazards/patterns.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

// The streams from the edge's copier back to its origin, if a message can go that way; empty if not. Breadth first: the
// shortest circle.
std::vector<std::size_t> circle_of(const Graph& graph, const CopyEdge& closing, Findings& findings) {
  struct Step {
    std::size_t stream = 0;
    std::size_t before = kNowhere;  // index of steps
    std::vector<std::string> subjects;
  };
  std::vector<Step> steps{{closing.copier, kNowhere, Graph::through(*closing.copy, {">"})}};
  std::set<std::size_t> seen{closing.copier};
  for (std::size_t i = 0; i < steps.size() && !findings.is_full(); ++i) {
    if (steps[i].subjects.empty()) continue;
    if (steps[i].stream == closing.origin && !Graph::through(*closing.copy, steps[i].subjects).empty()) {
      std::vector<std::size_t> out;
      for (std::size_t at = i; at != kNowhere; at = steps[at].before) out.push_back(steps[at].stream);
      std::reverse(out.begin(), out.end());
      return out;
    }
    for (const std::size_t out : graph.edges_out_of(steps[i].stream)) {
      const CopyEdge& edge = graph.edges()[out];
      findings.spend(1 + steps[i].subjects.size() * edge.copy->filters.size());
      std::vector<std::string> subjects = Graph::through(*edge.copy, steps[i].subjects);
      if (subjects.empty() || !seen.insert(edge.copier).second) continue;
      steps.push_back({edge.copier, i, std::move(subjects)});
    }
  }
  return {};
}

void find_circles(const Graph& graph, Findings& findings) {
  // A circle is reported once, at the edge of it that stands last in the file; its other edges would only repeat it.
  std::set<std::size_t> reported;
  for (auto edge = graph.edges().rbegin(); edge != graph.edges().rend() && !findings.is_full(); ++edge) {
    if (reported.contains(edge->copier) && reported.contains(edge->origin)) continue;
    const std::vector<std::size_t> circle = circle_of(graph, *edge, findings);
    if (circle.empty()) continue;
    reported.insert(circle.begin(), circle.end());
    std::string way;
    for (const std::size_t stream : circle) {
      const StreamFacts& facts = graph.facts().streams[stream];
      way += quoted(facts.name.text) + " on " + quoted(graph.facts().servers[facts.server].name) + " -> ";
    }
    const StreamFacts& first = graph.facts().streams[circle.front()];
    way += quoted(first.name.text);
    const bool is_all_mirrors =
        std::all_of(circle.begin(), circle.end(), [&graph](std::size_t s) { return graph.facts().streams[s].is_mirror(); });
    const bool is_on_one_server = std::all_of(circle.begin(), circle.end(), [&](std::size_t s) {
      return graph.facts().streams[s].server == first.server && !graph.facts().streams[s].copies.front().is_external;
    });
    const std::string_view end = is_on_one_server ? "; nats-server refuses it on one server (10052)"
                                 : is_all_mirrors
                                     ? "; a mirror takes nothing but from its origin, so no message can ever be published to any of them"
                                     : "; across domains no server detects it, and each message is copied round without end";
    findings.add(HazardKind::copy_cycle, edge->copy->where, ("copies go in a circle: " + way).append(end));
  }
}

// The streams from the one that is republished to back to the one that republishes, over copies and republishes; empty if a message
// cannot go that way.
std::vector<std::size_t> loop_of(const Graph& graph, const RepublishEdge& closing, Findings& findings) {
  struct Step {
    std::size_t stream = 0;
    std::size_t before = kNowhere;  // index of steps
    std::vector<std::string> subjects;
  };
  const PlacedText& again = graph.facts().streams[closing.from].republish_from;
  std::vector<Step> steps{{closing.to, kNowhere, graph.through(closing, {again.text})}};
  std::set<std::size_t> seen{closing.to};
  for (std::size_t i = 0; i < steps.size() && !findings.is_full(); ++i) {
    const std::vector<std::string>& subjects = steps[i].subjects;
    if (steps[i].stream == closing.from) {
      const bool is_again =
          std::any_of(subjects.begin(), subjects.end(), [&again](const auto& each) { return core::collide(each, again.text); });
      if (!is_again) continue;
      std::vector<std::size_t> out;
      for (std::size_t at = i; at != kNowhere; at = steps[at].before) out.push_back(steps[at].stream);
      std::reverse(out.begin(), out.end());
      return out;
    }
    const auto add = [&](std::size_t to, std::vector<std::string> arriving) {
      findings.spend(1 + arriving.size());
      if (!arriving.empty() && seen.insert(to).second) steps.push_back({to, i, std::move(arriving)});
    };
    const std::size_t at = steps[i].stream;
    for (const std::size_t out : graph.edges_out_of(at))
      add(graph.edges()[out].copier, Graph::through(*graph.edges()[out].copy, steps[i].subjects));
    for (const std::size_t out : graph.republishes_of(at))
      add(graph.republishes()[out].to, graph.through(graph.republishes()[out], steps[i].subjects));
  }
  return {};
}

void find_republish_loops(const Graph& graph, Findings& findings) {
  // Once, at the one of its streams that stands last in the file.
  std::set<std::size_t> reported;
  for (auto edge = graph.republishes().rbegin(); edge != graph.republishes().rend() && !findings.is_full(); ++edge) {
    if (reported.contains(edge->from)) continue;
    const std::vector<std::size_t> loop = loop_of(graph, *edge, findings);
    if (loop.empty()) continue;
    reported.insert(loop.begin(), loop.end());
    const StreamFacts& from = graph.facts().streams[edge->from];
    std::string way = named(graph, edge->from);
    for (const std::size_t stream : loop) way += " -> " + named(graph, stream);
    findings.add(HazardKind::republish_loop, from.republish_from.where,
                 "what " + named(graph, edge->from) + " republishes comes back to it: " + way +
                     "; each message is stored and published again without end");
  }
}

// What an edge brings, by where it was published first. A stream is its own root for what it captures.
struct Route {
  std::size_t root = 0;
  std::string subject;
};

constexpr std::size_t kRoutesMax = 500;

void routes_into(const Graph& graph, std::size_t stream, const std::vector<std::string>& wanted, std::vector<std::size_t>& way,
                 std::vector<Route>& out, Findings& findings) {
  if (out.size() >= kRoutesMax || wanted.empty() || findings.is_full()) return;
  const StreamFacts& facts = graph.facts().streams[stream];
  findings.spend(100 + way.size() + wanted.size() * facts.subjects.size());
  for (const std::string& want : wanted) {
    for (const PlacedText& subject : facts.subjects) {
      if (auto common = intersection(subject.text, want)) out.push_back({stream, *std::move(common)});
    }
  }
  way.push_back(stream);
  for (const std::size_t into : graph.edges_into(stream)) {
    const CopyEdge& edge = graph.edges()[into];
    if (std::find(way.begin(), way.end(), edge.origin) != way.end()) continue;
    // Behind a transform nobody can tell which subjects the wanted ones were: all that becomes something like them.
    const bool is_renamed =
        std::any_of(edge.copy->destinations.begin(), edge.copy->destinations.end(), [](const auto& d) { return !d.empty(); });
    std::vector<std::string> before;
    if (is_renamed) {
      for (std::size_t i = 0; i < edge.copy->filters.size(); ++i) {
        const bool stays = i >= edge.copy->destinations.size() || edge.copy->destinations[i].empty();
        const std::string& becomes = stays ? edge.copy->filters[i].text : edge.copy->destinations[i];
        const bool is_wanted =
            std::any_of(wanted.begin(), wanted.end(), [&becomes](const std::string& want) { return core::collide(becomes, want); });
        if (is_wanted) before.push_back(edge.copy->filters[i].text);
      }
    } else {
      before = Graph::through(*edge.copy, wanted);
    }
    routes_into(graph, edge.origin, before, way, out, findings);
  }
  way.pop_back();
}

void find_double_routes(const Graph& graph, Findings& findings) {
  for (std::size_t s = 0; s < graph.facts().streams.size() && !findings.is_full(); ++s) {
    const std::vector<std::size_t>& into = graph.edges_into(s);
    if (into.size() < 2) continue;
    std::vector<std::pair<std::size_t, Route>> earlier;
    bool is_reported = false;
    for (std::size_t i = 0; i < into.size() && !is_reported; ++i) {
      const CopyEdge& edge = graph.edges()[into[i]];
      std::vector<std::string> wanted{">"};
      if (!edge.copy->filters.empty()) {
        wanted.clear();
        for (const PlacedText& filter : edge.copy->filters) wanted.push_back(filter.text);
      }
      std::vector<std::size_t> way{s};
      std::vector<Route> routes;
      routes_into(graph, edge.origin, wanted, way, routes, findings);
      for (const Route& route : routes) {
        findings.spend(earlier.size());
        const auto other = std::find_if(earlier.begin(), earlier.end(), [&route](const auto& each) {
          return each.second.root == route.root && core::collide(each.second.subject, route.subject);
        });
        if (other == earlier.end()) continue;
        findings.add(HazardKind::double_route, edge.copy->where,
                     named(graph, s) + " gets " + quoted(route.subject) + " of " + named(graph, route.root) + " through " +
                         quoted(graph.facts().streams[graph.edges()[into[other->first]].origin].name.text) + " and through " +
                         quoted(graph.facts().streams[edge.origin].name.text) + ", and stores it twice");
        is_reported = true;
        break;
      }
      if (earlier.size() < kRoutesMax) {
        for (Route& route : routes) earlier.emplace_back(i, std::move(route));
      }
    }
  }
}

}  // namespace

void find_route_hazards(const Graph& graph, Findings& findings) {
  find_circles(graph, findings);
  find_republish_loops(graph, findings);
  find_double_routes(graph, findings);
}

}  // namespace windtunnel::scenarios
