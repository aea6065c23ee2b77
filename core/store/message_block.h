// MessageBlock: one N.blk file as the store sees it: which live records lie where in it, its range of sequences, and
// what a crash could bring back out of it. Bookkeeping only; the store does the I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "core/store/subject_index.h"

namespace windtunnel::core {

// 24 bytes a message: what answers everything but the contents from memory.
struct BlockEntry {
  std::int64_t time = 0;           // ns since the epoch
  std::uint32_t seq_delta = 0;     // from the block's base sequence
  std::uint32_t offset = 0;        // of the record in the file; in a dead entry: how far to step to a live one
  std::uint32_t size = 0;          // of the record
  SubjectId subject = kNoSubject;  // kNoSubject: dead
};

struct SeqRange {  // both ends included
  Seq first;
  Seq last;
  [[nodiscard]] std::uint64_t size() const { return last.value - first.value + 1; }
  friend bool operator==(const SeqRange&, const SeqRange&) = default;
};

// Adds a sequence to ranges that are mostly built in ascending order: it grows the last range or begins a new one.
void add_to_ranges(std::vector<SeqRange>& ranges, Seq seq);

class MessageBlock {
 public:
  MessageBlock(std::string_view stream, std::uint32_t index, Seq base);

  const std::uint32_t index;
  const HighwayKey key;

  // The range of sequences that the block stands for. Without a live message first is last + 1.
  Seq first;
  Seq last;
  std::int64_t last_time = 0;  // of the highest sequence, be it live or not; 0: unknown

  std::uint64_t live_bytes = 0;  // of the live records
  std::uint64_t raw_bytes = 0;   // size of the file
  std::uint64_t last_checksum = 0;
  bool is_compressed = false;  // offsets are those of the plain content
  bool is_sealed = false;      // nothing may be appended: damaged, or compressed
  bool has_damage = false;     // some of the file is no record: a tombstone may say that it was none that counted

  // What a rebuild from the file would see beyond the live messages.
  Seq disk_first;                    // lowest sequence of a message in the file; 0: none
  Seq disk_last;                     // highest sequence that any record names: message, marker or tombstone
  std::uint64_t dead_records = 0;    // message records in the file that are not live
  std::vector<SeqRange> tombstones;  // what the tombstones in the file name
  std::vector<SeqRange> unmarked;    // removed by a limit: dead records without a tombstone anywhere

  // Durability.
  bool needs_sync = false;
  std::uint32_t syncs_under_way = 0;  // without the mutex: what they are for is not durable before they are done
  bool must_rewrite = false;          // a sync failed: what the page cache shows may never reach the disk
  bool is_name_durable = false;
  bool was_synced = false;  // something of it survives a power loss

  // Of defects only.
  std::uint64_t uncounted_bytes = 0;  // of tombstones that do not count (nats-5702a)
  bool is_missing = false;            // there is no such file, but an index.db was believed (nats-5901, nats-7123)

  // Compaction guards (reference: filestore 3.5).
  bool compaction_gained_nothing = false;
  std::uint64_t bytes_at_compaction = 0;  // live bytes then; 0: never compacted

  [[nodiscard]] std::uint64_t live() const { return live_; }
  [[nodiscard]] bool is_durable() const { return !needs_sync && syncs_under_way == 0; }
  // The size of the file as rolling and compacting see it.
  [[nodiscard]] std::uint64_t counted_bytes() const { return raw_bytes - uncounted_bytes; }
  [[nodiscard]] bool can_hold(Seq seq) const { return seq >= base_ && seq.value - base_.value <= UINT32_MAX; }

  // A message record at `offset`. Requires: seq exceeds all in the block, can_hold(seq).
  void add(Seq seq, WallTime time, std::uint64_t offset, std::uint32_t size, SubjectId subject);
  // Moves last (and an empty block's first) to `through` without a message.
  void skip_to(Seq through, WallTime time);
  // Requires: seq is live.
  void remove(Seq seq);

  // nullptr if not live. Invalid after the next add, remove or clear.
  [[nodiscard]] const BlockEntry* find(Seq seq) const;
  [[nodiscard]] const BlockEntry* at_or_after(Seq seq) const;  // the first live one
  [[nodiscard]] const BlockEntry* next(const BlockEntry* entry) const;
  [[nodiscard]] const BlockEntry* back() const;  // the last live one
  // The first live one whose time is at or after `time`, as times ascend.
  [[nodiscard]] const BlockEntry* at_or_after(WallTime time) const;
  [[nodiscard]] Seq seq_of(const BlockEntry& entry) const { return Seq{base_.value + entry.seq_delta}; }
  [[nodiscard]] std::uint64_t live_from(Seq seq) const;

  // Ends the range before `seq`: what the block has from there on stands elsewhere now. Requires: seq <= last.next().
  void end_before(Seq seq);
  // Forgets the entries; for a rewrite, which adds those that stay again.
  void clear_entries();
  void shrink() { entries_.shrink_to_fit(); }
  // Sequences between first and last that are not live, ascending, added to `out`.
  void append_deleted(std::vector<Seq>& out) const;

  void check_invariants() const;

 private:
  [[nodiscard]] std::size_t lower_bound(Seq seq) const;
  [[nodiscard]] std::size_t live_at_or_after(std::size_t at) const;
  void sweep();

  const Seq base_;
  // Ascending by sequence. Dead ones stay until they are more than half. Mutable: stepping over dead ones shortens their steps.
  mutable std::vector<BlockEntry> entries_;
  std::uint64_t live_ = 0;
};

}  // namespace windtunnel::core
