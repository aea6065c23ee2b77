#include "scenarios/hazards/patterns.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/nats/subject.h"

namespace windtunnel::scenarios {
namespace {

TEST_CASE("an intersection matches exactly what both match") {
  // Every pattern of up to three tokens out of these, against every literal of up to three.
  std::vector<std::string> patterns;
  std::vector<std::string> literals;
  const std::vector<std::string> tokens = {"a", "b", "*"};
  for (const std::string& first : tokens) {
    patterns.push_back(first);
    for (const std::string& second : tokens) {
      patterns.push_back(first + "." + second);
      for (const std::string& third : tokens) patterns.push_back(first + "." + second + "." + third);
      patterns.push_back(first + "." + second + ".>");
    }
    patterns.push_back(first + ".>");
  }
  patterns.emplace_back(">");
  for (const std::string& pattern : patterns) {
    if (core::is_valid_literal(pattern)) literals.push_back(pattern);
  }
  CHECK(literals.size() == 14);
  for (const std::string& a : patterns) {
    for (const std::string& b : patterns) {
      const std::optional<std::string> both = intersection(a, b);
      CAPTURE(a);
      CAPTURE(b);
      CHECK(both.has_value() == core::collide(a, b));
      for (const std::string& literal : literals) {
        const bool is_in_both = core::matches(literal, a) && core::matches(literal, b);
        CHECK((both && core::matches(literal, *both)) == is_in_both);
      }
    }
  }
}

TEST_CASE("a transform's destination is a pattern of all that it can come to") {
  CHECK(pattern_of_destination("a.b") == "a.b");
  CHECK(pattern_of_destination("a.{{wildcard(1)}}.b") == "a.*.b");
  CHECK(pattern_of_destination("a.$1") == "a.*");
  CHECK(pattern_of_destination("a.{{partition(10,1,2)}}") == "a.*");
  CHECK(pattern_of_destination("a.>") == "a.>");
  CHECK(pattern_of_destination("a.{{split(1,-)}}.b") == "a.>");
  CHECK(pattern_of_destination("{{SliceFromLeft(1,3)}}") == ">");
  CHECK(pattern_of_destination("a..b") == ">");
  CHECK(pattern_of_destination("") == ">");
}

}  // namespace
}  // namespace windtunnel::scenarios
