#include "core/nats/subject_transform.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

std::vector<std::string_view> split_tokens(std::string_view subject) {
  std::vector<std::string_view> out;
  Tokens tokens{subject};
  for (std::string_view token; tokens.next(token);) out.push_back(token);
  return out;
}

struct Shape {
  bool is_valid = true;
  std::size_t wildcards = 0;  // "*"
  bool has_rest = false;      // ">"
};

// White space is not looked at: nats-server takes "a b" here.
Shape shape_of(const std::vector<std::string_view>& tokens) {
  Shape shape;
  for (const std::string_view token : tokens) {
    if (token.empty() || shape.has_rest) shape.is_valid = false;
    if (token == "*") ++shape.wildcards;
    if (token == ">") shape.has_rest = true;
  }
  return shape;
}

std::string_view trim(std::string_view text, std::string_view what = " ") {
  const std::size_t begin = text.find_first_not_of(what);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(what) - begin + 1);
}

// A whole number as Go's strconv.Atoi takes it.
std::optional<std::int64_t> number_in(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The arguments between the parentheses: white space behind a comma is not part of any.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t comma = text.find(',');
    out.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\f\r"), text.size()));
  }
}

Error bad_destination(std::string_view what, std::string_view token) {
  return Error{Errc::invalid_argument, "invalid mapping destination: " + std::string(what) + " in " + std::string(token)};
}

constexpr std::string_view kTooFew = "not enough arguments passed to the function";
constexpr std::string_view kTooMany = "too many arguments passed to the function";
constexpr std::string_view kWrong = "function argument is invalid or in the wrong format";
constexpr std::string_view kOutOfRange = "wildcard index out of range";
constexpr std::string_view kUnknown = "unknown function";

// FNV-1a.
std::uint32_t hash32(std::string_view text, std::uint32_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619u;
  return hash;
}
constexpr std::uint32_t kHashSeed = 2'166'136'261u;

// Parts of `size` bytes; what is left over is a part of its own at the front or at the end.
void write_slices(std::string_view token, std::size_t size, bool is_rest_first, std::string& out) {
  const std::size_t rest = is_rest_first ? token.size() % size : 0;
  if (rest > 0) out.append(token.substr(0, rest)).append(".");
  for (std::size_t at = rest; at < token.size(); at += size) {
    if (at > rest) out += '.';
    out.append(token.substr(at, size));
  }
}

// As Go's strings.Split: between all bytes if there is nothing to divide at.
std::vector<std::string_view> split_at(std::string_view text, std::string_view divider) {
  std::vector<std::string_view> out;
  if (divider.empty()) {
    for (std::size_t i = 0; i < text.size(); ++i) out.push_back(text.substr(i, 1));
    return out;
  }
  for (;;) {
    const std::size_t at = text.find(divider);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + divider.size());
  }
}

// Empty parts vanish. Where a token begins with two dividers a "." is left at the front, as at nats-server.
void write_split(std::string_view token, std::string_view divider, std::string& out) {
  const std::vector<std::string_view> parts = split_at(token, divider);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out.append(parts[i]);
    const bool is_next = i + 1 < parts.size() && !parts[i + 1].empty();
    if (is_next && !(i == 0 && parts[i].empty())) out += '.';
  }
}

}  // namespace

struct SubjectTransform::Function {
  Kind kind = Kind::literal;
  std::vector<std::int64_t> wildcards;
  std::int64_t number = 0;
  std::string divider;
};

// What a token of the destination says.
Result<SubjectTransform::Function> SubjectTransform::parse_function(std::string_view token) {
  if (token.size() > 1 && token[0] == '$') {
    const std::optional<std::int64_t> index = number_in(token.substr(1));
    if (!index) return Function{};  // other things begin with "$" too
    return Function{Kind::wildcard, {*index}, 0, {}};
  }
  if (token.size() <= 4 || !token.starts_with("{{") || !token.ends_with("}}")) return Function{};
  const std::string_view call = trim(token.substr(2, token.size() - 4), " \t\n\f\r");
  const std::size_t open = call.find('(');
  if (open == std::string_view::npos || !call.ends_with(')')) return bad_destination(kUnknown, token);
  // nats-server lets the capitals in a name be small, and no other letters be capitals.
  struct Name {
    std::string_view spelled;
    Kind kind;
  };
  static constexpr std::array<Name, 9> kNames = {{{"Wildcard", Kind::wildcard},
                                                  {"Partition", Kind::partition},
                                                  {"SplitFromLeft", Kind::split_left},
                                                  {"SplitFromRight", Kind::split_right},
                                                  {"SliceFromLeft", Kind::slice_left},
                                                  {"SliceFromRight", Kind::slice_right},
                                                  {"Split", Kind::split},
                                                  {"Left", Kind::left},
                                                  {"Right", Kind::right}}};
  const std::string_view name = trim(call.substr(0, open), " \t\n\f\r");
  const auto is_spelled = [&](const Name& known) {
    return std::equal(name.begin(), name.end(), known.spelled.begin(), known.spelled.end(), [](char given, char letter) {
      return given == letter || (letter >= 'A' && letter <= 'Z' && given == static_cast<char>(letter - 'A' + 'a'));
    });
  };
  const auto found = std::find_if(kNames.begin(), kNames.end(), is_spelled);
  if (found == kNames.end()) return bad_destination(kUnknown, token);

  const std::vector<std::string_view> arguments = split_arguments(call.substr(open + 1, call.size() - open - 2));
  Function function{found->kind, {}, 0, {}};
  if (function.kind == Kind::wildcard) {
    if (arguments.size() == 1 && arguments[0].empty()) return bad_destination(kTooFew, token);
    if (arguments.size() > 1) return bad_destination(kTooMany, token);
  } else if (arguments.size() < 2) {
    return bad_destination(kTooFew, token);
  } else if (arguments.size() > 2 && function.kind != Kind::partition) {
    return bad_destination(kTooMany, token);
  }
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (function.kind == Kind::split && i == 1) break;
    const std::optional<std::int64_t> number = number_in(trim(arguments[i]));
    if (!number) return bad_destination(kWrong, token);
    numbers.push_back(*number);
  }
  if (function.kind == Kind::split) {
    if (arguments[1].find_first_of(" .") != std::string_view::npos) return bad_destination(kWrong, token);
    function.divider = arguments[1];
  }
  if (function.kind == Kind::partition) {
    function.number = numbers[0];
    function.wildcards.assign(numbers.begin() + 1, numbers.end());
  } else {
    function.wildcards = {numbers[0]};
    if (numbers.size() > 1) function.number = numbers[1];
  }
  return function;
}

