// FaultDriver: lets the faults of a scenario strike its world, at their time or at their disk operation.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "faults/timeline.h"
#include "scenarios/disk_faults.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class FaultDriver {
 public:
  // Call at time 0. The world must outlive the driver's faults.
  explicit FaultDriver(World& world);
  FaultDriver(const FaultDriver&) = delete;
  FaultDriver& operator=(const FaultDriver&) = delete;

  // Kernel time of the last fault; nullopt while one still waits for its disk operation. Time 0 if there are none.
  [[nodiscard]] std::optional<core::Instant> last_fault() const;
  // What has struck, in order: kernel time and "signal hub SIGABRT".
  [[nodiscard]] const std::vector<std::pair<core::Instant, std::string>>& struck() const { return struck_; }
  // The entries that never struck because their disk operation did not happen.
  [[nodiscard]] std::vector<std::string> missed() const;

 private:
  // At its time; of one with a trigger, from the time on from which its operations count.
  void schedule(std::size_t index);
  void arm(std::size_t index);
  // True if the task that does the operation must be held, because something strikes now.
  bool on_operation(const std::string& node, const sim::DiskEvent& event);
  void strike(std::size_t index);
  void apply(const faults::Action& action);
  void apply_signal(const faults::SendSignal& action);
  void apply_power_loss(const faults::PowerLoss& action);
  void apply_cut(const faults::Cut& action);
  [[nodiscard]] std::pair<sim::HostId, sim::HostId> hosts(const faults::LinkEnds& link);

  struct Watched {  // an entry that waits for its disk operation
    bool is_armed = false;
    std::uint64_t seen = 0;  // operations that matched since then
  };

  World& world_;
  faults::Timeline timeline_;
  DiskFaults disk_faults_;
  std::vector<std::pair<core::Instant, std::string>> struck_;
  std::map<std::size_t, Watched> watched_;
};

}  // namespace windtunnel::scenarios
