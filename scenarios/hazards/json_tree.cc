#include "scenarios/hazards/json_tree.h"

#include <algorithm>
#include <set>

#include "scenarios/language/nearest.h"
#include "scenarios/language/text_check.h"

namespace windtunnel::scenarios {
namespace {

// What stands in a file of ten bytes a node at most; more are no NATS material, and a tree is larger than its text.
constexpr std::size_t kNodesMax = 1'000'000;

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  // Whether the text was JSON; if not, problem() says why.
  bool parse(std::vector<YamlTree>& out) {
    if (text_.size() > kJsonMax.value) return fail("the file is larger than 16 MiB");
    if (is_utf16(text_)) return fail(std::string{kUtf16});
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    skip_space();
    if (at_ == text_.size()) return fail("the file is empty; give what `nats stream info --json` prints");
    while (at_ < text_.size()) {
      out.emplace_back();
      if (!value(out.back(), 0)) return false;
      skip_space();
    }
    return true;
  }
  [[nodiscard]] const Diagnostic& problem() const { return problem_; }

 private:
  bool fail(std::string message) {
    problem_ = {place(), std::move(message)};
    return false;
  }

  [[nodiscard]] SourcePosition place() const { return {file_, line_, column_}; }
  [[nodiscard]] bool is_at(char c) const { return at_ < text_.size() && text_[at_] == c; }

  // A byte of a line; the bytes behind the first of a character count nothing.
  void step() {
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    if (byte == '\n') {
      ++line_;
      column_ = 1;
    } else if ((byte & 0xc0) != 0x80) {
      ++column_;
    }
  }

  void skip_space() {
    while (is_at(' ') || is_at('\n') || is_at('\r') || is_at('\t')) step();
  }

  bool value(YamlTree& out, std::size_t depth) {
    if (depth > kJsonDepthMax) return fail("nested deeper than " + std::to_string(kJsonDepthMax) + " levels");
    if (++nodes_ > kNodesMax) return fail("more than " + std::to_string(kNodesMax) + " values; no server has that many streams");
    out.where = place();
    if (is_at('{')) return object(out, depth);
    if (is_at('[')) return list(out, depth);
    out.kind = YamlTree::Kind::scalar;
    if (is_at('"')) {
      out.scalar_kind = ScalarKind::text;
      return text(out.text);
    }
    return word(out);
  }

  bool object(YamlTree& out, std::size_t depth) {
    out.kind = YamlTree::Kind::map;
    std::set<std::string, std::less<>> keys;
    step();
    skip_space();
    if (is_at('}')) return step(), true;
    while (true) {
      skip_space();
      if (!is_at('"')) return fail("a key in double quotes is missing here");
      YamlTree::Entry entry;
      entry.where = place();
      if (!text(entry.key)) return false;
      if (!keys.insert(entry.key).second) {
        problem_ = {entry.where, "the key " + quoted(entry.key) + " stands here twice"};
        return false;
      }
      skip_space();
      if (!is_at(':')) return fail("a `:` is missing behind the key " + quoted(entry.key));
      step();
      skip_space();
      if (!value(entry.value, depth + 1)) return false;
      out.entries.push_back(std::move(entry));
      skip_space();
      if (is_at('}')) return step(), true;
      if (!is_at(',')) return fail("a `,` or `}` is missing here");
      step();
    }
  }

  bool list(YamlTree& out, std::size_t depth) {
    out.kind = YamlTree::Kind::list;
    step();
    skip_space();
    if (is_at(']')) return step(), true;
    while (true) {
      skip_space();
      out.items.emplace_back();
      if (!value(out.items.back(), depth + 1)) return false;
      skip_space();
      if (is_at(']')) return step(), true;
      if (!is_at(',')) return fail("a `,` or `]` is missing here");
      step();
    }
  }

