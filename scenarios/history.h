// History: what every stream said it stored, in the order of the run, and what happened to its node. Fed by the trace;
// what the streams really hold at the end is read from them and compared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {

// A stream on a node. The order of nodes is that of the scenario.
struct StreamKey {
  sim::NodeId node = sim::NodeId::world;
  std::string stream;
  friend auto operator<=>(const StreamKey&, const StreamKey&) = default;
};

struct StoredEvent {
  core::Seq seq;
  std::uint64_t content = 0;
  std::uint64_t subject = 0;  // hash
  std::int64_t time = 0;      // the message's time stamp
  core::Instant at;
};

// A stream's life: what it stored, and where it went back.
struct StreamLife {
  std::vector<StoredEvent> stored;  // in order of the run
  // The stream came back from its disk with a lower last sequence than it had had.
  struct StepBack {
    core::Instant at;
    core::Seq from;
    core::Seq to;
  };
  std::vector<StepBack> steps_back;
  core::Seq last_seq;  // the highest ever seen

  // What was stored under `seq`, oldest first. More than one: the sequence was used again.
  [[nodiscard]] std::vector<const StoredEvent*> at(core::Seq seq) const;
};

// What a node lost its memory or more to.
struct Crash {
  core::Instant at;
  sim::NodeId node = sim::NodeId::world;
  bool is_power_loss = false;
};

// A sync of the node's disk was made to fail: what it was to save is saved by the one after it.
struct FailedFsync {
  core::Instant at;
  sim::NodeId node = sim::NodeId::world;
};

class History final : public sim::TraceObserver {
 public:
  void on_event(const sim::TraceEvent& event) override;
  void crashed(Crash crash) { crashes_.push_back(crash); }
  void fsync_failed(FailedFsync failure) { failed_fsyncs_.push_back(failure); }

  [[nodiscard]] const StreamLife* life(const StreamKey& key) const;
  [[nodiscard]] const std::map<StreamKey, StreamLife>& lives() const { return lives_; }
  [[nodiscard]] const std::vector<Crash>& crashes() const { return crashes_; }
  [[nodiscard]] const std::vector<FailedFsync>& failed_fsyncs() const { return failed_fsyncs_; }

 private:
  std::map<StreamKey, StreamLife> lives_;
  std::vector<Crash> crashes_;
  std::vector<FailedFsync> failed_fsyncs_;
};

}  // namespace windtunnel::scenarios
