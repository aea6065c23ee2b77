// Matching subjects with filters, as far as a store needs it.
#pragma once

#include <string_view>

namespace windtunnel::core {

[[nodiscard]] inline bool is_literal_subject(std::string_view filter) {
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = filter.find('.', start);
    const std::string_view token = filter.substr(start, dot == std::string_view::npos ? dot : dot - start);
    if (token == "*" || token == ">") return false;
    if (dot == std::string_view::npos) return true;
    start = dot + 1;
  }
}

// What every subject that matches begins with: the tokens ahead of the first wildcard, each with its dot.
[[nodiscard]] inline std::string_view literal_prefix(std::string_view filter) {
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = filter.find('.', start);
    const std::string_view token = filter.substr(start, dot == std::string_view::npos ? dot : dot - start);
    if (token == "*" || token == ">") return filter.substr(0, start);
    if (dot == std::string_view::npos) return filter;
    start = dot + 1;
  }
}

// Whether the literal `subject` matches `filter`. An empty filter matches everything.
[[nodiscard]] inline bool subject_matches(std::string_view filter, std::string_view subject) {
  if (filter.empty()) return true;
  while (true) {
    const std::size_t filter_dot = filter.find('.');
    const std::size_t subject_dot = subject.find('.');
    const std::string_view want = filter.substr(0, filter_dot);
    if (want == ">" && filter_dot == std::string_view::npos) return !subject.empty();
    if (want != "*" && want != subject.substr(0, subject_dot)) return false;
    if (filter_dot == std::string_view::npos || subject_dot == std::string_view::npos) return filter_dot == subject_dot;
    filter.remove_prefix(filter_dot + 1);
    subject.remove_prefix(subject_dot + 1);
  }
}

}  // namespace windtunnel::core
