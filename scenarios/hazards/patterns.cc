#include "scenarios/hazards/patterns.h"

#include "core/nats/subject.h"

namespace windtunnel::scenarios {

std::optional<std::string> intersection(std::string_view a, std::string_view b) {
  std::string out;
  core::Tokens left{a};
  core::Tokens right{b};
  std::string_view x;
  std::string_view y;
  bool has_left = left.next(x);
  bool has_right = right.next(y);
  const auto add = [&out](std::string_view token) {
    if (!out.empty()) out += '.';
    out += token;
  };
  while (has_left && has_right) {
    if (x == ">" || y == ">") {
      // What is left of the other, which is at least one token.
      const bool is_left_open = x == ">";
      core::Tokens& rest = is_left_open ? right : left;
      std::string_view token = is_left_open ? y : x;
      do add(token);
      while (rest.next(token));
      return out;
    }
    if (x != y && x != "*" && y != "*") return std::nullopt;
    add(x == "*" ? y : x);
    has_left = left.next(x);
    has_right = right.next(y);
  }
  if (has_left || has_right) return std::nullopt;
  return out;
}

std::string pattern_of_destination(std::string_view destination) {
  std::string out;
  core::Tokens tokens{destination};
  std::string_view token;
  while (tokens.next(token)) {
    const bool is_function = token.starts_with("{{");
    // A function that makes several tokens, or text that a dot in its arguments has cut: anything may follow.
    if (is_function &&
        (!token.ends_with("}}") || token.find("plit") != std::string_view::npos || token.find("lice") != std::string_view::npos))
      return out.empty() ? ">" : out + ".>";
    const bool is_number = token.size() > 1 && token.starts_with('$') && token.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (!out.empty()) out += '.';
    out += is_function || is_number ? std::string_view{"*"} : token;
  }
  return core::is_valid_subject(out) ? out : ">";
}

}  // namespace windtunnel::scenarios
