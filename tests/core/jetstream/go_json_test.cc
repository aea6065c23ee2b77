#include "core/jetstream/go_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace windtunnel::core {
namespace {

TEST_CASE("what is wrong with a JSON text is told in Go's words") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"{bad", "invalid character 'b' looking for beginning of object key string"},  // recorded from nats-server
      {"", "unexpected end of JSON input"},
      {"{", "unexpected end of JSON input"},
      {R"({"a")", "unexpected end of JSON input"},
      {R"({"a":)", "unexpected end of JSON input"},
      {R"({"a":1)", "unexpected end of JSON input"},
      {R"({"a" 1})", "invalid character '1' after object key"},
      {R"({"a":1 2})", "invalid character '2' after object key:value pair"},
      {R"({"a":1,})", "invalid character '}' looking for beginning of object key string"},
      {R"({"a":})", "invalid character '}' looking for beginning of value"},
      {R"([1 2])", "invalid character '2' after array element"},
      {R"({"a":1}x)", "invalid character 'x' after top-level value"},
      {R"({"a":tru})", "invalid character '}' in literal true (expecting 'e')"},
      // At the end of the text Go tries a blank (recorded from nats-server).
      {R"({"a":nul)", "invalid character ' ' in literal null (expecting 'l')"},
      {R"({"a":-)", "invalid character ' ' in numeric literal"},
      {R"({"a":1.)", "invalid character ' ' after decimal point in numeric literal"},
      {R"({"a":1e)", "invalid character ' ' in exponent of numeric literal"},
      {R"({"a":"\)", "invalid character ' ' in string escape code"},
      {R"({"a":"\u12)", "invalid character ' ' in \\u hexadecimal character escape"},
      {R"({"a":"x)", "unexpected end of JSON input"},
      {R"({"a":1)", "unexpected end of JSON input"},
      {R"({"a":-})", "invalid character '}' in numeric literal"},
      {R"({"a":1.})", "invalid character '}' after decimal point in numeric literal"},
      {R"({"a":1e})", "invalid character '}' in exponent of numeric literal"},
      {R"({"a":"\x"})", "invalid character 'x' in string escape code"},
      {R"({"a":"\u12g4"})", "invalid character 'g' in \\u hexadecimal character escape"},
      {"{\"a\":\"\n\"}", "invalid character '\\n' in string literal"},
      {"{'a':1}", "invalid character '\\'' looking for beginning of object key string"},
      {"{\"a\":\xe9}", "invalid character '\xc3\xa9' looking for beginning of value"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(go_json_error(row.text) == row.error);
  }
}

TEST_CASE("a JSON text has no error") {
  for (const char* text :
       {"{}", " [ ] ", "0", "-1.5e+3", "\"\\u00e9\\n\"", "true", "null", R"({"batch":10,"no_wait":true,"a":[1,{"b":null}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(go_json_error(text));
  }
}

TEST_CASE("nesting without end is refused before it costs a stack") {
  CHECK(go_json_error(std::string(1'000'000, '[')) == "exceeded max depth");
}

}  // namespace
}  // namespace windtunnel::core
