#include "scenarios/language/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "scenarios/language/nearest.h"
#include "scenarios/language/text_check.h"

namespace windtunnel::scenarios {
namespace {

// Ends a parse from within yaml-cpp's callbacks, which know no other way. Caught in parse_yaml.
struct Refused {
  SourcePosition where;
  std::string message;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(const std::string& file, Diagnostics& diagnostics) : file_(file), diagnostics_(diagnostics) {}

  [[nodiscard]] YamlTree take() { return std::move(root_); }
  [[nodiscard]] bool is_nothing() const { return root_.kind == YamlTree::Kind::scalar && root_.scalar_kind == ScalarKind::null; }
  [[nodiscard]] SourcePosition position(const YAML::Mark& mark) const {
    return {file_, static_cast<unsigned>(std::max(mark.line, 0)) + 1, static_cast<unsigned>(std::max(mark.column, 0)) + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override { root_.where = position(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    leaf(
        {.kind = YamlTree::Kind::scalar, .where = position(mark), .text = {}, .scalar_kind = ScalarKind::null, .items = {}, .entries = {}});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{position(mark), "aliases (`*name`) are not part of the language; write it out"};
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    throw Refused{position(mark), "anchors (`&name`) are not part of the language; write it out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    const bool is_plain = tag == "?";
    if (!is_plain && tag != "!") refuse_tag(mark, tag);
    leaf({.kind = YamlTree::Kind::scalar,
          .where = position(mark),
          .text = value,
          .scalar_kind = is_plain ? plain_kind(value) : ScalarKind::text,
          .items = {},
          .entries = {}});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, tag, YamlTree::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, tag, YamlTree::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map that is being filled.
  struct Level {
    YamlTree tree;
    std::optional<YamlTree::Entry> entry;  // of a map: the key whose value comes next
    std::set<std::string, std::less<>> keys;
  };

  [[noreturn]] void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    throw Refused{position(mark), "tags (" + quoted(tag) + ") are not part of the language; remove it"};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YamlTree::Kind kind) {
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    if (levels_.size() >= kDepthMax) {
      throw Refused{position(mark), "nested deeper than " + std::to_string(kDepthMax) + " levels; no scenario needs that many"};
    }
    refuse_as_key(position(mark));
    levels_.emplace_back();
    levels_.back().tree.kind = kind;
    levels_.back().tree.where = position(mark);
  }

  void close() {
    YamlTree done = std::move(levels_.back().tree);
    levels_.pop_back();
    place(std::move(done));
  }

  void leaf(YamlTree tree) {
    if (levels_.empty() || levels_.back().tree.kind != YamlTree::Kind::map || levels_.back().entry) return place(std::move(tree));
    Level& level = levels_.back();
    if (tree.scalar_kind == ScalarKind::null && tree.text.empty()) throw Refused{tree.where, "a key is missing before `:`"};
    if (!level.keys.insert(tree.text).second) diagnostics_.add(tree.where, "the key " + quoted(tree.text) + " stands here twice");
    level.entry.emplace(YamlTree::Entry{.key = std::move(tree.text), .where = std::move(tree.where), .value = {}});
  }

  void place(YamlTree tree) {
    if (levels_.empty()) {
      root_ = std::move(tree);
      return;
    }
    Level& level = levels_.back();
    if (level.tree.kind == YamlTree::Kind::list) {
      level.tree.items.push_back(std::move(tree));
      return;
    }
    level.entry->value = std::move(tree);
    level.tree.entries.push_back(*std::exchange(level.entry, std::nullopt));
  }

  void refuse_as_key(const SourcePosition& where) const {
    if (levels_.empty() || levels_.back().tree.kind != YamlTree::Kind::map || levels_.back().entry) return;
    throw Refused{where, "a list or map cannot be a key"};
  }

  const std::string& file_;
  Diagnostics& diagnostics_;
  YamlTree root_;
  std::vector<Level> levels_;
};

// yaml-cpp's own words, where they help nobody, in ours.
std::string explain(const std::string& message) {
  if (message.find("unknown token") != std::string::npos)
    return "this is no YAML: a character that cannot begin a value; put the text in quotes";
  if (message.find("document indicator in scalar") != std::string::npos) return "a quoted text has no end: its closing quote is missing";
  if (message.find("tab") != std::string::npos) return "a tab stands here; indent with spaces";
  return "this is no YAML: " + message;
}

}  // namespace

ScalarKind plain_kind(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return ScalarKind::null;
  for (const std::string_view word : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
    if (text == word) return ScalarKind::boolean;
  }
  for (const std::string_view word : {".inf", ".Inf", ".INF", "+.inf", "-.inf", ".nan", ".NaN", ".NAN"}) {
    if (text == word) return ScalarKind::number;
  }
  if (text.size() > 2 && (text.starts_with("0x") || text.starts_with("0o"))) {
    const std::string_view digits = text[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567";
    if (text.find_first_not_of(digits, 2) == std::string_view::npos) return ScalarKind::number;  // not how we write numbers
  }
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const auto skip_digits = [&rest] {
    const std::size_t count = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(count);
    return count;
  };
  const std::size_t whole = skip_digits();
  if (whole > 0 && rest.empty()) return ScalarKind::integer;
  std::size_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = skip_digits();
  }
  if (whole + fraction == 0) return ScalarKind::text;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (skip_digits() == 0) return ScalarKind::text;
  }
  return rest.empty() ? ScalarKind::number : ScalarKind::text;
}

std::optional<YamlTree> parse_yaml(std::string_view text, const std::string& file, Diagnostics& diagnostics) {
  if (std::optional<Diagnostic> problem = check_text(text, file)) {
    diagnostics.add(problem->where, std::move(problem->message));
    return std::nullopt;
  }
  const std::size_t before = diagnostics.count();
  // yaml-cpp takes the end of the file for a closing quote. A document end inside a quoted text is an error to it.
  std::istringstream stream{std::string{text} + "\n...\n"};
  Builder builder{file, diagnostics};
  Builder rest{file, diagnostics};
  try {
    YAML::Parser parser{stream};
    if (!parser.HandleNextDocument(builder) || builder.is_nothing()) {
      diagnostics.add({file, 1, 1}, "the file is empty; a scenario begins with `scenario: NAME`");
      return std::nullopt;
    }
    if (parser.HandleNextDocument(rest)) {
      diagnostics.add(rest.take().where, "a second document (after `---`) stands here; a file holds one scenario");
    }
  } catch (const Refused& refused) {
    diagnostics.add(refused.where, refused.message);
  } catch (const YAML::ParserException& failure) {
    diagnostics.add(builder.position(failure.mark), explain(failure.msg));
  } catch (const YAML::Exception& failure) {
    diagnostics.add(builder.position(failure.mark), explain(failure.msg));
  }
  if (diagnostics.count() != before) return std::nullopt;
  return builder.take();
}

}  // namespace windtunnel::scenarios
