// SimDisk: one machine's disk. It outlives the incarnations of its node: each mounts it and gets a port of its own.
//
// A call of the port checks the gate, suspends the task for a latency drawn from the disk's stream, checks the gate again and
// only then takes effect, at one instant. A crash in between therefore finds the operation not done, but for a write: of one
// that was under way a prefix may have landed, by the seed. A sync covers what was written before it was called.
//
// What survives which end of the node: sim/disk_file.h, sim/disk_tree.h (reference: fault model 1.1).
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env/disk.h"
#include "core/env/tasks.h"
#include "sim/disk_tree.h"
#include "sim/duration_range.h"
#include "sim/gate.h"
#include "sim/kernel.h"

namespace windtunnel::sim {

struct DiskTraits {
  DurationRange read{std::chrono::microseconds{2}, std::chrono::microseconds{20}};
  DurationRange write{std::chrono::microseconds{5}, std::chrono::microseconds{40}};   // also truncate
  DurationRange sync{std::chrono::microseconds{200}, std::chrono::milliseconds{4}};   // of a file or a directory
  DurationRange names{std::chrono::microseconds{10}, std::chrono::microseconds{50}};  // open, create, rename, remove, list
};

enum class DiskOperation : std::uint8_t {
  open,
  create,
  exists,
  list,
  read,
  write,
  truncate,
  sync,
  make_directory,
  rename,
  remove,
  sync_directory
};
inline constexpr std::size_t kDiskOperations = 12;
[[nodiscard]] std::string_view name_of(DiskOperation operation);  // "write", "sync_directory"

// An operation as it happens, for faults that are anchored to one ("the 3rd sync of msgs/2.blk").
struct DiskEvent {
  DiskOperation operation{};
  std::string_view path;
  std::uint64_t count = 0;  // how many of this kind on this path since a listener was set, this one included
  bool is_done = false;     // false: nothing of it has happened; true: it took effect, and did not fail
};

// An operation that takes so long is said when it begins, as "disk.slow" with its path and its time.
inline constexpr core::Duration kSlow = std::chrono::milliseconds{50};

using PathMatch = std::function<bool(std::string_view path)>;

// Makes operations fail.
struct DiskFailure {
  DiskOperation operation = DiskOperation::write;
  std::string pattern = "**";        // sim/disk_path.h
  std::uint64_t skip = 0;            // so many of the operations that match succeed first,
  std::uint64_t times = UINT64_MAX;  // then so many fail
  core::Errc error = core::Errc::io_error;
  PathMatch matches = {};                  // instead of the pattern
  std::optional<DiskOperation> also = {};  // a second operation to which it applies
  bool is_late = false;                    // of a sync: it says that it worked, and the next one of that file fails (D23)
};

// Makes operations do something else than they say.
struct DiskTrick {
  enum class Kind : std::uint8_t {
    misread,            // one bit of what is read is wrong, this once (D17)
    misdirected_read,   // the bytes of another place (D19)
    misdirected_write,  // lands in another place; its own keeps what it had, or zeros where the file ended (D18)
    short_write,        // in two calls, with time between them (D25)
    phantom_sync,       // of a file or a directory: says that it worked, and nothing becomes durable (D20)
  };
  Kind kind{};
  PathMatch matches;
  std::uint64_t times = UINT64_MAX;
  core::Random random{core::Seed{}};
};
[[nodiscard]] std::string_view name_of(DiskTrick::Kind kind);

// A fault has changed what a file holds, or what it will hold after a power loss. For those who judge what may be lost.
struct DiskDamage {
  std::string_view path;
  std::optional<std::string> before;  // what it should hold; nullopt: nothing, there should be no such file
  std::optional<std::string> after;   // what it does hold; nullopt: it is gone. What cannot be read is zeros here.
  bool is_after_power_loss = false;   // only then
};

class SimDisk {
 public:
  SimDisk(Kernel& kernel, NodeId node, std::string_view name, DiskTraits traits = {});
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // The port of one incarnation; must not outlive the disk, the gate or the tasks. One at a time: the one before has crashed.
  [[nodiscard]] std::unique_ptr<core::Disk> mount(const Gate& gate, core::Tasks& tasks);

  // The incarnation's gate is closed. Driver only. The page cache stays.
  void crash_process();
  // The process is gone and so is what was not durable, but for what `keep` says. Driver only.
  void lose_power(Keep keep);
  // The same, as chosen; `older` as DiskTree::lose_power has it. Of a write that was under way nothing landed.
  void lose_power(const Survivors& how, const DiskTree* older);

