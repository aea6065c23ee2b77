// How the file store lets messages go: by request, and by its limits (reference: filestore 3.3 to 3.6).

#include <algorithm>

#include "core/base/assert.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

// Tombstones are moved out of a block that goes if they fill at most this part of a block (one n-th).
constexpr std::uint64_t kCarriedShare = 4;

bool exceeds(std::uint64_t value, std::int64_t limit) { return limit > 0 && value > static_cast<std::uint64_t>(limit); }

}  // namespace

// Removing.

Result<bool> FileStore::remove(Seq seq, bool erase) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  return remove_locked(seq, erase);
}

Result<bool> FileStore::remove_locked(Seq seq, bool erase) {
  MessageBlock* block = block_of(seq);
  const BlockEntry* entry = block == nullptr ? nullptr : block->find(seq);
  if (entry == nullptr) return false;
  if (block->is_missing) return error(Errc::io_error, "message block data missing");
  const WallTime time{entry->time};  // the entry may move from here on
  // First of all: an erased record alone would let recovery keep an older message in its place.
  WT_CHECK(mark_limit_removals());
  const Tombstone tombstone{seq, time};
  WT_CHECK(write_tombstones({&tombstone, 1}));
  // Behind the tombstone, and behind it for good: an overwrite cut short leaves a damaged record, which must be known to be no
  // loss, and may have been what named the last sequence.
  if (erase) WT_CHECK(sync_block(*last_block()));
  Status erased = erase ? erase_record(*block, seq) : Status{};
  const bool is_interior = seq != block->first;
  forget_message(*block, seq, RemovalMark::on_disk);
  // In a compressed block there is no place to write over: what stays of it goes to another file.
  if (erase && block->is_compressed) erased = rewrite_block(*block);
  if (block->live() == 0) {
    WT_CHECK(drop_block(*block));
  } else if (is_interior && block->counted_bytes() > settings_.compact_min.value) {
    note_failure(compact_block(*block, Pass::removal), "compaction");
  }
  if (!erased) return erased.error();
  return true;
}

Status FileStore::erase_record(MessageBlock& block, Seq seq) {
  if (block.is_compressed) return {};
  const BlockEntry entry = *block.find(seq);
  buffer_.clear();
  append_erased(buffer_, block.key, seq, entry.size, random_);
  WT_CHECK(files_.overwrite(block, entry.offset, buffer_));
  return sync_block(block);
}

// The accounting of a removal.
void FileStore::forget_message(MessageBlock& block, Seq seq, RemovalMark mark) {
  const BlockEntry* entry = block.find(seq);
  WT_ASSERT(entry != nullptr);
  const SubjectId subject_id = entry->subject;
  const std::string subject = subjects_.name(subject_id);
  bytes_ -= entry->size;
  --messages_;
  is_dirty_ = true;
  block.remove(seq);
  if (mark == RemovalMark::none_yet) {
    add_to_ranges(block.unmarked, seq);
    has_unmarked_ = true;
  }
  const std::uint64_t left = subjects_.seqs(subject_id).size() - 1;
  subjects_.remove(subject_id, seq);
  if (lazy_.is_on()) {
    const Seq last_left = left > 0 ? subjects_.seqs(subject_id).last() : Seq{0};
    const bool is_same_block = left > 0 && block_of(last_left) == &block;
    lazy_.removed({.subject = subject_id, .seq = seq, .left = left, .last_left = last_left, .is_same_block = is_same_block});
  }
  env_.log.trace("store.removed", {{"stream", options_.name}, {"seq", seq.value}});
  if (removed_) removed_(seq, subject);
}

bool FileStore::is_last_named_without(const MessageBlock& block) const {
  return std::any_of(blocks_.rbegin(), blocks_.rend(),
                     [&](const auto& other) { return other.get() != &block && other->disk_last >= last_seq_; });
}

// Whether a power loss that takes the block and everything not synced leaves a higher sequence somewhere.
bool FileStore::is_covered(const MessageBlock& block) const {
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const auto& other) {
    return other->index > block.index && other->was_synced && other->is_name_durable && other->is_durable() &&
           other->disk_last >= block.disk_last;
  });
}

// A block without a live message goes, once the last sequence and the tombstones that are still needed stand elsewhere.
Status FileStore::drop_block(MessageBlock& block, bool via_limits) {
  WT_ASSERT(block.live() == 0);
  if (&block == last_block()) {
    // nats-server before 2.10.28 removed the old block first (issue 6600): a crash in between left a store that knew of
    // no sequence at all.
    if (env_.defects.is_on(Defect::nats_6600)) {
      WT_CHECK(unlink_now(block));
      WT_CHECK(add_block(last_seq_.next()));
      const Tombstone last{last_seq_, WallTime{last_time_}};
      return write_tombstones({&last, 1});
    }
    return roll();
  }
  const auto needed = has(Defect::nats_7387) ? std::optional{std::vector<Tombstone>{}} : tombstones_to_carry(block);
  // The releases with issue 6881 let a block go before what follows it is durable.
  const bool may_go =
      syncs_always() || !block.was_synced || has(Defect::nats_6881) || (via_limits && &block == blocks_.front().get() && is_covered(block));
  // One that stays must not count on its limit: a later block that goes would make room for its messages.
  if (!needed || (!may_go && !mark_dead_in(block))) return mark_limit_removals();
  // Only the successor of an emptied last block was sure to name the last sequence (issues 5412, 7241).
  const bool is_named = has(Defect::nats_7384) ? last_block()->raw_bytes > 0 : is_last_named_without(block);
  WT_CHECK(write_tombstones(*needed));
  if (!is_named && !is_last_named_without(block) && last_seq_.value > 0) {
    const Tombstone last{last_seq_, WallTime{last_time_}};
    WT_CHECK(write_tombstones({&last, 1}));
  }
  WT_CHECK(outdate_index(block.disk_first.value != 0 ? block.disk_first : block.disk_last));
  if (may_go) return unlink_now(block);
  retire_block(block);
  return {};
}

