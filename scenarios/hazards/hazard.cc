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
  find_server_hazards(graph, findings);
  find_copy_hazards(graph, findings);
  find_route_hazards(graph, findings);
  find_publish_hazards(graph, findings);
  find_durability_hazards(graph, findings);
  find_consumer_hazards(graph, findings);
  std::vector<Hazard> out = findings.take();
  std::stable_sort(out.begin(), out.end(), [](const Hazard& a, const Hazard& b) {
    return std::tie(a.where.file, a.where.line, a.where.column) < std::tie(b.where.file, b.where.line, b.where.column);
  });
  return out;
}

}  // namespace windtunnel::scenarios
