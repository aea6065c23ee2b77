#include <algorithm>

#include "core/base/assert.h"
#include "core/store/atomic_file.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

// Messages that are due to go are looked at no more often than this.
constexpr Duration kExpiryPause = std::chrono::milliseconds{250};
constexpr Duration kIndexJitter = std::chrono::seconds{30};
// With more subjects or interior deletes than this, index.db is written only at a stop.
constexpr std::uint64_t kIndexedMax = 1000000;

}  // namespace

void FileStore::start_background() {
  env_.tasks.spawn("store " + options_.name, [self = shared_from_this()] { self->run_background(); });
  start_flusher();
}

// When the oldest message is due; kForever if none ever is.
Instant FileStore::next_expiry() const {
  const Duration max_age = options_.limits.max_age;
  if (max_age.count() <= 0 || options_.holds_expired || messages_ == 0) return kForever;
  const Seq seq = first_seq();
  const Duration age = env_.clock.wall_now() - WallTime{block_of(seq)->find(seq)->time};
  return after(env_.clock.now(), std::max(max_age - age, kExpiryPause));
}

void FileStore::run_background() {
  if (is_stopped_) return;
  is_background_running_ = true;
  run_passes();
  is_background_running_ = false;
  ended_.set();
}

void FileStore::run_passes() {
  if (!read_in_background()) return;
  // The first pass comes at a random time, so that the streams of a node do not sync together (reference: filestore 3.2).
  Random random = random_.child("sync");
  Random index_random = random_.child("index");
  const auto index_pause = [&] { return settings_.index_interval + index_random.between(Duration{0}, kIndexJitter); };
  Instant next_index = after(env_.clock.now(), index_pause());
  Instant next_sync = after(env_.clock.now(), random.between(settings_.sync_interval / 2, settings_.sync_interval - Duration{1}));
  // What was read may be what a process wrote that ended before its own pass came: it waits for no other interval, or a server that
  // starts again and again would never sync. nats-server takes it for durable.
  if (!syncs_always() && was_recovered_) note_failure(sync_recovered(), "sync of what was recovered");
  while (!is_stopped_) {
    if (!to_compress_.empty()) {
      const MutexLock lock{mutex_};
      if (is_stopped_) break;
      note_failure(compress_full_blocks(), "compression");
    }
    const Instant expiry = next_expiry();
    if (wake_.wait("store: background", std::min({next_sync, next_index, expiry}))) {
      wake_.reset();
      continue;
    }
    const Instant now = env_.clock.now();
    if (now >= expiry) {
      const MutexLock lock{mutex_};
      if (is_stopped_) break;
      note_failure(expire(env_.clock.wall_now()), "expiry");
    }
    if (now >= next_index) {
      const MutexLock lock{mutex_};
      if (is_stopped_) break;
      const bool is_too_big = subjects_.size() > kIndexedMax || state().num_deleted > kIndexedMax;
      if (is_dirty_ && !failed_ && !is_too_big) note_failure(write_index(), "index.db");
      next_index = after(env_.clock.now(), index_pause());
    }
    if (now >= next_sync) {
      note_failure(sync_pass(), "sync");
      next_sync = after(env_.clock.now(), settings_.sync_interval);
    }
  }
}

Status FileStore::sync() {
  {
    const MutexLock lock{mutex_};
    WT_CHECK(ready_locked());
    WT_CHECK(check_usable());
  }
  return sync_pass();
}

// Like a pass, but nothing is tidied: that is no better done at a start.
Status FileStore::sync_recovered() {
  {
    const MutexLock lock{mutex_};
    if (failed_ || is_stopped_) return {};
    WT_CHECK(mark_limit_removals());
  }
  WT_CHECK(sync_files());
  const MutexLock lock{mutex_};
  return names_dirty_ ? sync_names() : Status{};
}

// Makes what is written durable, and lets go what waited for that.
Status FileStore::sync_pass() {
  {
    const MutexLock lock{mutex_};
    if (failed_) return *failed_;
    close_idle_block();
    note_failure(tidy_blocks(), "tidying");
    // A later removal makes room for what a limit removed now. Of the two a power loss might keep the later one alone.
    WT_CHECK(mark_limit_removals());
  }
  WT_CHECK(sync_files());
  const MutexLock lock{mutex_};
  if (names_dirty_) WT_CHECK(sync_names());
  if (retired_.empty()) return {};
  // Those that were retired while the files were synced have to wait for the next pass.
  const bool all_synced = std::none_of(blocks_.begin(), blocks_.end(), [](const auto& block) { return !block->is_durable(); });
  if (!all_synced) WT_CHECK(sync_dirty_blocks());
  WT_CHECK(unlink_retired());
  return sync_names();
}

