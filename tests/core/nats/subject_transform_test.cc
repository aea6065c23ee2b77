#include "core/nats/subject_transform.h"

#include <doctest/doctest.h>

#include <array>

using namespace windtunnel::core;

namespace {

// What nats-server 2.10.27 made of them.
struct Row {
  const char* source;
  const char* destination;
  const char* subject;
  const char* becomes;  // nullptr: it does not match
};
constexpr std::array kRows = {
    Row{"t.*", "u.$1", "t.a", "u.a"},
    Row{"t.*", "u.$1", "t.a.b", nullptr},
    Row{"t.*.*", "u.{{wildcard(2)}}.{{wildcard(1)}}", "t.a.b", "u.b.a"},
    Row{"t.>", "u.>", "t.foo.bar.baz", "u.foo.bar.baz"},
    Row{"t.*.>", "u.$1.>", "t.a", nullptr},
    Row{"t.*.>", "u.$1.>", "t.a.b", "u.a.b"},
    Row{"t.>", ">", "t.a.b", "a.b"},
    Row{">", "u.>", "t.a", "u.t.a"},
    Row{"", "u.>", "t.a", "u.t.a"},
    Row{"t.*", "u", "t.a", "u"},
    Row{"t.a", "u.b", "t.a", "u.b"},
    Row{"t.a", "u.b", "t.b", nullptr},
    Row{"t.*.x.*", "a.$2.b.$1", "t.1.x.2", "a.2.b.1"},
    Row{"t.*.*", "u.$1.{{partition(7,2,1)}}", "t.0.a", "u.0.4"},
    Row{"t.*.*", "u.$1.{{partition(7,2,1)}}", "t.3.a", "u.3.5"},
    Row{"t.*.*", "u.$1.{{partition(7,2,1)}}", "t.8.c", "u.8.4"},
    Row{"t.*", "u.{{ partition( 3 , 1 ) }}", "t.a", "u.1"},
    Row{"t.*", "u.{{splitFromLeft(1,2)}}", "t.abc-d-e", "u.ab.c-d-e"},
    Row{"t.*", "u.{{splitFromLeft(1,2)}}", "t.ab", "u.ab"},
    Row{"t.*", "u.{{splitFromRight(1,2)}}", "t.1234567890", "u.12345678.90"},
    Row{"t.*", "u.{{sliceFromLeft(1,3)}}", "t.1234567890", "u.123.456.789.0"},
    Row{"t.*", "u.{{sliceFromLeft(1,0)}}", "t.abc", "u.abc"},
    Row{"t.*", "u.{{sliceFromRight(1,3)}}", "t.1234567890", "u.1.234.567.890"},
    Row{"t.*", "u.{{split(1,-)}}", "t.abc-d-e", "u.abc.d.e"},
    Row{"t.*", "u.{{split(1,-)}}", "t.-x", "u.x"},
    Row{"t.*", "u.{{split(1,-)}}", "t.x-", "u.x"},
    Row{"t.*", "u.{{split(1,-)}}", "t.-a--b", "u.a.b"},
    Row{"t.*", "u.{{split(1,-)}}", "t.--x", "u..x"},
    Row{"t.*", "u.{{split(1,-)}}", "t.-", "u."},
    Row{"t.*", "u.{{split(1,)}}", "t.ab", "u.a.b"},
    Row{"t.*", "u.{{left(1,2)}}", "t.abc", "u.ab"},
    Row{"t.*", "u.{{right(1,2)}}", "t.abc", "u.bc"},
    Row{"t.*", "u.{{left(1,200)}}", "t.abc", "u.abc"},
    Row{"t.*", "u.{{Wildcard(1)}}", "t.a", "u.a"},
    // An index that is no wildcard's names the first token; what is no function is text.
    Row{"t.*", "u.{{wildcard(0)}}", "t.a", "u.t"},
    Row{"t.*", "u.$a", "t.a", "u.$a"},
    Row{"t.*", "u.a$1", "t.a", "u.a$1"},
    Row{"t.*", "u.x{{wildcard(1)}}y", "t.a", "u.x{{wildcard(1)}}y"},
    Row{"t.*", "u.{{}}", "t.a", "u.{{}}"},
    Row{"t.a", "u b", "t.a", "u b"},
    Row{"t.*", "u.{{split(1,.)}}", "t.a", "u.{{split(1,.)}}"},
};

struct Refusal {
  const char* source;
  const char* destination;
  const char* text;
};
constexpr std::array kRefusals = {
    Refusal{"t.>", "u", "invalid subject"},
    Refusal{"t", "u.>", "invalid subject"},
    Refusal{"t.*", "u.*", "invalid subject"},
    Refusal{"t..x", "u", "invalid subject"},
    Refusal{"t.a", "u..b", "invalid subject"},
    Refusal{"t.*", "u.$2", "invalid mapping destination: wildcard index out of range in $2: [2]"},
    Refusal{"t.>", "u.$1.>", "invalid mapping destination: wildcard index out of range in $1"},
    Refusal{"t.*", "u.{{wildcard(a)}}",
            "invalid mapping destination: function argument is invalid or in the wrong format in {{wildcard(a)}}"},
    Refusal{"t.*", "u.{{wildcard()}}", "invalid mapping destination: not enough arguments passed to the function in {{wildcard()}}"},
    Refusal{"t.*", "u.{{wildcard(1,2)}}", "invalid mapping destination: too many arguments passed to the function in {{wildcard(1,2)}}"},
    Refusal{"t.*", "u.{{unknown(1)}}", "invalid mapping destination: unknown function in {{unknown(1)}}"},
    Refusal{"t.*", "u.{{wildcard}}", "invalid mapping destination: unknown function in {{wildcard}}"},
    Refusal{"t.*", "u.{{partition(3)}}", "invalid mapping destination: not enough arguments passed to the function in {{partition(3)}}"},
    Refusal{"t.*", "u.{{split(2,-)}}", "invalid mapping destination: wildcard index out of range in {{split(2,-)}}: [2]"},
};

}  // namespace

TEST_CASE("a subject becomes what nats-server makes of it") {
  for (const Row& row : kRows) {
    CAPTURE(row.source);
    CAPTURE(row.destination);
    CAPTURE(row.subject);
    const Result<SubjectTransform> transform = SubjectTransform::make(row.source, row.destination);
    REQUIRE(transform);
    const std::optional<std::string> becomes = transform->apply(row.subject);
    CHECK(becomes == (row.becomes == nullptr ? std::nullopt : std::optional<std::string>{row.becomes}));
  }
}

TEST_CASE("a transform that cannot be is refused in nats-server's words") {
  for (const Refusal& row : kRefusals) {
    CAPTURE(row.source);
    CAPTURE(row.destination);
    const Result<SubjectTransform> transform = SubjectTransform::make(row.source, row.destination);
    REQUIRE_FALSE(transform);
    CHECK(transform.error().detail == row.text);
  }
}

TEST_CASE("no partition but one: everything is in it") {
  const Result<SubjectTransform> transform = SubjectTransform::make("t.*", "u.{{partition(0,1)}}");
  REQUIRE(transform);
  CHECK(transform->apply("t.a") == "u.0");
}
