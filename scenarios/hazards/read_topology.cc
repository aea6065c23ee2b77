#include "scenarios/hazards/read_topology.h"

#include <array>

#include "scenarios/hazards/names.h"
#include "scenarios/hazards/read_config.h"
#include "scenarios/language/nearest.h"
#include "scenarios/language/shapes.h"
#include "scenarios/language/typed_value.h"
#include "scenarios/language/yaml_tree.h"

namespace windtunnel::scenarios {
namespace {

using namespace shapes;

constexpr Shape kSubject{.type = Type::subject};
constexpr Shape kSubjects{.type = Type::list, .element = &kSubject};
constexpr Shape kTexts{.type = Type::list, .element = &kText};
constexpr std::array kServerKeys = {
    Key{.name = "domain", .shape = kStreamName, .about = "its JetStream domain"},
    Key{.name = "leaf_of", .shape = kName, .about = "the server to which it connects as a leaf"},
    Key{.name = "deny_imports", .shape = kSubjects, .about = "subjects that must not come in over its leaf link"},
    Key{.name = "deny_exports", .shape = kSubjects, .about = "subjects that must not go out over its leaf link"},
    Key{.name = "server_name", .shape = kText, .about = "as its configuration has it; default: as its streams' infos have it"},
    Key{.name = "sync_interval", .shape = {.type = Type::sync_interval}, .about = "between fsyncs, or always: before each ack; default 2m"},
    Key{.name = "loses_power", .shape = {.type = Type::boolean}, .about = "it may lose power, and has no battery; default false"},
    Key{.name = "streams", .shape = kTexts, .about = "files of what `nats stream info --json` prints there"},
};
constexpr Table kServer{.name = "a server", .keys = kServerKeys};
constexpr Shape kServerShape = object(kServer);

const Table& topology_table() {
  // The names of hazards lie in another file, so the shape is not constexpr.
  static const Shape hazard = choice(hazard_names());
  static const std::array keys = {
      Key{.name = "nodes", .shape = {.type = Type::map, .element = &kServerShape}, .about = "the servers, by name", .is_required = true},
      Key{.name = "outage", .shape = kPositiveDuration, .about = "the longest one of a link or server that must cost nothing"},
      Key{.name = "hazards", .shape = {.type = Type::list, .element = &hazard}, .about = "those that are there on purpose"},
  };
  static const Table table{.name = "a topology", .keys = keys};
  return table;
}

SourcePosition place_of(const TypedValue& value, std::string_view key, const SourcePosition& fallback) {
  const TypedValue* found = value.find(key);
  return found == nullptr ? fallback : found->where;
}

void read_servers(const TypedValue& nodes, Topology& topology, Diagnostics& diagnostics) {
  std::vector<ServerFacts>& servers = topology.facts.servers;
  for (const TypedValue::Member& member : nodes.members) {
    ServerFacts server{
        .name = member.key, .where = member.where, .domain = {}, .deny_imports = {}, .deny_exports = {}, .server_name = {}, .gaps = {}};
    server.domain = {member.value.get_or<std::string>("domain", ""), place_of(member.value, "domain", member.where)};
    server.server_name = {member.value.get_or<std::string>("server_name", ""), place_of(member.value, "server_name", member.where)};
    server.deny_imports = texts_of(member.value, "deny_imports");
    server.deny_exports = texts_of(member.value, "deny_exports");
    if (const TypedValue* sync = member.value.find("sync_interval")) server.syncs_always = sync->as<SyncInterval>().always;
    server.are_streams_known = false;
    const std::size_t index = servers.size();
    if (member.value.get_or("loses_power", false))
      topology.facts.power_losses.push_back({index, place_of(member.value, "loses_power", member.where)});
    if (const TypedValue* files = member.value.find("streams")) {
      for (const TypedValue& file : files->items) topology.files.push_back({index, {file.as<std::string>(), file.where}});
    }
    servers.push_back(std::move(server));
  }
  if (servers.empty()) diagnostics.add(nodes.where, "`nodes` must name at least one server");
}

void join(const TypedValue& nodes, Topology& topology, Diagnostics& diagnostics) {
  std::vector<ServerFacts>& servers = topology.facts.servers;
  std::vector<std::string_view> names;
  for (const ServerFacts& server : servers) names.push_back(server.name);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const TypedValue* leaf_of = nodes.members[i].value.find("leaf_of");
    if (leaf_of == nullptr) continue;
    for (std::size_t hub = 0; hub < servers.size(); ++hub) {
      if (servers[hub].name == leaf_of->as<std::string>()) servers[i].hub = hub;
    }
    if (servers[i].hub == kNowhere) {
      diagnostics.add(leaf_of->where, "there is no server " + quoted(leaf_of->as<std::string>()) + hint(leaf_of->as<std::string>(), names));
      continue;
    }
    // Those before this one lead to a top, so only a way that comes back here is a circle.
    std::size_t at = i;
    for (std::size_t steps = 0; at != kNowhere && steps <= servers.size(); ++steps) at = servers[at].hub;
    if (at == kNowhere) continue;
    diagnostics.add(leaf_of->where,
                    "the leaf topology runs in a circle: " + quoted(servers[i].name) + " is, over others, a leaf of itself");
    servers[i].hub = kNowhere;
  }
}

}  // namespace

Topology read_topology(std::string_view text, const std::string& file, Diagnostics& diagnostics) {
  Topology topology;
  if (text.find_first_not_of(" \r\n\t") == std::string_view::npos) {
    diagnostics.add({file, 1, 1}, "the file is empty; a topology begins with `nodes:`");
    return topology;
  }
  const std::size_t before = diagnostics.count();
  const std::optional<YamlTree> tree = parse_yaml(text, file, diagnostics);
  if (!tree) return topology;
  const TypedValue root = check_tree(*tree, topology_table(), diagnostics);
  if (diagnostics.count() != before) return topology;
  const TypedValue& nodes = *root.find("nodes");
  read_servers(nodes, topology, diagnostics);
  join(nodes, topology, diagnostics);
  if (const TypedValue* outage = root.find("outage"))
    topology.facts.planned_outage =
        OutageFacts{.a = 0, .b = kNowhere, .length = outage->as<core::Duration>(), .where = outage->where, .begin = {}};
  if (const TypedValue* hazards = root.find("hazards")) {
    for (const TypedValue& hazard : hazards->items) topology.accepted.push_back({hazard.as<std::string>(), hazard.where});
  }
  return topology;
}

}  // namespace windtunnel::scenarios
