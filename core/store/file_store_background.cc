#include <algorithm>

#include "core/base/assert.h"
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

// Messages that are due to go are looked at no more often than this.
constexpr Duration kExpiryPause = std::chrono::milliseconds{250};

}  // namespace

void FileStore::start_background() {
  env_.tasks.spawn("store " + options_.name, [self = shared_from_this()] { self->run_background(); });
}

// When the oldest message is due; kForever if none ever is.
Instant FileStore::next_expiry() const {
  const Duration max_age = options_.limits.max_age;
  if (max_age.count() <= 0 || messages_ == 0) return kForever;
  const Seq seq = first_seq();
  const Duration age = env_.clock.wall_now() - WallTime{block_of(seq)->find(seq)->time};
  return after(env_.clock.now(), std::max(max_age - age, kExpiryPause));
}

void FileStore::run_background() {
  if (is_stopped_) return;
  is_background_running_ = true;
  // The first pass comes at a random time, so that the streams of a node do not sync together (reference: filestore 3.2).
  Random random = random_.child("sync");
  Instant next_sync = after(env_.clock.now(), random.between(settings_.sync_interval / 2, settings_.sync_interval - Duration{1}));
  while (!is_stopped_) {
    const Instant expiry = next_expiry();
    if (wake_.wait("store: background", std::min(next_sync, expiry))) {
      wake_.reset();
      continue;
    }
    const Instant now = env_.clock.now();
    if (now >= expiry) {
      const MutexLock lock{mutex_};
      if (is_stopped_) break;
      if (Status expired = expire(env_.clock.wall_now()); !expired) {
        env_.log.warn("store.trim_failed", {{"stream", options_.name}, {"error", expired.error().text()}});
      }
    }
    if (now >= next_sync) {
      if (Status synced = sync_pass(); !synced) {
        env_.log.error("store.sync_failed", {{"stream", options_.name}, {"error", synced.error().text()}});
      }
      next_sync = after(env_.clock.now(), settings_.sync_interval);
    }
  }
  is_background_running_ = false;
  ended_.set();
}

Status FileStore::sync() {
  {
    const MutexLock lock{mutex_};
    WT_CHECK(check_usable());
  }
  return sync_pass();
}

// Makes what is written durable. The mutex is not held while the disk works: appends go on, and what they write is for
// the next pass.
Status FileStore::sync_pass() {
  Status result;
  std::uint32_t at = 0;  // blocks come and go meanwhile: go on behind the last one looked at
  std::uint64_t synced_blocks = 0;
  while (true) {
    std::shared_ptr<File> file;
    std::uint32_t index = 0;
    {
      const MutexLock lock{mutex_};
      const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index > at && block->needs_sync; });
      if (it == blocks_.end()) break;
      MessageBlock& block = **it;
      at = index = block.index;
      auto opened = files_.file(block);
      if (!opened) {
        if (result) result = opened.error();
        continue;
      }
      file = *opened;
      block.needs_sync = false;
    }
    const Status synced = file->sync();
    ++synced_blocks;
    const MutexLock lock{mutex_};
    const auto it = std::find_if(blocks_.begin(), blocks_.end(), [&](const auto& block) { return block->index == index; });
    if (!synced && result) result = synced;
    if (it == blocks_.end()) continue;
    if (synced) {
      (*it)->was_synced = true;
    } else {
      (*it)->needs_sync = true;
      (*it)->must_rewrite = true;
    }
  }
  const MutexLock lock{mutex_};
  if (names_dirty_) {
    if (Status synced = sync_names(); !synced && result) result = synced;
  }
  if (synced_blocks > 0) env_.log.trace("store.synced", {{"stream", options_.name}, {"blocks", synced_blocks}, {"last_seq", last_seq_.value}});
  return result;
}

Status FileStore::stop() {
  {
    const MutexLock lock{mutex_};
    if (is_stopped_) return {};
    is_stopped_ = true;
  }
  wake_.set();
  while (is_background_running_) ended_.wait("store: stop");
  for (const auto& block : blocks_) files_.close(*block);
  return {};
}

Status FileStore::destroy() {
  WT_CHECK(stop());
  return env_.disk.remove_all(options_.directory);
}

}  // namespace windtunnel::core
