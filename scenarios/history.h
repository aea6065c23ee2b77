// History: what every stream said it stored, in the order of the run, and what happened to its node. Fed by the trace;
// what the streams really hold at the end is read from them and compared.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "faults/fault.h"
#include "scenarios/damage.h"
#include "sim/disk_tree.h"
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
  std::vector<StoredEvent> stored;   // in order of the run
  std::vector<std::size_t> ascents;  // where in it sequences begin to ascend: at 0, and where one was used again
  // The stream came back from its disk with a lower last sequence than it had had.
  struct StepBack {
    core::Instant at;
    core::Seq from;
    core::Seq to;
  };
  std::vector<StepBack> steps_back;
  core::Seq last_seq;  // the highest ever seen
  // Sequences that were used up without a message, up to this one.
  struct Skip {
    core::Seq through;
    core::Instant at;
  };
  std::vector<Skip> skips;
  // The removals that the store reported, in order.
  struct Removal {
    core::Seq seq;
    core::Instant at;
  };
  std::vector<Removal> removed;
  std::uint64_t removed_count = 0;  // with those that are pruned
  std::uint64_t removed_bytes = 0;
  // A block that was written anew to be rid of what was removed from it.
  struct Rewrite {
    core::Instant at;
    std::uint64_t block = 0;
    std::uint64_t from_bytes = 0;
    std::uint64_t to_bytes = 0;
    std::uint64_t removed_before = 0;  // removals reported until then
    std::uint64_t removed_bytes = 0;   // of their records
  };
  std::vector<Rewrite> rewrites;
  // The bytes of the records stored, ascending; of a sequence used again the largest.
  struct RecordSize {
    core::Seq seq;
    std::uint64_t bytes = 0;
  };
  std::vector<RecordSize> sizes;
  std::uint64_t record_bytes_max = 0;
  // It said that something is missing, damaged or cannot be opened.
  struct DamageReport {
    core::Instant at;
    std::string what;             // the file, and maybe more; empty: the stream as a whole
    std::string consumer;         // whose state cannot be read; empty: it is about the stream
    bool is_of_recovery = false;  // the stream cannot be opened
  };
  std::vector<DamageReport> damage_reports;
  std::vector<core::Instant> recoveries;

  // What is pruned (EvidencePruner): every sequence up to here was stored once and removed by the stream's limits, the last of
  // them at that time, and nothing else is left of them.
  struct Pruned {
    core::Seq through;
    core::Instant removed_at;
    std::uint64_t count = 0;
  };
  Pruned pruned;

  [[nodiscard]] std::uint64_t stored_count() const { return pruned.count + stored.size(); }
  [[nodiscard]] std::uint64_t size_of(core::Seq seq) const;  // 0: unknown
  [[nodiscard]] bool recovered_between(core::Instant from, core::Instant to) const;
  // What was stored under `seq`, if that sequence was used once.
  [[nodiscard]] const StoredEvent* once(core::Seq seq) const;
  // What was stored under `seq`, oldest first. More than one: the sequence was used again.
  [[nodiscard]] std::vector<const StoredEvent*> at(core::Seq seq) const;
};

// What a consumer did, as its server said.
struct ConsumerEvent {
  core::Instant at;
  core::Seq seq;
  bool is_ack = false;      // else a delivery
  std::uint64_t count = 0;  // of a delivery: how often by then
  bool is_untaken = false;  // it reached nobody, and is not counted
};
struct ConsumerKey {
  StreamKey stream;
  std::string consumer;
  friend auto operator<=>(const ConsumerKey&, const ConsumerKey&) = default;
};

// How a mirror or a source went about reading its origin.
struct CopyLife {
  std::vector<core::Instant> requests;   // attempts to set it up
  std::vector<core::Instant> connected;  // those that succeeded
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

// What a timeline did to a node's disk, but for slowing it down.
struct DiskTrouble {
  core::Instant from;
  sim::NodeId node = sim::NodeId::world;
  faults::Action action;
  core::Instant to = core::kForever;  // healed; what is damaged at rest never is
};

// An application that pulls from a consumer, by its own word.
struct PullReader {
  core::Instant answered_at;                // its last answer to a delivery
  std::optional<core::Instant> settled_at;  // the server had that answer: it answered a pull that was asked later
  core::Instant asked_at;                   // the last pull after that which the server ended for want of messages
};

class History final : public sim::TraceObserver {
 public:
  void on_event(const sim::TraceEvent& event) override;
  void crashed(Crash crash) { crashes_.push_back(crash); }
  // It was asked to end in order: what it has in memory only goes all the same.
  void stopped(core::Instant at, sim::NodeId node) { stops_.push_back({at, node, false}); }
  void damaged(Damage damage) { damages_.push_back(std::move(damage)); }
  // The node is about to start, with these files.
  void starting(sim::NodeId node, const sim::DiskTree& tree);
  void fsync_failed(FailedFsync failure) { failed_fsyncs_.push_back(failure); }
  void disk_struck(core::Instant at, sim::NodeId node, const faults::Action& action);
  // The application answered a delivery, or was about to.
  void answered(const ConsumerKey& consumer, const std::string& application, core::Instant at);
  // It asked at `from`, and was told at `to` that there was not enough for it.
  void asked_in_vain(const ConsumerKey& consumer, const std::string& application, core::Instant from, core::Instant to);
  // Forgets what the stream stored and removed up to `through`, and what its consumers did with it.
  // Requires: all of that was stored once, in order, and removed in order.
  void prune(const StreamKey& key, core::Seq through);
  // Messages stored since the beginning.
  [[nodiscard]] std::uint64_t stored_count() const { return stored_count_; }

