// The text of durations, sizes and rates as people write them in a scenario: `5ms`, `1m30s`, `64KiB`, `20/s`, `5ms..40ms`.
// What format_* prints, parse_* reads back as the same value. Pure functions; nothing here suspends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::faults {

// Both ends belong to the range. low <= high.
struct DurationRange {
  core::Duration low{};
  core::Duration high{};
  [[nodiscard]] static constexpr DurationRange exactly(core::Duration d) { return {.low = d, .high = d}; }
  friend bool operator==(const DurationRange&, const DurationRange&) = default;
};

struct SizeRange {
  core::Bytes low{};
  core::Bytes high{};
  [[nodiscard]] static constexpr SizeRange exactly(core::Bytes size) { return {.low = size, .high = size}; }
  friend bool operator==(const SizeRange&, const SizeRange&) = default;
};

// `count` events in every `per`, evenly spaced: 20/s is one each 50 ms. Both are positive.
struct Rate {
  std::uint64_t count = 1;
  core::Duration per = std::chrono::seconds{1};
  // When the `index`th event is due, from the first one (index 0, at once); kForever's distance instead of an overflow.
  [[nodiscard]] core::Duration due(std::uint64_t index) const;
  friend bool operator==(const Rate&, const Rate&) = default;
};

// "1m30s", "250us", "0s", "1.5s" is printed as "1s500ms". Units: ns us ms s m h d.
[[nodiscard]] std::string format_duration(core::Duration d);
[[nodiscard]] std::string format_duration_range(const DurationRange& range);
// "64KiB", "1000B": in the largest unit that divides it. Units: B KiB MiB GiB TiB.
[[nodiscard]] std::string format_size(core::Bytes size);
[[nodiscard]] std::string format_rate(const Rate& rate);             // "20/s"
[[nodiscard]] std::string format_bandwidth(core::Bytes per_second);  // "10MiB/s"

// All of these fail with invalid_argument and a detail that completes "`TEXT` ...": "has no unit; write 20ms or 20s".
// A duration is a sum of parts in any order, each a decimal number and a unit; `-` in front only where it may go back.
[[nodiscard]] core::Result<core::Duration> parse_duration(std::string_view text);
[[nodiscard]] core::Result<core::Duration> parse_signed_duration(std::string_view text);
[[nodiscard]] core::Result<DurationRange> parse_duration_range(std::string_view text);  // "5ms..40ms", or one duration
[[nodiscard]] core::Result<core::Bytes> parse_size(std::string_view text);
[[nodiscard]] core::Result<SizeRange> parse_size_range(std::string_view text);
[[nodiscard]] core::Result<Rate> parse_rate(std::string_view text);
[[nodiscard]] core::Result<core::Bytes> parse_bandwidth(std::string_view text);  // bytes per second

}  // namespace windtunnel::faults
