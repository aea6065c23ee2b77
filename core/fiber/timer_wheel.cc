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
    levels_ |= 1u << level;
  }
  list.last = &timer;
}

void TimerWheel::vacate(unsigned level, unsigned slot) {
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  if (occupied_[level] == 0) levels_ &= ~(1u << level);
}

void TimerWheel::remove(Timer& timer) noexcept {
  WT_ASSERT(queue(timer) == this);
  const unsigned level = Queue::slot(timer) / kSlots;
  const unsigned slot = Queue::slot(timer) % kSlots;
  Slot& list = slots_[level][slot];
  (prev(timer) != nullptr ? Queue::next(*prev(timer)) : list.first) = Queue::next(timer);
  (Queue::next(timer) != nullptr ? prev(*Queue::next(timer)) : list.last) = prev(timer);
  if (list.first == nullptr) vacate(level, slot);
  queue(timer) = nullptr;
  prev(timer) = Queue::next(timer) = nullptr;
  --count_;
}

bool TimerWheel::find_next(unsigned& level, unsigned& slot, std::uint64_t& start) const {
  // Lower levels hold nearer times: every timer of a level lies within the cursor's slot of the level above.
  if (levels_ == 0) return false;
  level = static_cast<unsigned>(std::countr_zero(levels_));
  const unsigned shift = level * kBits;
  slot = static_cast<unsigned>(std::countr_zero(occupied_[level]));
  const unsigned above = shift + kBits;
  const std::uint64_t base = above >= 64 ? 0 : cursor_ >> above << above;
  start = base | std::uint64_t{slot} << shift;
  return true;
}

std::uint64_t TimerWheel::earliest_of(const Slot& slot) {
  std::uint64_t earliest = ticks(Queue::at(*slot.first));
  for (Timer* timer = Queue::next(*slot.first); timer != nullptr; timer = Queue::next(*timer)) {
    earliest = std::min(earliest, ticks(Queue::at(*timer)));
  }
  return earliest;
}

// The slot is walked only if it begins within the limit: then its timers move down soon, which is as much work.
Instant TimerWheel::next(Instant limit) const {
  unsigned level = 0;
  unsigned slot = 0;
  std::uint64_t start = 0;
  if (!find_next(level, slot, start) || start > ticks(limit)) return kForever;
  // What was set for a time that had passed counts as the cursor's.
  const std::uint64_t due = level == 0 ? start : std::max(earliest_of(slots_[level][slot]), start);
  return due > ticks(limit) ? kForever : Instant{Duration{static_cast<std::int64_t>(due)}};
}

std::size_t TimerWheel::advance(Instant now) {
  const std::uint64_t target = ticks(now);
  std::size_t fired = 0;
  unsigned level = 0;
  unsigned slot = 0;
  std::uint64_t start = 0;
  while (find_next(level, slot, start) && start <= target) {
    Slot& list = slots_[level][slot];
    if (Timer& only = *list.first; list.first == list.last && ticks(Queue::at(only)) <= target) {
      // As it mostly is: nobody is before it, wherever it waits.
      cursor_ = std::max({cursor_, start, ticks(Queue::at(only))});
      remove(only);
      ++fired;
      only.on_timer();
    } else if (level == 0) {  // one instant; taken one by one, for a callback may cancel the next
      cursor_ = std::max(cursor_, start);
      while (list.first != nullptr) {
        Timer& timer = *list.first;
        remove(timer);
        ++fired;
        timer.on_timer();
      }
    } else {
      // The cursor enters this slot, and goes at once to its earliest timer: all of them move to the levels below, in their order,
      // the earliest to where they fire.
      cursor_ = std::max({cursor_, start, std::min(earliest_of(list), target)});
      Timer* timer = list.first;
      list = Slot{};
      vacate(level, slot);
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
