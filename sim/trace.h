// Trace: every event of a run, folded into a rolling 64-bit hash that is always on. Two runs with equal hashes and counts
// were the same run. Observers (invariants, a trace file, a report) see the events; they never change the run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "core/env/log.h"

namespace windtunnel::sim {

enum class NodeId : std::uint32_t { world = 0 };  // index into the world's names; 0 is the world itself

struct TraceEvent {  // views: valid during the call
  std::uint64_t index = 0;
  core::Instant at;
  NodeId node = NodeId::world;
  core::LogLevel level = core::LogLevel::trace;
  core::EventName name;
  std::span<const core::LogField> fields;

  // The field of this key; nullptr if there is none.
  [[nodiscard]] const core::LogField* field(std::string_view key) const {
    for (const core::LogField& candidate : fields) {
      // Keys are literals, of which the linker keeps one copy: usually the addresses tell.
      if (candidate.key.size() == key.size() && (candidate.key.data() == key.data() || candidate.key == key)) return &candidate;
    }
    return nullptr;
  }
  // "stream=ORDERS seq=17"
  [[nodiscard]] std::string fields_text() const;
};

class TraceObserver {
 public:
  virtual ~TraceObserver() = default;
  virtual void on_event(const TraceEvent& event) = 0;
};

class Trace {
 public:
  void record(core::Instant at, NodeId node, core::LogLevel level, core::EventName name, core::LogFields fields);
  // The cheap form for the kernel's own steps (a pick, a timer): hashed and counted, not shown to observers.
  void step(core::Instant at, std::uint64_t what) {
    ++count_;
    hash_ = core::fold(core::fold(hash_, static_cast<std::uint64_t>(at.time_since_epoch().count())), what);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

  // Observers are called in the order in which they were added, for as long as the trace lives.
  void add(TraceObserver& observer) { observers_.push_back(&observer); }

 private:
  std::uint64_t hash_ = 0x77696e6474756e6eu;
  std::uint64_t count_ = 0;
  std::vector<TraceObserver*> observers_;
};

}  // namespace windtunnel::sim
