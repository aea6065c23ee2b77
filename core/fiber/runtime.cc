#include "core/fiber/runtime.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/assert.h"
#include "core/fiber/fiber.h"
#include "core/fiber/switcher.h"
#include "core/fiber/timer_wheel.h"

namespace windtunnel::core {
namespace {

// A fiber that swallows TaskKilled again and again would never unwind.
constexpr int kKillThrowsMax = 1000;

}  // namespace

struct Runtime::Impl {
  explicit Impl(Schedule& s) : schedule(s) {}

  Schedule& schedule;
  Switcher switcher;
  TimerWheel timers;
  std::vector<Fiber*> ready;
  std::vector<std::unique_ptr<Fiber>> fibers;  // all that were ever made; their stacks are used again
  std::vector<Fiber*> idle;
  Fiber* current = nullptr;  // nullptr: the driver
  Instant limit{};
  std::uint64_t next_id = 1;
  std::uint64_t switches = 0;
  bool is_driver_called = false;
  bool is_killing = false;
  bool is_ending = false;

  SwitchTarget& target_of(Fiber* fiber) { return fiber == nullptr ? switcher.driver() : fiber->target; }
};

void Fiber::on_timer() noexcept {
  is_timed_out = true;
  runtime->make_ready(*this);
}

Runtime::Runtime(Schedule& schedule) : impl_(std::make_unique<Impl>(schedule)) {}

Runtime::~Runtime() {
  WT_ASSERT(impl_->current == nullptr);
  WT_ASSERT(impl_->idle.size() == impl_->fibers.size());
  impl_->is_ending = true;
  for (const auto& fiber : impl_->fibers) {
    impl_->current = fiber.get();
    impl_->switcher.finish(fiber->target);
    impl_->current = nullptr;
  }
}

bool Runtime::is_in_fiber() const { return impl_->current != nullptr; }
bool Runtime::is_quiescent() const { return impl_->ready.empty() && impl_->timers.is_empty(); }
std::uint64_t Runtime::switches() const { return impl_->switches; }
void Runtime::call_driver() noexcept { impl_->is_driver_called = true; }

// The fiber that runs next; nullptr for the driver. Time passes in here, when nobody is ready.
Fiber* Runtime::next_fiber() {
  Impl& r = *impl_;
  if (r.is_killing) return nullptr;
  for (;;) {
    if (r.is_driver_called) return nullptr;
    if (const Instant time = r.schedule.time(now_); time > now_) {
      now_ = time;
      r.timers.advance(now_);
    }
    if (const std::size_t count = r.ready.size(); count > 0) {
      const std::size_t index = count == 1 ? 0 : r.schedule.pick(count);
      WT_ASSERT(index < count);
      Fiber* const fiber = r.ready[index];
      unready(*fiber);
      r.schedule.running(fiber->id);
      return fiber;
    }
    const Instant due = r.timers.next(r.limit);
    if (due > r.limit) {
      if (now_ >= r.limit) return nullptr;
      now_ = std::max(now_, r.schedule.idle(r.limit));
    } else if (due > now_) {
      now_ = std::max(now_, r.schedule.idle(due));
    }
    r.timers.advance(now_);
    if (due > r.limit && now_ >= r.limit && r.ready.empty()) return nullptr;
  }
}

void Runtime::switch_away() {
  Impl& r = *impl_;
  Fiber* const from = r.current;
  Fiber* const to = next_fiber();
  if (to == from) return;
  ++r.switches;
  r.current = to;
  r.switcher.jump(r.target_of(from), r.target_of(to));
}

bool Runtime::run_until(Instant limit) {
  Impl& r = *impl_;
  WT_ASSERT(r.current == nullptr);
  WT_ASSERT(limit >= now_);
  r.limit = limit;
  r.is_driver_called = false;
  switch_away();
  return std::exchange(r.is_driver_called, false);
}

void Runtime::make_ready(Fiber& fiber) {
  if (fiber.state != Fiber::State::parked) return;
  if (fiber.group->is_paused_) {
    fiber.state = Fiber::State::held;
    fiber.group->held_.push_back(&fiber);
    return;
  }
  fiber.state = Fiber::State::ready;
  fiber.ready_index = impl_->ready.size();
  impl_->ready.push_back(&fiber);
}

void Runtime::unready(Fiber& fiber) {
  auto& ready = impl_->ready;
  WT_ASSERT(ready[fiber.ready_index] == &fiber);
  ready[fiber.ready_index] = ready.back();
  ready[fiber.ready_index]->ready_index = fiber.ready_index;
  ready.pop_back();
  fiber.state = Fiber::State::running;
}

// What every fiber runs: one task after another, until the runtime ends.
void Runtime::fiber_main(Fiber& fiber) {
  while (!impl_->is_ending) {
    try {
      if (!fiber.is_killed) {
        WT_ASSERT(fiber.body);
        fiber.body();
      }
    } catch (const TaskKilled&) {
      WT_ASSERT(fiber.is_killed || fiber.group->is_killed_);
    }
    fiber.body = nullptr;
    fiber.group->unlink(fiber);
    fiber.timer_cancel();
    fiber.group = nullptr;
    fiber.state = Fiber::State::idle;
    impl_->idle.push_back(&fiber);
    switch_away();
  }
}

Wake Runtime::park_current(const char* why, Instant deadline, bool is_ready_at_once) {
  Fiber* const fiber = impl_->current;
  WT_ASSERT(fiber != nullptr);                 // only tasks suspend; not the driver, not a timer's callback
  WT_ASSERT(!impl_->switcher.is_unwinding());  // a destructor that suspends while the stack unwinds
  throw_if_killed(*fiber);
  fiber->why = why;
  fiber->is_timed_out = false;
  fiber->state = Fiber::State::parked;
  if (is_ready_at_once) {
    make_ready(*fiber);
  } else if (deadline <= now_) {
    fiber->is_timed_out = true;
    make_ready(*fiber);
  } else if (deadline != kForever) {
    impl_->timers.set(*fiber, deadline);
  }
  switch_away();
  fiber->timer_cancel();
  throw_if_killed(*fiber);
  return fiber->is_timed_out ? Wake::timed_out : Wake::unparked;
}

void Runtime::throw_if_killed(Fiber& fiber) {
  if (!fiber.is_killed) return;
  WT_ASSERT(++fiber.kill_throws < kKillThrowsMax);
  throw TaskKilled{};
}

Fiber& Runtime::take_fiber() {
  Impl& r = *impl_;
  if (r.idle.empty()) {
    auto made = std::make_unique<Fiber>();
    Fiber& fiber = *made;
    fiber.runtime = this;
    r.fibers.push_back(std::move(made));
    r.switcher.make(fiber.target, [this, &fiber] { fiber_main(fiber); });
    return fiber;
  }
  Fiber& fiber = *r.idle.back();
  r.idle.pop_back();
  return fiber;
}

void Runtime::set_timer(Timer& timer, Instant at) { impl_->timers.set(timer, at); }
Fiber* Runtime::current_fiber() const { return impl_->current; }
std::uint64_t Runtime::take_id() { return impl_->next_id++; }

// Switches to a fiber of a killed group, which unwinds and comes back here. Driver only.
void Runtime::unwind(Fiber& fiber) {
  Impl& r = *impl_;
  WT_ASSERT(r.current == nullptr);
  if (fiber.state == Fiber::State::ready) unready(fiber);
  fiber.is_killed = true;
  fiber.state = Fiber::State::running;
  r.is_killing = true;
  r.current = &fiber;
  ++r.switches;
  r.switcher.jump(r.switcher.driver(), fiber.target);
  r.is_killing = false;
}

}  // namespace windtunnel::core
