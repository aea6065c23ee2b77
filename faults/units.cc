#include "faults/units.h"

#include <array>
#include <limits>
#include <optional>

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace windtunnel::faults {
namespace {

using core::Bytes;
using core::Duration;
using core::Errc;
using core::Result;
using core::Uint128;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From the largest to the smallest, the order in which they are printed.
constexpr std::array<Unit, 7> kTimeUnits = {{{"d", 86'400'000'000'000},
                                             {"h", 3'600'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};
constexpr std::array<Unit, 5> kSizeUnits = {{{"TiB", std::uint64_t{1} << 40},
                                             {"GiB", std::uint64_t{1} << 30},
                                             {"MiB", std::uint64_t{1} << 20},
                                             {"KiB", std::uint64_t{1} << 10},
                                             {"B", 1}}};

constexpr std::uint64_t kDurationMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 60;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

core::Error wrong(std::string detail) { return core::error(Errc::invalid_argument, std::move(detail)); }

// "1.5" as 15 / 10: no float may decide what a scenario says.
struct Decimal {
  std::uint64_t digits = 0;
  std::uint64_t divisor = 1;
};

// Takes a decimal number off the front of `text`.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  std::size_t at = 0;
  std::size_t fraction = 0;
  bool has_point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !has_point && at > 0 && at + 1 < text.size() && is_digit(text[at + 1])) {
      has_point = true;
      continue;
    }
    if (!is_digit(text[at])) break;
    if (number.digits > (std::numeric_limits<std::uint64_t>::max() - 9) / 10) return std::nullopt;
    number.digits = number.digits * 10 + static_cast<std::uint64_t>(text[at] - '0');
    if (has_point) {
      if (++fraction > 9) return std::nullopt;
      number.divisor *= 10;
    }
  }
  if (at == 0) return std::nullopt;
  text.remove_prefix(at);
  return number;
}

// The product of a decimal and a unit, if it is a whole number up to `max`.
std::optional<std::uint64_t> scale(const Decimal& number, std::uint64_t factor, std::uint64_t max) {
  const Uint128 product = static_cast<Uint128>(number.digits) * factor;
  if (product % number.divisor != 0) return std::nullopt;
  const Uint128 value = product / number.divisor;
  if (value > max) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

// Takes the letters of a unit off the front of `text`. The micro sign and the Greek letter are two bytes each.
std::string_view take_unit(std::string_view& text) {
  std::size_t at = 0;
  while (at < text.size() && !is_digit(text[at]) && text[at] != '.' && text[at] != '/') ++at;
  const std::string_view unit = text.substr(0, at);
  text.remove_prefix(at);
  return unit == "\xc2\xb5s" || unit == "\xce\xbcs" ? std::string_view{"us"} : unit;
}

template <std::size_t N>
const Unit* find(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

Result<Duration> parse_unsigned_duration(std::string_view whole) {
  std::string_view text = whole;
  if (text.empty()) return wrong("is no duration; write 5ms, 2m or 1h30m");
  std::uint64_t total = 0;
  while (!text.empty()) {
    const std::optional<Decimal> number = take_decimal(text);
    if (!number) return wrong("is no duration; write 5ms, 2m or 1h30m");
    const std::string_view name = take_unit(text);
    if (name.empty()) return wrong("has no unit; a duration is written 5ms, 2m or 1h30m");
    const Unit* unit = find(kTimeUnits, name);
    if (unit == nullptr) return wrong("has the unknown unit `" + std::string{name} + "`; there are ns, us, ms, s, m, h and d");
    const auto value = scale(*number, unit->factor, kDurationMax - total);
    if (!value) return wrong("is longer than 292 years, or finer than a nanosecond");
    total += *value;
  }
  return Duration{static_cast<std::int64_t>(total)};
}

Result<Bytes> parse_bytes(std::string_view text, std::string_view example) {
  const std::optional<Decimal> number = take_decimal(text);
  if (!number) return wrong("is no size; write " + std::string{example});
  const std::string_view name = take_unit(text);
  if (name.empty()) return wrong("has no unit; write " + std::string{example});
  const Unit* unit = find(kSizeUnits, name);
  if (unit == nullptr || !text.empty()) {
    return wrong("has the unknown unit `" + std::string{name} + std::string{text} +
                 "`; there are B, KiB, MiB, GiB and TiB (1 KiB is 1024 B)");
  }
  const auto value = scale(*number, unit->factor, kSizeMax);
  if (!value) return wrong("is larger than 1048576TiB, or no whole number of bytes");
  return Bytes{*value};
}

// Splits "LOW..HIGH"; without "..", both ends are the whole.
std::pair<std::string_view, std::string_view> split_range(std::string_view text) {
  const std::size_t at = text.find("..");
  if (at == std::string_view::npos) return {text, text};
  return {text.substr(0, at), text.substr(at + 2)};
}

}  // namespace

Duration Rate::due(std::uint64_t index) const {
  WT_ASSERT(count > 0);
  WT_ASSERT(per > Duration::zero());
  // The product needs up to 127 bits.
  const Uint128 due = static_cast<Uint128>(index) * static_cast<Uint128>(static_cast<std::uint64_t>(per.count())) / count;
  return due > kDurationMax ? Duration::max() : Duration{static_cast<std::int64_t>(due)};
}

std::string format_duration(Duration d) {
  if (d == Duration::zero()) return "0s";
  std::string out;
  auto left = static_cast<std::uint64_t>(d.count());
  if (d < Duration::zero()) {
    out = "-";
    left = ~left + 1;  // the magnitude, also of the smallest value
  }
  for (const Unit& unit : kTimeUnits) {
    if (unit.name == "d") continue;  // 36h reads better than 1d12h, and it is what Go prints
    const std::uint64_t whole = left / unit.factor;
    left %= unit.factor;
    if (whole != 0) out += std::to_string(whole) + std::string{unit.name};
  }
  return out;
}

std::string format_duration_range(const DurationRange& range) {
  return range.low == range.high ? format_duration(range.low) : format_duration(range.low) + ".." + format_duration(range.high);
}

std::string format_size(Bytes size) {
  if (size.value == 0) return "0B";
  for (const Unit& unit : kSizeUnits) {
    if (size.value % unit.factor == 0) return std::to_string(size.value / unit.factor) + std::string{unit.name};
  }
  return {};  // not reached: every size is a multiple of 1 B
}

std::string format_rate(const Rate& rate) {
  const std::string per = format_duration(rate.per);
  const bool is_one_unit = per.size() >= 2 && per[0] == '1' && !is_digit(per[1]) && per.find_first_of("0123456789", 1) == std::string::npos;
  return std::to_string(rate.count) + "/" + (is_one_unit ? per.substr(1) : per);
}

std::string format_bandwidth(Bytes per_second) { return format_size(per_second) + "/s"; }

Result<Duration> parse_duration(std::string_view text) {
  if (text.starts_with('-')) return wrong("is negative; a duration here is 0 or longer");
  return parse_unsigned_duration(text);
}

Result<Duration> parse_signed_duration(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  WT_TRY(const Duration magnitude, parse_unsigned_duration(text));
  return is_negative ? -magnitude : magnitude;
}

Result<DurationRange> parse_duration_range(std::string_view text) {
  const auto [low_text, high_text] = split_range(text);
  WT_TRY(const Duration low, parse_duration(low_text));
  WT_TRY(const Duration high, parse_duration(high_text));
  if (low > high) return wrong("ends before it begins; write the smaller end first");
  return DurationRange{.low = low, .high = high};
}

Result<Bytes> parse_size(std::string_view text) { return parse_bytes(text, "100B, 64KiB or 8MiB"); }

Result<SizeRange> parse_size_range(std::string_view text) {
  const auto [low_text, high_text] = split_range(text);
  WT_TRY(const Bytes low, parse_size(low_text));
  WT_TRY(const Bytes high, parse_size(high_text));
  if (low > high) return wrong("ends before it begins; write the smaller end first");
  return SizeRange{.low = low, .high = high};
}

Result<Rate> parse_rate(std::string_view text) {
  static constexpr std::string_view kShape = "is no rate; write 20/s, 600/m or 1/250ms";
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return wrong(std::string{kShape});
  std::string_view head = text.substr(0, slash);
  const std::string_view tail = text.substr(slash + 1);
  const std::optional<Decimal> count = take_decimal(head);
  if (!count || !head.empty() || count->divisor != 1 || tail.empty()) return wrong(std::string{kShape});
  if (count->digits == 0) return wrong("is no load at all; a rate is 1 or more");
  const std::string per_text = is_digit(tail.front()) ? std::string{tail} : "1" + std::string{tail};
  const Result<Duration> per = parse_duration(per_text);
  if (!per || *per == Duration::zero()) return wrong(std::string{kShape});
  if (count->digits > static_cast<std::uint64_t>(per->count())) return wrong("is more than one event in a nanosecond");
  return Rate{.count = count->digits, .per = *per};
}

Result<Bytes> parse_bandwidth(std::string_view text) {
  static constexpr std::string_view kExample = "64KiB/s or 10MiB/s";
  if (!text.ends_with("/s")) return wrong("is no bandwidth; write " + std::string{kExample});
  WT_TRY(const Bytes per_second, parse_bytes(text.substr(0, text.size() - 2), kExample));
  if (per_second.value == 0) return wrong("carries nothing; cut the link instead");
  return per_second;
}

}  // namespace windtunnel::faults
