// Subjects: validity, tokens, and how literal subjects and patterns relate (reference: wire 10).
//
// A subject is tokens separated by "."; a pattern may have "*" (exactly one token) and, as its last token, ">" (one or
// more tokens). Inside a longer token both are ordinary characters. Nothing here allocates or suspends.
#pragma once

#include <string_view>

namespace windtunnel::core {

// Whether one may subscribe to it: no empty token, no white space, ">" only as the last token.
[[nodiscard]] bool is_valid_subject(std::string_view subject);
// Whether one may publish to it: valid and without wildcard tokens.
[[nodiscard]] bool is_valid_literal(std::string_view subject);
// Whether it has a wildcard token.
[[nodiscard]] bool has_wildcard(std::string_view subject);

// Walks the tokens of a subject from left to right; "a..b" has an empty one in the middle.
class Tokens {
 public:
  explicit Tokens(std::string_view subject) : rest_(subject) {}
  // False when there is none left; `token` is then unchanged.
  bool next(std::string_view& token) {
    if (is_done_) return false;
    const std::size_t dot = rest_.find('.');
    token = rest_.substr(0, dot);
    is_done_ = dot == std::string_view::npos;
    if (!is_done_) rest_.remove_prefix(dot + 1);
    return true;
  }

 private:
  std::string_view rest_;
  bool is_done_ = false;
};

[[nodiscard]] std::size_t token_count(std::string_view subject);
// The token at `index`, counted from 0; empty if there are not as many.
[[nodiscard]] std::string_view token_at(std::string_view subject, std::size_t index);

// Whether the pattern matches the literal. Wildcard characters in `literal` are ordinary text, as nats-server takes a
// message published to "a.*".
[[nodiscard]] bool matches(std::string_view literal, std::string_view pattern);
// Whether every literal that matches `a` matches `b` too. Requires valid subjects for a meaningful answer.
[[nodiscard]] bool is_subset(std::string_view a, std::string_view b);
// Whether some literal matches both.
[[nodiscard]] bool collide(std::string_view a, std::string_view b);

}  // namespace windtunnel::core
