// What to do when the end of the last block takes no more (EIO): the page that is written to has to be read first, and a bad sector
// in it makes every append fail for good.
//
// nats-server remembers the error and refuses every message until it is restarted (reference: filestore 3.1; 4.10 of 2.14). Ours refuses
// only what was in the failing write, and goes on in a new block. What the old block holds falls into three:
//  - What can be read stays where it is.
//  - What cannot be read any more and is still cached, at the end of the block: it moves to the new block. To those who were told of it
//    it is stored, synced or not, and the next append would push it out of the cache. The copies are durable, with their name, before
//    the old block is cut, whatever the sync settings: with its file a crash could otherwise take what had been synced long ago.
//  - What cannot be read and nobody remembers is lost, and said to be, like any damage that a read meets. The file keeps these
//    places, for a later read may give more.
// After the cut both blocks end where a record ends, and nothing in them is unreadable: nats-server opens them like any others. Where
// something is lost the old file keeps its bad page: a recovery of ours reads around it; nats-server, which reads a block as a whole,
// fails there, as it would have without us. Where only the cut fails, the old file holds copies of what counts in the new block. A
// recovery passes them over, because their sequences do not lie behind those before them.
#include <algorithm>

#include "core/base/assert.h"
#include "core/store/atomic_file.h"
#include "core/store/block_scan.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {

// What is known of the block's content, from the disk and from memory.
struct FileStore::BadEnd {
  struct Found {
    RecordView record;  // of `known`
    std::uint64_t offset;
  };
  std::string known;
  std::vector<Found> records;
  std::size_t stranded = 0;  // index of the first record that only memory has, with nothing unknown behind it; records.size(): none
  bool is_damaged = false;   // some of it is not known to anyone
};

Status FileStore::leave_bad_end() {
  MessageBlock& block = *last_block();
  // A new file would be no better than an empty one: it is the disk that fails, and not this place of it.
  if (block.raw_bytes == 0) return {};
  WT_TRY(const BadEnd end, look_at_end(block));
  std::vector<Seq> lost_tombstones;
  if (end.is_damaged) {
    note_unreadable(block, end);
    SeqSet readable;
    for (const BadEnd::Found& found : end.records) {
      if (found.record.kind == RecordKind::tombstone) readable.insert(found.record.seq);
    }
    for (const SeqRange& range : block.tombstones) {
      for (Seq seq = range.first; seq <= range.last; seq = seq.next()) {
        if (!readable.contains(seq)) lost_tombstones.push_back(seq);
      }
    }
  }
  const std::uint32_t index = block.index;
  if (end.stranded < end.records.size()) {
    WT_CHECK(move_stranded(block, end));
    if (block.live() == 0) WT_CHECK(drop_block(block));
  } else {
    WT_CHECK(roll());
  }
  env_.log.warn("store.block_left", {{"stream", options_.name},
                                     {"block", index},
                                     {"moved", end.records.size() - end.stranded},
                                     {"damaged", end.is_damaged},
                                     {"to", last_block()->index}});
  // That a message was removed is known as long as memory is: from now on it has to be written elsewhere.
  std::vector<Tombstone> again;
  for (const Seq seq : lost_tombstones) {
    if (is_tombstone_needed(seq, *last_block())) again.push_back({seq, WallTime{0}});
  }
  WT_CHECK(write_tombstones(again));
  if (!end.is_damaged) return {};
  // Until another message is stored, what named the last sequence may be among what is lost. A restart would give it out anew, and
  // if the disk thinks better of it then, the old message would stand in the way of the new one. The index remembers; it also says
  // what the block held.
  WT_CHECK(write_index());
  return sync_names();
}

Result<FileStore::BadEnd> FileStore::look_at_end(const MessageBlock& block) {
  bool is_compressed = false;
  bool has_io_error = false;
  WT_TRY(std::string on_disk, files_.read_all(block.index, is_compressed, has_io_error));
  on_disk.resize(static_cast<std::size_t>(block.raw_bytes), '\0');
  BadEnd end;
  end.known = on_disk;
  files_.lay_cached_over(block, end.known);
  // A record that repeats an earlier block's counts there (recovery passes it over as well).
  const Seq before = blocks_.size() > 1 ? blocks_[blocks_.size() - 2]->last : Seq{0};
  const BlockScan scan = scan_block(end.known, block.key, [&](const RecordView& record, std::uint64_t offset) {
    if (record.kind == RecordKind::tombstone || record.seq > before) end.records.push_back({record, offset});
  });
  end.is_damaged = !scan.damaged.empty();
  const std::uint64_t known_from = end.is_damaged ? scan.damaged.back().offset + scan.damaged.back().size : 0;
  const auto is_stranded = [&](const BadEnd::Found& found) {
    const auto at = static_cast<std::size_t>(found.offset);
    return found.offset >= known_from && on_disk.compare(at, found.record.size, end.known, at, found.record.size) != 0;
  };
  end.stranded = static_cast<std::size_t>(std::find_if(end.records.begin(), end.records.end(), is_stranded) - end.records.begin());
  return end;
}