bool SubjectTransform::is_destination(std::string_view destination) {
  if (destination.empty()) return true;
  const std::vector<std::string_view> tokens = split_tokens(destination);
  const auto is_right = [](std::string_view token) {
    const Result<Function> function = parse_function(token);
    return function && (function->kind != Kind::literal || token.find_first_of(" \t\n\f\r") == std::string_view::npos);
  };
  return shape_of(tokens).is_valid && std::all_of(tokens.begin(), tokens.end(), is_right);
}

Result<SubjectTransform> SubjectTransform::make(std::string_view source, std::string_view destination) {
  SubjectTransform made;
  made.source_ = source.empty() ? ">" : source;
  made.destination_ = destination;
  const std::vector<std::string_view> from = split_tokens(made.source_);
  const std::vector<std::string_view> to = split_tokens(made.destination_);
  const Shape in = shape_of(from);
  const Shape out = shape_of(to);
  if (!in.is_valid || !out.is_valid || out.wildcards > 0 || in.has_rest != out.has_rest) {
    return Error{Errc::invalid_argument, "invalid subject"};
  }
  made.source_tokens_ = from.size();
  made.has_rest_ = in.has_rest;
  made.is_literal_ = in.wildcards == 0 && !in.has_rest;
  std::vector<std::size_t> wildcards;  // which token the n-th one is
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] == "*") wildcards.push_back(i);
  }
  for (const std::string_view token : to) {
    if (token == ">") break;
    WT_TRY(Function function, parse_function(token));
    Part part{function.kind, function.divider, {}, function.number};
    if (function.kind == Kind::literal) {
      part.text = token;
    } else if (wildcards.empty()) {
      return bad_destination(kOutOfRange, token);
    }
    for (const std::int64_t index : function.wildcards) {
      if (index > static_cast<std::int64_t>(wildcards.size())) {
        return bad_destination(kOutOfRange, std::string(token) + ": [" + std::to_string(index) + "]");
      }
      // An index that is no wildcard's names the first token.
      part.from.push_back(index >= 1 ? wildcards[static_cast<std::size_t>(index - 1)] : 0);
    }
    made.parts_.push_back(std::move(part));
  }
  return made;
}

void SubjectTransform::write(const Part& part, const std::vector<std::string_view>& tokens, std::string& out) {
  if (part.kind == Kind::literal) {
    out.append(part.text);
    return;
  }
  const std::string_view token = tokens[part.from[0]];
  const auto size = static_cast<std::int64_t>(token.size());
  const bool is_inside = part.number > 0 && part.number < size;  // or the token stays as it is
  const auto position = static_cast<std::size_t>(is_inside ? part.number : 0);
  switch (part.kind) {
    case Kind::partition: {
      std::uint32_t hash = kHashSeed;
      for (const std::size_t index : part.from) hash = hash32(tokens[index], hash);
      // nats-server divides by zero, and ends.
      const auto partitions = static_cast<std::uint32_t>(part.number);
      out.append(std::to_string(partitions == 0 ? 0 : hash % partitions));
      return;
    }
    case Kind::split: return write_split(token, part.text, out);
    case Kind::slice_left:
    case Kind::slice_right:
      if (is_inside) return write_slices(token, position, part.kind == Kind::slice_right, out);
      break;
    case Kind::split_left:
    case Kind::split_right: {
      if (!is_inside) break;
      const std::size_t at = part.kind == Kind::split_left ? position : token.size() - position;
      out.append(token.substr(0, at)).append(".").append(token.substr(at));
      return;
    }
    case Kind::left:
      if (!is_inside) break;
      out.append(token.substr(0, position));
      return;
    case Kind::right:
      if (!is_inside) break;
      out.append(token.substr(token.size() - position));
      return;
    case Kind::literal:
    case Kind::wildcard: break;
  }
  out.append(token);
}

std::optional<std::string> SubjectTransform::apply(std::string_view subject) const {
  if (source_ == ">" && destination_ == ">") return std::string(subject);
  if (!is_valid_literal(subject) || !matches(subject, source_)) return std::nullopt;
  if (is_literal_) return destination_;
  const std::vector<std::string_view> tokens = split_tokens(subject);
  std::string out;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0) out += '.';
    write(parts_[i], tokens, out);
  }
  if (!has_rest_) return out;
  for (std::size_t i = source_tokens_ - 1; i < tokens.size(); ++i) {
    if (i >= source_tokens_ || !parts_.empty()) out += '.';
    out.append(tokens[i]);
  }
  return out;
}

}  // namespace windtunnel::core
