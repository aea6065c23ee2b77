#include "core/jetstream/go_duration.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

TEST_CASE("durations are read as Go's ParseDuration does") {
  struct Row {
    const char* text;
    std::optional<Duration> value;
  };
  const Row rows[] = {
      {"0", 0ns},
      {"5s", 5s},
      {"1m30s", 90s},
      {"1.5h", 90min},
      {"-2ms", -2ms},
      {"+3us", 3us},
      {"100ns", 100ns},
      {"1h1m1s1ms", 3661001ms},
      {".5s", 500ms},
      {"1.s", 1s},
      {"2\xc2\xb5s", 2us},
      {"2\xce\xbcs", 2us},
      {"0.000000001s", 1ns},
      {"1.0000000019s", 1000000001ns},
      {"", std::nullopt},
      {"5", std::nullopt},
      {"s", std::nullopt},
      {"-", std::nullopt},
      {"5x", std::nullopt},
      {"5 s", std::nullopt},
      {".s", std::nullopt},
      {"5s3", std::nullopt},
      {"99999999999999999999s", std::nullopt},
      {"2562048h", std::nullopt},
      {"+-5s", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_go_duration(row.text) == row.value);
  }
}

TEST_CASE("durations are written as Go prints them") {
  struct Row {
    Duration value;
    const char* text;
  };
  const Row rows[] = {
      {0s, "0s"},
      {1ns, "1ns"},
      {1500ns, "1.5\xc2\xb5s"},
      {2ms, "2ms"},
      {1s, "1s"},
      {90s, "1m30s"},
      {1h, "1h0m0s"},
      {1h + 500ms, "1h0m0.5s"},
      {-5s, "-5s"},
      {1001ms, "1.001s"},
      {1000000001ns, "1.000000001s"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(go_duration(row.value) == row.text);
    CHECK(parse_go_duration(row.text) == row.value);
  }
}

}  // namespace
}  // namespace windtunnel::core
