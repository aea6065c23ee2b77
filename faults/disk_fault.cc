#include "faults/disk_fault.h"

#include <algorithm>
#include <array>

#include "core/base/assert.h"

namespace windtunnel::faults {
namespace {

constexpr std::array<std::string_view, 5> kPicks = {"random", "first", "middle", "last", "all"};
constexpr std::array<std::string_view, 5> kErrors = {"EIO", "ENOSPC", "EROFS", "EACCES", "EMFILE"};
constexpr std::array<std::string_view, 2> kVersions = {"by_age", "previous_sync"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return text.substr(at, end - at);
}

// By bytes, but runs of digits by their value. A total order: equal values of different lengths go by length.
bool comes_before(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      std::string_view x = digits_at(a, i);
      std::string_view y = digits_at(b, j);
      i += x.size();
      j += y.size();
      while (x.size() > 1 && x[0] == '0') x.remove_prefix(1);
      while (y.size() > 1 && y[0] == '0') y.remove_prefix(1);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (a[i] != b[j]) return a[i] < b[j];
    ++i;
    ++j;
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;
}

}  // namespace

bool FileChoice::matches(std::string_view path) const {
  if (!path_matches(glob, path)) return false;
  if (stream.empty()) return true;
  return path.find("/streams/" + stream + "/") != std::string_view::npos;
}

std::vector<std::string> choose(const FileChoice& choice, const std::vector<std::string>& files, core::Random& random) {
  std::vector<std::string> found;
  for (const std::string& path : files) {
    if (choice.matches(path)) found.push_back(path);
  }
  std::sort(found.begin(), found.end(), comes_before);
  if (found.empty() || choice.pick == Pick::all) return found;
  std::size_t index = 0;
  switch (choice.pick) {
    case Pick::random: index = found.size() == 1 ? 0 : static_cast<std::size_t>(random.below(found.size())); break;
    case Pick::first: index = 0; break;
    case Pick::middle: index = found.size() / 2; break;
    case Pick::last: index = found.size() - 1; break;
    case Pick::all: break;
  }
  return {found[index]};
}

std::optional<FileChoice> parse_file_role(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = text.substr(0, space);
  const std::string_view suffix = text.substr(space + 1);
  if (suffix.empty() || suffix.find_first_of(" /*") != std::string_view::npos) return std::nullopt;
  FileChoice out;
  if (word == "newest") {
    out.pick = Pick::last;
  } else {
    const auto found = std::find(kPicks.begin(), kPicks.end(), word);
    if (found == kPicks.end()) return std::nullopt;
    out.pick = static_cast<Pick>(found - kPicks.begin());
  }
  // ".blk" is every file that ends so; "o.dat" is a name.
  out.glob = (suffix.starts_with('.') ? "*" : "") + std::string{suffix};
  return out;
}

std::string_view name_of(Pick pick) { return kPicks[static_cast<std::size_t>(pick)]; }
std::string_view name_of(DiskErrorCode error) { return kErrors[static_cast<std::size_t>(error)]; }
std::string_view name_of(StaleVersion version) { return kVersions[static_cast<std::size_t>(version)]; }
std::span<const std::string_view> pick_names() { return kPicks; }
std::span<const std::string_view> disk_error_names() { return kErrors; }

}  // namespace windtunnel::faults
