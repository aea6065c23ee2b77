#include "core/base/json_writer.h"

#include <doctest/doctest.h>

#include "core/base/base64.h"

namespace windtunnel::core {
namespace {

TEST_CASE("JSON is written as nats-server writes it: in order, without spaces, with <, > and & escaped") {
  JsonWriter json;
  json.begin_object().field("name", "S1").key("subjects").begin_array().text("s1.>").text("a&b").end_array();
  json.field("max_msgs", std::int64_t{-1}).field("sealed", false).key("none").null().end_object();
  CHECK(json.view() == R"({"name":"S1","subjects":["s1.\u003e","a\u0026b"],"max_msgs":-1,"sealed":false,"none":null})");
}

TEST_CASE("text that is no UTF-8 or holds control characters stays valid JSON") {
  JsonWriter json;
  json.text("a\n\x01\"\\\xff\xc3\xa9");
  CHECK(json.view() == "\"a\\n\\u0001\\\"\\\\\\ufffd\xc3\xa9\"");
}

TEST_CASE("times are RFC 3339 with the fraction's trailing zeros dropped") {
  CHECK(rfc3339(WallTime{1704067200'000000000}) == "2024-01-01T00:00:00Z");
  CHECK(rfc3339(WallTime{1704067200'120000000}) == "2024-01-01T00:00:00.12Z");
  CHECK(rfc3339(WallTime{1795212204'797555011}) == "2026-11-20T22:03:24.797555011Z");
}

TEST_CASE("base64 is padded") {
  CHECK(base64("") == "");
  CHECK(base64("m") == "bQ==");
  CHECK(base64("m0") == "bTA=");
  CHECK(base64("m10") == "bTEw");
}

TEST_CASE("base64 is read back byte for byte, and what is none is refused") {
  for (const std::string_view bytes : {"", "m", "m0", "m10", "\xff\xfe\n?"}) CHECK(from_base64(base64(bytes)) == std::string(bytes));
  for (const std::string_view text : {"b", "bQ", "bQ=", "b===", "bT E", "====", "bQ==bQ=="}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text).has_value());
  }
}

}  // namespace
}  // namespace windtunnel::core
