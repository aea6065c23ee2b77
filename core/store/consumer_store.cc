#include "core/store/consumer_store.h"

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/sync.h"
#include "core/env/tasks.h"
#include "core/store/atomic_file.h"

namespace windtunnel::core {
namespace {

constexpr Duration kFlushPause = std::chrono::milliseconds{100};
constexpr Bytes kStateSizeMax{1u << 30};

// Shared with its flusher, which a kill may unwind later than the owner.
class Flusher : public std::enable_shared_from_this<Flusher> {
 public:
  Flusher(Env& env, const StoreSettings& settings, std::string directory, std::function<ConsumerState()> current)
      : env_(env),
        syncs_names_(settings.sync_always),
        directory_(std::move(directory)),
        current_(std::move(current)),
        mutex_(env.tasks),
        wake_(env.tasks),
        ended_(env.tasks) {}

  Status open() {
    WT_CHECK(env_.disk.make_directories(directory_));
    auto bytes = env_.disk.read_file(path(), kStateSizeMax);
    if (bytes) {
      auto state = decode_consumer_state(*bytes);
      if (state) {
        recovered_ = *std::move(state);
      } else if (env_.defects.is_on(Defect::nats_7691)) {
        recovered_ = ConsumerState{};  // the release drops the error, and goes on with what it has: nothing
      } else {
        return error(state.error().code, path() + ": " + state.error().detail);
      }
    } else if (bytes.error().code != Errc::not_found) {
      return bytes.error();
    }
    env_.tasks.spawn("consumer store " + directory_, [self = shared_from_this()] { self->run(); });
    return {};
  }

  [[nodiscard]] const std::optional<ConsumerState>& recovered() const { return recovered_; }

  void changed() noexcept {
    if (env_.defects.is_on(Defect::break_consumer_flush) && has_written_) return;
    is_dirty_ = true;
    wake_.set();
  }

  Status write() {
    const MutexLock lock{mutex_};
    if (is_stopped_) return error(Errc::closed, directory_);
    return write_locked();
  }

  Status stop(bool writes) {
    Status result;
    {
      const MutexLock lock{mutex_};
      if (is_stopped_) return {};
      if (writes && is_dirty_) result = write_locked();
      is_stopped_ = true;
    }
    wake_.set();
    while (is_running_) ended_.wait("consumer store: stop");
    current_ = nullptr;
    return result;
  }

  Status destroy() {
    WT_CHECK(stop(false));
    WT_CHECK(env_.disk.remove_all(directory_));
    return syncs_names_ ? sync_names_of(env_, directory_.substr(0, directory_.rfind('/'))) : Status{};
  }

  void abandon() noexcept {
    is_stopped_ = true;
    current_ = nullptr;
    wake_.set();
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ + "/o.dat"; }

  // The whole state, written aside, synced and renamed: o.dat has no checksum, so a torn one could not be told from a
  // good one. nats-server writes in place and syncs nothing; the renamed name needs no sync, for an older state is legal.
  Status write_locked() {
    if (is_stopped_ || !current_) return error(Errc::closed, directory_);
    is_dirty_ = false;
    has_written_ = true;
    const std::string bytes = encode_consumer_state(current_(), env_.clock.wall_now());
    Status written =
        env_.defects.is_on(Defect::nats_7388) ? write_in_place(env_, path(), bytes, syncs_names_) : replace_file(env_, path(), bytes);
    if (written && syncs_names_) written = sync_names_of(env_, directory_);
    if (!written) is_dirty_ = true;
    return written;
  }

  void run() {
    if (is_stopped_) return;
    is_running_ = true;
    while (!is_stopped_) {
      wake_.wait("consumer store: idle");
      wake_.reset();
      if (is_stopped_) break;
      if (!is_dirty_) continue;
      {
        const MutexLock lock{mutex_};
        if (is_stopped_) break;
        if (is_dirty_) {
          if (Status written = write_locked(); !written) {
            env_.log.warn("consumer_store.write_failed", {{"directory", directory_}, {"error", written.error().text()}});
          }
        }
      }
      // At most one write a pause; a stop need not wait for its end.
      const Instant next = after(env_.clock.now(), kFlushPause);
      while (!is_stopped_ && env_.clock.now() < next) {
        if (wake_.wait("consumer store: pause", next)) wake_.reset();
      }
      if (is_dirty_) wake_.set();
    }
    is_running_ = false;
    ended_.set();
  }

  Env& env_;
  const bool syncs_names_;
  bool has_written_ = false;
  const std::string directory_;
  std::function<ConsumerState()> current_;
  std::optional<ConsumerState> recovered_;
  Mutex mutex_;
  Event wake_;
  Event ended_;
  bool is_dirty_ = false;
  bool is_stopped_ = false;
  bool is_running_ = false;
};

class FileConsumerStore final : public ConsumerStore {
 public:
  explicit FileConsumerStore(std::shared_ptr<Flusher> flusher) : flusher_(std::move(flusher)) {}
  ~FileConsumerStore() override { flusher_->abandon(); }
  FileConsumerStore(const FileConsumerStore&) = delete;
  FileConsumerStore& operator=(const FileConsumerStore&) = delete;

  const std::optional<ConsumerState>& recovered() const override { return flusher_->recovered(); }
  void changed() noexcept override { flusher_->changed(); }
  Status write() override { return flusher_->write(); }
  Status stop() override { return flusher_->stop(true); }
  Status destroy() override { return flusher_->destroy(); }

 private:
  std::shared_ptr<Flusher> flusher_;
};

}  // namespace

Result<std::unique_ptr<ConsumerStore>> open_consumer_store(Env& env, const StoreSettings& settings, std::string directory,
                                                           std::function<ConsumerState()> current) {
  auto flusher = std::make_shared<Flusher>(env, settings, std::move(directory), std::move(current));
  WT_CHECK(flusher->open());
  return std::unique_ptr<ConsumerStore>{std::make_unique<FileConsumerStore>(std::move(flusher))};
}

}  // namespace windtunnel::core
