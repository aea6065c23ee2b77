#include "core/fiber/switcher.h"

#include <cxxabi.h>

#include <boost/fiber/algo/algorithm.hpp>
#include <boost/fiber/context.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/scheduler.hpp>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/assert.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack_pool.h"

namespace windtunnel::core {

// A Boost fiber, which never ends: it runs one body after another.
struct Stack {
  boost::fibers::context* context = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
  Switcher* owner = nullptr;  // for whom it runs now
  SwitchTarget* target = nullptr;
  std::function<void()> body;
};

namespace {

namespace fibers = boost::fibers;

// Boost hands this what it makes, and would ask it where to go; but contexts are resumed directly, since whoever leaves one knows the
// next. It belongs to the thread's scheduler, which outlives main, so it refers to nothing on any stack.
class Handover final : public fibers::algo::algorithm {
 public:
  void awakened(fibers::context* context) noexcept override {
    if (context->is_context(fibers::type::dispatcher_context)) {
      dispatcher_ = context;
    } else {
      made_ = context;
    }
  }
  // It is the end of the thread: Boost suspends the main context and means its dispatcher by it.
  fibers::context* pick_next() noexcept override { return dispatcher_; }
  bool has_ready_fibers() const noexcept override { return false; }
  void suspend_until(const std::chrono::steady_clock::time_point&) noexcept override { WT_ASSERT(!"Boost.Fiber ran out of fibers"); }
  void notify() noexcept override {}

  fibers::context* take_made() {
    fibers::context* made = made_;
    made_ = nullptr;
    WT_ASSERT(made != nullptr);
    return made;
  }
  StackPool& memory() { return memory_; }
  void let_fibers_go();

  std::vector<std::unique_ptr<Stack>> all;
  std::vector<Stack*> free;
  bool has_driver = false;

 private:
  fibers::context* made_ = nullptr;
  fibers::context* dispatcher_ = nullptr;
  StackPool memory_;
};

// Boost offers no way to ask a scheduler for its algorithm, so the one of this process's only simulating thread is kept
// here. Boost's scheduler owns it, until the thread ends.
Handover* handover = nullptr;

// At the end of the thread, before Boost's scheduler goes: it must find no fiber. Ours wait for ever on their stacks, with
// nothing on them that needs an end.
void Handover::let_fibers_go() {
  for (const std::unique_ptr<Stack>& stack : all) fibers::context::active()->get_scheduler()->detach_worker_context(stack->context);
}

void install() {
  if (handover != nullptr) return;
  auto made = std::make_unique<Handover>();
  handover = made.get();
  fibers::context::active()->get_scheduler()->set_algo(made.release());
  // Made after Boost's own object of the thread, so it goes before that one.
  struct AtThreadEnd {
    ~AtThreadEnd() { handover->let_fibers_go(); }
  };
  static thread_local AtThreadEnd at_thread_end;
  static_cast<void>(at_thread_end);
}

}  // namespace

Switcher::Switcher() : exceptions_(reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals())) {
  install();
  WT_ASSERT(!handover->has_driver);
  handover->has_driver = true;
  driver_.context = fibers::context::active();
}

Switcher::~Switcher() { handover->has_driver = false; }

void Switcher::make(SwitchTarget& target, std::function<void()> body) {
  if (handover->free.empty()) {
    handover->all.push_back(std::make_unique<Stack>());
    Stack* const stack = handover->all.back().get();
    fibers::fiber fiber{fibers::launch::post, std::allocator_arg, StackPool::Allocator{handover->memory(), &stack->bottom, &stack->size},
                        [stack]() noexcept { stack->owner->run_bodies(*stack); }};
    stack->context = handover->take_made();
    fiber.detach();
    handover->free.push_back(stack);
  }
  Stack* const stack = handover->free.back();
  handover->free.pop_back();
  stack->owner = this;
  stack->target = &target;
  stack->body = std::move(body);
  target = SwitchTarget{};
  target.context = stack->context;
  target.stack_bottom = stack->bottom;
  target.stack_size = stack->size;
  target.stack = stack;
}

// What every fiber does, for ever. Between two bodies it may change from one switcher to the next.
void Switcher::run_bodies(Stack& stack) {
  void* fake_stack = nullptr;
  for (;;) {
    stack.owner->arrived(*stack.target, fake_stack);
    stack.body();
    stack.body = nullptr;
    SwitchTarget& driver = stack.owner->driver_;
    ExceptionState ended;
    stack.owner->swap_exceptions(ended, driver.exceptions);
    start_switch(&fake_stack, driver.stack_bottom, driver.stack_size);
    driver.context->resume();
  }
}

// First thing after the first switch to a target. AddressSanitizer tells where we came from: the first time that is the driver.
void Switcher::arrived(SwitchTarget& target, void* fake_stack) {
  const void* bottom = nullptr;
  std::size_t size = 0;
  finish_switch(fake_stack, &bottom, &size);
  if (driver_.stack_bottom == nullptr) {
    driver_.stack_bottom = bottom;
    driver_.stack_size = size;
  }
  target.fake_stack = nullptr;
}

void Switcher::swap_exceptions(ExceptionState& save, const ExceptionState& load) {
  save = *exceptions_;
  *exceptions_ = load;
}

void Switcher::jump(SwitchTarget& from, SwitchTarget& to) {
  swap_exceptions(from.exceptions, to.exceptions);
  start_switch(&from.fake_stack, to.stack_bottom, to.stack_size);
  to.context->resume();
  finish_switch(from.fake_stack, nullptr, nullptr);
}

void Switcher::finish(SwitchTarget& fiber) {
  jump(driver_, fiber);
  handover->free.push_back(fiber.stack);
  fiber.context = nullptr;
}

}  // namespace windtunnel::core
