// Purge, compact, rewriting blocks, and what becomes of blocks without messages.
#include <algorithm>

#include "core/base/assert.h"
#include "core/store/atomic_file.h"
#include "core/store/block_scan.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {

Result<std::uint64_t> FileStore::purge(const PurgeRequest& request) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  const bool is_everything = request.filter.empty() || request.filter == ">";
  if (is_everything && request.keep == 0) {
    if (has(Defect::break_purge)) return compact_locked(last_seq_);
    return request.below.value == 0 || request.below > last_seq_ ? purge_all(last_seq_) : compact_locked(request.below);
  }
  std::vector<Seq> victims;
  const std::vector<std::string> filters{request.filter};
  for (Seq seq = find_next(filters, Seq{1}); seq.value != 0; seq = find_next(filters, seq.next())) {
    if (request.below.value != 0 && seq >= request.below) break;
    victims.push_back(seq);
  }
  victims.resize(victims.size() - static_cast<std::size_t>(std::min<std::uint64_t>(request.keep, victims.size())));
  return remove_many(victims);
}

Result<std::uint64_t> FileStore::compact(Seq seq) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  return seq > last_seq_ ? purge_all(seq.prev()) : compact_locked(seq);
}

// The first live sequence when `gone` are.
Seq FileStore::first_seq_without(const std::vector<Seq>& gone) const {
  auto next = gone.begin();
  for (const auto& block : blocks_) {
    for (const BlockEntry* entry = block->at_or_after(block->first); entry != nullptr; entry = block->next(entry)) {
      const Seq seq = block->seq_of(*entry);
      if (next == gone.end() || *next != seq) return seq;
      ++next;
    }
  }
  return last_seq_.next();
}

// Tombstones for all of them first (nats-server left out those below the new first sequence: PR 6685).
Result<std::uint64_t> FileStore::remove_many(const std::vector<Seq>& seqs) {
  WT_CHECK(mark_limit_removals());
  std::vector<Tombstone> tombstones;
  tombstones.reserve(seqs.size());
  Seq marked_above;
  if (has(Defect::nats_6685)) marked_above = first_seq_without(seqs);
  for (const Seq seq : seqs) {
    if (seq > marked_above || marked_above.value == 0) tombstones.push_back({seq, WallTime{block_of(seq)->find(seq)->time}});
  }
  WT_CHECK(write_tombstones(tombstones));
  for (const Seq seq : seqs) forget_message(*block_of(seq), seq, RemovalMark::on_disk);
  WT_CHECK(drop_empty_blocks());
  if (!seqs.empty()) WT_CHECK(write_index());
  return seqs.size();
}

// Drops everything below `seq` <= last: whole blocks go as files, from the first one on, so that a crash in between
// leaves what a purge to a lower sequence would have left.
Result<std::uint64_t> FileStore::compact_locked(Seq seq) {
  if (messages_ == 0 || seq <= first_seq()) return std::uint64_t{0};
  const std::uint64_t before = messages_;
  WT_CHECK(mark_limit_removals());
  std::vector<Tombstone> tombstones;
  MessageBlock* partial = block_of(seq);
  for (const BlockEntry* entry = partial->at_or_after(partial->first); entry != nullptr && partial->seq_of(*entry) < seq;
       entry = partial->next(entry)) {
    tombstones.push_back({partial->seq_of(*entry), WallTime{entry->time}});
  }
  const std::uint32_t partial_index = partial->index;
  if (!has(Defect::nats_6685)) WT_CHECK(write_tombstones(tombstones));
  // What stays must be durable before anything goes, or a power loss could take both.
  WT_CHECK(sync_dirty_blocks());

  std::vector<SeqRange> gone;  // unlinked, but the directory may still bring them back
  while (!blocks_.empty() && blocks_.front()->index < partial_index) {
    MessageBlock& block = *blocks_.front();
    const bool marks_gone = std::any_of(block.tombstones.begin(), block.tombstones.end(), [&](const SeqRange& range) {
      return std::any_of(gone.begin(), gone.end(),
                         [&](const SeqRange& other) { return range.first <= other.last && other.first <= range.last; });
    });
    if (marks_gone) {
      WT_CHECK(sync_names());
      gone.clear();
    }
    if (block.disk_first.value != 0) gone.push_back({block.disk_first, std::max(block.last, block.disk_first)});
    // Whatever a sequence of this block is, it is about to be gone.
    WT_CHECK(outdate_index(block.disk_first.value != 0 ? block.disk_first : block.disk_last));
    WT_CHECK(unlink_now(block));
  }
  for (const Tombstone& tombstone : tombstones) {
    MessageBlock& block = *block_of(tombstone.seq);
    forget_message(block, tombstone.seq, RemovalMark::on_disk);
  }
  WT_CHECK(drop_empty_blocks());
  WT_CHECK(write_index());
  return before - messages_;
}

