#include "core/base/profiles.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/base/assert.h"

namespace windtunnel::core {
namespace {

// A line's releases from `first` to `last`, all but those that were never published.
struct Line {
  unsigned minor;
  unsigned first;
  unsigned last;
  std::array<unsigned, 2> missing;
};

constexpr unsigned kNone = 1000;
constexpr std::array kLines = {
    Line{10, 12, 29, {13, 15}},
    Line{11, 0, 17, {13, kNone}},
    Line{12, 0, 12, {kNone, kNone}},
    Line{14, 0, 5, {kNone, kNone}},
};
constexpr std::string_view kPrefix = "nats-";

std::vector<Release> all_releases() {
  std::vector<Release> out;
  for (const Line& line : kLines) {
    for (unsigned patch = line.first; patch <= line.last; ++patch) {
      if (std::find(line.missing.begin(), line.missing.end(), patch) == line.missing.end()) out.push_back({2, line.minor, patch});
    }
  }
  return out;
}

// The part of `text` up to the next `separator`, which goes with it.
std::string_view take(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + separator.size());
  return part;
}

Release bound(std::string_view text) {
  const std::optional<Release> release = parse_release(text);
  WT_ASSERT(release.has_value());
  return *release;
}

}  // namespace

std::optional<Release> parse_release(std::string_view text) {
  std::array<unsigned, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = i + 1 < parts.size() ? take(text, ".") : text;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), parts[i]);
    if (failure != std::errc{} || end != part.data() + part.size()) return std::nullopt;
  }
  return Release{parts[0], parts[1], parts[2]};
}

std::string to_text(const Release& release) {
  return std::to_string(release.major) + "." + std::to_string(release.minor) + "." + std::to_string(release.patch);
}

std::span<const Release> profiled_releases() {
  static const std::vector<Release> kReleases = all_releases();
  return kReleases;
}

std::optional<Release> profile_named(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const std::optional<Release> release = parse_release(name.substr(kPrefix.size()));
  const std::span<const Release> all = profiled_releases();
  if (!release || profile_name(*release) != name || std::find(all.begin(), all.end(), *release) == all.end()) return std::nullopt;
  return release;
}

std::string profile_name(const Release& release) { return std::string{kPrefix} + to_text(release); }

bool is_affected(std::string_view ranges, const Release& release) {
  while (!ranges.empty()) {
    const std::string_view range = take(ranges, ", ");
    const std::size_t dots = range.find("..");
    const std::string_view first = range.substr(0, dots);
    const std::string_view last = dots == std::string_view::npos ? first : range.substr(dots + 2);
    if ((first.empty() || bound(first) <= release) && (last.empty() || release <= bound(last))) return true;
  }
  return false;
}

Defects defects_of(const Release& release) {
  Defects out;
  for (const DefectInfo& info : all_defects()) {
    if (is_affected(info.affected, release)) out.set(info.defect);
  }
  return out;
}

}  // namespace windtunnel::core
