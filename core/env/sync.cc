#include "core/env/sync.h"

namespace windtunnel::core {

// On the waiting task's stack; linked while it waits.
struct WaitList::Waiter {
  WaitList& list;
  Task& task;
  Waiter* prev = nullptr;
  Waiter* next = nullptr;
  bool is_linked = false;

  Waiter(WaitList& l, Task& t) : list(l), task(t) {}
  ~Waiter() { unlink(); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Not inlined: GCC would warn of a local's address that outlives the call, which the destructor prevents.
  [[gnu::noinline]] void link() noexcept {
    prev = list.last_;
    (prev != nullptr ? prev->next : list.first_) = this;
    list.last_ = this;
    is_linked = true;
  }
  void unlink() noexcept {
    if (!is_linked) return;
    (prev != nullptr ? prev->next : list.first_) = next;
    (next != nullptr ? next->prev : list.last_) = prev;
    is_linked = false;
  }
};

Wake WaitList::wait(Tasks& tasks, const char* why, Instant deadline) {
  Waiter self{*this, tasks.current()};
  self.link();
  while (self.is_linked) {
    if (tasks.park(why, deadline) == Wake::timed_out && self.is_linked) return Wake::timed_out;
  }
  return Wake::unparked;
}

bool WaitList::wake_one(Tasks& tasks) noexcept {
  if (first_ == nullptr) return false;
  Waiter& waiter = *first_;
  waiter.unlink();
  tasks.unpark(waiter.task);
  return true;
}

void WaitList::wake_all(Tasks& tasks) noexcept {
  while (wake_one(tasks)) {
  }
}

void Mutex::lock() {
  const bool got = lock_until(kForever);
  WT_ASSERT(got);
}

bool Mutex::lock_until(Instant deadline) {
  if (!is_locked_) {
    is_locked_ = true;
    return true;
  }
  // unlock() hands the mutex over while it stays locked, so that nobody can overtake the one that was woken.
  return waiters_.wait(tasks_, "mutex", deadline) == Wake::unparked;
}

void Mutex::unlock() noexcept {
  WT_ASSERT(is_locked_);
  if (!waiters_.wake_one(tasks_)) is_locked_ = false;
}

void Event::set() noexcept {
  is_set_ = true;
  waiters_.wake_all(tasks_);
}

bool Event::wait(const char* why, Instant deadline) {
  while (!is_set_) {
    if (waiters_.wait(tasks_, why, deadline) == Wake::timed_out && !is_set_) return false;
  }
  return true;
}

void TaskScope::spawn(std::string_view name, std::function<void()> body) {
  ++running_;
  tasks_.spawn(name, [this, run = std::move(body)] {
    run();  // a killed task skips the rest: its node and this scope go as a whole
    if (--running_ == 0) joiners_.wake_all(tasks_);
  });
}

void TaskScope::join() {
  while (running_ > 0) joiners_.wait(tasks_, "tasks to end");
}

}  // namespace windtunnel::core
