#include "scenarios/language/text_check.h"

#include <algorithm>

#include "scenarios/language/yaml_tree.h"

namespace windtunnel::scenarios {
namespace {

constexpr std::size_t kLineMax = 64 * 1024;
// Brackets that are open at once. Far above kDepthMax, for brackets in text and comments count
// here too: it only has to keep the parser's own work small.
constexpr std::size_t kOpenMax = 512;

// The length of the UTF-8 sequence at `at`, or 0 if there is none.
std::size_t utf8_length(std::string_view s, std::size_t at) {
  const auto lead = static_cast<unsigned char>(s[at]);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
  if (size == 0 || at + size > s.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(s[at + i]) & 0xc0) != 0x80) return 0;
  }
  return size;
}

std::string hex(unsigned char byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

bool is_utf16(std::string_view text) {
  // With its mark, or without one: of the first two characters, which are ASCII, one byte each is zero.
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
  if (text.size() < 4) return false;
  const auto is_zero = [&text](std::size_t at) { return text[at] == '\0'; };
  return (is_zero(0) && !is_zero(1) && is_zero(2) && !is_zero(3)) || (!is_zero(0) && is_zero(1) && !is_zero(2) && is_zero(3));
}

std::optional<Diagnostic> check_text(std::string_view text, const std::string& file) {
  SourcePosition here{file, 1, 1};
  const auto problem = [&here](std::string message) { return Diagnostic{here, std::move(message)}; };
  if (text.size() > kFileMax.value) {
    return problem("the file is larger than 1 MiB; no scenario needs that much");
  }
  if (is_utf16(text)) return problem(std::string{kUtf16});
  bool is_indent = true;  // nothing but spaces so far in this line
  bool is_blank = true;   // nothing at all but spaces in the file
  std::size_t open = 0;
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  for (std::size_t line_start = at; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n') {
      ++here.line;
      here.column = 1;
      is_indent = true;
      line_start = ++at;
      continue;
    }
    if (byte == '\t' && is_indent) return problem("a tab stands in the indentation; indent with spaces");
    if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f)
      return problem("the file is no text: the byte " + hex(byte) + " stands here");
    const std::size_t size = utf8_length(text, at);
    if (size == 0) return problem("the file is no UTF-8 text: the byte " + hex(byte) + " stands here");
    if (at - line_start >= kLineMax) return problem("the line is longer than 64 KiB; no scenario needs that much");
    if (byte == '[' || byte == '{') ++open;
    if ((byte == ']' || byte == '}') && open > 0) --open;
    if (open > kOpenMax) return problem("nested deeper than " + std::to_string(kDepthMax) + " levels; no scenario needs that many");
    if (byte != ' ') is_indent = false;
    if (byte != ' ' && byte != '\r') is_blank = false;
    at += size;
    ++here.column;
  }
  if (is_blank) return Diagnostic{{file, 1, 1}, "the file is empty; a scenario begins with `scenario: NAME`"};
  return std::nullopt;
}

}  // namespace windtunnel::scenarios
