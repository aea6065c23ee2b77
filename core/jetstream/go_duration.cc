#include "core/jetstream/go_duration.h"

#include <array>
#include <utility>

namespace windtunnel::core {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 8> kUnits = {{{"ns", 1},
                                                                              {"us", 1'000},
                                                                              {"\xc2\xb5s", 1'000},  // the micro sign
                                                                              {"\xce\xbcs", 1'000},  // the Greek letter mu
                                                                              {"ms", 1'000'000},
                                                                              {"s", 1'000'000'000},
                                                                              {"m", 60'000'000'000},
                                                                              {"h", 3'600'000'000'000}}};
constexpr std::int64_t kMax = INT64_MAX / 16;  // far from an overflow of the sums below

std::string with_fraction(std::int64_t value, std::int64_t unit) {
  std::string out = std::to_string(value / unit);
  std::int64_t rest = value % unit;
  if (rest == 0) return out;
  out += '.';
  for (std::int64_t digit = unit / 10; rest > 0; digit /= 10) {
    out += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return out;
}

}  // namespace

std::optional<Duration> parse_go_duration(std::string_view text) {
  const bool is_negative = text.starts_with("-");
  if (is_negative || text.starts_with("+")) text.remove_prefix(1);
  if (text == "0") return Duration{0};
  if (text.empty()) return std::nullopt;
  std::int64_t sum = 0;
  while (!text.empty()) {
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
    std::int64_t scale = 1;
    bool has_digits = false;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), has_digits = true) {
      if (whole > kMax / 10) return std::nullopt;
      whole = whole * 10 + (text.front() - '0');
    }
    if (text.starts_with(".")) {
      text.remove_prefix(1);
      for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), has_digits = true) {
        if (scale >= 1'000'000'000) continue;  // finer than the units below can show
        fraction = fraction * 10 + (text.front() - '0');
        scale *= 10;
      }
    }
    if (!has_digits) return std::nullopt;
    std::size_t unit_size = 0;
    while (unit_size < text.size() && text[unit_size] != '.' && (text[unit_size] < '0' || text[unit_size] > '9')) ++unit_size;
    std::int64_t unit = 0;
    for (const auto& [name, ns] : kUnits) {
      if (name == text.substr(0, unit_size)) unit = ns;
    }
    if (unit == 0 || whole > kMax / unit) return std::nullopt;
    sum += whole * unit + fraction * (unit / scale) + (unit % scale != 0 ? fraction * (unit % scale) / scale : 0);
    if (sum > kMax) return std::nullopt;
    text.remove_prefix(unit_size);
  }
  return Duration{is_negative ? -sum : sum};
}

std::string go_duration(Duration duration) {
  const std::int64_t ns = duration.count();
  if (ns < 0) return "-" + go_duration(-duration);
  if (ns == 0) return "0s";
  if (ns < 1'000) return std::to_string(ns) + "ns";
  if (ns < 1'000'000) return with_fraction(ns, 1'000) + "\xc2\xb5s";
  if (ns < 1'000'000'000) return with_fraction(ns, 1'000'000) + "ms";
  std::string out;
  const std::int64_t hours = ns / 3'600'000'000'000;
  const std::int64_t minutes = ns / 60'000'000'000 % 60;
  if (hours > 0) out += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) out += std::to_string(minutes) + "m";
  return out + with_fraction(ns % 60'000'000'000, 1'000'000'000) + "s";
}

}  // namespace windtunnel::core
