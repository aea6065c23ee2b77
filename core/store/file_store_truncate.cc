// Truncate: everything above a sequence goes (reference: filestore 3.7).
//
// The order: what says that messages at or below are gone moves to a new block; index.db goes, for it remembers the old
// last sequence (nats-server removed it last: PR 7162); the block with the sequence is cut; then the blocks behind it go, from
// the first one on, so that a tombstone never goes before the record that it marks. Each step is durable before the next.
#include <algorithm>

#include "core/base/assert.h"
#include "core/store/atomic_file.h"
#include "core/store/block_scan.h"
#include "core/store/file_store_impl.h"
#include "core/store/s2.h"

namespace windtunnel::core {

Status FileStore::truncate(Seq seq) {
  const MutexLock lock{mutex_};
  WT_CHECK(ready_locked());
  WT_CHECK(check_usable());
  if (seq >= last_seq_) return {};
  const auto is_there = [&] { return block_of(seq) != nullptr && block_of(seq)->find(seq) != nullptr; };
  if (!is_there()) return error(Errc::not_found, "no message " + std::to_string(seq.value) + " in " + options_.name);
  WT_CHECK(mark_limit_removals());
  WT_CHECK(sync_dirty_blocks());
  // These say that higher sequences were used.
  WT_CHECK(unlink_retired());
  MessageBlock& block = *block_of(seq);
  const std::vector<Tombstone> carried = tombstones_through(seq, block);
  WT_CHECK(files_.flush(*last_block()));
  WT_CHECK(add_block(last_seq_.next()));
  const std::uint32_t successor = last_block()->index;
  WT_CHECK(write_tombstones(carried));
  WT_CHECK(sync_dirty_blocks());
  if (Status removed = env_.disk.remove(index_path()); !removed && removed.error().code != Errc::not_found) return removed;
  is_index_exact_ = false;
  is_dirty_ = true;
  WT_CHECK(sync_names());
  const std::int64_t time = block.find(seq)->time;
  Status done = cut_behind(block, seq);
  if (done) done = drop_blocks_behind(block.index, successor);
  if (!done) {
    // Memory and files differ: recovery finds what is left.
    failed_ = done.error();
    return done;
  }
  rebase_blocks_behind(block.index, seq.next());
  last_seq_ = seq;
  last_time_ = time;
  return write_index();
}

// Of the tombstones that go, those of records that stay: in `from`, up to seq, or in blocks before it.
std::vector<FileStore::Tombstone> FileStore::tombstones_through(Seq seq, const MessageBlock& from) const {
  std::vector<Seq> seqs;
  for (const auto& holder : blocks_) {
    if (holder->index < from.index) continue;
    for (const SeqRange& range : holder->tombstones) {
      for (Seq s = range.first; s <= std::min(range.last, seq); s = s.next()) {
        const std::size_t at = first_block_from(s);
        if (at >= blocks_.size() || blocks_[at]->find(s) != nullptr) continue;
        // The damaged end of the block before may have held it.
        if (may_hold_dead(*blocks_[at], s) || (at > 0 && blocks_[at - 1]->has_damage)) seqs.push_back(s);
      }
    }
  }
  std::sort(seqs.begin(), seqs.end());
  seqs.erase(std::unique(seqs.begin(), seqs.end()), seqs.end());
  std::vector<Tombstone> out;
  for (const Seq s : seqs) out.push_back({s, WallTime{0}});
  return out;
}

Status FileStore::cut_behind(MessageBlock& block, Seq seq) {
  const BlockEntry entry = *block.find(seq);
  const std::uint64_t size = std::uint64_t{entry.offset} + entry.size;
  std::vector<Seq> gone;
  for (const BlockEntry* at = block.at_or_after(seq.next()); at != nullptr; at = block.next(at)) gone.push_back(block.seq_of(*at));
  bool is_compressed = false;
  bool has_io_error = false;
  WT_TRY(std::string content, files_.read_all(block.index, is_compressed, has_io_error));
  if (content.size() < size) return error(Errc::corrupt, files_.path(block.index) + " is too short");
  content.resize(static_cast<std::size_t>(size));
  // To another file, not in place: a power loss may undo a part of a cut, and leave a removed record without its tombstone.
  const std::string aside = files_.directory() + "/" + std::to_string(block.index) + ".new";
  WT_CHECK(write_synced(env_, aside, is_compressed ? packed(content) : content));
  files_.drop_pending(block);
  WT_CHECK(env_.disk.rename(aside, files_.path(block.index)));
  WT_CHECK(sync_names());
  block.raw_bytes = size;
  block.needs_sync = block.must_rewrite = false;
  block.was_synced = true;
  for (const Seq s : gone) forget_message(block, s, RemovalMark::on_disk);
  block.last = seq;
  block.last_time = entry.time;
  block.uncounted_bytes = 0;
  block.is_sealed = true;  // it ends before tombstones that were written later: nothing may come behind
  // What the file holds now.
  block.tombstones.clear();
  block.disk_first = block.disk_last = Seq{0};
  std::uint64_t records = 0;
  const BlockScan scan = scan_block(content, block.key, [&](const RecordView& record, std::uint64_t) {
    block.disk_last = std::max(block.disk_last, record.seq);
    if (record.kind == RecordKind::tombstone) add_to_ranges(block.tombstones, record.seq);
    if (record.kind != RecordKind::message) return;
    ++records;
    if (block.disk_first.value == 0) block.disk_first = record.seq;
  });
  block.last_checksum = scan.last_checksum;
  block.dead_records = records - std::min(records, block.live());
  return {};
}

// Those between `index` and `end`.
Status FileStore::drop_blocks_behind(std::uint32_t index, std::uint32_t end) {
  while (true) {
    const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index > index; });
    if (it == blocks_.end() || (*it)->index >= end) return {};
    WT_CHECK(unlink_now(**it));
    WT_CHECK(sync_names());
  }
}

// The new blocks hold tombstones alone; they stand behind the new last sequence.
void FileStore::rebase_blocks_behind(std::uint32_t index, Seq base) {
  for (auto& block : blocks_) {
    if (block->index <= index) continue;
    WT_ASSERT(block->live() == 0);
    auto made = remade_at(*block, base);
    made->raw_bytes = block->raw_bytes;
    made->uncounted_bytes = block->uncounted_bytes;
    made->last_checksum = block->last_checksum;
    made->is_sealed = block->is_sealed;
    made->needs_sync = block->needs_sync;
    made->syncs_under_way = block->syncs_under_way;
    made->must_rewrite = block->must_rewrite;
    made->is_name_durable = block->is_name_durable;
    made->was_synced = block->was_synced;
    files_.close(*block);
    block = std::move(made);
  }
}

}  // namespace windtunnel::core
