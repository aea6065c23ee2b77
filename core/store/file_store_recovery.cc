// Recovery: what is in the directory becomes the state in memory (reference: filestore 4).
//
// Every block is read, always (see file_store_early.cc for when): nats-server trusts a matching index.db and finds damage when a
// message is read, days later. The index is a witness only: it tells what a missing or damaged block held, which sequences were deleted
// where tombstones are gone, and the last sequence ever given out.
//
// Nothing here deletes what it could not read, and each step may be cut short by a crash and done again.
#include "core/store/file_store_recovery.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/store/atomic_file.h"

namespace windtunnel::core {
namespace {

// At most so many lost sequences are listed: an index may claim anything.
constexpr std::size_t kLostListedMax = 262'144;
constexpr Bytes kIndexSizeMax{1u << 30};
constexpr Duration kUnhurriedPause = std::chrono::milliseconds{1};

Seq lowest_in(const std::vector<SeqRange>& ranges) {
  return std::min_element(ranges.begin(), ranges.end(), [](const SeqRange& a, const SeqRange& b) { return a.first < b.first; })->first;
}

}  // namespace

Status FileStore::open() {
  WT_TRY(const bool is_encrypted, env_.disk.exists(options_.directory + "/meta.key"));
  if (is_encrypted) return error(Errc::unsupported, "encrypted store encountered with no main key: " + options_.directory);
  WT_CHECK(end_purge());
  WT_TRY(const bool is_there, env_.disk.exists(files_.directory()));
  WT_CHECK(env_.disk.make_directories(files_.directory()));
  if (settings_.opens_early && is_there) {
    WT_TRY(early_, state_by_index());
    if (early_) options_.holds_expired = false;
  }
  if (!early_) WT_CHECK(recover());
  if (!is_there) WT_CHECK(sync_names_above(env_, files_.directory()));
  start_background();
  return {};
}

// A crash in a purge leaves the old blocks, the new ones, or both beside each other (reference: filestore 4.9).
Status FileStore::end_purge() {
  const std::string aside = options_.directory + "/__msgs__";
  const std::string next = options_.directory + "/__new_msgs__";
  if (has(Defect::nats_7676)) return env_.disk.remove_all(aside);
  const auto has_blocks = [&](const std::string& directory) -> Result<bool> {
    auto names = env_.disk.list(directory);
    if (!names && names.error().code == Errc::not_found) return false;
    if (!names) return names.error();
    return std::any_of(names->begin(), names->end(), [](const DirectoryEntry& name) { return block_index_of(name.name) != 0; });
  };
  WT_TRY(const bool has_next, has_blocks(next));
  if (has_next) {
    // The new block is complete: the purge goes on. Its name may not have been durable when the process died.
    WT_CHECK(sync_names_of(env_, next));
    WT_CHECK(sync_names_of(env_, options_.directory));
    WT_CHECK(env_.disk.remove_all(files_.directory()));
    WT_CHECK(env_.disk.rename(next, files_.directory()));
    WT_CHECK(sync_names_of(env_, options_.directory));
  }
  WT_CHECK(env_.disk.remove_all(next));
  WT_TRY(const bool has_aside, has_blocks(aside));
  WT_TRY(const bool has_current, has_blocks(files_.directory()));
  if (has_aside && !has_current) {
    // An older server died between moving the blocks away and writing down the last sequence. It never answered the
    // purge, so undoing it is right; what it did itself was to throw both away (issue 7676).
    WT_CHECK(env_.disk.remove_all(files_.directory()));
    WT_CHECK(env_.disk.rename(aside, files_.directory()));
    return sync_names_of(env_, options_.directory);
  }
  // The exchange may have been done by a process that died before it made it durable.
  if (has_aside) WT_CHECK(sync_names_of(env_, options_.directory));
  return env_.disk.remove_all(aside);
}

Status FileStore::recover() {
  Recovery found;
  read_index(found);
  WT_TRY(const std::vector<std::uint32_t> indexes, list_blocks(found));
  WT_CHECK(note_index_end(indexes, found));
  WT_CHECK(recover_blocks(indexes, found));
  // What a killed process wrote and did not sync is seen from now on, and old blocks go because of it: it has to stay.
  if (syncs_always()) note_failure(sync_dirty_blocks(), "sync of what was recovered");
  WT_CHECK(believe_index(indexes, found));
  is_index_exact_ = note_lost(found);

  Seq last = std::max(last_seq_, options_.first_seq.prev());
  std::int64_t last_time = last_time_;
  if (found.index && found.index->last_seq > last && is_index_last_trusted(found)) {
    last = found.index->last_seq;
    last_time = found.index->last_time;
  }
  names_dirty_ = true;
  was_recovered_ = !blocks_.empty();
  if (blocks_.empty()) {
    if (found.index) next_index_ = std::max(next_index_, found.index->last_block + 1);
    WT_CHECK(add_block(last_seq_.next()));
  }
  if (last > last_seq_) WT_CHECK(raise_last(last, last_time));
  for (const std::uint32_t index : found.half_compressed) {
    if (found.is_index_current) break;
    for (const auto& block : blocks_) {
      if (block->index != index) continue;
      counted_twice_ += block->live();
      counted_twice_bytes_ += block->live_bytes;
    }
  }
  // Tombstones were lost with other things: what the index alone knew is written down before the index is replaced.
  if (!found.damaged.empty() || !lost_.empty()) WT_CHECK(mark_limit_removals());
  WT_CHECK(drop_empty_blocks());
  // What an index was believed to have cannot be removed: the limits then stay broken.
  if (Status enforced = enforce_all(); !enforced) {
    if (!has_missing_) return enforced;
    note_failure(enforced, "limits");
  }
  // A purge to the configured first sequence, even where the first message has just that (PR 6753).
  if (has(Defect::nats_6753) && messages_ > 0 && options_.first_seq.value > 0 && first_seq() <= options_.first_seq) {
    WT_CHECK(purge_all(last_seq_));
  }
  is_dirty_ = true;
  check_invariants();
  const StreamState now = counted_state();
  env_.log.info("store.recovered", {{"stream", options_.name},
                                    {"messages", now.messages},
                                    {"first_seq", now.first_seq.value},
                                    {"last_seq", now.last_seq.value},
                                    {"lost", lost_.size()}});
  return {};
}

Result<IndexSnapshot> FileStore::load_index() {
  WT_TRY(const std::string bytes, env_.disk.read_file(index_path(), kIndexSizeMax));
  return decode_index(bytes, options_.name);
}

void FileStore::read_index(Recovery& found) {
  auto snapshot = load_index();
  if (snapshot) {
    found.index = *std::move(snapshot);
  } else if (snapshot.error().code != Errc::not_found) {
    env_.log.warn("store.damage", {{"stream", options_.name}, {"what", "index.db"}, {"error", snapshot.error().text()}});
  }
}

// The numbers of the blocks, ascending.
Result<std::vector<std::uint32_t>> FileStore::list_blocks(Recovery& found) {
  WT_TRY(const std::vector<DirectoryEntry> names, env_.disk.list(files_.directory()));
  std::vector<std::uint32_t> indexes;
  for (const DirectoryEntry& name : names) {
    if (name.is_directory) continue;
    if (const std::uint32_t index = block_index_of(name.name); index != 0) indexes.push_back(index);
    if (has(Defect::nats_6684) && name.name.ends_with(".blk.tmp")) {
      // The release reads "7.blk.tmp" as "7.blk" with something behind it, and leaves it where it is.
      if (const std::uint32_t index = block_index_of(name.name.substr(0, name.name.size() - 4)); index != 0)
        found.half_compressed.push_back(index);
      continue;
    }
    // What a rewrite, a compression, an index write or a probe left half done.
    const bool is_left_over = name.name.ends_with(".new") || name.name.ends_with(".tmp") || name.name.starts_with("_test_");
    if (is_left_over) WT_CHECK(env_.disk.remove(files_.directory() + "/" + name.name));
  }
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

Status FileStore::recover_blocks(const std::vector<std::uint32_t>& indexes, Recovery& found) {
  for (const std::uint32_t index : indexes) {
    // A block takes milliseconds of the processor: nobody else waits for all of them.
    if (is_unhurried_) env_.tasks.sleep_until(after(env_.clock.now(), kUnhurriedPause));
    WT_CHECK(recover_block(index, found));
  }
  WT_CHECK(cut_torn_tail(found));
  apply_deletes(found);
  return {};
}

Status FileStore::enforce_all() {
  std::vector<SubjectId> subjects;
  subjects_.for_each({}, [&](SubjectId id) { subjects.push_back(id); });
  for (const SubjectId id : subjects) WT_CHECK(enforce_subject_limit(id));
  WT_CHECK(enforce_limits());
  return expire(env_.clock.wall_now());
}

Status FileStore::recover_block(std::uint32_t index, Recovery& found) {
  next_index_ = std::max(next_index_, index + 1);
  bool has_io_error = false;
  auto block = std::make_unique<MessageBlock>(options_.name, index, last_seq_.next());
  auto read = files_.read_all(index, block->is_compressed, has_io_error, std::move(found.content));
  if (!read && read.error().code == Errc::corrupt) {
    // A compressed block that does not unpack: all of it is damaged.
    found.damaged.push_back({index, {0, 0, Seq{0}, Seq{0}}, false});
    note_damage(read.error().detail, last_seq_.next(), 0);
    block->is_sealed = true;
    block->has_damage = true;
    block->was_synced = true;
    blocks_.push_back(std::move(block));
    return {};
  }
  if (!read) return read.error();
  std::string& content = found.content = *std::move(read);
  // Hashing is most of the work, so it is done once: the records are kept, and looked at when there is no doubt left.
  auto& records = found.records;
  const auto scan_again = [&] {
    records.clear();
    return scan_block(content, block->key, [&](const RecordView& record, std::uint64_t offset) { records.emplace_back(record, offset); });
  };
  BlockScan scan = scan_again();
  if (!scan.damaged.empty()) {
    // One bad read must not cost anything that a second one gives.
    WT_TRY(content, files_.read_all(index, block->is_compressed, has_io_error));
    scan = scan_again();
  }
  if (has(Defect::nats_7549) && !scan.damaged.empty()) {
    // The release gives up a block at its first bad record, for good.
    content.resize(static_cast<std::size_t>(std::min<std::uint64_t>(content.size(), scan.damaged.front().offset)));
    if (!block->is_compressed) {
      WT_CHECK(files_.truncate(*block, content.size()));
      WT_CHECK(sync_block(*block));
    }
    scan = scan_again();
  }

  if (has(Defect::break_torn_tail) && scan.has_damaged_tail(content.size()) && !records.empty() && !block->is_compressed) {
    content.resize(static_cast<std::size_t>(records.back().second));
    WT_CHECK(files_.truncate(*block, content.size()));
    scan = scan_again();
  }

  const bool is_index_last = found.index && found.index->last_block == index;
  if (is_index_last && found.index->last_checksum == 0) found.saw_index_record = true;
  Seq highest_tombstone;
  std::int64_t tombstone_time = 0;
  bool has_marker = false;
  const auto take = [&](const RecordView& record, std::uint64_t offset) {
    if (is_index_last && record.checksum == found.index->last_checksum) {
      found.saw_index_record = true;
      found.index_record_at = offset;
    }
    if (record.kind == RecordKind::tombstone) {
      found.tombstones.push_back({record.seq, record.time});
      add_to_ranges(block->tombstones, record.seq);
      block->disk_last = std::max(block->disk_last, record.seq);
      if (record.seq > highest_tombstone) {
        highest_tombstone = record.seq;
        tombstone_time = record.time.unix_ns;
      }
      if (record.seq == last_seq_ && last_time_ == 0) last_time_ = record.time.unix_ns;  // of what was erased it has the time
      return;
    }
    if (record.seq <= last_seq_) return;
    // A block may begin anywhere behind the one before.
    if (block->live() == 0 && !block->can_hold(record.seq)) block = remade_at(*block, record.seq);
    if (!block->can_hold(record.seq)) {
      note_damage("a gap of more than 2^32 sequences inside a block", record.seq, record.size);
      return;
    }
    if (record.kind == RecordKind::erased) {
      found.erased.push_back(record.seq);
      has_marker = true;
      // What was erased has no time any more. Looking for a time, nobody may take the block for older than what it holds.
      block->skip_to(record.seq, record.time.unix_ns != 0 ? record.time : WallTime{block->last_time});
      block->disk_last = std::max(block->disk_last, record.seq);
    } else {
      block->add(record.seq, record.time, offset, record.size, subjects_.add(record.subject, record.seq));
      ++messages_;
      bytes_ += record.size;
    }
    last_seq_ = record.seq;
    last_time_ = record.time.unix_ns;
  };
  for (const auto& [record, offset] : records) take(record, offset);
  records.clear();  // they look into `content`
  block->raw_bytes = content.size();
  block->last_checksum = scan.last_checksum;
  block->was_synced = true;  // for all we know
  // And for all we know it was not: a process that was killed leaves its last writes to the page cache. nats-server takes them
  // for durable, and never syncs a block that it does not write to again.
  block->needs_sync = true;
  block->is_sealed = block->is_compressed || has_io_error || !scan.damaged.empty();
  block->has_damage = !scan.damaged.empty();
  if (is_index_last) found.is_index_record_last = found.saw_index_record && scan.last_checksum == found.index->last_checksum;
  for (const DamagedRange& range : scan.damaged) found.damaged.push_back({index, range, range.offset + range.size == content.size()});
  // A tombstone says that its sequence was used: a stream whose messages are all gone remembers its last one by it. The
  // highest counts; nats-server took the lowest (issues 5412, 7241).
  if (has(Defect::nats_7384) && !block->tombstones.empty()) {
    highest_tombstone = block->live() > 0 || has_marker ? Seq{0} : lowest_in(block->tombstones);
  }
  if (highest_tombstone > last_seq_) {
    block->skip_to(highest_tombstone, WallTime{tombstone_time});
    last_seq_ = highest_tombstone;
    last_time_ = tombstone_time;
  }
  block->shrink();
  blocks_.push_back(std::move(block));
  return {};
}

std::unique_ptr<MessageBlock> FileStore::remade_at(const MessageBlock& block, Seq base) const {
  auto made = std::make_unique<MessageBlock>(options_.name, block.index, base);
  made->tombstones = block.tombstones;
  made->disk_last = block.disk_last;
  made->is_compressed = block.is_compressed;
  return made;
}

// The torn end of the last block is what a crash leaves of a record that nobody was told of. Damage with valid records
// behind it stays as it is, and appends go to another block.
Status FileStore::cut_torn_tail(const Recovery& found) {
  if (blocks_.empty() || found.damaged.empty() || last_block()->is_compressed) return {};
  MessageBlock& block = *last_block();
  const Recovery::Damage& tail = found.damaged.back();
  if (tail.block != block.index || !tail.is_tail) return {};
  WT_CHECK(files_.truncate(block, tail.range.offset));
  const bool is_only_damage = found.damaged.size() == 1 || found.damaged[found.damaged.size() - 2].block != block.index;
  if (is_only_damage) block.is_sealed = block.has_damage = false;
  return sync_block(block);
}

// As if none had been read.
void FileStore::forget_blocks() {
  for (const auto& block : blocks_) files_.close(*block);
  blocks_.clear();
  retired_.clear();
  subjects_.clear();
  to_compress_.clear();
  messages_ = bytes_ = 0;
  last_seq_ = Seq{};
  last_time_ = 0;
  has_unmarked_ = false;
}

void FileStore::apply_deletes(const Recovery& found) {
  const auto forget = [&](Seq seq) {
    MessageBlock* block = block_of(seq);
    if (block != nullptr && block->find(seq) != nullptr) forget_message(*block, seq, RemovalMark::on_disk);
  };
  for (const Tombstone& tombstone : found.tombstones) forget(tombstone.seq);
  if (!found.index) return;
  // The releases take nothing from an index that is not current, so what has no tombstone there comes back.
  const bool needs_current = has(Defect::nats_5426) || has(Defect::nats_6685) || has(Defect::nats_7387);
  if (needs_current && !found.is_index_current) return;
  // A deletion is never taken back, so what the index knows as deleted is, however old it is. The time guards against a
  // sequence that a power loss made free again.
  const auto forget_if_known = [&](Seq seq) {
    MessageBlock* block = block_of(seq);
    const BlockEntry* entry = block == nullptr ? nullptr : block->find(seq);
    if (entry != nullptr && entry->time <= found.index->last_time) forget_message(*block, seq, RemovalMark::none_yet);
  };
  while (messages_ > 0 && first_seq() < found.index->first_seq) {
    const Seq before = first_seq();
    forget_if_known(before);
    if (messages_ > 0 && first_seq() == before) break;
  }
  for (const IndexBlock& block : found.index->blocks) block.deleted.for_each(forget_if_known);
}

// Whether the blocks tell of anything that the index does not know. Its last record may be gone (erased, or damaged).
bool FileStore::went_on_after_index(const Recovery& found) const {
  if (last_seq_ > found.index->last_seq) return true;
  const std::vector<IndexBlock>& blocks = found.index->blocks;
  return std::any_of(found.tombstones.begin(), found.tombstones.end(), [&](const Tombstone& tombstone) {
    const auto block = std::partition_point(blocks.begin(), blocks.end(), [&](const IndexBlock& b) { return b.last_seq < tombstone.seq; });
    return block != blocks.end() && block->messages() > 0 && tombstone.seq >= block->first_seq && !block->deleted.contains(tombstone.seq);
  });
}

// Which sequences are lost, as far as anything that is left can tell. True if the index is the last word on that.
bool FileStore::note_lost(const Recovery& found) {
  std::uint64_t bytes = 0;
  std::vector<Seq> lost;
  SeqSet deleted;
  for (const Tombstone& tombstone : found.tombstones) deleted.insert(tombstone.seq);
  for (const Seq seq : found.erased) deleted.insert(seq);
  const auto is_live = [&](Seq seq) {
    const MessageBlock* block = block_of(seq);
    return block != nullptr && block->find(seq) != nullptr;
  };
  for (const Recovery::Damage& damage : found.damaged) {
    bytes += damage.range.size;
    note_damage(files_.path(damage.block), damage.range.before, damage.range.size);
  }

  // Is the index the last word? Not if the stream went on after it: blocks that are gone may have gone rightly.
  const bool has_later = !blocks_.empty() && found.index && blocks_.back()->index > found.index->last_block;
  const bool is_exact = found.index && !has_later && (found.is_index_record_last || !found.saw_index_record) && !went_on_after_index(found);
  if (is_exact) {
    for (const IndexBlock& block : found.index->blocks) {
      if (block.messages() == 0) continue;
      const bool is_missing = std::none_of(blocks_.begin(), blocks_.end(), [&](const auto& other) { return other->index == block.index; });
      if (is_missing) {
        bytes += block.bytes;
        note_damage(files_.path(block.index) + " is missing", block.first_seq, block.bytes);
      }
      const std::size_t before = lost.size();
      for (Seq seq = block.first_seq; seq <= block.last_seq && lost.size() < kLostListedMax; seq = seq.next()) {
        if (block.deleted.contains(seq) || deleted.contains(seq) || is_live(seq)) continue;
        lost.push_back(seq);
      }
      // Cut where a record ends nothing in the file shows it.
      const bool is_silent =
          !is_missing && lost.size() > before &&
          std::none_of(found.damaged.begin(), found.damaged.end(), [&](const auto& damage) { return damage.block == block.index; });
      if (is_silent) note_damage(files_.path(block.index) + " is cut", lost[before], 0);
    }
  } else {
    for (const Recovery::Damage& damage : found.damaged) {
      const auto at = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index >= damage.block; });
      Seq end = damage.range.behind;
      for (auto later = at + 1; end.value == 0 && at != blocks_.end() && later != blocks_.end(); ++later) {
        if ((*later)->disk_first.value != 0) end = (*later)->disk_first;
      }
      if (end.value == 0 && found.index) end = found.index->last_seq.next();
      Seq seq = std::max(damage.range.before.next(), found.index ? found.index->first_seq : Seq{1});
      if (found.is_behind_index(damage)) seq = std::max(seq, found.index->last_seq.next());
      if (damage.range.before.value == 0 && at != blocks_.end() && at != blocks_.begin())
        seq = std::max(seq, (*std::prev(at))->last.next());
      // So few bytes never held so many messages: it is an old gap, in which nobody can say what was.
      if (seq < end && end.value - seq.value > damage.range.size / kEmptyRecordSize) continue;
      // Sequences that are missing rightly may lie in the gap as well. If a deleted one is among them, it may be all that
      // was hit.
      bool is_explained = false;
      for (Seq s = seq; s < end; s = s.next()) is_explained = is_explained || deleted.contains(s);
      for (; !is_explained && seq < end; seq = seq.next()) {
        if (!is_live(seq)) lost.push_back(seq);
      }
    }
  }
  std::sort(lost.begin(), lost.end());
  lost.erase(std::unique(lost.begin(), lost.end()), lost.end());
  lost_ = std::move(lost);
  lost_bytes_ += bytes;
  return is_exact;
}

// The last sequence is higher than what the blocks tell. A tombstone says so first, so that the next recovery needs no
// index to know it (issue 6881, PR 7782).
Status FileStore::raise_last(Seq last, std::int64_t time) {
  if (has(Defect::nats_7782) && lost_.empty()) {
    last_block()->skip_to(last, WallTime{time});
    last_seq_ = last;
    last_time_ = time;
    return {};
  }
  const Tombstone marker{last, WallTime{time}};
  WT_CHECK(write_tombstones({&marker, 1}));
  last_block()->skip_to(last, WallTime{time});
  last_seq_ = last;
  last_time_ = time;
  return sync_block(*last_block());
}

}  // namespace windtunnel::core
