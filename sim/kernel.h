// Kernel: the simulator's time, chance and order. One seed decides everything in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "core/base/random.h"
#include "core/fiber/runtime.h"
#include "sim/trace.h"

namespace windtunnel::sim {

class Kernel {
 public:
  explicit Kernel(core::Seed seed);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  [[nodiscard]] core::Instant now() const { return runtime_.now(); }
  [[nodiscard]] core::Seed seed() const { return random_.seed(); }
  // A stream of random draws for the component of that name ("disk/leaf", "link/hub-leaf/latency").
  [[nodiscard]] core::Random random(std::string_view component) const { return random_.child(component); }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] core::Runtime& runtime() { return runtime_; }

  // The harness's own tasks: deliveries, disk completions, workload processes use groups of their own.
  [[nodiscard]] core::TaskGroup& harness() { return harness_; }

  // Runs `action` in the driver at `when` (at once if that has passed), outside every fiber: the place for faults,
  // kills and checks. Actions of the same time run in the order in which they were given.
  void at(core::Instant when, std::function<void()> action);
  // The same, before another fiber runs. A fiber that asks for its own node's end must park right after it.
  void post(std::function<void()> action) { at(now(), std::move(action)); }

  // Runs the world up to and including `limit`. Driver only.
  void run_until(core::Instant limit);

 private:
  class SeededSchedule;
  class Actions;

  core::Random random_;
  Trace trace_;
  std::unique_ptr<SeededSchedule> schedule_;
  core::Runtime runtime_;
  core::TaskGroup harness_;
  std::unique_ptr<Actions> actions_;
};

}  // namespace windtunnel::sim
