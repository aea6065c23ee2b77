#include <algorithm>
#include <set>

#include "core/base/assert.h"
#include "core/store/block_scan.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {

// What a scan of the blocks gathers before anything is concluded from it.
struct FileStore::Recovery {
  struct Damage {
    std::size_t block = 0;  // index into blocks_
    DamagedRange range;
  };
  std::vector<Tombstone> tombstones;
  std::vector<Damage> damaged;
};

Status FileStore::open() {
  WT_CHECK(env_.disk.make_directories(files_.directory()));
  WT_TRY(const bool is_encrypted, env_.disk.exists(options_.directory + "/meta.key"));
  if (is_encrypted) return error(Errc::unsupported, "encrypted store encountered with no main key: " + options_.directory);
  WT_CHECK(recover());
  start_background();
  return {};
}

Status FileStore::recover() {
  WT_TRY(const std::vector<DirectoryEntry> names, env_.disk.list(files_.directory()));
  std::vector<std::uint32_t> indexes;
  for (const DirectoryEntry& name : names) {
    if (const std::uint32_t index = block_index_of(name.name); index != 0 && !name.is_directory) indexes.push_back(index);
  }
  std::sort(indexes.begin(), indexes.end());

  Recovery found;
  for (const std::uint32_t index : indexes) {
    next_index_ = index + 1;
    bool is_compressed = false;
    bool has_io_error = false;
    WT_TRY(const std::string content, files_.read_all(index, is_compressed, has_io_error));
    auto block = std::make_unique<MessageBlock>(options_.name, index, last_seq_.next());
    block->is_compressed = is_compressed;
    block->is_name_durable = false;
    block->raw_bytes = content.size();
    Seq highest_tombstone;
    std::int64_t tombstone_time = 0;
    const BlockScan scan = scan_block(content, block->key, [&](const RecordView& record, std::uint64_t offset) {
      if (record.kind == RecordKind::tombstone) {
        found.tombstones.push_back({record.seq, record.time});
        add_to_ranges(block->tombstones, record.seq);
        block->disk_last = std::max(block->disk_last, record.seq);
        if (record.seq > highest_tombstone) {
          highest_tombstone = record.seq;
          tombstone_time = record.time.unix_ns;
        }
        return;
      }
      if (record.seq <= last_seq_ || !block->can_hold(record.seq)) return;
      if (record.kind == RecordKind::erased) {
        block->skip_to(record.seq, record.time);
        block->disk_last = std::max(block->disk_last, record.seq);
      } else {
        block->add(record.seq, record.time, offset, record.size, subjects_.add(record.subject, record.seq));
        ++messages_;
        bytes_ += record.size;
      }
      last_seq_ = record.seq;
      last_time_ = record.time.unix_ns;
    });
    block->last_checksum = scan.last_checksum;
    for (const DamagedRange& range : scan.damaged) found.damaged.push_back({blocks_.size(), range});
    // A tombstone says that its sequence was used: a stream whose messages are all gone remembers its last one by it.
    if (highest_tombstone > last_seq_) {
      block->skip_to(highest_tombstone, WallTime{tombstone_time});
      last_seq_ = highest_tombstone;
      last_time_ = tombstone_time;
    }
    block->shrink();
    blocks_.push_back(std::move(block));
  }

  for (const Recovery::Damage& damage : found.damaged) {
    lost_bytes_ += damage.range.size;
    note_damage("block", damage.range.before, damage.range.size);
  }
  // The end of the last block, if torn, is cut off; nothing is appended behind damage.
  if (MessageBlock* last = last_block()) {
    const bool is_damaged = !found.damaged.empty() && found.damaged.back().block + 1 == blocks_.size();
    if (is_damaged) {
      const DamagedRange& tail = found.damaged.back().range;
      if (tail.offset + tail.size == last->raw_bytes) WT_CHECK(files_.truncate(*last, tail.offset));
    }
  }

  for (const Tombstone& tombstone : found.tombstones) {
    MessageBlock* block = block_of(tombstone.seq);
    if (block != nullptr && block->find(tombstone.seq) != nullptr) forget_message(*block, tombstone.seq, false);
  }
  if (blocks_.empty()) WT_CHECK(add_block(last_seq_.next()));
  if (last_seq_ < options_.first_seq.prev()) {
    const Tombstone before{options_.first_seq.prev(), WallTime{0}};
    last_seq_ = before.seq;
    WT_CHECK(write_tombstones({&before, 1}));
    last_block()->skip_to(before.seq, WallTime{0});
  }
  const std::vector<MessageBlock*> empties = [&] {
    std::vector<MessageBlock*> out;
    for (const auto& block : blocks_) {
      if (block->live() == 0 && block.get() != last_block()) out.push_back(block.get());
    }
    return out;
  }();
  for (MessageBlock* block : empties) WT_CHECK(drop_block(*block));

  std::vector<SubjectId> subjects;
  subjects_.for_each({}, [&](SubjectId id) { subjects.push_back(id); });
  for (const SubjectId id : subjects) WT_CHECK(enforce_subject_limit(id));
  WT_CHECK(enforce_limits());
  WT_CHECK(expire(env_.clock.wall_now()));
  const StreamState now = state();
  env_.log.info("store.recovered", {{"stream", options_.name}, {"messages", now.messages}, {"first_seq", now.first_seq.value}, {"last_seq", now.last_seq.value}, {"lost", lost_.size()}});
  return {};
}

}  // namespace windtunnel::core
