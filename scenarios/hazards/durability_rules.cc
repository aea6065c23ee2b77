#include <set>

#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {

void find_durability_hazards(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  std::vector<bool> has_files(facts.servers.size());
  for (std::size_t s = 0; s < facts.streams.size(); ++s) {
    const StreamFacts& stream = facts.streams[s];
    has_files[stream.server] = has_files[stream.server] || stream.storage == Storage::file;
    if (!stream.is_critical || stream.replicas > 1) continue;
    findings.add(
        HazardKind::critical_single_replica, stream.at("metadata"),
        named(graph, s) + " is marked as critical and has one replica: it is away while its server is, and gone with that server's disk");
  }
  std::set<std::size_t> reported;
  for (const PowerLossFacts& loss : facts.power_losses) {
    const ServerFacts& server = facts.servers[loss.server];
    if (server.syncs_always || !has_files[loss.server] || !reported.insert(loss.server).second) continue;
    findings.add(
        HazardKind::default_sync_with_power_loss, loss.where,
        quoted(server.name) + " loses power and acknowledges before it syncs: whatever it acknowledged since its last sync may be lost");
  }
}

}  // namespace windtunnel::scenarios
