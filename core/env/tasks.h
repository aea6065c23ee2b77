// The port through which the core runs concurrent work: tasks (fibers) that park and are unparked, and timers.
//
// Tasks are cooperative and all on one thread: between two calls that may suspend nothing else runs. A task belongs to
// one node incarnation. When its node is killed, it is unwound: the call in which it is suspended throws TaskKilled,
// which is no std::exception and must pass through (reference: kernel notes 2). Destructors must not suspend.
#pragma once

#include <functional>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

class Task;  // opaque; lives as long as the task runs

// Thrown out of a suspending call when the node was killed. Never catch it without throwing it on.
struct TaskKilled {};

enum class Wake { unparked, timed_out };

// A one-shot timer. Its callback runs in the scheduler's context, at or after the set time: it must not suspend and
// must not throw; typically it unparks a task or sets an event. Unset timers cost nothing. Cancel is implied by destruction.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();
  virtual void on_timer() noexcept = 0;

  void cancel() noexcept {
    if (queue_ != nullptr) queue_->remove(*this);
  }
  [[nodiscard]] bool is_set() const { return queue_ != nullptr; }
  [[nodiscard]] Instant at() const { return at_; }

  // Where timers wait: a timer wheel. It owns the hooks below while a timer is set.
  class Queue {
   public:
    virtual void remove(Timer& timer) noexcept = 0;

   protected:
    ~Queue() = default;
    static Timer*& next(Timer& t) { return t.next_; }
    static Timer*& prev(Timer& t) { return t.prev_; }
    static Instant& at(Timer& t) { return t.at_; }
    static std::uint32_t& slot(Timer& t) { return t.slot_; }
    static Queue*& queue(Timer& t) { return t.queue_; }
  };

 private:
  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  Queue* queue_ = nullptr;
  Instant at_{};
  std::uint32_t slot_ = 0;
};

class Tasks {
 public:
  virtual ~Tasks() = default;

  // Starts a task of this node; it first runs when the scheduler picks it. `name` is for reports. Does not suspend.
  virtual void spawn(std::string_view name, std::function<void()> body) = 0;
  // The calling task.
  [[nodiscard]] virtual Task& current() = 0;
  // Suspends the calling task until unpark() or `deadline`. `why` (a literal) is shown when a run stands still.
  // An unpark() that came before is not remembered: callers check their condition in a loop (see sync.h).
  virtual Wake park(const char* why, Instant deadline = kForever) = 0;
  // Makes a parked task ready; without effect on one that is not parked. Does not suspend.
  virtual void unpark(Task& task) noexcept = 0;
  // Lets other ready tasks run first.
  virtual void yield() = 0;
  virtual void sleep_until(Instant at) = 0;
  // Sets or resets a timer. Does not suspend.
  virtual void set_timer(Timer& timer, Instant at) = 0;
};

}  // namespace windtunnel::core