  // true, false, null or a number.
  bool word(YamlTree& out) {
    const std::size_t begin = at_;
    const SourcePosition where = place();
    while (at_ < text_.size() && std::string_view{" \n\r\t,:]}[{\""}.find(text_[at_]) == std::string_view::npos) step();
    const std::string_view found = text_.substr(begin, at_ - begin);
    out.text = found.substr(0, 400);  // longer ones are no number that fits
    out.scalar_kind = plain_kind(found);
    const bool is_word = found == "true" || found == "false" || found == "null";
    const bool is_number = !found.empty() && (found[0] == '-' || (found[0] >= '0' && found[0] <= '9')) &&
                           found.find_first_not_of("0123456789+-.eE") == std::string_view::npos &&
                           (out.scalar_kind == ScalarKind::integer || out.scalar_kind == ScalarKind::number);
    if (is_word || is_number) return true;
    const std::string_view shown = text_.substr(begin, found.empty() ? 1 : found.size());
    const bool is_ascii = std::all_of(shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    problem_ = {where, at_ == text_.size() && found.empty() ? "the file ends where a value should be"
                       : is_ascii                           ? "this is no JSON: " + quoted(shown)
                                                            : "this is no JSON: bytes that are no ASCII stand here outside of a text"};
    return false;
  }

  bool text(std::string& out) {
    const SourcePosition begin = place();
    step();
    while (at_ < text_.size()) {
      const auto byte = static_cast<unsigned char>(text_[at_]);
      if (byte == '"') return step(), true;
      if (byte < 0x20) return fail("a control character stands in a text");
      if (byte == '\\') {
        if (!escape(out)) return false;
        continue;
      }
      const std::size_t size = utf8_length();
      if (size == 0) return fail("the file is no UTF-8 text");
      out.append(text_.substr(at_, size));
      for (std::size_t i = 0; i < size; ++i) step();
    }
    problem_ = {begin, "a quoted text has no end: its closing quote is missing"};
    return false;
  }

  [[nodiscard]] std::size_t utf8_length() const {
    const auto lead = static_cast<unsigned char>(text_[at_]);
    if (lead < 0x80) return 1;
    const std::size_t size = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
    if (size == 0 || at_ + size > text_.size()) return 0;
    for (std::size_t i = 1; i < size; ++i) {
      if ((static_cast<unsigned char>(text_[at_ + i]) & 0xc0) != 0x80) return 0;
    }
    return size;
  }

  bool escape(std::string& out) {
    static constexpr std::string_view kMarks = "\"\\/bfnrt";
    static constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (at_ + 1 >= text_.size()) return fail("a `\\` ends the file");
    const char mark = text_[at_ + 1];
    if (const std::size_t known = kMarks.find(mark); known != std::string_view::npos) {
      out += kMeant[known];
      step();
      step();
      return true;
    }
    if (mark != 'u') return fail("`\\" + std::string{mark >= ' ' && mark < 127 ? mark : '?'} + "` is no escape in JSON");
    std::uint32_t code = 0;
    if (!unit(code)) return false;
    if (code >= 0xd800 && code < 0xdc00 && is_at('\\') && at_ + 1 < text_.size() && text_[at_ + 1] == 'u') {
      std::uint32_t low = 0;
      if (!unit(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return fail("half a surrogate pair stands here");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code <= 0xdfff) {
      return fail("half a surrogate pair stands here");
    }
    append_utf8(out, code);
    return true;
  }

  // \uXXXX, at the backslash.
  bool unit(std::uint32_t& out) {
    if (at_ + 6 > text_.size()) return fail("`\\u` needs four digits");
    out = 0;
    for (std::size_t i = 2; i < 6; ++i) {
      const char c = text_[at_ + i];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return fail("`\\u` needs four digits");
      out = out * 16 + static_cast<std::uint32_t>(digit);
    }
    for (int i = 0; i < 6; ++i) step();
    return true;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto add = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xc0 | code >> 6);
      add(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      add(0xe0 | code >> 12);
      add(0x80 | (code >> 6 & 0x3f));
      add(0x80 | (code & 0x3f));
    } else {
      add(0xf0 | code >> 18);
      add(0x80 | (code >> 12 & 0x3f));
      add(0x80 | (code >> 6 & 0x3f));
      add(0x80 | (code & 0x3f));
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
  unsigned column_ = 1;
  std::size_t nodes_ = 0;
  Diagnostic problem_;
};

}  // namespace

std::vector<YamlTree> parse_json(std::string_view text, const std::string& file, Diagnostics& diagnostics) {
  Parser parser{text, file};
  std::vector<YamlTree> out;
  if (parser.parse(out)) return out;
  diagnostics.add(parser.problem().where, parser.problem().message);
  return {};
}

}  // namespace windtunnel::scenarios
