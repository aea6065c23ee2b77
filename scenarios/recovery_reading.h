// RecoveryReadings: what recovery makes of a stream's files, whenever a node starts and at the end of a run.
//
// The store's own recovery runs over a copy of the disk in memory, with the index as it is, with an older one and with none: the
// run does not notice, no time passes and nothing is drawn. So that it costs little, only the first starts of a node are read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "core/base/types.h"
#include "core/store/stream_store.h"
#include "scenarios/history.h"
#include "scenarios/scenario.h"
#include "sim/disk_tree.h"

namespace windtunnel::scenarios {

struct RecoveredStore {
  std::map<core::Seq, std::uint64_t> messages;  // hash of headers and payload
  std::map<std::string, std::uint64_t> subjects;
  core::StreamState state;
};

struct RecoveryReading {
  StreamKey key;
  core::Instant at;
  bool is_final = false;  // the node runs: it is what a kill just now would leave
  RecoveredStore with_index;
  RecoveredStore without_index;
  std::optional<RecoveredStore> with_older_index;  // nullopt: there has been none
};

class RecoveryReadings {
 public:
  // The file streams of a node of the scenario.
  struct Place {
    sim::NodeId node = sim::NodeId::world;
    const NodeSpec* spec = nullptr;
    const Scenario* scenario = nullptr;
    core::Defects defects;
  };

  // Remembers indexes that are durable, so that there is an older one later.
  void look(const Place& place, const sim::DiskTree& tree);
  void starting(const Place& place, const sim::DiskTree& tree, core::Instant at);
  void at_end(const Place& place, const sim::DiskTree& tree, core::Instant at);

  // In the order in which they were taken.
  [[nodiscard]] const std::vector<RecoveryReading>& all() const { return readings_; }

 private:
  struct Indexes {
    std::string last;
    std::string before_last;
  };
  struct Seen {
    std::uint64_t changes = 0;  // DiskTree::changes() at the last look
    std::uint64_t starts = 0;
  };
  void read(const Place& place, const sim::DiskTree& tree, core::Instant at, bool is_final);

  std::map<StreamKey, Indexes> indexes_;
  std::map<sim::NodeId, Seen> nodes_;
  std::vector<RecoveryReading> readings_;
};

}  // namespace windtunnel::scenarios
