#include <algorithm>
#include <set>

#include "core/nats/subject.h"
#include "scenarios/hazards/patterns.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

void find_names(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  std::multimap<std::string_view, std::size_t> by_name;
  for (std::size_t b = 0; b < facts.streams.size(); ++b) {
    const StreamFacts& later = facts.streams[b];
    const auto [begin, end] = by_name.equal_range(later.name.text);
    const auto other =
        std::find_if(begin, end, [&](const auto& each) { return graph.are_neighbours(facts.streams[each.second].server, later.server); });
    if (other != end) {
      const std::string& hub = facts.servers[facts.streams[other->second].server].name;
      findings.add(HazardKind::same_stream_name, later.name.where,
                   "both " + quoted(hub) + " and " + quoted(facts.servers[later.server].name) + " have a stream " +
                       quoted(later.name.text) +
                       ": they are two streams, and a client that names no domain gets the one of its own server");
    }
    by_name.emplace(later.name.text, b);
  }
}

// Whether one copies the other, at once or over others.
bool is_copy_of(const Graph& graph, std::size_t copier, std::size_t origin) {
  std::vector<std::size_t> seen{copier};
  for (std::size_t i = 0; i < seen.size(); ++i) {
    for (const std::size_t edge : graph.edges_into(seen[i])) {
      const std::size_t next = graph.edges()[edge].origin;
      if (next == origin) return true;
      if (std::find(seen.begin(), seen.end(), next) == seen.end()) seen.push_back(next);
    }
  }
  return false;
}

// Whether a publish at one of the two can be stored by both.
bool are_shared(const Graph& graph, std::size_t a, std::string_view mine, std::size_t b, std::string_view theirs) {
  const std::optional<std::string> common = intersection(mine, theirs);
  return common && (graph.reaches(a, b, *common) || graph.reaches(b, a, *common));
}

void find_subjects(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  for (std::size_t b = 0; b < facts.streams.size() && !findings.is_full(); ++b) {
    const StreamFacts& later = facts.streams[b];
    bool is_reported = false;  // once a stream: its neighbours would only repeat it
    for (std::size_t a = 0; a < b && !is_reported && !findings.is_full(); ++a) {
      const StreamFacts& earlier = facts.streams[a];
      if (earlier.server == later.server || !graph.are_joined(earlier.server, later.server)) continue;
      findings.spend(1 + later.subjects.size() * earlier.subjects.size());
      for (const PlacedText& mine : later.subjects) {
        const auto other = std::find_if(earlier.subjects.begin(), earlier.subjects.end(), [&](const PlacedText& each) {
          return are_shared(graph, later.server, mine.text, earlier.server, each.text);
        });
        if (other == earlier.subjects.end()) continue;
        const bool is_later_copy = is_copy_of(graph, b, a);
        if (is_later_copy || is_copy_of(graph, a, b)) {
          const std::size_t copier = is_later_copy ? b : a;
          findings.add(HazardKind::copy_captures_origin_subjects, is_later_copy ? mine.where : other->where,
                       named(graph, copier) + " captures " + quoted(is_later_copy ? mine.text : other->text) + " and copies " +
                           named(graph, is_later_copy ? a : b) + ", which captures " + quoted(is_later_copy ? other->text : mine.text) +
                           ": while the link is up each message comes once directly and once as a copy");
        } else {
          findings.add(HazardKind::overlapping_subjects, mine.where,
                       quoted(mine.text) + " of " + named(graph, b) + " overlaps with " + quoted(other->text) + " of " + named(graph, a) +
                           ": while the link is up both store each message and both answer; while it is down only the near one has it");
        }
        is_reported = true;
        break;
      }
    }
  }
}

void find_domains(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  std::vector<bool> has_streams(facts.servers.size());
  for (const StreamFacts& stream : facts.streams) has_streams[stream.server] = true;
  for (std::size_t b = 0; b < facts.servers.size(); ++b) {
    const ServerFacts& server = facts.servers[b];
    if (server.domain.text.empty()) {
      if (!has_streams[b]) continue;
      for (std::size_t a = 0; a < facts.servers.size(); ++a) {
        if (a == b || !graph.are_neighbours(a, b) || !has_streams[a]) continue;
        if (facts.servers[a].domain.text.empty() && a > b) continue;  // of two without, the later one
        findings.add(HazardKind::leaf_without_domain, server.where,
                     quoted(server.name) + " and " + quoted(facts.servers[a].name) +
                         " are joined by a leaf link and both hold streams, and " + quoted(server.name) +
                         " has no JetStream domain: requests to $JS.API may be answered by either");
        break;
      }
      continue;
    }
    for (std::size_t a = 0; a < b; ++a) {
      if (!graph.are_joined(a, b) || facts.servers[a].domain.text != server.domain.text) continue;
      findings.add(HazardKind::equal_domains, server.domain.where,
                   quoted(server.name) + " has the JetStream domain " + quoted(server.domain.text) + " of " +
                       quoted(facts.servers[a].name) + ": a request for it reaches either of them, and nothing says which");
      break;
    }
  }
}

void find_server_names(const Graph& graph, Findings& findings) {
  std::map<std::string_view, const ServerFacts*> seen;
  for (const ServerFacts& server : graph.facts().servers) {
    if (server.server_name.text.empty()) continue;
    const auto [other, is_new] = seen.emplace(server.server_name.text, &server);
    if (is_new) continue;
    findings.add(HazardKind::equal_server_names, server.server_name.where,
                 quoted(server.name) + " and " + quoted(other->second->name) + " both call themselves " + quoted(server.server_name.text) +
                     ": the second leaf connection of that name is refused, again and again");
  }
}

}  // namespace

void find_server_hazards(const Graph& graph, Findings& findings) {
  find_names(graph, findings);
  find_subjects(graph, findings);
  find_domains(graph, findings);
  find_server_names(graph, findings);
}

}  // namespace windtunnel::scenarios
