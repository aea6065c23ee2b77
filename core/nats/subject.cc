#include "core/nats/subject.h"

#include <algorithm>

namespace windtunnel::core {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

}  // namespace

bool is_valid_subject(std::string_view subject) {
  std::size_t begin = 0;  // of the token
  bool has_full_wildcard = false;
  for (std::size_t at = 0; at <= subject.size(); ++at) {
    if (at < subject.size() && subject[at] > '.') continue;  // as most are
    if (at < subject.size() && subject[at] != '.') {
      if (is_blank(subject[at])) return false;
      continue;
    }
    if (at == begin || has_full_wildcard) return false;
    has_full_wildcard = at - begin == 1 && subject[begin] == '>';
    begin = at + 1;
  }
  return true;
}

bool is_valid_literal(std::string_view subject) {
  char before = '.';
  for (std::size_t at = 0; at < subject.size(); ++at) {
    const char c = subject[at];
    if (c > '>') {  // as most are
      before = c;
      continue;
    }
    if (is_blank(c) || (c == '.' && before == '.')) return false;
    const bool is_token = before == '.' && (at + 1 == subject.size() || subject[at + 1] == '.');
    if ((c == '*' || c == '>') && is_token) return false;
    before = c;
  }
  return before != '.';
}

bool has_wildcard(std::string_view subject) {
  for (const char wildcard : {'*', '>'}) {
    for (std::size_t at = subject.find(wildcard); at != std::string_view::npos; at = subject.find(wildcard, at + 1)) {
      const bool is_token = (at == 0 || subject[at - 1] == '.') && (at + 1 == subject.size() || subject[at + 1] == '.');
      if (is_token) return true;
    }
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

// Character by character: most answers are no, and come with the first token.
bool matches(std::string_view literal, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t want = 0;
  for (;;) {  // at the beginning of a token in both
    const bool is_one_character = want < pattern.size() && (want + 1 == pattern.size() || pattern[want + 1] == '.');
    if (is_one_character && pattern[want] == '>') return true;
    if (is_one_character && pattern[want] == '*') {
      ++want;
      while (at < literal.size() && literal[at] != '.') ++at;
    } else {
      for (; want < pattern.size() && pattern[want] != '.'; ++at, ++want) {
        if (at == literal.size() || literal[at] != pattern[want]) return false;
      }
    }
    if (want == pattern.size()) return at == literal.size();
    if (at == literal.size() || literal[at] != '.') return false;
    ++at;
    ++want;
  }
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
