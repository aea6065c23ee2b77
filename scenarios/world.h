// World: a scenario's nodes, links and clients inside the simulator.
//
// Before the scenario's time 0 lies a prelude of fixed length, in which nodes start, leafs connect and streams and
// consumers are created in the order of the file (design, "Fixed meanings": at t = 0 all of that is there).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/text_map.h"
#include "core/jetstream/stream.h"
#include "core/server/node.h"
#include "scenarios/change_log.h"
#include "scenarios/copy_watch.h"
#include "scenarios/history.h"
#include "scenarios/key_value_log.h"
#include "scenarios/leaf_watch.h"
#include "scenarios/ledger.h"
#include "scenarios/read_log.h"
#include "scenarios/recovery_reading.h"
#include "scenarios/removal_log.h"
#include "scenarios/scenario.h"
#include "scenarios/sync_bound.h"
#include "sim/kernel.h"
#include "sim/network.h"
#include "sim/process.h"

namespace windtunnel::scenarios {

// The scenario's time 0, in the kernel's time.
inline constexpr core::Instant kTimeZero{std::chrono::seconds{10}};
// 2024-01-01T00:00:00Z, in nanoseconds: every wall clock at time 0.
inline constexpr std::int64_t kWallAtTimeZero = 1704067200LL * 1000000000;

class World {
 public:
  struct NodePlace {
    const NodeSpec* spec = nullptr;
    std::unique_ptr<sim::Process> process;
    bool is_ending = false;  // it was told to stop, and may be at it yet
  };

  // Builds hosts, links and processes; nothing runs yet. `defects`: on every node, besides its own.
  World(const Scenario& scenario, core::Seed seed, core::Defects defects);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Starts the nodes and creates what the scenario lists. Driver only.
  // Errors: what a server refused, with the place in the scenario's file.
  core::Status build();
  // Lets the rest of the prelude pass; on return it is time 0. Driver only.
  void reach_time_zero() { kernel_.run_until(kTimeZero); }

  // One that was told to stop and is not done is started as soon as it has ended. Does nothing if it just runs. Driver only.
  void start(NodePlace& node);
  NodePlace& node(std::string_view name);
  // The node's program, while it runs and is past its start; else nullptr.
  core::Node* server(NodePlace& node);
  core::Stream* stream(std::string_view node, std::string_view stream);

  // Both for recovery's sake (scenarios/recovery_reading.h): every now and then, and once at the end. Driver only.
  void look_at_disks();
  void read_disks();
  // For the sake of leaf links (scenarios/leaf_watch.h), every now and then. Driver only.
  void look_at_leafs();

  // A client process on a host of its own beside `at`, which it can always reach while the host is on.
  sim::Process& add_client(const std::string& name, std::string_view at);

  // The node id of that client's process. Requires: it was added.
  [[nodiscard]] sim::NodeId client_node(std::string_view name) const;

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] sim::Kernel& kernel() { return kernel_; }
  [[nodiscard]] sim::SimNetwork& network() { return network_; }
  [[nodiscard]] History& history() { return history_; }
  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] RemovalLog& removals() { return removals_; }
  [[nodiscard]] ChangeLog& changes() { return changes_; }
  [[nodiscard]] KeyValueLog& key_values() { return key_values_; }
  [[nodiscard]] ReadLog& reads() { return reads_; }
  [[nodiscard]] DisturbanceLog& disturbances() { return disturbances_; }
  // To be called before a node loses its power.
  void note_power_loss(const std::string& node);
  [[nodiscard]] const RecoveryReadings& readings() const { return readings_; }
  [[nodiscard]] const LeafWatch& leafs() const { return leafs_; }
  [[nodiscard]] const CopyWatch& copies() const { return copies_; }
  [[nodiscard]] std::vector<NodePlace>& nodes() { return nodes_; }
  // "hub", "client.careful", "world".
  [[nodiscard]] const std::string& name_of(sim::NodeId id) const { return names_[static_cast<std::size_t>(id)]; }
  void record(sim::NodeId node, core::LogLevel level, core::EventName name, core::LogFields fields) {
    kernel_.trace().record(kernel_.now(), node, level, name, fields);
  }

  // Runs `body` as a task of the harness until it returns, while the world goes on. False if it has not by `limit`.
  // Driver only.
  bool run_task(std::string_view name, core::Instant limit, std::function<void()> body);
  // Asks a node's API from within; the answer's JSON. Suspends. nullopt if there is none within 5 s, or the node ends before.
  // Requires: the node has started.
  std::optional<std::string> ask(NodePlace& place, const std::string& subject, const std::string& body);

 private:
  sim::NodeId add_name(std::string name);
  [[nodiscard]] core::Defects defects_of(const NodePlace& place) const;
  [[nodiscard]] RecoveryReadings::Place reading_place(const NodePlace& place) const;
  core::Status create_streams();
  core::Status create_consumers();
  core::Status create(std::string_view on, const std::string& subject, const std::string& body, const SourcePosition& where);

  const Scenario& scenario_;
  core::Defects defects_;
  std::vector<std::string> names_;
  History history_;  // before the kernel, whose trace reports to it to the end, and to the next
  CopyWatch copies_;
  Ledger ledger_;
  RemovalLog removals_;
  ChangeLog changes_;
  KeyValueLog key_values_;
  ReadLog reads_;
  DisturbanceLog disturbances_;
  RecoveryReadings readings_;
  const bool wants_readings_;
  const bool wants_leafs_;
  const bool wants_copies_;
  sim::Kernel kernel_;
  sim::SimNetwork network_;
  LeafWatch leafs_;  // before the nodes, whose servers report to it
  std::vector<NodePlace> nodes_;
  core::TextMap<std::size_t> places_;  // in nodes_, by name
  std::vector<std::unique_ptr<sim::Process>> clients_;
  std::uint64_t questions_ = 0;
};

// "00:00:12.250", from the scenario's time 0; "-00:00:00.100" before it.
[[nodiscard]] std::string clock_text(core::Instant at);

}  // namespace windtunnel::scenarios
