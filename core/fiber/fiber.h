// One fiber: what the runtime keeps of a task. For the files of this folder only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/env/tasks.h"
#include "core/fiber/switcher.h"

namespace windtunnel::core {

class Runtime;
class TaskGroup;

class Task {};  // the core knows fibers only by this name

// Its timer is the deadline of the park it is in.
class Fiber final : public Task, public Timer {
 public:
  enum class State : std::uint8_t { idle, ready, running, parked, held };

  void on_timer() noexcept override;
  void timer_cancel() noexcept { Timer::cancel(); }

  SwitchTarget target;
  Runtime* runtime = nullptr;
  TaskGroup* group = nullptr;  // nullptr while idle
  Fiber* prev = nullptr;       // in the group, in order of creation
  Fiber* next = nullptr;
  std::uint64_t id = 0;
  std::size_t ready_index = 0;
  const char* why = "";
  std::string name;
  std::function<void()> body;
  int kill_throws = 0;
  State state = State::idle;
  bool is_killed = false;
  bool is_timed_out = false;
};

}  // namespace windtunnel::core
