// Workloads: the clients of a scenario and what they do. Each is a process of its own, on a host of its own; it outlives
// the node that it is connected to, and reconnects.
#pragma once

#include <memory>
#include <vector>

#include "core/base/types.h"
#include "scenarios/consumption.h"
#include "scenarios/lag_log.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class Workloads {
 public:
  // Makes the client processes; they connect when they are started.
  explicit Workloads(World& world);
  ~Workloads();
  Workloads(const Workloads&) = delete;
  Workloads& operator=(const Workloads&) = delete;

  // During the prelude, after the nodes have started: the clients connect and wait for time 0.
  void start();
  // When the last publish of the open-loop workloads is due, in the kernel's time, or a loop last got anything done; time 0 if
  // none publishes.
  [[nodiscard]] core::Instant publishing_until() const;
  [[nodiscard]] std::vector<Consumption> consumptions() const;
  // What the monitors saw, up to `end_watching`.
  [[nodiscard]] const LagLog& lag_log() const { return lag_log_; }
  void end_watching() { lag_log_.close(); }

 private:
  core::Instant& add_progress(const WorkloadSpec& spec);
  World& world_;
  core::Instant publishing_until_ = kTimeZero;
  std::vector<std::unique_ptr<core::Instant>> progress_;  // of loops and publishers
  std::vector<std::unique_ptr<Consumption>> consumptions_;
  LagLog lag_log_;
};

}  // namespace windtunnel::scenarios