// Drops everything, and makes `last` the last sequence. The successor is complete and durable in a directory of its
// own before the old one is moved away; end_purge finishes or undoes the exchange after a crash (PR 7676).
Result<std::uint64_t> FileStore::purge_all(Seq last) {
  const std::uint64_t count = messages_;
  if (count == 0 && last == last_seq_) return std::uint64_t{0};
  if (has(Defect::nats_7676)) {
    WT_CHECK(purge_by_moving_first(last, last == last_seq_ ? last_time_ : env_.clock.wall_now().unix_ns));
    return count;
  }
  const std::string aside = options_.directory + "/__msgs__";
  const std::string next = options_.directory + "/__new_msgs__";
  WT_CHECK(env_.disk.remove_all(aside));
  WT_CHECK(env_.disk.remove_all(next));
  WT_CHECK(env_.disk.make_directories(next));
  auto block = std::make_unique<MessageBlock>(options_.name, next_index_, last.next());
  const std::int64_t time = last == last_seq_ ? last_time_ : env_.clock.wall_now().unix_ns;
  buffer_.clear();
  append_tombstone(buffer_, block->key, last, WallTime{time});
  // Its name appears when it is complete: by that the purge is decided.
  WT_CHECK(replace_file(env_, next + "/" + std::to_string(block->index) + ".blk", buffer_));
  WT_CHECK(sync_names_of(env_, next));
  WT_CHECK(sync_names_of(env_, options_.directory));
  for (const auto& old : blocks_) files_.drop_pending(*old);
  WT_CHECK(env_.disk.rename(files_.directory(), aside));
  if (Status moved = env_.disk.rename(next, files_.directory()); !moved) {
    // Neither old nor new is in place: nothing may be stored before recovery has put it right.
    failed_ = moved.error();
    return moved.error();
  }
  while (!blocks_.empty()) {
    forget_all(*blocks_.front());
    blocks_.pop_front();
  }
  drop_retired();
  has_unmarked_ = false;
  ++next_index_;
  block->raw_bytes = kEmptyRecordSize;
  block->last_checksum = load_u64(std::string_view(buffer_).substr(kEmptyRecordSize - 8));
  block->skip_to(last, WallTime{time});
  block->disk_last = last;
  add_to_ranges(block->tombstones, last);
  block->is_name_durable = true;
  block->was_synced = true;
  blocks_.push_back(std::move(block));
  last_seq_ = last;
  last_time_ = time;
  WT_CHECK(sync_names_of(env_, options_.directory));
  WT_CHECK(env_.disk.remove_all(aside));
  WT_CHECK(write_index());
  return count;
}

// What nats-server before 2.14 does (PR 7676): between the rename and the tombstone nothing says what was.
Status FileStore::purge_by_moving_first(Seq last, std::int64_t time) {
  const std::string aside = options_.directory + "/__msgs__";
  WT_CHECK(env_.disk.remove_all(aside));
  for (const auto& old : blocks_) files_.drop_pending(*old);
  WT_CHECK(env_.disk.rename(files_.directory(), aside));
  while (!blocks_.empty()) {
    forget_all(*blocks_.front());
    blocks_.pop_front();
  }
  drop_retired();
  has_unmarked_ = false;
  next_index_ = 1;
  last_seq_ = last;
  last_time_ = time;
  Status made = env_.disk.make_directories(files_.directory());
  if (made) made = add_block(last.next());
  const Tombstone marker{last, WallTime{time}};
  if (made) made = write_tombstones({&marker, 1});
  if (!made) {
    failed_ = made.error();
    return made;
  }
  WT_CHECK(env_.disk.remove_all(aside));
  return write_index();
}

