#include "core/nats/headers.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

TEST_CASE("a lookup takes the first occurrence of the key, and only if that is a whole key") {
  struct Row {
    const char* what;
    const char* block;
    const char* key;
    std::optional<std::string_view> value;
  };
  const Row rows[] = {
      {"plain", "NATS/1.0\r\nKey: value\r\n\r\n", "Key", "value"},
      {"no space after the colon", "NATS/1.0\r\nKey:value\r\n\r\n", "Key", "value"},
      {"many spaces", "NATS/1.0\r\nKey:   value \r\n\r\n", "Key", "value "},
      {"empty value", "NATS/1.0\r\nKey:\r\n\r\n", "Key", ""},
      {"second line", "NATS/1.0\r\nA: 1\r\nKey: v\r\n\r\n", "Key", "v"},
      {"first of two", "NATS/1.0\r\nKey: 1\r\nKey: 2\r\n\r\n", "Key", "1"},
      {"case matters", "NATS/1.0\r\nkey: value\r\n\r\n", "Key", std::nullopt},
      {"no such key", "NATS/1.0\r\nA: 1\r\n\r\n", "Key", std::nullopt},
      {"a longer key hides it", "NATS/1.0\r\nKeys: 1\r\nKey: 2\r\n\r\n", "Key", std::nullopt},
      {"a value that holds the key hides it", "NATS/1.0\r\nA: Key\r\nKey: 2\r\n\r\n", "Key", std::nullopt},
      {"not after CR LF", "NATS/1.0\r\nA: 1\nKey: 2\r\n\r\n", "Key", std::nullopt},
      {"no end of line", "NATS/1.0\r\nKey: val", "Key", "val"},
      {"ends at the colon", "NATS/1.0\r\nKey:", "Key", ""},
      {"ends at the key", "NATS/1.0\r\nKey", "Key", std::nullopt},
      {"empty block", "", "Key", std::nullopt},
      {"empty key", "NATS/1.0\r\n\r\n", "", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(header_value(row.block, row.key) == row.value);
  }
}

TEST_CASE("headers are appended before the blank line and removed down to nothing") {
  std::string block;
  append_header(block, "Nats-Msg-Id", "1");
  CHECK(block == "NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n");
  append_header(block, "A", "x");
  append_header(block, "A", "y");
  CHECK(block == "NATS/1.0\r\nNats-Msg-Id: 1\r\nA: x\r\nA: y\r\n\r\n");
  CHECK(remove_header(block, "A"));
  CHECK(block == "NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n");
  CHECK_FALSE(remove_header(block, "A"));
  CHECK_FALSE(remove_header(block, "Nats-Msg"));
  CHECK(remove_headers_with_prefix(block, "Nats-"));
  CHECK(block.empty());
}

TEST_CASE("a status block without lines survives as long as it has a status") {
  std::string block = status_block(503);
  CHECK(block == "NATS/1.0 503\r\n\r\n");
  append_header(block, "A", "1");
  CHECK(block == "NATS/1.0 503\r\nA: 1\r\n\r\n");
  CHECK(remove_header(block, "A"));
  CHECK(block == "NATS/1.0 503\r\n\r\n");
}

TEST_CASE("the status is read from the first line") {
  const auto no_responders = header_status("NATS/1.0 503\r\n\r\n");
  REQUIRE(no_responders);
  CHECK(no_responders->code == 503);
  CHECK(no_responders->description.empty());
  const std::string heartbeat = status_block(100, "Idle Heartbeat");
  const auto status = header_status(heartbeat);
  REQUIRE(status);
  CHECK(status->code == 100);
  CHECK(status->description == "Idle Heartbeat");
  for (const char* none : {"NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: 503\r\n\r\n", "NATS/1.0 50\r\n\r\n", "NATS/1.0 5030\r\n\r\n",
                           "NATS/1.0 x\r\n\r\n", "", "NATS/1.0 503x\r\n\r\n"}) {
    CAPTURE(none);
    CHECK_FALSE(header_status(none));
  }
}

TEST_CASE("lines are walked in order") {
  HeaderLines lines{"NATS/1.0 100 x\r\nA: 1\r\nno colon\r\nB:2\r\n\r\n"};
  std::string_view key;
  std::string_view value;
  REQUIRE(lines.next(key, value));
  CHECK(key == "A");
  CHECK(value == "1");
  REQUIRE(lines.next(key, value));
  CHECK(key == "B");
  CHECK(value == "2");
  CHECK_FALSE(lines.next(key, value));
}

}  // namespace
}  // namespace windtunnel::core
