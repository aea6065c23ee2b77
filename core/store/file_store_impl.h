// FileStore: what stands behind open_file_store. Its code lies in file_store.cc (storing, removing, limits),
// file_store_remove.cc, file_store_read.cc, file_store_recovery.cc, file_store_purge.cc, file_store_truncate.cc,
// file_store_compress.cc, file_store_bad_end.cc, file_store_early.cc and file_store_background.cc; file_store_flusher.cc holds the
// machinery of one defect.
//
// Rules that hold at every suspension, and so at every crash:
//  - A removal is on disk (a tombstone, or the file is gone) before the totals say so; a message is on disk before it counts.
//  - Some file names the last sequence (a message, marker or tombstone): its last carrier goes only after a successor is there.
//  - A tombstone goes only when no file holds the record any more that it marks as deleted.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/sync.h"
#include "core/store/block_files.h"
#include "core/store/file_store.h"
#include "core/store/index_db.h"
#include "core/store/lazy_index.h"
#include "core/store/message_block.h"
#include "core/store/record.h"
#include "core/store/store_options.h"
#include "core/store/stream_store.h"
#include "core/store/subject_index.h"

namespace windtunnel::core {

class FileStore final : public std::enable_shared_from_this<FileStore> {
 public:
  FileStore(Env& env, const StoreSettings& settings, StreamStoreOptions options);
  Status open();

  Result<Seq> append(std::optional<Seq> at, const NewMessage& message, WallTime time);
  [[nodiscard]] bool holds_expired() const { return options_.holds_expired; }
  Status let_expire();
  Status skip_through(Seq through, WallTime time);
  Result<StoredMessage> load(Seq seq);
  Result<std::optional<StoredMessage>> load_next(const std::vector<std::string>& filters, Seq from);
  Result<std::optional<StoredMessage>> load_last(std::string_view filter);
  Result<bool> remove(Seq seq, bool erase);
  Result<std::uint64_t> purge(const PurgeRequest& request);
  Result<std::uint64_t> compact(Seq seq);
  Status truncate(Seq seq);

  Status ready();
  [[nodiscard]] StreamState state() const;
  [[nodiscard]] Seq last_seq() const;
  [[nodiscard]] std::vector<Seq> deleted() const;
  [[nodiscard]] std::map<std::string, std::uint64_t> subject_counts(std::string_view filter) const;
  [[nodiscard]] std::uint64_t count_matching(const std::vector<std::string>& filters, Seq from) const;
  [[nodiscard]] Seq find_next(const std::vector<std::string>& filters, Seq from) const;
  [[nodiscard]] Seq last_seq_of(std::string_view subject) const;
  [[nodiscard]] Seq seq_at_time(WallTime time) const;
  [[nodiscard]] const StoreLimits& limits() const { return options_.limits; }

  Status set_limits(const StoreLimits& limits);
  void on_removed(StreamStore::Removed removed) { removed_ = std::move(removed); }
  Status sync();
  Status stop();
  Status destroy();
  // The owner let go of the store without stop(), as when its node is killed. Does not suspend.
  void abandon() noexcept;

 private:
  using Blocks = std::deque<std::unique_ptr<MessageBlock>>;
  struct Tombstone {
    Seq seq;
    WallTime time;  // of the deleted message
  };
  struct Recovery;
  // What says on disk that a removed message is gone.
  enum class RemovalMark {
    on_disk,   // a tombstone, or the file went
    none_yet,  // nothing: recovery removes it again by the limit that removed it
  };

  [[nodiscard]] bool has(Defect defect) const { return env_.defects.is_on(defect); }