// Accounts for every live message of a block as gone.
void FileStore::forget_all(MessageBlock& block) {
  while (block.live() > 0) forget_message(block, block.first, RemovalMark::on_disk);
}

// Blocks whose last message went while others were looked at, or that stayed for their tombstones.
Status FileStore::drop_empty_blocks() {
  std::vector<std::uint32_t> indexes;
  for (const auto& block : blocks_) {
    if (block->live() == 0 && block.get() != last_block()) indexes.push_back(block->index);
  }
  // Dropping one may roll the last block and drop that too, so each is looked for again.
  for (const std::uint32_t index : indexes) {
    const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index == index; });
    if (it != blocks_.end() && it->get() != last_block()) WT_CHECK(drop_block(**it));
  }
  return {};
}

// Removals by a limit leave no tombstones: after a crash the limit removes the same messages again. That holds only as
// long as nothing else is removed. So ahead of any other removal they get theirs.
Status FileStore::mark_limit_removals() {
  if (!has_unmarked_) return {};
  std::vector<Tombstone> tombstones;
  for (const auto& block : blocks_) {
    for (const SeqRange& range : block->unmarked) {
      for (Seq seq = range.first; seq <= range.last; seq = seq.next()) tombstones.push_back({seq, WallTime{0}});
    }
  }
  // Writing them may roll the last block and come here again, for a block that stays.
  has_unmarked_ = false;
  if (Status written = write_tombstones(tombstones); !written) {
    has_unmarked_ = true;
    return written;
  }
  for (const auto& block : blocks_) block->unmarked.clear();
  return {};
}

// Whether a rewrite of the block leaves this tombstone of it. Until 2.10.14 none was left (PR 5426); then all those of earlier
// blocks, whether their messages were still there or not, which is what made the storms (reference: filestore 6.1).
bool FileStore::keeps_tombstone(Seq seq, const MessageBlock& block) const {
  if (has(Defect::nats_5426)) return false;
  if (block.live() > 0 && (has(Defect::nats_5702a) || has(Defect::nats_5831) || has(Defect::nats_6352))) return seq < block.first;
  return is_tombstone_needed(seq, block);
}

// The size that a rewrite would leave, from memory alone.
std::uint64_t FileStore::size_after_rewrite(const MessageBlock& block) const {
  std::uint64_t size = block.live_bytes;
  for (const SeqRange& range : block.tombstones) {
    for (Seq seq = range.first; seq <= range.last; seq = seq.next()) size += keeps_tombstone(seq, block) ? kEmptyRecordSize : 0;
  }
  return size;
}

bool FileStore::wants_compaction(const MessageBlock& block, Pass pass) const {
  const bool is_periodic = pass == Pass::periodic;
  if (is_periodic && (has(Defect::nats_5702a) || has(Defect::nats_5831))) return block.counted_bytes() > block.live_bytes;
  if (2 * block.live_bytes >= block.counted_bytes()) return false;
  // No memory of what the last compaction won.
  if (!is_periodic && (has(Defect::nats_5702a) || has(Defect::nats_6352))) return true;
  if (block.compaction_gained_nothing) return false;
  return block.bytes_at_compaction == 0 || 2 * block.live_bytes < block.bytes_at_compaction;
}

