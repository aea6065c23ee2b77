#include "tests/layering/source_tree.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace windtunnel::tests {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

bool is_left_out(const fs::path& relative) {
  const std::string name = relative.filename().string();
  if (relative == ".git" || relative == "tests/fixtures/stores") return true;
  return relative.parent_path().empty() && name.starts_with("build");
}

enum class In { code, line_comment, block_comment, string, character, raw_string };

// Walks over C++ text and knows at each character what it belongs to.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), code_(text) {}

  std::string run() {
    for (; at_ < text_.size(); ++at_) step();
    return std::move(code_);
  }

 private:
  void step() {
    switch (in_) {
      case In::code: return step_code();
      case In::line_comment:
        if (text_[at_] == '\n') in_ = In::code;
        return blank(1);
      case In::block_comment: return step_to_end("*/");
      case In::raw_string: return step_to_end(raw_end_);
      case In::string: return step_literal('"');
      case In::character: return step_literal('\'');
    }
  }

  void step_code() {
    if (follows("//")) {
      in_ = In::line_comment;
      blank(1);
    } else if (follows("/*")) {
      in_ = In::block_comment;
      blank(2);
      ++at_;
    } else if (follows("R\"") && !is_word_before()) {
      const std::size_t open = text_.find('(', at_);
      raw_end_ = ")";
      if (open != std::string_view::npos) raw_end_ += text_.substr(at_ + 2, open - at_ - 2);
      raw_end_ += '"';
      in_ = In::raw_string;
      ++at_;
    } else if (text_[at_] == '"') {
      in_ = In::string;
    } else if (text_[at_] == '\'' && !is_word_before()) {  // after a digit it separates: 1'000
      in_ = In::character;
    }
  }

  void step_to_end(std::string_view end) {
    if (!follows(end)) return blank(1);
    const std::size_t size = end.size();
    blank(size);
    at_ += size - 1;
    in_ = In::code;
  }

  void step_literal(char quote) {
    if (text_[at_] == '\\') {
      blank(2);
      ++at_;
    } else if (text_[at_] == quote || text_[at_] == '\n') {
      in_ = In::code;
    } else {
      blank(1);
    }
  }

  [[nodiscard]] bool follows(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  [[nodiscard]] bool is_word_before() const {
    return at_ > 0 && (std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0 || text_[at_ - 1] == '_');
  }
  void blank(std::size_t count) {
    for (std::size_t i = at_; i < std::min(at_ + count, code_.size()); ++i) {
      if (code_[i] != '\n') code_[i] = ' ';
    }
  }

  std::string_view text_;
  std::string code_;
  std::size_t at_ = 0;
  In in_ = In::code;
  std::string raw_end_;
};

}  // namespace

SourceTree read_source_tree(const std::string& root) {
  SourceTree tree;
  for (auto it = fs::recursive_directory_iterator{root}; it != fs::recursive_directory_iterator{}; ++it) {
    const fs::path relative = it->path().lexically_relative(root);
    if (is_left_out(relative)) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file()) {
      SourceFile file{relative.generic_string(), read_file(it->path())};
      if (file.text.find('\0') == std::string::npos) tree.push_back(std::move(file));
    }
  }
  std::sort(tree.begin(), tree.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return tree;
}

const SourceTree& this_source_tree() {
  static const SourceTree tree = [] {
    const char* root = std::getenv("WINDTUNNEL_SOURCE_ROOT");
    return root == nullptr ? SourceTree{} : read_source_tree(root);
  }();
  return tree;
}

std::string code_only(std::string_view cpp) { return Scanner{cpp}.run(); }

int line_of(std::string_view text, std::size_t position) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
}

std::string to_text(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    text += violation.path + ":" + std::to_string(violation.line) + ": " + violation.what + "\n";
  }
  return text;
}

}  // namespace windtunnel::tests
