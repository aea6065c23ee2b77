#include "sim/disk_path.h"

#include <cstddef>

namespace windtunnel::sim {
namespace {

// Iterative, with one place to come back to for each kind of star: a pattern comes from a user and may be long.
bool matches_whole(std::string_view pattern, std::string_view path) {
  constexpr std::size_t kNone = std::string_view::npos;
  struct Resume {
    std::size_t pattern = kNone;
    std::size_t path = 0;
  };
  Resume star;       // behind the last "*"
  Resume deep_star;  // behind the last "**"
  std::size_t p = 0;
  std::size_t i = 0;
  for (;;) {
    if (pattern.substr(p, 2) == "**") {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      deep_star = {p, i};
      star = {};
      continue;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star = {++p, i};
      continue;
    }
    if (i == path.size() && p == pattern.size()) return true;
    if (i < path.size() && p < pattern.size() && (pattern[p] == path[i] || (pattern[p] == '?' && path[i] != '/'))) {
      ++p;
      ++i;
      continue;
    }
    if (star.pattern != kNone && star.path < path.size() && path[star.path] != '/') {
      i = ++star.path;
      p = star.pattern;
      continue;
    }
    if (deep_star.pattern != kNone && deep_star.path < path.size()) {
      star = {};
      i = ++deep_star.path;
      p = deep_star.pattern;
      continue;
    }
    return false;
  }
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view path) {
  for (;;) {
    if (matches_whole(pattern, path)) return true;
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace windtunnel::sim
