#include "scenarios/hazards/hazard.h"

#include <algorithm>
#include <tuple>

#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {

std::string link_of(HazardKind kind) { return "docs/hazards.md#" + std::string{name_of(kind)}; }

std::string named(const Graph& graph, std::size_t stream) {
  const StreamFacts& facts = graph.facts().streams[stream];
  return "stream " + quoted(facts.name.text) + " on " + quoted(graph.facts().servers[facts.server].name);
}

std::vector<Hazard> find_hazards(const Facts& facts) {
  const Graph graph{facts};
  Findings findings;
  for (const auto& find : {find_server_hazards, find_subject_hazards, find_copy_hazards, find_route_hazards, find_publish_hazards,
                           find_durability_hazards, find_consumer_hazards}) {
    findings.begin_rules();
    find(graph, findings);
  }
  for (const ServerFacts& server : facts.servers) {
    for (const PlacedText& gap : server.gaps) findings.add(HazardKind::incomplete_check, gap.where, gap.text);
  }
  const bool is_cut_short = findings.is_cut_short();
  std::vector<Hazard> out = findings.take();
  if (is_cut_short) {
    out.push_back({.kind = HazardKind::incomplete_check,
                   .where = facts.servers.empty() ? SourcePosition{} : facts.servers.front().where,
                   .why = "this is more than a check looks at: some rules have not seen all of it, and there may be hazards that are not "
                          "listed"});
  }
  std::stable_sort(out.begin(), out.end(), [](const Hazard& a, const Hazard& b) {
    return std::tie(a.where.file, a.where.line, a.where.column) < std::tie(b.where.file, b.where.line, b.where.column);
  });
  return out;
}

}  // namespace windtunnel::scenarios