  // file_store.cc: all of these require the mutex, except those that only look.
  [[nodiscard]] Status check_usable() const;
  Result<Seq> append_locked(std::optional<Seq> at, const NewMessage& message, WallTime time);
  [[nodiscard]] Status check_discard_new(const NewMessage& message, std::uint64_t size) const;
  Status ensure_room(std::uint64_t size, Seq for_seq);
  Status roll();
  Status add_block(Seq base);
  Status write_last(std::string_view data);
  Status write_tombstones(std::span<const Tombstone> tombstones);
  Status sync_block(MessageBlock& block);
  Status sync_names();
  [[nodiscard]] bool syncs_always() const;
  Result<bool> remove_locked(Seq seq, bool erase);
  Status erase_record(MessageBlock& block, Seq seq);
  void forget_message(MessageBlock& block, Seq seq, RemovalMark mark);
  Status drop_block(MessageBlock& block, bool via_limits = false);
  Status unlink_now(MessageBlock& block);
  [[nodiscard]] bool is_covered(const MessageBlock& block) const;
  [[nodiscard]] bool is_last_named_without(const MessageBlock& block) const;
  Status outdate_index(Seq dead);
  [[nodiscard]] std::optional<std::vector<Tombstone>> tombstones_to_carry(const MessageBlock& block) const;
  [[nodiscard]] static bool may_hold_dead(const MessageBlock& block, Seq seq);
  [[nodiscard]] bool is_tombstone_needed(Seq seq, const MessageBlock& holder) const;
  Status enforce_limits();
  Status enforce_subject_limit(SubjectId subject);
  Status remove_for_limit(Seq seq);
  Status expire(WallTime now);
  [[nodiscard]] MessageBlock* block_of(Seq seq) const;        // the one whose range may hold it
  [[nodiscard]] std::size_t first_block_from(Seq seq) const;  // index into blocks_
  [[nodiscard]] MessageBlock* last_block() const { return blocks_.empty() ? nullptr : blocks_.back().get(); }
  [[nodiscard]] const MessageBlock* first_live_block() const;  // nullptr: none has a message
  [[nodiscard]] Seq first_seq() const;                         // of a live message; last + 1 if there is none, 0 in a store never used
  [[nodiscard]] Bytes block_size() const;
  [[nodiscard]] StreamState counted_state() const;
  void check_invariants() const;

  // file_store_read.cc
  Result<StoredMessage> read_message(MessageBlock& block, Seq seq);
  // Whether a valid record is that of the live entry.
  [[nodiscard]] bool is_indexed_record(const RecordView& record, const MessageBlock& block, const BlockEntry& entry) const;
  void note_lost_message(Seq seq, std::uint64_t bytes);
  [[nodiscard]] Seq find_last(std::string_view filter) const;
  [[nodiscard]] Seq last_seen_of(SubjectId subject) const;

  // file_store_recovery.cc
  Status end_purge();
  Status recover();
  [[nodiscard]] Result<IndexSnapshot> load_index();
  void read_index(Recovery& found);
  Result<std::vector<std::uint32_t>> list_blocks(Recovery& found);
  Status recover_blocks(const std::vector<std::uint32_t>& indexes, Recovery& found);
  Status enforce_all();
  // file_store_believe.cc
  Result<std::uint64_t> last_checksum_in(std::uint32_t index);
  [[nodiscard]] bool is_index_last_trusted(const Recovery& found) const;
  Status note_index_end(const std::vector<std::uint32_t>& indexes, Recovery& found);
  Status believe_index(const std::vector<std::uint32_t>& indexes, Recovery& found);
  void add_missing_block(const IndexBlock& block, std::vector<std::pair<std::string, std::uint64_t>>& subjects);
  Status recover_block(std::uint32_t index, Recovery& found);
  [[nodiscard]] std::unique_ptr<MessageBlock> remade_at(const MessageBlock& block, Seq base) const;
  Status cut_torn_tail(const Recovery& found);
  void forget_blocks();
  void apply_deletes(const Recovery& found);
  [[nodiscard]] bool went_on_after_index(const Recovery& found) const;
  bool note_lost(const Recovery& found);
  Status raise_last(Seq last, std::int64_t time);

  // file_store_early.cc
  [[nodiscard]] bool is_within_limits(const IndexSnapshot& index) const;
  Result<std::optional<StreamState>> state_by_index();
  Status ready_locked();
  bool read_in_background();

