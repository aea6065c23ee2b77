// CrashDriver: watches the disks of a world, asks after each operation whether its node crashes there, and starts the node
// again a moment later.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/types.h"
#include "scenarios/crash.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class CrashDriver {
 public:
  // Before the world is built. Watches nothing if there is neither a crash nor a hook.
  CrashDriver(World& world, std::vector<CrashAt> crashes, CrashHook hook);
  CrashDriver(const CrashDriver&) = delete;
  CrashDriver& operator=(const CrashDriver&) = delete;

  // Kernel time at which the last crashed node was started again; nullopt while one is down. The beginning of time if
  // nothing crashed.
  [[nodiscard]] std::optional<core::Instant> last_start() const;
  // Why a crash cannot leave the disk as it was told to: its unit is not there. The run is then of something that nobody asked for.
  [[nodiscard]] const std::optional<std::string>& impossible() const { return impossible_; }
  // The crashes that never came about because the node did not do so many operations.
  [[nodiscard]] std::vector<std::string> missed() const;

 private:
  struct Watched {
    World::NodePlace* place = nullptr;
    std::deque<std::shared_ptr<const sim::DiskTree>> before;
    bool has_crashed = false;
    bool is_down = false;
  };

  bool on_change(Watched& node, std::uint64_t number, const sim::DiskEvent& event);
  [[nodiscard]] std::optional<sim::Survivors> decide(Watched& node, std::uint64_t number, const sim::DiskEvent& event);
  void crash(Watched& node, sim::Survivors keep);
  [[nodiscard]] std::uint64_t promises() const;

  World& world_;
  std::vector<CrashAt> crashes_;  // those still to come
  CrashHook hook_;
  std::deque<Watched> nodes_;  // referred to by the disks' watches
  core::Instant last_start_{};
  std::optional<std::string> impossible_;
};

}  // namespace windtunnel::scenarios
