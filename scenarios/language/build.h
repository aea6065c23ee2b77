// The second half of loading: from checked values to the model, with every name looked up. Internal to scenarios/load.
#pragma once

#include <string>
#include <string_view>

#include "scenarios/language/diagnostic.h"
#include "scenarios/language/typed_value.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// Each takes one list of the file and appends to the scenario. To be called in this order: each looks up names of those
// before it.
void build_nodes(const TypedValue& nodes, Scenario& scenario, Diagnostics& diagnostics);
void build_links(const TypedValue* links, Scenario& scenario, Diagnostics& diagnostics);  // nullptr: only those of leaf_of
void build_streams(const TypedValue& streams, Scenario& scenario, Diagnostics& diagnostics);
void build_consumers(const TypedValue& consumers, Scenario& scenario, Diagnostics& diagnostics);
void build_workloads(const TypedValue& workloads, Scenario& scenario, Diagnostics& diagnostics);
void build_faults(const TypedValue& faults, Scenario& scenario, Diagnostics& diagnostics);
void build_swarm(const TypedValue& swarm, Scenario& scenario, Diagnostics& diagnostics);
void build_expectations(const TypedValue& expectations, Scenario& scenario, Diagnostics& diagnostics);

// Whether the scenario has a node of that name; if not, a diagnostic at `where` says so.
bool expect_node(std::string_view name, const SourcePosition& where, const Scenario& scenario, Diagnostics& diagnostics);
// The same for a JetStream domain.
bool expect_domain(std::string_view domain, const SourcePosition& where, const Scenario& scenario, Diagnostics& diagnostics);
// The one stream of that name: on node `on`, or, if that is empty, on any. nullptr, with a diagnostic, if there is none or
// several. `only_mirrors`: others do not count.
const StreamSpec* expect_stream(std::string_view name, std::string_view on, const SourcePosition& where, bool only_mirrors,
                                const Scenario& scenario, Diagnostics& diagnostics);

// The domain that an API prefix "$JS.hub.API" names; empty for any other.
[[nodiscard]] std::string domain_of_api(std::string_view api);

// The JSON of a NATS configuration object: its fields in nats-server's order, durations in nanoseconds, sizes in bytes.
// Requires: `value` was checked against that table.
[[nodiscard]] std::string nats_json(const TypedValue& value);

}  // namespace windtunnel::scenarios
