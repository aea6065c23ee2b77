// Cores that are broken on purpose, each with a scenario that shows it and passes on the right one; and how the tests run them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/defects.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/run.h"
#include "scenarios/scenario.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {

struct BrokenCore {
  std::string what;
  std::string scenario;
  std::string expect;
  std::vector<core::Defect> defects;
  std::string invariant;
};

[[nodiscard]] std::vector<BrokenCore> broken_stores();
[[nodiscard]] std::vector<BrokenCore> broken_streams();
[[nodiscard]] std::vector<BrokenCore> broken_copies();

[[nodiscard]] RunResult run(const Scenario& scenario, const std::vector<core::Defect>& defects, std::uint64_t seed = 1);
// nullptr: it did not find that.
[[nodiscard]] const Divergence* find(const RunResult& result, std::string_view invariant);
[[nodiscard]] inline std::string only(const std::string& invariant) { return "\nexpect: [ { invariants: [" + invariant + "] } ]\n"; }

// Scenarios that several begin with.
inline const std::string kAlone = R"(
scenario: alone
about: One server, one stream.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
)";

inline const std::string kSyncAlways = R"(
scenario: sync-always
about: One server that syncs always loses power.
nodes: { hub: { domain: hub, sync_interval: always } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 6s, name: careful } ]
faults: [ { at: 3s, power_loss: { node: hub, keep: none } }, { at: 4s, start: hub } ]
)";

inline const std::string kMirror = R"(
scenario: mirror
about: A hub with a stream, a leaf with its mirror.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub } }
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 10s, name: careful } ]
)";

inline const std::string kOutage = kMirror + R"(
faults: [ { at: 3s, signal: { node: hub, name: SIGABRT } }, { at: 5s, start: hub } ]
)";

inline const std::string kCareful =
    "\nworkloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 5s, name: careful } ]\n";

}  // namespace windtunnel::scenarios