  [[nodiscard]] const StreamLife* life(const StreamKey& key) const;
  [[nodiscard]] const std::map<StreamKey, StreamLife>& lives() const { return lives_; }
  [[nodiscard]] const std::vector<Crash>& crashes() const { return crashes_; }
  [[nodiscard]] const std::vector<Crash>& stops() const { return stops_; }
  [[nodiscard]] const std::vector<Damage>& damages() const { return damages_; }
  [[nodiscard]] const std::map<ConsumerKey, std::vector<ConsumerEvent>>& consumers() const { return consumers_; }
  // When its server first said that it is there; kForever: never.
  [[nodiscard]] core::Instant created_at(const ConsumerKey& consumer) const;
  // When it last gave a message up that was delivered as often as it may be; nullopt: never.
  [[nodiscard]] std::optional<core::Instant> exhausted_at(const ConsumerKey& consumer) const;
  // Those that pull from it, by name.
  [[nodiscard]] const std::map<std::string, PullReader>& readers(const ConsumerKey& consumer) const;
  // Acks of which a client was told that they have been processed, in order.
  struct ConfirmedAck {
    core::Instant at;
    std::string node;  // that holds the stream
    std::string stream;
    core::Seq seq;
  };
  [[nodiscard]] const std::vector<ConfirmedAck>& confirmed_acks() const { return confirmed_acks_; }
  [[nodiscard]] const std::vector<FailedFsync>& failed_fsyncs() const { return failed_fsyncs_; }
  // In the order in which they struck.
  [[nodiscard]] const std::vector<DiskTrouble>& disk_troubles() const { return disk_troubles_; }
  // Operations of a disk that took long (sim::kSlow), in the order in which they began.
  struct SlowOperation {
    sim::NodeId node;
    std::string path;
    core::Instant from;
    core::Instant to;
  };
  // How long between the two a slow operation of the node was under way, on that directory or in it. What overlaps counts once.
  [[nodiscard]] core::Duration slow_time(sim::NodeId node, std::string_view directory, core::Instant from, core::Instant to) const;
  // Of the copy of that name (FinalCopy::reader) on that node; nullptr: it never said a word.
  [[nodiscard]] const CopyLife* copy(sim::NodeId node, const std::string& reader) const;

 private:
  void note_stored(const sim::TraceEvent& event);
  StreamLife& life_of(const sim::TraceEvent& event);
  std::vector<ConsumerEvent>& consumer_of(const sim::TraceEvent& event);

  std::map<StreamKey, StreamLife> lives_;
  // By node: a few that were asked for last; lives_ keeps its elements in place.
  std::vector<std::vector<std::pair<std::string_view, StreamLife*>>> recent_;
  std::uint64_t stored_count_ = 0;
  std::vector<Crash> stops_;
  std::vector<Crash> crashes_;
  std::vector<FailedFsync> failed_fsyncs_;
  std::vector<DiskTrouble> disk_troubles_;
  std::vector<SlowOperation> slow_operations_;
  std::vector<Damage> damages_;
  std::map<ConsumerKey, std::vector<ConsumerEvent>> consumers_;
  std::map<ConsumerKey, core::Instant> created_;
  std::map<ConsumerKey, core::Instant> exhausted_;
  std::map<ConsumerKey, std::map<std::string, PullReader>> readers_;
  std::pair<const ConsumerKey, std::vector<ConsumerEvent>>* recent_consumer_ = nullptr;  // the one asked for last
  std::vector<ConfirmedAck> confirmed_acks_;
  std::map<std::pair<sim::NodeId, std::string>, CopyLife> copies_;
};

}  // namespace windtunnel::scenarios
