#include "scenarios/scenario.h"

#include <doctest/doctest.h>

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a publish workload counts the messages that are due before its end") {
  PublishSpec publish;
  publish.rate = {.count = 20, .per = 1s};
  publish.duration = 60s;
  CHECK(publish.messages() == 1200);
  publish.duration = 60s + 1ns;
  CHECK(publish.messages() == 1201);  // the 1201st is due at 60 s
  publish.duration = 1ns;
  CHECK(publish.messages() == 1);
  publish.count = 7;
  publish.duration = 60s;
  CHECK(publish.messages() == 7);
  publish.duration.reset();
  CHECK(publish.messages() == 7);
  // Every message that is counted is due within the time, and the next one is not.
  publish.count.reset();
  publish.rate = {.count = 7, .per = 3s};
  publish.duration = 10s;
  const std::uint64_t n = publish.messages();
  CHECK(publish.rate.due(n - 1) < 10s);
  CHECK(publish.rate.due(n) >= 10s);
}

TEST_CASE("a bound holds at its ends and not beyond") {
  const Bound bound{.at_least = 2, .at_most = 4};
  CHECK_FALSE(bound.holds(1));
  CHECK(bound.holds(2));
  CHECK(bound.holds(4));
  CHECK_FALSE(bound.holds(5));
  CHECK(Bound{}.holds(0));
  CHECK(Bound{.at_least = 2, .at_most = {}}.text() == "at least 2");
  CHECK(Bound{.at_least = {}, .at_most = 4}.text() == "at most 4");
  CHECK(Bound{.at_least = 3, .at_most = 3}.text() == "exactly 3");
  CHECK(bound.text() == "between 2 and 4");
}

TEST_CASE("a place without a line is the file itself") {
  CHECK(SourcePosition{"a.yaml", 0, 0}.text() == "a.yaml");
  CHECK(SourcePosition{"a.yaml", 3, 7}.text() == "a.yaml:3:7");
}

}  // namespace
}  // namespace windtunnel::scenarios
