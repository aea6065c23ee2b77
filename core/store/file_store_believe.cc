// How older servers trusted index.db, beside what blocks say: machinery of defects, all of it (reference: filestore 4.3).
// Ours takes the index for a witness only, see file_store_recovery.cc.
#include <algorithm>

#include "core/store/file_store_recovery.h"

namespace windtunnel::core {
namespace {

// An index may claim anything: so many messages of a missing block are believed.
constexpr std::uint64_t kBelievedMax = std::uint64_t{1} << 24;

}  // namespace

// The last 8 bytes of a block file: the checksum of its last record. 0 if it is shorter.
Result<std::uint64_t> FileStore::last_checksum_in(std::uint32_t index) {
  WT_TRY(const std::unique_ptr<File> file, env_.disk.open(files_.path(index), OpenMode{}));
  WT_TRY(const Bytes size, file->size());
  if (size.value < 8) return std::uint64_t{0};
  std::string bytes(8, '\0');
  WT_TRY(const std::size_t got, file->read_at(Bytes{size.value - 8}, bytes));
  return got < 8 ? 0 : load_u64(bytes);
}

Status FileStore::note_index_end(const std::vector<std::uint32_t>& indexes, Recovery& found) {
  const bool is_asked = has(Defect::nats_5426) || has(Defect::nats_5497) || has(Defect::nats_5901) || has(Defect::nats_6684) ||
                        has(Defect::nats_6685) || has(Defect::nats_6881) || has(Defect::nats_7123) || has(Defect::nats_7387);
  if (!is_asked || !found.index) return {};
  found.is_index_block_there = std::binary_search(indexes.begin(), indexes.end(), found.index->last_block);
  if (!found.is_index_block_there) return {};
  WT_TRY(const std::uint64_t checksum, last_checksum_in(found.index->last_block));
  found.is_index_current = checksum == found.index->last_checksum && indexes.back() == found.index->last_block;
  // For a block without a record there was no checksum, which never equals the one that was written down (PR 5497).
  if (has(Defect::nats_5497) && checksum == 0) {
    found.is_index_block_there = found.is_index_current = false;
    found.index.reset();
  }
  return {};
}

// Whether the last sequence that the index remembers counts.
bool FileStore::is_index_last_trusted(const Recovery& found) const {
  if (!has(Defect::nats_6881) || found.is_index_current || !found.damaged.empty()) return true;
  // Lost data is on record only if the index says that the missing block had messages (issue 6881).
  const auto& blocks = found.index->blocks;
  return !found.is_index_block_there && !blocks.empty() && blocks.back().messages() > 0;
}

// A current index is believed whatever became of the blocks before the last one (nats-7123), and one that is not is
// patched with what the last block has beyond it (nats-5901): in both cases blocks that are not there still count.
Status FileStore::believe_index(const std::vector<std::uint32_t>& indexes, Recovery& found) {
  const bool believes = found.is_index_block_there && (found.is_index_current ? has(Defect::nats_7123) : has(Defect::nats_5901));
  if (!believes) return {};
  std::vector<IndexBlock> missing;
  for (const IndexBlock& block : found.index->blocks) {
    if (block.messages() > 0 && block.messages() <= kBelievedMax && !std::binary_search(indexes.begin(), indexes.end(), block.index))
      missing.push_back(block);
  }
  if (missing.empty()) return {};
  // How many messages of each subject the missing blocks had.
  std::vector<std::pair<std::string, std::uint64_t>> subjects;
  for (const IndexSubject& subject : found.index->subjects) {
    const SubjectId id = subjects_.find(subject.name);
    const std::uint64_t there =
        id == kNoSubject ? 0 : subjects_.seqs(id).count_from(Seq{1}) - subjects_.seqs(id).count_from(found.index->last_seq.next());
    if (subject.total > there) subjects.emplace_back(subject.name, subject.total - there);
  }
  // Once more from the beginning, now with those that are missing, for everything is in the order of sequences.
  Recovery again;
  again.index = found.index;
  again.is_index_block_there = true;
  again.is_index_current = found.is_index_current;
  forget_blocks();
  has_missing_ = true;
  auto next = missing.begin();
  for (const std::uint32_t index : indexes) {
    for (; next != missing.end() && next->index < index; ++next) add_missing_block(*next, subjects);
    WT_CHECK(recover_block(index, again));
  }
  WT_CHECK(cut_torn_tail(again));
  apply_deletes(again);
  again.half_compressed = found.half_compressed;
  found = std::move(again);
  return {};
}

void FileStore::add_missing_block(const IndexBlock& listed, std::vector<std::pair<std::string, std::uint64_t>>& subjects) {
  const std::uint64_t messages = listed.messages();
  if (listed.first_seq <= last_seq_ || listed.last_seq.value - listed.first_seq.value > kBelievedMax || messages == 0) return;
  auto block = std::make_unique<MessageBlock>(options_.name, listed.index, listed.first_seq);
  const std::uint32_t size = static_cast<std::uint32_t>(listed.bytes / messages);
  std::uint64_t rest = listed.bytes - std::uint64_t{size} * messages;
  for (Seq seq = listed.first_seq; seq <= listed.last_seq && !subjects.empty(); seq = seq.next()) {
    if (listed.deleted.contains(seq)) continue;
    const std::uint32_t bytes = size + static_cast<std::uint32_t>(std::exchange(rest, 0));
    block->add(seq, WallTime{listed.first_time}, 0, bytes, subjects_.add(subjects.back().first, seq));
    ++messages_;
    bytes_ += bytes;
    if (--subjects.back().second == 0) subjects.pop_back();
  }
  if (block->live() == 0) return;
  block->is_missing = true;
  block->is_sealed = true;
  block->was_synced = true;
  block->raw_bytes = block->live_bytes;
  block->last_time = listed.last_time;
  last_seq_ = std::max(last_seq_, block->last);
  last_time_ = listed.last_time;
  next_index_ = std::max(next_index_, listed.index + 1);
  blocks_.push_back(std::move(block));
}

}  // namespace windtunnel::core
