// A hierarchical timer wheel: 64 slots a level, one digit of base 64 of the time a level, nanosecond resolution. Setting,
// cancelling and firing are O(1) but for the few moves of a timer from level to level (reference: kernel notes 5).
#pragma once

#include <array>
#include <cstdint>

#include "core/env/tasks.h"

namespace windtunnel::core {

class TimerWheel final : public Timer::Queue {
 public:
  TimerWheel() = default;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();  // forgets the timers that are still set

  // Sets, or sets again. A time that has passed counts as the wheel's current one.
  void set(Timer& timer, Instant at);
  void remove(Timer& timer) noexcept override;

  // When the next timer is due; kForever if none is set before or at `limit`.
  [[nodiscard]] Instant next(Instant limit = kForever) const;
  // Moves to `now` (never back) and fires what is due, in order of time, and of setting for equal times. A callback may
  // set and cancel timers; what it sets for `now` or earlier fires in the same call. How many fired.
  std::size_t advance(Instant now);

  [[nodiscard]] bool is_empty() const { return count_ == 0; }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1u << kBits;
  static constexpr unsigned kLevels = 11;  // 66 bits: all of a 63-bit nanosecond count

  struct Slot {
    Timer* first = nullptr;
    Timer* last = nullptr;
  };

  void place(Timer& timer);
  void vacate(unsigned level, unsigned slot);
  static std::uint64_t ticks(Instant at) { return static_cast<std::uint64_t>(at.time_since_epoch().count()); }
  // Where the lowest occupied slot is, and the time at which it begins.
  bool find_next(unsigned& level, unsigned& slot, std::uint64_t& start) const;
  // The earliest of a slot that is not empty.
  static std::uint64_t earliest_of(const Slot& slot);

  std::uint32_t levels_ = 0;                       // a bit a level that is not empty
  std::array<std::uint64_t, kLevels> occupied_{};  // a bit a slot
  std::array<std::array<Slot, kSlots>, kLevels> slots_{};
  std::uint64_t cursor_ = 0;
  std::size_t count_ = 0;
};

}  // namespace windtunnel::core