// The mutex is not held while the disk works: appends go on, and what they write is for the next pass.
Status FileStore::sync_files() {
  Status result;
  std::uint32_t index = 0;  // blocks come and go meanwhile: go on behind the last one looked at
  std::uint64_t synced_blocks = 0;
  while (true) {
    std::shared_ptr<File> file;
    {
      const MutexLock lock{mutex_};
      const auto it =
          std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index > index && !block->is_durable(); });
      if (it == blocks_.end()) break;
      MessageBlock& block = **it;
      index = block.index;
      if (Status flushed = files_.flush(block); !flushed && result) result = flushed;
      auto opened = files_.file(block);
      if (!opened) {
        if (result) result = opened.error();
        continue;
      }
      file = *opened;
      block.needs_sync = false;
      ++block.syncs_under_way;
    }
    const Status synced = file->sync();
    ++synced_blocks;
    const MutexLock lock{mutex_};
    if (!synced && result) result = synced;
    const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index == index; });
    if (it == blocks_.end()) continue;
    // Not if its number was given out anew meanwhile (nats-7676).
    if ((*it)->syncs_under_way > 0) --(*it)->syncs_under_way;
    if (synced) {
      (*it)->was_synced = true;
    } else {
      (*it)->needs_sync = true;
      (*it)->must_rewrite = true;
    }
  }
  if (synced_blocks > 0)
    env_.log.trace("store.synced", {{"stream", options_.name}, {"blocks", synced_blocks}, {"last_seq", last_seq_.value}});
  return result;
}

// The same with the mutex held throughout.
Status FileStore::sync_dirty_blocks() {
  for (const auto& block : blocks_) {
    if (!block->is_durable()) WT_CHECK(sync_block(*block));
  }
  for (const auto& block : retired_) {
    if (!block->is_durable()) WT_CHECK(sync_block(*block));
  }
  return names_dirty_ ? sync_names() : Status{};
}

IndexSnapshot FileStore::snapshot() const {
  IndexSnapshot out;
  const StreamState now = state();
  out.messages = now.messages;
  out.bytes = now.bytes.value;
  out.first_seq = now.first_seq;
  out.first_time = now.first_time.unix_ns;
  out.last_seq = now.last_seq;
  out.last_time = now.last_time.unix_ns;
  subjects_.for_each({}, [&](SubjectId id) {
    const SeqList& seqs = subjects_.seqs(id);
    out.subjects.push_back({subjects_.name(id), seqs.size(), block_of(seqs.first())->index, block_of(seqs.last())->index});
  });
  std::vector<Seq> deleted;
  for (const auto& block : blocks_) {
    IndexBlock entry;
    entry.index = block->index;
    entry.bytes = block->live_bytes;
    entry.first_seq = block->first;
    entry.last_seq = block->last;
    entry.last_time = block->last_time;
    if (block->live() > 0) {
      entry.first_time = block->find(block->first)->time;
      deleted.clear();
      block->append_deleted(deleted);
      for (const Seq seq : deleted) entry.deleted.insert(seq);
    }
    out.blocks.push_back(std::move(entry));
  }
  if (const MessageBlock* last = last_block()) {
    out.last_block = last->index;
    out.last_checksum = last->last_checksum;
  }
  return out;
}

// Replaces index.db, which nats-server overwrites in place.
Status FileStore::write_index() {
  is_dirty_ = false;
  const std::string bytes = encode_index(snapshot(), options_.name);
  if (Status written = replace_file(env_, index_path(), bytes); !written) {
    is_dirty_ = true;
    return written;
  }
  is_index_exact_ = true;
  names_dirty_ = true;
  return {};
}

Status FileStore::stop() {
  Status result;
  {
    const MutexLock lock{mutex_};
    if (is_stopped_) return {};
    is_stopped_ = true;
    if (!failed_ && !early_) {  // what was not read has not changed
      if (last_block() != nullptr) result = files_.flush(*last_block());
      if (result && !retired_.empty()) {
        result = sync_dirty_blocks();
        if (result) result = unlink_retired();
      }
      if (result) result = write_index();
    }
  }
  wake_.set();
  flush_.set();
  while (is_background_running_) ended_.wait("store: stop");
  for (const auto& block : blocks_) files_.close(*block);
  return result;
}

Status FileStore::destroy() {
  WT_CHECK(stop());
  // First out of the way, at once: of a stream that is half removed, the next one of its name would take what is left for its own.
  // A name with a dot in front is removed at the next start (as nats-server does it).
  const std::size_t slash = options_.directory.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : options_.directory.substr(0, slash);
  const std::string aside = parent + "/." + options_.directory.substr(slash == std::string::npos ? 0 : slash + 1);
  WT_CHECK(env_.disk.remove_all(aside));
  WT_CHECK(env_.disk.rename(options_.directory, aside));
  if (syncs_always()) WT_CHECK(sync_names_of(env_, parent));
  return env_.disk.remove_all(aside);
}

}  // namespace windtunnel::core
