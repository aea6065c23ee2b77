// DiskFaults: the faults of a timeline that strike a node's disk. Part of the fault driver.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "faults/timeline.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class DiskFaults {
 public:
  // The world must outlive it.
  explicit DiskFaults(World& world) : world_(world) {}
  DiskFaults(const DiskFaults&) = delete;
  DiskFaults& operator=(const DiskFaults&) = delete;

  // Keeps what a stale_file will need, from now on. Call for every entry at time 0.
  void prepare(const faults::TimelineEntry& entry);
  // Nodes whose operations it has to see.
  [[nodiscard]] const std::set<std::string>& listened_nodes() const { return listened_; }
  void on_operation(const std::string& node, const sim::DiskEvent& event);
  // False if the action is none of the disk's. `number`: of this strike in the run, so that two of one entry draw apart.
  bool apply(const faults::TimelineEntry& entry, std::size_t number);

 private:
  using Contents = std::map<std::string, std::string>;  // by path
  struct SyncedVersions {
    std::string last;
    std::string previous;
    unsigned count = 0;
  };

  void strike_files(const faults::TimelineEntry& entry, core::Random random);
  bool strike_file(const faults::TimelineEntry& entry, sim::SimDisk& disk, const std::string& path, core::Random& random);
  void play(const std::string& node, sim::DiskTrick::Kind kind, const faults::FileChoice& file, std::uint64_t count, core::Random random);
  sim::SimDisk& disk(const std::string& node) { return world_.node(node).process->disk(); }

  World& world_;
  std::set<std::string> listened_;
  std::map<std::string, std::map<std::string, SyncedVersions>> synced_;  // by node and path
  std::map<std::string, std::vector<faults::FileChoice>> wanted_;        // files whose syncs are followed, by node
  std::map<std::pair<std::string, core::Instant>, Contents> snapshots_;  // by the text of the entry and the time at which it strikes
};

[[nodiscard]] sim::DiskOperation operation_of(faults::DiskOp op);

}  // namespace windtunnel::scenarios
