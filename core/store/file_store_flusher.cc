// The asynchronous flush of nats-server 2.12, and how its sync pass lost what was not flushed yet: machinery of the defect
// nats-7594, all of it (reference: filestore 3.1; PR 7163, PR 7594). Without it nothing is ever pending.
#include "core/store/file_store_impl.h"

namespace windtunnel::core {
namespace {

constexpr std::uint64_t kFlushedAt = 16 * 1024;
constexpr Duration kPauseMin = std::chrono::milliseconds{1};
constexpr Duration kWaitMax = std::chrono::milliseconds{8};
constexpr Duration kIdle = std::chrono::seconds{30};

}  // namespace

void FileStore::start_flusher() {
  if (!has(Defect::nats_7594) || syncs_always()) return;
  files_.defer_writes();
  env_.tasks.spawn("store flusher " + options_.name, [self = shared_from_this()] { self->run_flusher(); });
}

void FileStore::run_flusher() {
  while (!is_stopped_) {
    flush_.wait("store: flusher");
    flush_.reset();
    // As long as more comes in it waits for 16 KiB, but no longer than 8 ms.
    std::uint64_t pending = files_.pending_bytes();
    Duration pause = kPauseMin;
    for (Duration waited{0}; pending < kFlushedAt && !is_stopped_;) {
      env_.tasks.sleep_until(after(env_.clock.now(), pause));
      waited += pause;
      const bool is_quiet = files_.pending_bytes() <= pending;
      pending = files_.pending_bytes();
      if (waited > kWaitMax || is_quiet) break;
      pause *= 2;
    }
    const MutexLock lock{mutex_};
    if (is_stopped_ || last_block() == nullptr) continue;
    note_failure(files_.flush(*last_block()), "flush");
  }
}

// A block that nobody wrote to for a while is closed. That something of it is still pending is not asked.
void FileStore::close_idle_block() {
  if (files_.pending_bytes() == 0 || last_block() == nullptr) return;
  if (env_.clock.now() - last_write_ > kIdle) files_.drop_pending(*last_block());
}

}  // namespace windtunnel::core
