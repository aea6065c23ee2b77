// The small value types that every folder shares: sequences, times, sizes.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace windtunnel::core {

struct Seq {  // 0 means "none"; the first stored message has sequence 1.
  std::uint64_t value = 0;
  [[nodiscard]] constexpr Seq next() const { return Seq{value + 1}; }
  [[nodiscard]] constexpr Seq prev() const { return Seq{value == 0 ? 0 : value - 1}; }
  friend constexpr auto operator<=>(Seq, Seq) = default;
};

struct Bytes {  // a size or an offset
  std::uint64_t value = 0;
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes{a.value + b.value}; }
  friend constexpr Bytes operator-(Bytes a, Bytes b) { return Bytes{a.value - b.value}; }
  friend constexpr auto operator<=>(Bytes, Bytes) = default;
};

using Duration = std::chrono::nanoseconds;

// A point on the one axis on which time passes and deadlines lie: virtual time in the simulator, the monotonic clock
// outside. Its zero is the start of the run (or of the process).
struct RunClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<RunClock>;
  static constexpr bool is_steady = true;
};
using Instant = RunClock::time_point;
inline constexpr Instant kForever = Instant::max();

// What a node's wall clock shows: nanoseconds since the Unix epoch, UTC. Two nodes may disagree, and it may step.
struct WallTime {
  std::int64_t unix_ns = 0;
  friend constexpr WallTime operator+(WallTime t, Duration d) { return WallTime{t.unix_ns + d.count()}; }
  friend constexpr WallTime operator-(WallTime t, Duration d) { return WallTime{t.unix_ns - d.count()}; }
  friend constexpr Duration operator-(WallTime a, WallTime b) { return Duration{a.unix_ns - b.unix_ns}; }
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

// The sum, but kForever instead of an overflow. Requires: d >= 0.
[[nodiscard]] constexpr Instant after(Instant t, Duration d) { return kForever - t <= d ? kForever : t + d; }

}  // namespace windtunnel::core