bool FileStore::is_tombstone_needed(Seq seq, const MessageBlock& holder) const {
  const std::size_t at = first_block_from(seq);
  // The damaged end of a block may have held it.
  if (at > 0 && blocks_[at - 1]->has_damage && blocks_[at - 1].get() != &holder) return true;
  if (at >= blocks_.size()) return false;
  const MessageBlock& block = *blocks_[at];
  // A message that still counts as live may be about to go: its tombstone is written first.
  return &block != &holder && (may_hold_dead(block, seq) || block.find(seq) != nullptr);
}

bool FileStore::may_hold_dead(const MessageBlock& block, Seq seq) {
  return seq <= block.last && (block.has_damage || (block.dead_records > 0 && block.disk_first <= seq));
}

// The tombstones of `block` that are still needed and so must be written to the last block before it goes. nullopt if
// they are too many to be moved: the block then stays, without messages.
std::optional<std::vector<FileStore::Tombstone>> FileStore::tombstones_to_carry(const MessageBlock& block) const {
  std::vector<Tombstone> needed;
  for (const SeqRange& range : block.tombstones) {
    for (Seq seq = range.first; seq <= range.last; seq = seq.next()) {
      if (!is_tombstone_needed(seq, block)) continue;
      needed.push_back({seq, WallTime{0}});
      if (needed.size() * kEmptyRecordSize * kCarriedShare > block_size().value) return std::nullopt;
    }
  }
  return needed;
}

// A record that is gone is a loss where the index on disk is the last word. So it must not be, when one goes rightly.
// A tombstone of a sequence that is gone anyway changes nothing but the end of the last block.
Status FileStore::outdate_index(Seq dead) {
  if (!is_index_exact_ || dead.value == 0) return {};
  const Tombstone marker{dead, WallTime{0}};
  return write_tombstones({&marker, 1});
}

Status FileStore::unlink_now(MessageBlock& block) {
  files_.drop_pending(block);
  if (Status removed = env_.disk.remove(files_.path(block.index)); !removed && removed.error().code != Errc::not_found) return removed;
  names_dirty_ = true;
  forget_all(block);
  std::erase_if(blocks_, [&](const auto& other) { return other.get() == &block; });
  return syncs_always() ? sync_names() : Status{};
}

// Limits.

Status FileStore::remove_for_limit(Seq seq) {
  MessageBlock& block = *block_of(seq);
  if (block.is_missing) return error(Errc::io_error, "message block data missing");
  const StoreLimits& limits = options_.limits;
  const bool limits_stream = limits.discard == Discard::old_messages && (limits.max_msgs > 0 || limits.max_bytes > 0);
  if (limits_stream && limits.max_msgs_per_subject > 0) {
    // Recovery applies a limit to what is left by the other: each makes room for what the other had removed.
    WT_CHECK(mark_limit_removals());
    const Tombstone tombstone{seq, WallTime{block.find(seq)->time}};
    WT_CHECK(write_tombstones({&tombstone, 1}));
    forget_message(block, seq, RemovalMark::on_disk);
  } else {
    forget_message(block, seq, RemovalMark::none_yet);
  }
  return block.live() == 0 ? drop_block(block, true) : Status{};
}

Status FileStore::enforce_subject_limit(SubjectId subject) {
  if (options_.limits.max_msgs_per_subject <= 0 || has(Defect::break_subject_limit)) return {};
  while (exceeds(subjects_.seqs(subject).size(), options_.limits.max_msgs_per_subject)) {
    WT_CHECK(remove_for_limit(subjects_.seqs(subject).first()));
  }
  return {};
}

Status FileStore::enforce_limits() {
  const StoreLimits& limits = options_.limits;
  if (limits.discard == Discard::new_messages && !has(Defect::nats_4775)) return {};
  while (messages_ > 0 && (exceeds(messages_, limits.max_msgs) || exceeds(bytes_, limits.max_bytes))) {
    WT_CHECK(remove_for_limit(first_seq()));
  }
  return {};
}

Status FileStore::expire(WallTime now) {
  const Duration max_age = options_.limits.max_age;
  if (max_age.count() <= 0 || options_.holds_expired || has(Defect::break_expiry)) return {};
  while (messages_ > 0) {
    const Seq seq = first_seq();
    if (now - WallTime{block_of(seq)->find(seq)->time} < max_age) break;
    WT_CHECK(remove_for_limit(seq));
  }
  return {};
}

Status FileStore::let_expire() {
  const MutexLock lock{mutex_};
  options_.holds_expired = false;
  wake_.set();
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  return expire(env_.clock.wall_now());
}

Status FileStore::set_limits(const StoreLimits& limits) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  // Under other limits recovery would not remove the same messages again.
  WT_CHECK(mark_limit_removals());
  // As numbers: "unlimited" is the lowest.
  const bool is_lower = limits.max_msgs_per_subject < options_.limits.max_msgs_per_subject;
  options_.limits = limits;
  wake_.set();
  std::vector<SubjectId> over;
  if (limits.max_msgs_per_subject > 0 && (is_lower || !has(Defect::nats_6244))) {
    subjects_.for_each({}, [&](SubjectId id) {
      if (exceeds(subjects_.seqs(id).size(), limits.max_msgs_per_subject)) over.push_back(id);
    });
  }
  for (const SubjectId id : over) WT_CHECK(enforce_subject_limit(id));
  WT_CHECK(enforce_limits());
  return expire(env_.clock.wall_now());
}

}  // namespace windtunnel::core
