#include <utility>

#include "core/base/assert.h"
#include "core/fiber/fiber.h"
#include "core/fiber/runtime.h"

namespace windtunnel::core {

TaskGroup::TaskGroup(Runtime& runtime, std::string name) : runtime_(runtime), name_(std::move(name)) {}

TaskGroup::~TaskGroup() { WT_ASSERT(first_ == nullptr); }

void TaskGroup::spawn(std::string_view name, std::function<void()> body) {
  if (is_killed_) return;
  Fiber& fiber = runtime_.take_fiber();
  fiber.id = runtime_.take_id();
  fiber.group = this;
  fiber.name = name;
  fiber.body = std::move(body);
  fiber.why = "not started";
  fiber.is_killed = false;
  fiber.kill_throws = 0;
  fiber.state = Fiber::State::parked;
  fiber.prev = last_;
  fiber.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &fiber;
  last_ = &fiber;
  ++size_;
  runtime_.make_ready(fiber);
}

void TaskGroup::unlink(Fiber& fiber) {
  (fiber.prev != nullptr ? fiber.prev->next : first_) = fiber.next;
  (fiber.next != nullptr ? fiber.next->prev : last_) = fiber.prev;
  fiber.prev = fiber.next = nullptr;
  --size_;
}

Task& TaskGroup::current() {
  Fiber* const fiber = runtime_.current_fiber();
  WT_ASSERT(fiber != nullptr);
  return *fiber;
}

Wake TaskGroup::park(const char* why, Instant deadline) { return runtime_.park_current(why, deadline, false); }

void TaskGroup::unpark(Task& task) noexcept { runtime_.make_ready(static_cast<Fiber&>(task)); }

void TaskGroup::yield() { runtime_.park_current("yield", kForever, true); }

void TaskGroup::sleep_until(Instant at) {
  while (runtime_.park_current("sleep", at, false) != Wake::timed_out) {
  }
}

void TaskGroup::set_timer(Timer& timer, Instant at) { runtime_.set_timer(timer, at); }

void TaskGroup::kill() {
  WT_ASSERT(!runtime_.is_in_fiber());
  is_killed_ = true;
  is_paused_ = false;
  held_.clear();
  while (first_ != nullptr) {
    Fiber& fiber = *first_;
    runtime_.unwind(fiber);
    WT_ASSERT(first_ != &fiber);
  }
}

void TaskGroup::pause() { is_paused_ = true; }

void TaskGroup::resume() {
  is_paused_ = false;
  for (Fiber* fiber : std::exchange(held_, {})) {
    fiber->state = Fiber::State::parked;
    runtime_.make_ready(*fiber);
  }
}

std::vector<std::string> TaskGroup::describe() const {
  std::vector<std::string> out;
  for (const Fiber* fiber = first_; fiber != nullptr; fiber = fiber->next) {
    out.push_back(fiber->name + ": " + (fiber->state == Fiber::State::parked ? fiber->why : "ready"));
  }
  return out;
}

}  // namespace windtunnel::core
