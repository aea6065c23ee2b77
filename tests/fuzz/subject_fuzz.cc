// Subjects, patterns and transforms, fed with anything: lines of the input are the subjects. What the relations say must agree with each
// other, and no transform may read or write out of bounds.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/assert.h"
#include "core/nats/subject.h"
#include "core/nats/subject_transform.h"

using namespace windtunnel::core;

namespace {

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

void relate(std::string_view a, std::string_view b, std::string_view literal) {
  std::size_t tokens = 0;
  Tokens walk{a};
  for (std::string_view token; walk.next(token);) WT_ASSERT(token == token_at(a, tokens++));
  WT_ASSERT(tokens == token_count(a));
  if (!is_valid_subject(a) || !is_valid_subject(b)) return;
  WT_ASSERT(is_valid_literal(a) == !has_wildcard(a));
  WT_ASSERT(collide(a, b) == collide(b, a));
  WT_ASSERT(is_subset(a, a));
  WT_ASSERT(collide(a, a));
  if (is_subset(a, b)) WT_ASSERT(collide(a, b));
  if (!is_valid_literal(literal)) return;
  const bool in_a = matches(literal, a);
  const bool in_b = matches(literal, b);
  if (in_a && in_b) WT_ASSERT(collide(a, b));
  if (in_a && is_subset(a, b)) WT_ASSERT(in_b);
  WT_ASSERT(in_a == is_subset(literal, a));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  const std::string_view a = take_line(rest);
  const std::string_view b = take_line(rest);
  const std::string_view literal = take_line(rest);
  relate(a, b, literal);
  if (const auto transform = SubjectTransform::make(a, b)) {
    const std::string_view pattern = a.empty() ? ">" : a;
    for (const std::string_view subject : {literal, a, b, std::string_view{"a"}, std::string_view{"a.b.c"}}) {
      const auto out = transform->apply(subject);
      if (is_valid_literal(subject)) WT_ASSERT(out.has_value() == matches(subject, pattern));
    }
  }
  return 0;
}