// Rewrites the block if that wins at least half of it, so that what is written is bounded by what was removed. A block
// that would win less is asked again only after half of its messages have gone too (PR 6352).
Status FileStore::compact_block(MessageBlock& block, Pass pass) {
  if (&block == last_block() || block.is_missing || !wants_compaction(block, pass)) return {};
  const bool is_unguarded = has(Defect::nats_5702a) || (pass == Pass::periodic ? has(Defect::nats_5831) : has(Defect::nats_6352));
  if (!is_unguarded && 2 * size_after_rewrite(block) > block.raw_bytes) {
    block.compaction_gained_nothing = true;
    block.bytes_at_compaction = block.live_bytes;
    return {};
  }
  const bool is_last_named = std::any_of(blocks_.begin(), blocks_.end(),
                                         [&](const auto& other) { return other.get() != &block && other->disk_last >= last_seq_; });
  if (!is_last_named) return {};
  WT_CHECK(rewrite_block(block));
  block.bytes_at_compaction = block.live_bytes;
  return {};
}

// The live records of a block, and their bytes one after the other.
Status FileStore::gather_live(MessageBlock& block, std::vector<Kept>& kept, std::string& out) {
  kept.clear();
  out.clear();
  bool is_compressed = false;
  bool has_io_error = false;
  WT_TRY(const std::string content, files_.read_all(block.index, is_compressed, has_io_error));
  for (const BlockEntry* entry = block.at_or_after(block.first); entry != nullptr; entry = block.next(entry)) {
    const Seq seq = block.seq_of(*entry);
    const std::string_view bytes = std::string_view(content).substr(std::min<std::size_t>(entry->offset, content.size()), entry->size);
    const auto record = parse_record(bytes, block.key);
    // A live record that cannot be read stays where it is: a later read may succeed.
    if (!record || !is_indexed_record(*record, block, *entry))
      return error(Errc::corrupt, files_.path(block.index) + " has a damaged record of sequence " + std::to_string(seq.value));
    kept.push_back({seq, WallTime{entry->time}, out.size(), entry->size, entry->subject});
    out.append(bytes);
  }
  return {};
}

// Writes what is still needed of a block to <N>.new, durably, and puts that in its place.
Status FileStore::rewrite_block(MessageBlock& block) {
  if (!block.unmarked.empty()) WT_CHECK(outdate_index(block.unmarked.front().first));
  WT_CHECK(files_.flush(block));
  std::vector<Kept> kept;
  std::string out;
  if (!gather_live(block, kept, out)) {  // what was read wrong once may be right the next time
    WT_CHECK(gather_live(block, kept, out));
  }
  std::vector<SeqRange> tombstones;
  Seq disk_last = kept.empty() ? Seq{0} : kept.back().seq;
  for (const SeqRange& range : block.tombstones) {
    for (Seq seq = range.first; seq <= range.last; seq = seq.next()) {
      if (!keeps_tombstone(seq, block)) continue;
      append_tombstone(out, block.key, seq, WallTime{0});
      add_to_ranges(tombstones, seq);
      disk_last = std::max(disk_last, seq);
    }
  }
  if (last_seq_.value > 0 && disk_last < last_seq_ && !is_last_named_without(block)) {
    append_tombstone(out, block.key, last_seq_, WallTime{last_time_});
    add_to_ranges(tombstones, last_seq_);
    disk_last = last_seq_;
  }
  // The rewrite is durable at once. What names the sequences that it no longer does must be so before.
  if (disk_last < block.disk_last && !is_covered(block)) WT_CHECK(sync_dirty_blocks());
  const std::string aside = files_.directory() + "/" + std::to_string(block.index) + ".new";
  const bool is_compressed_again = options_.compression == Compression::s2 && !kept.empty() && &block != last_block();
  WT_CHECK(write_synced(env_, aside, is_compressed_again ? packed(out) : out));
  files_.close(block);
  files_.forget(block.index);
  WT_CHECK(env_.disk.rename(aside, files_.path(block.index)));
  env_.log.trace("store.block_rewritten",
                 {{"stream", options_.name}, {"block", block.index}, {"from", block.raw_bytes}, {"to", out.size()}});
  const std::int64_t last_time = block.last_time;
  block.clear_entries();
  block.disk_first = Seq{0};
  block.dead_records = 0;
  block.last = kept.empty() ? block.last : kept.back().seq;
  for (const Kept& entry : kept) block.add(entry.seq, entry.time, entry.offset, entry.size, entry.subject);
  if (kept.empty()) block.last_time = last_time;
  block.disk_last = disk_last;
  block.tombstones = std::move(tombstones);
  block.unmarked.clear();
  block.raw_bytes = out.size();
  block.uncounted_bytes = 0;
  block.last_checksum = out.empty() ? 0 : load_u64(std::string_view(out).substr(out.size() - 8));
  block.is_compressed = is_compressed_again;
  block.is_sealed = is_compressed_again;
  block.has_damage = false;
  block.needs_sync = false;
  block.must_rewrite = false;
  block.was_synced = true;
  // As long as the old file could come back, its dead records could as well.
  return sync_names();
}

