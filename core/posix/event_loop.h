// EventLoop: the real world's schedule of the fiber runtime. Idle means waiting for input or for the next timer, where the
// simulator lets its clock jump; ready tasks run in turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/result.h"
#include "core/env/clock.h"
#include "core/env/sync.h"
#include "core/fiber/runtime.h"

namespace windtunnel::core {

// A descriptor whose readiness tasks wait for. Must be removed from the loop before it ends.
struct WatchedDescriptor {
  explicit WatchedDescriptor(int descriptor) : fd(descriptor) {}
  int fd;
  WaitList readers;
  WaitList writers;
};

class EventLoop final : public Schedule {
 public:
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Whose tasks are woken. Once, before anything is watched.
  void set_tasks(Tasks& tasks) { tasks_ = &tasks; }

  // From now on readers and writers are woken when the descriptor, which must not block, becomes ready. Errors: io_error.
  Status watch(WatchedDescriptor& descriptor);
  void unwatch(WatchedDescriptor& descriptor) noexcept;

  std::size_t pick(std::size_t ready) override;
  void running(std::uint64_t fiber) override;
  Instant idle(Instant next) override;
  Instant time(Instant now) override;

 private:
  // Wakes those whose descriptors are ready, after waiting for that until `deadline` at most.
  void poll(Instant deadline);

  int epoll_;
  Tasks* tasks_ = nullptr;
  std::size_t turn_ = 0;
  unsigned switches_ = 0;  // since input was last looked for
  bool has_exact_waits_ = true;
};

// Monotonic time since the machine's start, and the wall clock.
class RealClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall_now() const override;
};

}  // namespace windtunnel::core
