#include "sim/survivors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "sim/disk_tree.h"

namespace windtunnel::sim {
namespace {

using How = Survivors::How;

struct Word {
  How how;
  std::string_view word;
  bool has_number;
};
constexpr std::array kWords = {
    Word{How::kill, "kill", false}, Word{How::none, "none", false},      Word{How::all, "all", false},
    Word{How::only, "only", true},  Word{How::without, "without", true}, Word{How::torn, "torn", true},
    Word{How::hole, "hole", true},  Word{How::sizes, "sizes", false},    Word{How::prefix, "prefix", true},
};

}  // namespace

std::string to_text(const Survivors& survivors) {
  const Word& word = kWords[static_cast<std::size_t>(survivors.how)];
  return std::string{word.word} + (word.has_number ? ":" + std::to_string(survivors.which) : "");
}

core::Result<Survivors> parse_survivors(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  for (const Word& word : kWords) {
    if (word.word != name || word.has_number != (colon != std::string_view::npos)) continue;
    Survivors out{word.how, 0};
    if (!word.has_number) return out;
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), out.which);
    if (failure == std::errc{} && end == digits.data() + digits.size()) return out;
  }
  return core::error(core::Errc::invalid_argument,
                     "`" + std::string{text} +
                         "` is no way to leave a disk; there are kill, none, all, sizes, only:N, without:N, torn:N, hole:N and prefix:N");
}

std::vector<Survivors> ways_to_leave(const DiskTree& disk, std::uint64_t earlier, std::size_t sectors_max, std::uint64_t& left_out) {
  const std::vector<VolatileUnit> units = disk.volatile_units();
  std::vector<Survivors> out = {{How::kill, 0}, {How::none, 0}, {How::all, 0}};
  if (units.empty()) return out;
  out.push_back({How::sizes, 0});
  for (std::uint64_t back = 1; back <= std::min(earlier, kPrefixMax); ++back) out.push_back({How::prefix, back});
  std::map<std::string_view, std::size_t> sectors;  // volatile ones, a file
  for (const VolatileUnit& unit : units) sectors[unit.path] += unit.kind == VolatileUnit::Kind::sector ? 1 : 0;
  std::map<std::string_view, std::size_t> seen;
  for (std::uint64_t i = 0; i < units.size(); ++i) {
    const VolatileUnit& unit = units[i];
    if (unit.kind == VolatileUnit::Kind::sector) {
      const std::size_t at = seen[unit.path]++;
      if (at >= sectors_max / 2 && at + sectors_max / 2 < sectors[unit.path]) {
        left_out += 4;
        continue;
      }
      out.push_back({How::torn, i});
      out.push_back({How::hole, i});
    }
    out.push_back({How::only, i});
    out.push_back({How::without, i});
  }
  return out;
}

}  // namespace windtunnel::sim