// A block that survives a power loss may not go before what names its successor does: it waits for the next sync. So
// that its records are dead whatever else a crash leaves, it says so itself. False if that cannot be written.
bool FileStore::mark_dead_in(MessageBlock& block) {
  if (!files_.flush(block)) return false;
  bool is_compressed = false;
  bool has_io_error = false;
  auto content = files_.read_all(block.index, is_compressed, has_io_error);
  if (!content || is_compressed || block.is_sealed) return false;
  std::vector<Seq> dead;
  SeqSet marked;
  const BlockScan scan = scan_block(*content, block.key, [&](const RecordView& record, std::uint64_t) {
    if (record.kind == RecordKind::message) dead.push_back(record.seq);
    if (record.kind == RecordKind::tombstone) marked.insert(record.seq);
  });
  // What was read wrong may be right the next time, and come back.
  if (!scan.damaged.empty() || scan.has_damaged_tail(content->size())) return false;
  std::string tombstones;
  for (const Seq seq : dead) {
    if (!marked.contains(seq)) append_tombstone(tombstones, block.key, seq, WallTime{last_time_});
  }
  return tombstones.empty() || (files_.append(block, tombstones).has_value() && files_.flush(block).has_value());
}

void FileStore::retire_block(MessageBlock& block) {
  block.dead_records = 0;
  block.unmarked.clear();
  files_.forget(block.index);
  const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& other) { return other.get() == &block; });
  retired_.push_back(std::move(*it));
  blocks_.erase(it);
}

// What the sync pass does about blocks, before it syncs.
Status FileStore::tidy_blocks() {
  WT_CHECK(drop_empty_blocks());
  note_failure(compress_full_blocks(), "compression");
  std::vector<std::uint32_t> indexes;
  for (const auto& block : blocks_) indexes.push_back(block->index);
  Status result;
  for (const std::uint32_t index : indexes) {
    Status done;
    // Rolling lets a block without messages go. Where it goes at once, there is nothing left to rewrite.
    if (last_block() != nullptr && last_block()->index == index && last_block()->must_rewrite) done = roll();
    const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index == index; });
    if (it == blocks_.end()) {
      if (!done && result) result = done;
      continue;
    }
    MessageBlock& block = **it;
    if (block.must_rewrite) {
      // The pages of a failed sync may never reach the disk, whatever a later sync says: the content goes to a new file.
      if (done) done = rewrite_block(block);
    } else if (block.live() == 0 && block.dead_records > 0 && &block != last_block()) {
      // It stays for its tombstones. Without its dead records no later block must stay for it.
      done = rewrite_block(block);
    } else {
      done = compact_block(block, Pass::periodic);
    }
    if (!done && result) result = done;
  }
  return result;
}

// Their files are gone already.
void FileStore::drop_retired() {
  for (const auto& block : retired_) files_.close(*block);
  retired_.clear();
}

// When all else is durable, the retired blocks can go.
Status FileStore::unlink_retired() {
  while (!retired_.empty()) {
    MessageBlock& block = *retired_.front();
    files_.forget(block.index);
    files_.close(block);
    if (Status removed = env_.disk.remove(files_.path(block.index)); !removed && removed.error().code != Errc::not_found) return removed;
    names_dirty_ = true;
    retired_.pop_front();
  }
  return {};
}

}  // namespace windtunnel::core
