// Opening early: a store whose index.db is its exact last word answers for its totals before its blocks are read.
//
// nats-server reads no block at its start where index.db is current, and finds damage when a message is read, days later.
// Ours reads every block: where the index allows it, in the background at once, or when the first call needs them, whichever
// comes first. Until then only state() is answered. The index is trusted so far only if nothing contradicts it: each of its
// blocks is there and no other, the last record is the one it remembers, and there is nothing that recovery would have to do.
#include <algorithm>

#include "core/base/assert.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

constexpr Duration kRetryPause = std::chrono::seconds{1};

bool exceeds(std::uint64_t value, std::int64_t limit) { return limit > 0 && value > static_cast<std::uint64_t>(limit); }

}  // namespace

bool FileStore::is_within_limits(const IndexSnapshot& index) const {
  const StoreLimits& limits = options_.limits;
  if (exceeds(index.messages, limits.max_msgs) || exceeds(index.bytes, limits.max_bytes)) return false;
  if (std::any_of(index.subjects.begin(), index.subjects.end(),
                  [&](const IndexSubject& subject) { return exceeds(subject.total, limits.max_msgs_per_subject); }))
    return false;
  if (limits.max_age.count() <= 0 || index.messages == 0) return true;
  return env_.clock.wall_now() - WallTime{index.first_time} < limits.max_age;
}

// The state that index.db tells of, if it is the last word; nullopt where the blocks have to be asked.
Result<std::optional<StreamState>> FileStore::state_by_index() {
  const Result<IndexSnapshot> loaded = load_index();
  if (!loaded) return std::optional<StreamState>{};
  const IndexSnapshot& index = *loaded;
  if (index.blocks.empty() || index.blocks.back().index != index.last_block || index.last_checksum == 0)
    return std::optional<StreamState>{};
  if (index.last_seq < options_.first_seq.prev() || !is_within_limits(index)) return std::optional<StreamState>{};

  WT_TRY(const std::vector<DirectoryEntry> names, env_.disk.list(files_.directory()));
  std::vector<std::uint32_t> blocks;
  for (const DirectoryEntry& name : names) {
    const std::uint32_t block = block_index_of(name.name);
    if (block == 0 && name.name != "index.db") return std::optional<StreamState>{};  // something was left half done
    if (block != 0) blocks.push_back(block);
  }
  std::sort(blocks.begin(), blocks.end());
  const bool are_its_blocks = std::equal(blocks.begin(), blocks.end(), index.blocks.begin(), index.blocks.end(),
                                         [](std::uint32_t block, const IndexBlock& listed) { return block == listed.index; });
  if (!are_its_blocks) return std::optional<StreamState>{};
  // What cannot be read there is one damaged block, which recovery sees to, and no reason to have no stream.
  const Result<std::uint64_t> checksum = last_checksum_in(index.last_block);
  if (!checksum || *checksum != index.last_checksum) return std::optional<StreamState>{};

  StreamState state;
  state.messages = index.messages;
  state.bytes = Bytes{index.bytes};
  state.first_seq = index.first_seq;
  state.last_seq = index.last_seq;
  state.first_time = WallTime{index.messages > 0 ? index.first_time : 0};
  state.last_time = WallTime{index.last_time};
  state.num_subjects = index.subjects.size();
  if (index.messages > 0) state.num_deleted = index.last_seq.value - index.first_seq.value + 1 - index.messages;
  return std::optional{std::move(state)};
}

Status FileStore::ready() {
  if (!early_) return {};
  const MutexLock lock{mutex_};
  return ready_locked();
}

// Requires the mutex. After an error nothing is known of the blocks, and the next call tries again.
Status FileStore::ready_locked() {
  if (!early_) return {};
  if (is_stopped_) return check_usable();
  // Nobody has been told yet of the messages whose removal is found now.
  StreamStore::Removed removed = std::exchange(removed_, {});
  Status recovered = recover();
  removed_ = std::move(removed);
  if (!recovered) {
    forget_blocks();
    note_failure(recovered, "recovery");
    return recovered;
  }
  early_.reset();
  return {};
}

// In the background: reads the blocks, however often that has to be tried. False if the store stops before.
bool FileStore::read_in_background() {
  while (early_) {
    {
      const MutexLock lock{mutex_};
      if (is_stopped_) return false;
      is_unhurried_ = true;
      const Status read = ready_locked();
      is_unhurried_ = false;
      if (read) break;
    }
    if (wake_.wait("store: recovery", after(env_.clock.now(), kRetryPause))) wake_.reset();
    if (is_stopped_) return false;
  }
  return !is_stopped_;
}

}  // namespace windtunnel::core
