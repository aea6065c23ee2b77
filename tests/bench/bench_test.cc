#include "tests/bench/bench.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using windtunnel::tests::Bench;
using windtunnel::tests::keep;

namespace {

// Work that takes time in proportion to `size`.
std::uint64_t spin(std::uint64_t size) {
  std::uint64_t value = 1;
  for (std::uint64_t i = 0; i < size; ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    keep(value);
  }
  return value;
}

auto repeat(std::uint64_t size) {
  return [size](std::uint64_t count) {
    while (count-- > 0) keep(spin(size));
  };
}

Bench bench_with(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "bench");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return Bench{static_cast<int>(pointers.size()), pointers.data()};
}

}  // namespace

TEST_CASE("ten times the work takes about ten times as long") {
  Bench bench = bench_with({"--seconds", "0.05"});
  bench.measure("small", repeat(100));
  bench.measure("large", repeat(1000), {.baseline = "small"});
  const double ratio = bench.nanoseconds("large") / bench.nanoseconds("small");
  CHECK(ratio > 3);  // other work may disturb either
  CHECK(ratio < 30);
  CHECK(bench.finish() == 0);
}

TEST_CASE("a bound that is exceeded fails the run") {
  Bench bench = bench_with({"--seconds", "0.02"});
  bench.measure("small", repeat(100));
  bench.measure("large", repeat(1000), {.baseline = "small", .at_most = 2});
  CHECK(bench.finish() == 1);
}

TEST_CASE("operations that come many to a call are counted one by one") {
  Bench bench = bench_with({"--seconds", "0.05"});
  bench.measure("single", repeat(1000));
  bench.measure("many", repeat(1000), {.per_call = 1000});
  CHECK(bench.nanoseconds("single") > 100 * bench.nanoseconds("many"));
}

TEST_CASE("a filter leaves others out, and one that fits nothing is an error") {
  Bench some = bench_with({"--seconds", "0.001", "--filter", "sma"});
  some.measure("small", repeat(1));
  some.measure("large", repeat(1));
  CHECK(some.nanoseconds("small") > 0);
  CHECK(some.nanoseconds("large") == 0);
  CHECK(some.finish() == 0);
  Bench none = bench_with({"--filter", "nothing"});
  none.measure("small", repeat(1));
  CHECK(none.finish() == 2);
}

TEST_CASE("an unknown option is an error") {
  CHECK(bench_with({"--fast", "1"}).finish() == 2);
  CHECK(bench_with({"--seconds"}).finish() == 2);
}
