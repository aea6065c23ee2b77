#include "core/fiber/switcher.h"

#include <cxxabi.h>

#include <boost/fiber/algo/algorithm.hpp>
#include <boost/fiber/context.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/operations.hpp>
#include <boost/fiber/scheduler.hpp>
#include <cstring>
#include <memory>

#include "core/base/assert.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack_pool.h"

namespace windtunnel::core {
namespace {

namespace fibers = boost::fibers;

// Boost asks this where to go at each suspension; the answer was decided before. It belongs to the thread's scheduler,
// which outlives main, so it refers to nothing on any stack.
class Handover final : public fibers::algo::algorithm {
 public:
  void awakened(fibers::context* context) noexcept override {
    if (context->is_context(fibers::type::dispatcher_context)) {
      dispatcher_ = context;
    } else {
      made_ = context;
    }
  }
  fibers::context* pick_next() noexcept override {
    fibers::context* next = next_;
    next_ = nullptr;
    if (next != nullptr) {
      if (is_finishing_) start_switch(nullptr, finishing_to_->stack_bottom, finishing_to_->stack_size);
      is_finishing_ = false;
      return next;
    }
    // Only Boost's own dispatcher asks without an answer being there: after it has freed what ended, back to the driver.
    // When the thread ends, Boost suspends the main context and means the dispatcher by it.
    return fibers::context::active() == dispatcher_ ? driver_ : dispatcher_;
  }
  bool has_ready_fibers() const noexcept override { return false; }
  void suspend_until(const std::chrono::steady_clock::time_point&) noexcept override { WT_ASSERT(!"Boost.Fiber ran out of fibers"); }
  void notify() noexcept override {}

  void go_to(fibers::context* next) { next_ = next; }
  void finish_to(const SwitchTarget& target) {
    next_ = target.context;
    is_finishing_ = true;
    finishing_to_ = &target;
  }
  void set_driver(fibers::context* driver) { driver_ = driver; }
  [[nodiscard]] bool has_driver() const { return driver_ != nullptr; }
  fibers::context* take_made() {
    fibers::context* made = made_;
    made_ = nullptr;
    WT_ASSERT(made != nullptr);
    return made;
  }
  [[nodiscard]] fibers::context* dispatcher() const { return dispatcher_; }
  StackPool& stacks() { return stacks_; }

 private:
  fibers::context* next_ = nullptr;
  fibers::context* made_ = nullptr;
  fibers::context* dispatcher_ = nullptr;
  fibers::context* driver_ = nullptr;
  const SwitchTarget* finishing_to_ = nullptr;
  bool is_finishing_ = false;
  StackPool stacks_;
};

// Boost offers no way to ask a scheduler for its algorithm, so the one of this process's only simulating thread is kept
// here. Boost's scheduler owns it, until the thread ends.
Handover* handover = nullptr;

void install() {
  if (handover != nullptr) return;
  auto made = std::make_unique<Handover>();
  handover = made.get();
  fibers::context::active()->get_scheduler()->set_algo(made.release());
}

void swap_exception_state(ExceptionState& save, const ExceptionState& load) {
  struct Globals {  // the layout of __cxa_eh_globals, fixed by the Itanium C++ ABI
    void* caught;
    unsigned int uncaught;
  };
  auto* globals = reinterpret_cast<Globals*>(abi::__cxa_get_globals());
  save.caught = globals->caught;
  save.uncaught = globals->uncaught;
  globals->caught = load.caught;
  globals->uncaught = load.uncaught;
}

}  // namespace

Switcher::Switcher() {
  install();
  WT_ASSERT(!handover->has_driver());
  driver_.context = fibers::context::active();
  handover->set_driver(driver_.context);
}

Switcher::~Switcher() {
  // Boost frees the stacks of fibers that ended when its dispatcher next runs.
  handover->go_to(handover->dispatcher());
  driver_.context->suspend();
  handover->set_driver(nullptr);
}

void Switcher::make(SwitchTarget& target, std::function<void()> body) {
  fibers::fiber fiber{fibers::launch::post, std::allocator_arg, StackPool::Allocator{handover->stacks(), &target.stack_bottom, &target.stack_size},
                      [this, run = std::move(body)]() noexcept {
                        entered();
                        run();
                        ExceptionState ended;
                        swap_exception_state(ended, driver_.exceptions);
                        handover->finish_to(driver_);
                      }};
  target.context = handover->take_made();
  fiber.detach();
}

void Switcher::entered() {
  const void* bottom = nullptr;
  std::size_t size = 0;
  finish_switch(nullptr, &bottom, &size);
  if (driver_.stack_bottom == nullptr) {  // the first fiber is always entered from the driver
    driver_.stack_bottom = bottom;
    driver_.stack_size = size;
  }
}

void Switcher::jump(SwitchTarget& from, SwitchTarget& to) {
  handover->go_to(to.context);
  swap_exception_state(from.exceptions, to.exceptions);
  start_switch(&from.fake_stack, to.stack_bottom, to.stack_size);
  from.context->suspend();
  finish_switch(from.fake_stack, nullptr, nullptr);
}

void Switcher::finish(SwitchTarget& fiber) {
  jump(driver_, fiber);
  fiber.context = nullptr;
}

}  // namespace windtunnel::core
