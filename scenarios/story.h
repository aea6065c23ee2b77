// Story: the events of a run that concern one divergence: the life of a sequence or message, and the faults around it.
// A run that failed is run again to tell it, so that a passing run need not keep anything.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/run.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {

class World;

// "00:00:12.250 hub stream.stored stream=ORDERS seq=17"
[[nodiscard]] std::string trace_line(const World& world, const sim::TraceEvent& event);

// Writes every event as a line.
class TraceWriter final : public sim::TraceObserver {
 public:
  TraceWriter(const World& world, std::function<void(std::string_view)> write) : world_(world), write_(std::move(write)) {}
  void on_event(const sim::TraceEvent& event) override { write_(trace_line(world_, event)); }

 private:
  const World& world_;
  std::function<void(std::string_view)> write_;
};

// Collects the story of each of `divergences`, whose times are the scenario's.
class StoryTeller final : public sim::TraceObserver {
 public:
  StoryTeller(const World& world, const std::vector<Divergence>& divergences);
  void on_event(const sim::TraceEvent& event) override;
  // Puts what was collected into the divergences, in the order in which they were given.
  void tell(std::vector<Divergence>& divergences) const;

 private:
  struct Plot {
    std::vector<std::string> streams;  // of the divergence, and the origin if it is a mirror's
    std::int64_t seq = 0;              // 0: none
    std::string workload;              // empty: none
    std::int64_t index = 0;
    std::vector<std::string> lines;
    std::string node;                     // of the divergence; empty: none
    std::optional<core::Instant> begins;  // the first event that is no monitor's
    std::optional<core::Instant> alarm;   // the first of a monitor
    std::size_t alarms = 0;               // of the lines, those of monitors
    std::size_t events = 0;
  };
  void tell_of_alarm(const sim::TraceEvent& event);
  struct FaultLine {
    core::Instant at;
    std::string text;
  };
  const World& world_;
  std::vector<Plot> plots_;
  std::vector<FaultLine> faults_;
};

}  // namespace windtunnel::scenarios
