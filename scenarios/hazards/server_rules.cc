#include <algorithm>

#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

void find_names(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  std::multimap<std::string_view, std::size_t> by_name;
  for (std::size_t b = 0; b < facts.streams.size() && !findings.is_full(); ++b) {
    const StreamFacts& later = facts.streams[b];
    const auto [begin, end] = by_name.equal_range(later.name.text);
    const auto other = std::find_if(begin, end, [&](const auto& each) {
      const StreamFacts& earlier = facts.streams[each.second];
      findings.spend(1);
      return graph.are_in_line(earlier.server, later.server) && graph.are_of_one_account(earlier, later);
    });
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
        findings.add(
            HazardKind::leaf_without_domain, server.where,
            quoted(server.name) + " and " + quoted(facts.servers[a].name) + " are joined by a leaf link and both hold streams, and " +
                quoted(server.name) +
                " has no JetStream domain: from elsewhere its streams cannot be named, neither by clients nor by mirrors and sources");
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
  const std::vector<ServerFacts>& servers = graph.facts().servers;
  std::multimap<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const ServerFacts& server = servers[i];
    if (server.server_name.text.empty()) continue;
    const auto [begin, end] = seen.equal_range(server.server_name.text);
    const auto other = std::find_if(begin, end, [&](const auto& each) { return graph.are_joined(each.second, i); });
    const bool is_first = other == end;
    const std::string name = is_first ? std::string{} : servers[other->second].name;
    seen.emplace(server.server_name.text, i);
    if (is_first) continue;
    findings.add(HazardKind::equal_server_names, server.server_name.where,
                 quoted(server.name) + " and " + quoted(name) + " both call themselves " + quoted(server.server_name.text) +
                     ": the second leaf connection of that name is refused, again and again");
  }
}

}  // namespace

void find_server_hazards(const Graph& graph, Findings& findings) {
  find_names(graph, findings);
  find_domains(graph, findings);
  find_server_names(graph, findings);
}

}  // namespace windtunnel::scenarios
