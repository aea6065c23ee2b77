// SourceTree: the repository's files as text, for the tests that hold the source itself to its rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::tests {

struct SourceFile {
  std::string path;  // from the root, with '/': "core/store/msg_block.cc"
  std::string text;

  [[nodiscard]] bool is_header() const { return path.ends_with(".h"); }
  [[nodiscard]] bool is_cpp() const { return is_header() || path.ends_with(".cc"); }
  // Lies in this folder or below it ("core/posix").
  [[nodiscard]] bool is_in(std::string_view folder) const {
    return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
  }
};

using SourceTree = std::vector<SourceFile>;  // by path

struct Violation {
  std::string path;
  int line = 0;  // from 1
  std::string what;

  friend bool operator==(const Violation&, const Violation&) = default;
};

// Every text file below `root` but for build directories and version control. Recorded stores (tests/fixtures/stores) and
// whatever holds a zero byte are data, not text.
[[nodiscard]] SourceTree read_source_tree(const std::string& root);

// The tree that this test was built from: WINDTUNNEL_SOURCE_ROOT, which meson sets.
[[nodiscard]] const SourceTree& this_source_tree();

// C++ text with comments, string and character literals blanked out; positions and lines stay what they are.
[[nodiscard]] std::string code_only(std::string_view cpp);

// The line, from 1, in which `position` lies.
[[nodiscard]] int line_of(std::string_view text, std::size_t position);

// "core/a.cc:12: what", one a line: what a failed check shows.
[[nodiscard]] std::string to_text(const std::vector<Violation>& violations);

}  // namespace windtunnel::tests
