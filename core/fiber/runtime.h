// The fiber runtime: what stands behind core::Tasks in the simulator and outside. It switches between fibers
// (Boost.Fiber), parks them, keeps timers and the set of ready fibers. Who is picked next, and what happens when nobody
// is ready (virtual time jumps, or real time is waited for), is plugged in.
//
// There is one driver: the plain C++ code that calls run_until. Faults, checks and kills happen there, never inside a
// fiber. All on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/env/tasks.h"

namespace windtunnel::core {

class Fiber;
class Runtime;

// What is plugged into the runtime. None of these may suspend or throw.
class Schedule {
 public:
  virtual ~Schedule() = default;
  // Which of `ready` (>= 2) fibers runs next.
  virtual std::size_t pick(std::size_t ready) = 0;
  // The fiber of this number (unique in the runtime) runs now.
  virtual void running(std::uint64_t fiber) = 0;
  // Nobody is ready. `next` is when the next timer is due (kForever: there is none), never after the limit of
  // run_until. Returns the new time, at most `next`: virtual time jumps to `next`, real time waits for it or for input.
  virtual Instant idle(Instant next) = 0;
  // The time now, asked for before each pick; `now` is what it was. Virtual time passes only when nobody is ready.
  virtual Instant time(Instant now) { return now; }
};

// Tasks that live and die together: one incarnation of a node, or the harness.
class TaskGroup final : public Tasks {
 public:
  TaskGroup(Runtime& runtime, std::string name);
  ~TaskGroup() override;  // requires: no task left
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(std::string_view name, std::function<void()> body) override;
  Task& current() override;
  Wake park(const char* why, Instant deadline) override;
  void unpark(Task& task) noexcept override;
  void yield() override;
  void sleep_until(Instant at) override;
  void set_timer(Timer& timer, Instant at) override;

  // Unwinds every task, in the order of their creation: each throws TaskKilled where it is suspended. Driver only.
  // Afterwards no task is left, and spawn() does nothing.
  void kill();
  // While paused, tasks of this group that become ready wait for resume. Driver only.
  void pause();
  void resume();

  [[nodiscard]] bool is_killed() const { return is_killed_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  // "reader: network read", one line a parked task: what a run that stands still is waiting for.
  [[nodiscard]] std::vector<std::string> describe() const;

 private:
  friend class Runtime;
  friend class Fiber;

  void unlink(Fiber& fiber);

  Runtime& runtime_;
  std::string name_;
  Fiber* first_ = nullptr;  // in order of creation
  Fiber* last_ = nullptr;
  std::size_t size_ = 0;
  bool is_killed_ = false;
  bool is_paused_ = false;
  std::vector<Fiber*> held_;  // became ready while paused
};

class Runtime {
 public:
  explicit Runtime(Schedule& schedule);
  ~Runtime();  // requires: no fiber left
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] Instant now() const { return now_; }

  // Runs fibers and timers until none is due at or before `limit`, or until the driver is called for. The time is then
  // `limit` (unless it was called for). Driver only. True if it was called for.
  bool run_until(Instant limit);
  // Makes run_until return before another fiber runs. For fibers that ask for a kill, and for timers of the driver.
  void call_driver() noexcept;
  // Whether the code that runs now is a fiber's (and not the driver's or a timer's).
  [[nodiscard]] bool is_in_fiber() const;

  // Nothing is ready and no timer is set.
  [[nodiscard]] bool is_quiescent() const;
  [[nodiscard]] std::uint64_t switches() const;

 private:
  friend class TaskGroup;
  friend class Fiber;
  struct Impl;

  Fiber* next_fiber();
  void switch_away();
  void make_ready(Fiber& fiber);
  void unready(Fiber& fiber);
  void fiber_main(Fiber& fiber);
  Wake park_current(const char* why, Instant deadline, bool is_ready_at_once);
  static void throw_if_killed(Fiber& fiber);
  Fiber& take_fiber();
  void set_timer(Timer& timer, Instant at);
  [[nodiscard]] Fiber* current_fiber() const;
  std::uint64_t take_id();
  void unwind(Fiber& fiber);

  std::unique_ptr<Impl> impl_;
  Instant now_{};
};

}  // namespace windtunnel::core
