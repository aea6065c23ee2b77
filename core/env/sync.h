// What tasks wait on: a wait list, and a mutex, an event and a bounded queue built on it. Built once, on Tasks alone, so
// that they behave the same in the simulator and outside. Waiters are served in the order in which they came.
//
// Safe against kills: a waiter's place in the list lies on its own stack and leaves the list when the stack unwinds.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "core/base/assert.h"
#include "core/env/tasks.h"

namespace windtunnel::core {

class WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  // Suspends the calling task until a wake, or `deadline`.
  Wake wait(Tasks& tasks, const char* why, Instant deadline = kForever);
  // Does not suspend. False if nobody waits.
  bool wake_one(Tasks& tasks) noexcept;
  void wake_all(Tasks& tasks) noexcept;
  [[nodiscard]] bool is_empty() const { return first_ == nullptr; }

 private:
  struct Waiter;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

// Mutual exclusion across suspensions. Handed over in order; not recursive.
class Mutex {
 public:
  explicit Mutex(Tasks& tasks) : tasks_(tasks) {}
  void lock();                                      // suspends
  [[nodiscard]] bool lock_until(Instant deadline);  // suspends; false at the deadline
  void unlock() noexcept;

 private:
  Tasks& tasks_;
  WaitList waiters_;
  bool is_locked_ = false;
};

class MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A flag to wait for. set() wakes everyone; it stays set until reset().
class Event {
 public:
  explicit Event(Tasks& tasks) : tasks_(tasks) {}
  void set() noexcept;
  void reset() noexcept { is_set_ = false; }
  [[nodiscard]] bool is_set() const { return is_set_; }
  // True if set, false at the deadline. Suspends unless set.
  bool wait(const char* why, Instant deadline = kForever);

 private:
  Tasks& tasks_;
  WaitList waiters_;
  bool is_set_ = false;
};

// The tasks that work for one object. join() waits for their end, so that the object may go after it.
class TaskScope {
 public:
  explicit TaskScope(Tasks& tasks) : tasks_(tasks) {}
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  void spawn(std::string_view name, std::function<void()> body);
  // Suspends until none runs. Whoever calls it has told them to end; not from one of them.
  void join();

 private:
  Tasks& tasks_;
  WaitList joiners_;
  std::size_t running_ = 0;
};

// A first-in first-out queue of at most `capacity` items between tasks.
template <typename T>
class Queue {
 public:
  Queue(Tasks& tasks, std::size_t capacity) : tasks_(tasks), capacity_(capacity) { WT_ASSERT(capacity > 0); }

  // Suspends while full. False if the queue is closed, or at the deadline.
  bool push(T item, const char* why, Instant deadline = kForever) {
    while (!is_closed_ && items_.size() >= capacity_) {
      if (not_full_.wait(tasks_, why, deadline) == Wake::timed_out) return false;
    }
    return try_push(std::move(item));
  }
  // Does not suspend. False if full or closed.
  bool try_push(T item) {
    if (is_closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    not_empty_.wake_one(tasks_);
    return true;
  }
  // Suspends while empty. nullopt at the deadline, or when closed and drained.
  std::optional<T> pop(const char* why, Instant deadline = kForever) {
    while (items_.empty()) {
      if (is_closed_) return std::nullopt;
      if (not_empty_.wait(tasks_, why, deadline) == Wake::timed_out && items_.empty()) return std::nullopt;
    }
    std::optional<T> item{std::move(items_.front())};
    items_.pop_front();
    not_full_.wake_one(tasks_);
    return item;
  }
  // Items already queued can still be popped; pushes fail. Does not suspend.
  void close() noexcept {
    is_closed_ = true;
    not_empty_.wake_all(tasks_);
    not_full_.wake_all(tasks_);
  }
  void clear() noexcept {
    items_.clear();
    not_full_.wake_all(tasks_);
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool is_empty() const { return items_.empty(); }
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  Tasks& tasks_;
  std::size_t capacity_;
  std::deque<T> items_;
  WaitList not_empty_;
  WaitList not_full_;
  bool is_closed_ = false;
};

}  // namespace windtunnel::core
