#include "faults/units.h"

#include <doctest/doctest.h>

#include <vector>

namespace windtunnel::faults {
namespace {

using namespace std::chrono_literals;
using core::Bytes;
using core::Duration;

TEST_CASE("a duration is a sum of numbers with units, exact to the nanosecond") {
  struct Row {
    std::string_view text;
    Duration expected;
  };
  for (const Row& row : std::vector<Row>{{"0s", 0s},
                                         {"5ms", 5ms},
                                         {"2m", 2min},
                                         {"1h30m", 90min},
                                         {"1.5s", 1500ms},
                                         {"0.000000001s", 1ns},
                                         {"7ns", 7ns},
                                         {"250us", 250us},
                                         {"250\xc2\xb5s", 250us},
                                         {"250\xce\xbcs", 250us},
                                         {"1d", 24h},
                                         {"9223372036854775807ns", Duration::max()}}) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(parsed);
    CHECK(*parsed == row.expected);
  }
}

TEST_CASE("what is no duration is refused with the reason") {
  struct Row {
    std::string_view text;
    std::string_view reason;
  };
  for (const Row& row : std::vector<Row>{{"", "is no duration"},
                                         {"ms", "is no duration"},
                                         {"20", "has no unit"},
                                         {"20sec", "unknown unit `sec`"},
                                         {"-5s", "negative"},
                                         {"5 s", "unknown unit ` s`"},
                                         {".5s", "is no duration"},
                                         {"1.s", "has no unit"},
                                         {"1.5ns", "finer than a nanosecond"},
                                         {"9223372036854775808ns", "longer than 292 years"},
                                         {"99999999999999999999999s", "is no duration"},
                                         {"1e3s", "unknown unit `e`"},
                                         {"5s3", "has no unit"}}) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().detail.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("only a signed duration may be negative") {
  CHECK(parse_signed_duration("-5m").value() == -5min);
  CHECK(parse_signed_duration("+5m").value() == 5min);
  CHECK_FALSE(parse_signed_duration("--5m"));
}

TEST_CASE("a printed duration is read back as the same value") {
  for (const Duration d : {Duration{0}, Duration{1}, Duration{5ms}, Duration{90s}, Duration{36h}, Duration{1h + 2ns}, Duration::max(),
                           Duration{-90s}, Duration::min() + Duration{1}}) {
    CAPTURE(format_duration(d));
    CHECK(parse_signed_duration(format_duration(d)).value() == d);
  }
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(Duration{0}) == "0s");
}

TEST_CASE("a range has both ends, the smaller first") {
  CHECK(parse_duration_range("5ms..40ms").value() == DurationRange{5ms, 40ms});
  CHECK(parse_duration_range("5ms").value() == DurationRange::exactly(5ms));
  CHECK(format_duration_range({5ms, 40ms}) == "5ms..40ms");
  for (const std::string_view text : {"40ms..5ms", "5..40ms", "5ms..", "..5ms", "5ms...40ms", "1s..2s..3s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration_range(text));
  }
}

TEST_CASE("a size is a number with a binary unit") {
  CHECK(parse_size("64KiB").value() == Bytes{65536});
  CHECK(parse_size("1.5KiB").value() == Bytes{1536});
  CHECK(parse_size("0B").value() == Bytes{0});
  CHECK(parse_size_range("100B..1KiB").value() == SizeRange{Bytes{100}, Bytes{1024}});
  for (const std::string_view text : {"64", "64KB", "64kib", "0.5B", "-1B", "2000000TiB", "1KiB1B", ""}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
  for (const std::uint64_t size : {0ull, 1ull, 1000ull, 1024ull, 1536ull, 1ull << 40, (1ull << 40) + 1}) {
    CHECK(parse_size(format_size(Bytes{size})).value() == Bytes{size});
  }
}

TEST_CASE("a rate spaces its events evenly and does not drift") {
  const Rate third = parse_rate("3/s").value();
  CHECK(third.due(0) == 0s);
  CHECK(third.due(1) == 333333333ns);
  CHECK(third.due(3) == 1s);
  CHECK(third.due(3'000'000) == 1'000'000s);
  CHECK(third.due(~0ull) == Duration::max());
  CHECK(parse_rate("600/m").value().due(1) == 100ms);
  CHECK(parse_rate("1/250ms").value().due(4) == 1s);
  for (const std::string_view text : {"20", "20/", "/s", "0/s", "2.5/s", "20/s/s", "20/0s", "-1/s", "2/ns", "20/x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rate(text));
  }
  for (const std::string_view text : {"20/s", "600/m", "1/250ms", "1/1m30s"}) CHECK(format_rate(parse_rate(text).value()) == text);
}

TEST_CASE("a bandwidth is a size a second, and not nothing") {
  CHECK(parse_bandwidth("10MiB/s").value() == Bytes{10u << 20});
  CHECK(format_bandwidth(Bytes{16384}) == "16KiB/s");
  for (const std::string_view text : {"10MiB", "10/s", "0B/s", "10MiB/m", "/s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bandwidth(text));
  }
}

}  // namespace
}  // namespace windtunnel::faults