  // ---- faults; each stays until it is changed ----
  // Writes and creations fail with no_space once the files' bytes would exceed it; what fits is written. nullopt: no limit.
  void set_capacity(std::optional<core::Bytes> capacity) { capacity_ = capacity; }
  // A failed write may have landed in part (by the seed). A failed sync leaves its pages clean but not on the disk (D22).
  void fail(DiskFailure failure) { failures_.push_back({std::move(failure), 0}); }
  void clear_failures() { failures_.clear(); }
  void play(DiskTrick trick) { tricks_.push_back(std::move(trick)); }
  // No operation that begins before then completes before then.
  void stall_until(core::Instant until) { stalled_until_ = std::max(stalled_until_, until); }
  // Ends all of these. Damage stays.
  void heal();
  // Every latency is multiplied by it; >= 1.
  void set_slowdown(std::uint32_t factor);
  // Called in the task that does the operation, before and after it. True: the task is suspended for an instant before it
  // goes on, so that the driver can act on what the listener has posted to it. Must not suspend itself.
  using Listener = std::function<bool(const DiskEvent&)>;
  void set_listener(Listener listener);
  // Called in the task after each operation that changed the disk (a sync changes what is durable), with its number since
  // the disk was made, from 1. True as for a listener.
  using ChangeWatch = std::function<bool(std::uint64_t number, const DiskEvent&)>;
  void set_change_watch(ChangeWatch watch) { change_watch_ = std::move(watch); }

  // ---- the harness's view: takes no time. The second half is for a node that is down. ----
  [[nodiscard]] const DiskTree& tree() const { return tree_; }
  void put(std::string_view path, std::string content);  // durable at once
  void drop(std::string_view path);

  // ---- damage at rest. False if there is no such file, or nothing of it to damage. ----
  bool lose(std::string_view path);                                                 // D13. Who has it open goes on, into nothing.
  bool restore(std::string_view path, std::string older);                           // D14: durable at once
  bool cut(std::string_view path, std::uint64_t size);                              // a tail is gone
  bool zero(std::string_view path, std::uint64_t from);                             // a tail reads as zeros
  bool flip_bit(std::string_view path, std::uint64_t bit);                          // D15
  bool flip_bits(std::string_view path, std::uint64_t bits, core::Random& random);  // of one sector
  bool spoil_sector(std::string_view path, core::Random& random);                   // D16: EIO
  using DamageListener = std::function<void(const DiskDamage&)>;
  void set_damage_listener(DamageListener listener) { damage_listener_ = std::move(listener); }

 private:
  class Port;
  class OpenFile;
  struct Rule {
    DiskFailure failure;
    std::uint64_t matched = 0;
  };
  // A write between its call and its effect; lives on the writer's stack.
  struct WriteUnderWay {
    DiskTree::Inode inode{};
    std::uint64_t offset = 0;
    std::string_view data;
  };
  using WritesUnderWay = std::vector<WriteUnderWay*>;

  [[nodiscard]] core::Duration latency(DiskOperation operation);
  std::uint64_t count(DiskOperation operation, std::string_view path);
  bool notify(const DiskEvent& event);
  [[nodiscard]] std::optional<core::Errc> failure_of(DiskOperation operation, std::string_view path);
  // The rule that fails this operation; nullptr: none.
  [[nodiscard]] const DiskFailure* failing(DiskOperation operation, std::string_view path);
  // The trick that is played on this operation; nullptr: none. Counts it.
  [[nodiscard]] DiskTrick* trick_of(DiskTrick::Kind kind, std::string_view path);
  void report(std::string_view path, std::optional<std::string> before, std::optional<std::string> after, bool is_after_power_loss = false);
  // Runs `change` on the file and reports what it did.
  bool damage(std::string_view path, core::EventName name, std::uint64_t what, const std::function<void(DiskFile&)>& change);
  void misdirect_write(DiskTrick& trick, DiskTree::Inode inode, std::string_view path, std::uint64_t offset, std::string_view data);
  [[nodiscard]] std::string misdirected_bytes(DiskTrick& trick, std::string_view path, std::uint64_t offset, std::size_t size) const;
  // Another file beside this one, or itself if there is none.
  [[nodiscard]] std::string neighbour(DiskTrick& trick, std::string_view path) const;
  void lie_about(DiskTree::Inode inode, std::string_view path);
  void lie_about_names(std::string_view directory);
  // How many bytes a file may have, of `wanted`, when it has `size` now.
  [[nodiscard]] std::uint64_t room_for(std::uint64_t size, std::uint64_t wanted) const;
  void record(core::EventName name, core::LogFields fields) {
    kernel_.trace().record(kernel_.now(), node_, core::LogLevel::trace, name, fields);
  }
  void settle_writes(core::Random& random, Keep keep);

  Kernel& kernel_;
  NodeId node_;
  DiskTraits traits_;
  DiskTree tree_;
  core::Random random_;  // the parent of the streams below
  core::Random latency_random_;
  core::Random failure_random_;
  std::uint64_t crashes_ = 0;
  bool is_mounted_ = false;
  WritesUnderWay writes_under_way_;

  std::optional<core::Bytes> capacity_;
  std::vector<Rule> failures_;
  std::vector<DiskTrick> tricks_;
  std::set<std::string, std::less<>> late_failures_;  // files whose next sync fails
  std::map<DiskTree::Inode, std::string> lost_open_;  // files that were lost while somebody had them open
  core::Instant stalled_until_{};
  DamageListener damage_listener_;
  std::uint32_t slowdown_ = 1;
  Listener listener_;
  ChangeWatch change_watch_;
  std::uint64_t changing_operations_ = 0;
  std::uint64_t changes_seen_ = 0;  // DiskTree::changes() after the last of them
  std::map<std::string, std::array<std::uint64_t, kDiskOperations>, std::less<>> counts_;
};

}  // namespace windtunnel::sim
