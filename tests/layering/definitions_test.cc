#include "tests/layering/definitions.h"

#include <doctest/doctest.h>

namespace windtunnel::tests {
namespace {

const char* const kFirst = "namespace a::b {\nclass Thing {\n};\n}  // namespace a::b\n";

std::size_t found_beside(const char* path, const char* text) {
  return find_double_definitions({{"core/nats/a.h", kFirst}, {path, text}}).size();
}

TEST_CASE("a second class of one name is found, whatever file it stands in") {
  const char* second = "namespace a::b {\n\nstruct Thing final : Base {\n};\n}  // namespace a::b\n";
  const auto violations = find_double_definitions({{"core/nats/a.h", kFirst}, {"core/client/b.cc", second}});
  CHECK(found_beside("core/x.h", "namespace a::b {\nclass [[nodiscard]] Thing {\n};\n}  // namespace a::b\n") == 1);
  REQUIRE(violations.size() == 1);
  CHECK(violations[0] == Violation{"core/client/b.cc", 3, "a::b::Thing is defined in core/nats/a.h too"});
}

TEST_CASE("what is no second class is none") {
  CHECK(found_beside("core/x.cc", "namespace a::b {\nclass Thing;\nstruct Thing::Part {\n};\n}  // namespace a::b\n") == 0);
  CHECK(found_beside("core/x.cc", "namespace a::c {\nclass Thing {\n};\n}  // namespace a::c\n") == 0);
  CHECK(found_beside("core/x.cc", "namespace a::b {\nnamespace {\nclass Thing {\n};\n}  // namespace\n}  // namespace a::b\n") == 0);
  CHECK(found_beside("core/x.cc", "namespace a::b {\n// class Thing {\n}  // namespace a::b\n") == 0);
  CHECK(found_beside("tests/x.cc", "namespace a::b {\nclass Thing {\n};\n}  // namespace a::b\n") == 0);
}

TEST_CASE("this repository defines each class once") { CHECK(to_text(find_double_definitions(this_source_tree())) == ""); }

}  // namespace
}  // namespace windtunnel::tests
