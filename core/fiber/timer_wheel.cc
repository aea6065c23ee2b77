#include "core/fiber/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "core/base/assert.h"

namespace windtunnel::core {

TimerWheel::~TimerWheel() {
  for (auto& level : slots_) {
    for (Slot& slot : level) {
      while (slot.first != nullptr) remove(*slot.first);
    }
  }
}

void TimerWheel::set(Timer& timer, Instant at) {
  timer.cancel();
  Queue::at(timer) = at;
  queue(timer) = this;
  ++count_;
  place(timer);
}

void TimerWheel::place(Timer& timer) {
  const std::uint64_t at = std::max(ticks(Queue::at(timer)), cursor_);
  const std::uint64_t differing = at ^ cursor_;
  const unsigned level = differing == 0 ? 0 : (63u - static_cast<unsigned>(std::countl_zero(differing))) / kBits;
  const auto slot = static_cast<unsigned>(at >> (level * kBits) & (kSlots - 1));
  Slot& list = slots_[level][slot];
  Queue::slot(timer) = level * kSlots + slot;
  prev(timer) = list.last;
  Queue::next(timer) = nullptr;
  if (list.last != nullptr) {
    Queue::next(*list.last) = &timer;
  } else {
    list.first = &timer;
    occupied_[level] |= std::uint64_t{1} << slot;
  }
  list.last = &timer;
}

void TimerWheel::remove(Timer& timer) noexcept {
  WT_ASSERT(queue(timer) == this);
  const unsigned level = Queue::slot(timer) / kSlots;
  const unsigned slot = Queue::slot(timer) % kSlots;
  Slot& list = slots_[level][slot];
  (prev(timer) != nullptr ? Queue::next(*prev(timer)) : list.first) = Queue::next(timer);
  (Queue::next(timer) != nullptr ? prev(*Queue::next(timer)) : list.last) = prev(timer);
  if (list.first == nullptr) occupied_[level] &= ~(std::uint64_t{1} << slot);
  queue(timer) = nullptr;
  prev(timer) = Queue::next(timer) = nullptr;
  --count_;
}

bool TimerWheel::find_next(unsigned& level, unsigned& slot, std::uint64_t& start) const {
  // Lower levels hold nearer times: every timer of a level lies within the cursor's slot of the level above.
  for (level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * kBits;
    slot = static_cast<unsigned>(std::countr_zero(occupied_[level]));
    const unsigned above = shift + kBits;
    const std::uint64_t base = above >= 64 ? 0 : cursor_ >> above << above;
    start = base | std::uint64_t{slot} << shift;
    return true;
  }
  return false;
}

Instant TimerWheel::next() const {
  unsigned level = 0;
  unsigned slot = 0;
  std::uint64_t start = 0;
  if (!find_next(level, slot, start)) return kForever;
  return Instant{Duration{static_cast<std::int64_t>(start)}};
}

std::size_t TimerWheel::advance(Instant now) {
  const std::uint64_t target = ticks(now);
  std::size_t fired = 0;
  unsigned level = 0;
  unsigned slot = 0;
  std::uint64_t start = 0;
  while (find_next(level, slot, start) && start <= target) {
    cursor_ = std::max(cursor_, start);
    Slot& list = slots_[level][slot];
    if (level == 0) {  // one instant; taken one by one, for a callback may cancel the next
      while (list.first != nullptr) {
        Timer& timer = *list.first;
        remove(timer);
        ++fired;
        timer.on_timer();
      }
    } else {  // the cursor has entered this slot: its timers move to the levels below, in their order
      Timer* timer = list.first;
      list = Slot{};
      occupied_[level] &= ~(std::uint64_t{1} << slot);
      while (timer != nullptr) {
        Timer* const following = Queue::next(*timer);
        place(*timer);
        timer = following;
      }
    }
  }
  cursor_ = std::max(cursor_, target);
  return fired;
}

}  // namespace windtunnel::core
