#include "core/jetstream/go_json.h"

#include <array>
#include <cstdio>

namespace windtunnel::core {
namespace {

constexpr std::string_view kTooShort = "unexpected end of JSON input";
constexpr int kDepthMax = 100;  // Go has 10,000; a task's stack is small

// Reads one value after the other; the first thing that is wrong stays in error_.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::optional<std::string> run() {
    if (value(0)) {
      skip_space();
      if (!rest_.empty()) fail("after top-level value");
    }
    if (error_.empty()) return std::nullopt;
    return error_;
  }

 private:
  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\r' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool is_next(char c) const { return !rest_.empty() && rest_.front() == c; }

  // The next character is not what may stand here; or there is none.
  bool fail(std::string_view where) {
    if (rest_.empty()) {
      error_ = kTooShort;
      return false;
    }
    return fail_within(where);
  }
  // The same where the text must go on: at its end Go tries a blank, and complains of that.
  bool fail_within(std::string_view where) {
    error_ = "invalid character " + quoted(rest_.empty() ? ' ' : rest_.front()) + " " + std::string(where);
    return false;
  }
  static std::string quoted(char c) {
    if (c == '\'') return "'\\''";
    if (c == '"') return "'\"'";
    switch (c) {
      case '\n': return "'\\n'";
      case '\r': return "'\\r'";
      case '\t': return "'\\t'";
      case '\\': return "'\\\\'";
      default: break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) return std::string("'") + c + "'";
    std::array<char, 8> text;
    std::snprintf(text.data(), text.size(), "'\\x%02x'", byte);
    if (byte < 0x80) return text.data();
    // Go takes the byte for the character of that number and prints it as such.
    std::string out = "'";
    out += static_cast<char>(0xc0 | byte >> 6);
    out += static_cast<char>(0x80 | (byte & 0x3f));
    return out + "'";
  }

  bool value(int depth) {
    skip_space();
    if (depth > kDepthMax) {
      error_ = "exceeded max depth";
      return false;
    }
    if (rest_.empty()) return fail("looking for beginning of value");
    switch (rest_.front()) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': return string();
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return number();
    }
  }

  bool object(int depth) {
    take();
    skip_space();
    if (is_next('}')) return take(), true;
    for (;;) {
      skip_space();
      if (!is_next('"')) return fail("looking for beginning of object key string");
      if (!string()) return false;
      skip_space();
      if (!is_next(':')) return fail("after object key");
      take();
      if (!value(depth + 1)) return false;
      skip_space();
      if (is_next('}')) return take(), true;
      if (!is_next(',')) return fail("after object key:value pair");
      take();
    }
  }

  bool array(int depth) {
    take();
    skip_space();
    if (is_next(']')) return take(), true;
    for (;;) {
      if (!value(depth + 1)) return false;
      skip_space();
      if (is_next(']')) return take(), true;
      if (!is_next(',')) return fail("after array element");
      take();
    }
  }

  bool string() {
    take();
    for (;;) {
      if (rest_.empty() || static_cast<unsigned char>(rest_.front()) < 0x20) return fail("in string literal");
      const char c = take();
      if (c == '"') return true;
      if (c != '\\') continue;
      if (rest_.empty() || std::string_view("bfnrt\\/\"u").find(rest_.front()) == std::string_view::npos)
        return fail_within("in string escape code");
      if (take() != 'u') continue;
      for (int i = 0; i < 4; ++i) {
        if (rest_.empty() || !is_hex(rest_.front())) return fail_within("in \\u hexadecimal character escape");
        take();
      }
    }
  }
  static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

  bool literal(std::string_view word) {
    take();
    for (const char c : word.substr(1)) {
      if (!is_next(c)) return fail_within("in literal " + std::string(word) + " (expecting '" + c + "')");
      take();
    }
    return true;
  }

  bool digits(std::string_view where) {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return fail_within(where);
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') take();
    return true;
  }
  bool number() {
    const bool is_negative = is_next('-');
    if (is_negative) take();
    if (is_next('0')) {
      take();
    } else if (!digits(is_negative ? "in numeric literal" : "looking for beginning of value")) {
      return false;
    }
    if (is_next('.')) {
      take();
      if (!digits("after decimal point in numeric literal")) return false;
    }
    if (is_next('e') || is_next('E')) {
      take();
      if (is_next('+') || is_next('-')) take();
      if (!digits("in exponent of numeric literal")) return false;
    }
    return true;
  }

  std::string_view rest_;
  std::string error_;
};

}  // namespace

std::optional<std::string> go_json_error(std::string_view text) { return Scanner{text}.run(); }

}  // namespace windtunnel::core
