#include "core/nats/subject.h"

#include <algorithm>

namespace windtunnel::core {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool is_wildcard(std::string_view token) { return token == "*" || token == ">"; }

}  // namespace

bool is_valid_subject(std::string_view subject) {
  if (std::any_of(subject.begin(), subject.end(), is_blank)) return false;
  Tokens tokens{subject};
  bool has_full_wildcard = false;
  for (std::string_view token; tokens.next(token);) {
    if (token.empty() || has_full_wildcard) return false;
    has_full_wildcard = token == ">";
  }
  return true;
}

bool is_valid_literal(std::string_view subject) { return is_valid_subject(subject) && !has_wildcard(subject); }

bool has_wildcard(std::string_view subject) {
  Tokens tokens{subject};
  for (std::string_view token; tokens.next(token);) {
    if (is_wildcard(token)) return true;
  }
  return false;
}

std::size_t token_count(std::string_view subject) { return static_cast<std::size_t>(std::count(subject.begin(), subject.end(), '.')) + 1; }

std::string_view token_at(std::string_view subject, std::size_t index) {
  Tokens tokens{subject};
  std::string_view token;
  for (std::size_t i = 0; i <= index; ++i) {
    if (!tokens.next(token)) return {};
  }
  return token;
}

bool matches(std::string_view literal, std::string_view pattern) {
  Tokens subject{literal};
  Tokens wanted{pattern};
  std::string_view token;
  for (std::string_view want; wanted.next(want);) {
    if (!subject.next(token)) return false;
    if (want == ">") return true;
    if (want != "*" && want != token) return false;
  }
  return !subject.next(token);
}

bool is_subset(std::string_view a, std::string_view b) {
  Tokens narrow{a};
  Tokens wide{b};
  std::string_view token;
  for (std::string_view want; wide.next(want);) {
    if (!narrow.next(token)) return false;
    if (want == ">") return true;
    // ">" at this place stands for longer subjects too, which a single token cannot cover.
    if (token == ">") return false;
    if (want != "*" && want != token) return false;
  }
  return !narrow.next(token);
}

bool collide(std::string_view a, std::string_view b) {
  Tokens left{a};
  Tokens right{b};
  std::string_view one;
  std::string_view other;
  for (;;) {
    const bool has_one = left.next(one);
    const bool has_other = right.next(other);
    if (has_one != has_other) return false;
    if (!has_one) return true;
    if (one == ">" || other == ">") return true;
    if (one != "*" && other != "*" && one != other) return false;
  }
}

}  // namespace windtunnel::core
