// The switch: everything that knows of Boost.Fiber, in one place, so that what is beneath could be changed without anyone
// above noticing. It makes fibers, jumps between them and the driver, and takes along what a jump must: the C++ runtime's
// exception state and AddressSanitizer's view of the stack (reference: kernel notes 3, 4 and 8).
//
// Boost's own waits, mutexes and timers are never used: they read the real clock and know no kill. Nor do its fibers ever
// end: Boost frees what ended in a loop that reads the clock. A fiber whose body has returned waits for the next one, in this
// run or in the process's next.
#pragma once

#include <cstddef>
#include <functional>

namespace boost::fibers {
class context;
}

namespace windtunnel::core {

// The C++ runtime's exception state of one fiber: the caught ones and the number in flight. It is per thread, so each
// switch swaps it; otherwise a `throw;` in one fiber could rethrow another fiber's exception. The layout is that of
// __cxa_eh_globals, fixed by the Itanium C++ ABI.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

// One stack with something to run on it.
struct SwitchTarget {
  boost::fibers::context* context = nullptr;
  ExceptionState exceptions;
  const void* stack_bottom = nullptr;
  std::size_t stack_size = 0;
  void* fake_stack = nullptr;     // AddressSanitizer's
  struct Stack* stack = nullptr;  // what it runs on; nullptr for the driver
};

class Switcher {
 public:
  // Takes the calling code as the driver. One at a time in a process.
  Switcher();
  // Requires: every fiber made has returned.
  ~Switcher();
  Switcher(const Switcher&) = delete;
  Switcher& operator=(const Switcher&) = delete;

  // A fiber that runs `body` when it is first switched to. `body` must not throw, and must not return but when it was
  // switched to for that by finish(). `target` must stay where it is.
  void make(SwitchTarget& target, std::function<void()> body);
  // Leaves `from`, which is running, and goes on with `to`; returns when somebody switches to `from`.
  void jump(SwitchTarget& from, SwitchTarget& to);
  // From the driver: lets the fiber's body return; its stack is used again.
  void finish(SwitchTarget& fiber);

  [[nodiscard]] SwitchTarget& driver() { return driver_; }
  // Whether an exception is in flight in what runs now.
  [[nodiscard]] bool is_unwinding() const { return exceptions_->uncaught > 0; }

 private:
  void run_bodies(struct Stack& stack);
  void arrived(SwitchTarget& target, void* fake_stack);
  void swap_exceptions(ExceptionState& save, const ExceptionState& load);

  SwitchTarget driver_;
  ExceptionState* exceptions_;  // the thread's own; asked for once, since that is a call into two libraries
};

}  // namespace windtunnel::core
