#include <set>
#include <vector>

#include "core/nats/subject.h"
#include "scenarios/language/build.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

std::vector<std::string_view> node_names(const Scenario& scenario) {
  std::vector<std::string_view> names;
  for (const NodeSpec& node : scenario.nodes) names.push_back(node.name);
  return names;
}

// nats-server refuses a larger max_payload.
constexpr core::Bytes kPayloadMax{64u << 20};

// What must not cross the leaf link of a node.
std::vector<std::string> deny_rules(const TypedValue& node, std::string_view key, Diagnostics& diagnostics) {
  std::vector<std::string> rules;
  const TypedValue* list = node.find(key);
  if (list == nullptr) return rules;
  if (node.find("leaf_of") == nullptr) diagnostics.add(list->where, quoted(key) + " is for a node with `leaf_of`");
  for (const TypedValue& item : list->items) {
    rules.push_back(item.as<std::string>());
    if (!core::is_valid_subject(rules.back())) diagnostics.add(item.where, quoted(rules.back()) + " is no valid subject");
  }
  return rules;
}

NodeSpec build_node(const std::string& name, const SourcePosition& where, const TypedValue& value, Diagnostics& diagnostics) {
  NodeSpec node;
  node.name = name;
  node.where = where;
  node.domain = value.get_or<std::string>("domain", "");
  node.leaf_of = value.get_or<std::string>("leaf_of", "");
  node.deny_imports = deny_rules(value, "deny_imports", diagnostics);
  node.deny_exports = deny_rules(value, "deny_exports", diagnostics);
  node.user = value.get_or<std::string>("user", "");
  node.password = value.get_or<std::string>("password", "");
  if (const TypedValue* v = value.find("block_size")) node.block_size = v->as<core::Bytes>();
  if (const TypedValue* v = value.find("compact_min")) node.compact_min = v->as<core::Bytes>();
  if (const TypedValue* v = value.find("index_interval")) node.index_interval = v->as<core::Duration>();
  if (const TypedValue* v = value.find("sync_interval")) node.sync_interval = v->as<SyncInterval>();
  if (const TypedValue* v = value.find("ping_interval")) node.ping_interval = v->as<core::Duration>();
  if (const TypedValue* v = value.find("max_payload")) {
    node.max_payload = v->as<core::Bytes>();
    if (node.max_payload->value == 0 || *node.max_payload > kPayloadMax)
      diagnostics.add(v->where, "`max_payload` must be at least 1B, and no more than 64MiB");
  }
  if (const TypedValue* v = value.find("defects")) {
    for (const TypedValue& defect : v->items) node.defects.set(defect.as<core::Defect>());
  }
  return node;
}

// A leaf that is, over others, a leaf of itself would forward in circles; nats-server refuses such a connection.
void refuse_cycles(const TypedValue& nodes, const Scenario& scenario, Diagnostics& diagnostics) {
  std::set<std::string_view> settled;  // known to lead to a node that is no leaf, or reported
  for (const TypedValue::Member& member : nodes.members) {
    std::vector<std::string_view> path;
    std::set<std::string_view> on_path;
    const NodeSpec* node = scenario.node(member.key);
    while (node != nullptr && !settled.contains(node->name) && on_path.insert(node->name).second) {
      path.push_back(node->name);
      node = node->leaf_of.empty() ? nullptr : scenario.node(node->leaf_of);
    }
    if (node != nullptr && on_path.contains(node->name)) {
      std::string circle;
      bool is_in_it = false;
      for (const std::string_view step : path) {
        is_in_it = is_in_it || step == node->name;
        if (is_in_it) circle += std::string{step} + " -> ";
      }
      const TypedValue* leaf_of = member.value.find("leaf_of");
      diagnostics.add(leaf_of == nullptr ? member.where : leaf_of->where, "the leaf topology runs in a circle: " + circle + node->name);
    }
    settled.insert(path.begin(), path.end());
  }
}

}  // namespace

bool expect_node(std::string_view name, const SourcePosition& where, const Scenario& scenario, Diagnostics& diagnostics) {
  if (scenario.node(name) != nullptr) return true;
  diagnostics.add(where, "there is no node " + quoted(name) + hint(name, node_names(scenario)));
  return false;
}

bool expect_domain(std::string_view domain, const SourcePosition& where, const Scenario& scenario, Diagnostics& diagnostics) {
  if (scenario.node_of_domain(domain) != nullptr) return true;
  std::vector<std::string_view> domains;
  for (const NodeSpec& node : scenario.nodes) {
    if (!node.domain.empty()) domains.push_back(node.domain);
  }
  diagnostics.add(where, "no node has the domain " + quoted(domain) + hint(domain, domains));
  return false;
}

void build_nodes(const TypedValue& nodes, Scenario& scenario, Diagnostics& diagnostics) {
  for (const TypedValue::Member& member : nodes.members) {
    scenario.nodes.push_back(build_node(member.key, member.where, member.value, diagnostics));
    const NodeSpec& node = scenario.nodes.back();
    if (node.user.empty() != node.password.empty())
      diagnostics.add(member.where, "node " + quoted(node.name) + " needs both `user` and `password`, or neither");
  }
  if (scenario.nodes.empty()) diagnostics.add(nodes.where, "`nodes` must name at least one node");
  for (const TypedValue::Member& member : nodes.members) {
    if (const TypedValue* leaf_of = member.value.find("leaf_of"))
      expect_node(leaf_of->as<std::string>(), leaf_of->where, scenario, diagnostics);
  }
  refuse_cycles(nodes, scenario, diagnostics);
}

void build_links(const TypedValue* links, Scenario& scenario, Diagnostics& diagnostics) {
  if (links != nullptr) {
    for (const TypedValue& value : links->items) {
      LinkSpec link;
      link.where = value.where;
      link.between = value.get<faults::LinkEnds>("between");
      link.latency = value.get_or("latency", link.latency);
      if (const TypedValue* bandwidth = value.find("bandwidth")) link.bandwidth = bandwidth->as<core::Bytes>();
      const SourcePosition& where = value.find("between")->where;
      bool is_good = expect_node(link.between.a, where, scenario, diagnostics);
      is_good = expect_node(link.between.b, where, scenario, diagnostics) && is_good;
      if (!is_good) continue;
      if (link.between.a == link.between.b) {
        diagnostics.add(where, "a link joins two different nodes, not " + quoted(link.between.a) + " with itself");
      } else if (scenario.link(link.between) != nullptr) {
        diagnostics.add(where, "there is already a link between " + quoted(link.between.a) + " and " + quoted(link.between.b));
      } else {
        scenario.links.push_back(std::move(link));
      }
    }
  }
  for (const NodeSpec& node : scenario.nodes) {
    if (node.leaf_of.empty() || scenario.node(node.leaf_of) == nullptr || node.leaf_of == node.name) continue;
    LinkSpec link;
    link.between = {.a = node.leaf_of, .b = node.name};
    link.where = node.where;
    if (scenario.link(link.between) == nullptr) scenario.links.push_back(std::move(link));
  }
}

}  // namespace windtunnel::scenarios
