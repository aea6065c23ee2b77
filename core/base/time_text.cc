#include "core/base/time_text.h"

#include <chrono>

namespace windtunnel::core {
namespace {

// Takes exactly `width` digits off the front.
bool take_digits(std::string_view& text, std::size_t width, std::int64_t& out) {
  if (text.size() < width) return false;
  out = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return true;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') || !take_digits(text, 2, day) ||
      !take(text, 'T') || !take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute) || !take(text, ':') ||
      !take_digits(text, 2, second)) {
    return std::nullopt;
  }
  std::int64_t ns = 0;
  if (take(text, '.')) {
    std::int64_t unit = 100'000'000;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10)
      ns += unit * (text.front() - '0');
  }
  std::int64_t offset_minutes = 0;
  if (!take(text, 'Z')) {
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    const std::int64_t sign = text.front() == '+' ? 1 : -1;
    text.remove_prefix(1);
    std::int64_t h = 0, m = 0;
    if (!take_digits(text, 2, h) || !take(text, ':') || !take_digits(text, 2, m) || h > 23 || m > 59) return std::nullopt;
    offset_minutes = sign * (h * 60 + m);
  }
  if (!text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  // What does not fit into 64 bits of nanoseconds (before 1678, after 2261), Go's zero time among it, is no time to us.
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + hour * 3'600 + minute * 60 + second - offset_minutes * 60;
  if (seconds > INT64_MAX / 1'000'000'000 - 1 || seconds < INT64_MIN / 1'000'000'000 + 1) return std::nullopt;
  return WallTime{seconds * 1'000'000'000 + ns};
}

}  // namespace windtunnel::core
