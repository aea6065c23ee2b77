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

// Nothing that clients, origins or files name may bring a stream beyond it: of a record's sequence the two highest bits are marks.
inline constexpr Seq kSeqMax{std::uint64_t{1} << 61};

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

// What clients and files name as times may be anything: where a result has no place it is the outermost there is.
[[nodiscard]] constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? (b < 0 ? INT64_MIN : INT64_MAX) : out;
}
[[nodiscard]] constexpr std::int64_t saturating_subtract(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  return __builtin_sub_overflow(a, b, &out) ? (b < 0 ? INT64_MAX : INT64_MIN) : out;
}
[[nodiscard]] constexpr Duration sum(Duration a, Duration b) { return Duration{saturating_add(a.count(), b.count())}; }

// What a node's wall clock shows: nanoseconds since the Unix epoch, UTC. Two nodes may disagree, and it may step. Arithmetic saturates.
struct WallTime {
  std::int64_t unix_ns = 0;
  friend constexpr WallTime operator+(WallTime t, Duration d) { return WallTime{saturating_add(t.unix_ns, d.count())}; }
  friend constexpr WallTime operator-(WallTime t, Duration d) { return WallTime{saturating_subtract(t.unix_ns, d.count())}; }
  friend constexpr Duration operator-(WallTime a, WallTime b) { return Duration{saturating_subtract(a.unix_ns, b.unix_ns)}; }
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

// The sum, but kForever instead of an overflow. Requires: d >= 0.
[[nodiscard]] constexpr Instant after(Instant t, Duration d) { return kForever - t <= d ? kForever : t + d; }

}  // namespace windtunnel::core