// Says which live messages nobody can read, as if each had been asked for.
void FileStore::note_unreadable(MessageBlock& block, const BadEnd& end) {
  std::uint64_t bytes = 0;
  Seq first;
  for (const BlockEntry* entry = block.at_or_after(block.first); entry != nullptr; entry = block.next(entry)) {
    const Seq seq = block.seq_of(*entry);
    const auto at = std::lower_bound(end.records.begin(), end.records.end(), entry->offset,
                                     [](const BadEnd::Found& found, std::uint64_t offset) { return found.offset < offset; });
    if (at != end.records.end() && at->offset == entry->offset && at->record.seq == seq) continue;
    if (first.value == 0) first = seq;
    bytes += entry->size;
    note_lost_message(seq, entry->size);
  }
  block.is_sealed = true;
  block.has_damage = true;
  note_damage(files_.path(block.index), first, bytes);
}

// Copies what only memory has into a new block, durably, and takes it out of the old one.
Status FileStore::move_stranded(MessageBlock& block, const BadEnd& end) {
  Seq base = block.last.next();  // tombstones move no range
  for (std::size_t i = end.records.size(); i-- > end.stranded;) {
    if (end.records[i].record.kind != RecordKind::tombstone) base = end.records[i].record.seq;
  }
  auto made = std::make_unique<MessageBlock>(options_.name, next_index_, base);
  std::string out;
  for (std::size_t i = end.stranded; i < end.records.size(); ++i) {
    const RecordView& record = end.records[i].record;
    made->disk_last = std::max(made->disk_last, record.seq);
    if (record.kind == RecordKind::tombstone) {
      append_tombstone(out, made->key, record.seq, record.time);
      add_to_ranges(made->tombstones, record.seq);
    } else if (const BlockEntry* live = block.find(record.seq); record.kind == RecordKind::message && live != nullptr) {
      made->add(record.seq, record.time, out.size(), live->size, live->subject);
      append_message(out, made->key, record.seq, record.time,
                     {.subject = record.subject, .headers = record.headers, .payload = record.payload});
    } else {
      // Of a message that was removed only that its sequence was used.
      append_skip(out, made->key, record.seq, record.time);
      made->skip_to(record.seq, record.time);
    }
  }
  if (made->last < block.last) made->skip_to(block.last, WallTime{block.last_time});  // a tombstone named it
  made->raw_bytes = out.size();
  made->last_checksum = load_u64(std::string_view(out).substr(out.size() - 8));
  made->was_synced = true;

  // Under its own name only when it is complete: a part of it would be a block that nobody counts with.
  const std::string aside = files_.directory() + "/" + std::to_string(made->index) + ".new";
  WT_CHECK(write_synced(env_, aside, out));
  WT_CHECK(env_.disk.rename(aside, files_.path(made->index)));
  ++next_index_;
  names_dirty_ = true;
  blocks_.push_back(std::move(made));
  end_before_stranded(block, base, end);
  Status cut = sync_names();
  if (cut) cut = files_.truncate(block, end.records[end.stranded].offset);
  if (!cut) block.has_damage = true;  // what it has beyond its range is no record that counts
  note_failure(cut, "cutting a bad end");
  files_.forget(block.index);
  check_invariants();
  return {};
}

// The bookkeeping of the old block: what its file holds without the stranded records.
void FileStore::end_before_stranded(MessageBlock& block, Seq base, const BadEnd& end) {
  block.end_before(base);
  block.is_sealed = true;
  block.tombstones.clear();
  block.disk_first = block.disk_last = Seq{0};
  std::uint64_t messages = 0;
  for (std::size_t i = 0; i < end.stranded; ++i) {
    const RecordView& record = end.records[i].record;
    block.disk_last = std::max(block.disk_last, record.seq);
    block.last_checksum = record.checksum;
    if (record.kind == RecordKind::tombstone) {
      add_to_ranges(block.tombstones, record.seq);
      continue;
    }
    if (record.time.unix_ns != 0) block.last_time = record.time.unix_ns;  // what was erased has none
    if (record.kind != RecordKind::message) continue;
    ++messages;
    if (block.disk_first.value == 0) block.disk_first = record.seq;
  }
  block.dead_records = messages - std::min(messages, block.live());
}

}  // namespace windtunnel::core