  // file_store_purge.cc
  Result<std::uint64_t> remove_many(const std::vector<Seq>& seqs);
  [[nodiscard]] Seq first_seq_without(const std::vector<Seq>& gone) const;
  Result<std::uint64_t> compact_locked(Seq seq);
  Result<std::uint64_t> purge_all(Seq last);
  void forget_all(MessageBlock& block);
  Status drop_empty_blocks();
  Status mark_limit_removals();
  Status purge_by_moving_first(Seq last, std::int64_t time);
  enum class Pass { removal, periodic };
  [[nodiscard]] bool keeps_tombstone(Seq seq, const MessageBlock& block) const;
  [[nodiscard]] std::uint64_t size_after_rewrite(const MessageBlock& block) const;
  [[nodiscard]] bool wants_compaction(const MessageBlock& block, Pass pass) const;
  Status compact_block(MessageBlock& block, Pass pass);
  struct Kept {
    Seq seq;
    WallTime time;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    SubjectId subject = kNoSubject;
  };
  Status gather_live(MessageBlock& block, std::vector<Kept>& kept, std::string& out);
  Status rewrite_block(MessageBlock& block);
  [[nodiscard]] bool mark_dead_in(MessageBlock& block);
  void retire_block(MessageBlock& block);
  void drop_retired();

  // file_store_truncate.cc
  [[nodiscard]] std::vector<Tombstone> tombstones_through(Seq seq, const MessageBlock& from) const;
  Status cut_behind(MessageBlock& block, Seq seq);
  Status drop_blocks_behind(std::uint32_t index, std::uint32_t end);
  void rebase_blocks_behind(std::uint32_t index, Seq base);

  // file_store_bad_end.cc
  struct BadEnd;
  Status leave_bad_end();
  [[nodiscard]] Result<BadEnd> look_at_end(const MessageBlock& block);
  void note_unreadable(MessageBlock& block, const BadEnd& end);
  Status move_stranded(MessageBlock& block, const BadEnd& end);
  void end_before_stranded(MessageBlock& block, Seq base, const BadEnd& end);

  // file_store_compress.cc
  Status compress_full_blocks();
  Status compress(MessageBlock& block);
  [[nodiscard]] std::string packed(std::string_view plain) const;

  // file_store_flusher.cc
  void start_flusher();
  void run_flusher();
  void close_idle_block();

  // file_store_background.cc
  void start_background();
  void run_background();
  void run_passes();
  Status sync_pass();
  Status sync_recovered();
  Status sync_files();
  Status tidy_blocks();
  Status sync_dirty_blocks();
  Status unlink_retired();
  [[nodiscard]] std::string index_path() const { return files_.directory() + "/index.db"; }
  [[nodiscard]] IndexSnapshot snapshot() const;
  Status write_index();
  void note_failure(const Status& status, std::string_view what);
  [[nodiscard]] Instant next_expiry() const;

  void note_damage(std::string_view what, Seq seq, std::uint64_t bytes);

  Env& env_;
  const StoreSettings settings_;
  StreamStoreOptions options_;
  BlockFiles files_;
  Mutex mutex_;
  Random random_;
  StreamStore::Removed removed_;

  Blocks blocks_;  // in order of index and of sequence; the last one is appended to
  // Without messages, out of use, and durable: unlinked by the next sync pass, when all else is durable too.
  Blocks retired_;
  SubjectIndex subjects_;
  std::uint32_t next_index_ = 1;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  Seq last_seq_;
  std::int64_t last_time_ = 0;
  std::vector<Seq> lost_;
  std::uint64_t lost_bytes_ = 0;
  std::string buffer_;                      // of encoded records, kept for its capacity
  bool has_unmarked_ = false;               // some block has limit removals without tombstones
  std::vector<std::uint32_t> to_compress_;  // blocks that were rolled
  bool is_dirty_ = false;                   // index.db is older than the state
  bool is_index_exact_ = false;             // nothing was appended since index.db was written
  bool names_dirty_ = false;                // the msgs directory has names that a power loss may take back
  bool was_recovered_ = false;              // it began with blocks of an earlier process
  std::optional<Error> failed_;             // what is on disk is uncertain: nothing more is stored until a restart

  std::optional<StreamState> early_;  // the blocks were not read yet: this is what index.db says of them
  bool is_unhurried_ = false;         // they are being read in the background
  bool is_stopped_ = false;
  bool is_background_running_ = false;
  // Of defects only.
  LazyIndex lazy_{env_.defects};
  std::uint64_t counted_twice_ = 0;  // messages of blocks that were loaded twice (nats-6684)
  std::uint64_t counted_twice_bytes_ = 0;
  bool has_missing_ = false;  // some block is_missing
  Instant last_write_{};      // nats-7594
  Event flush_;               // something is pending

  Event wake_;   // the background task has something new to look at
  Event ended_;  // the background task is over
};

}  // namespace windtunnel::core
