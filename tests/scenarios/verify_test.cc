#include "scenarios/verify.h"

#include <doctest/doctest.h>

namespace windtunnel::scenarios {
namespace {

// A runner whose runs give, one after the other, what a test lays down.
struct Script {
  std::vector<RunResult> results;
  std::vector<std::vector<std::string>> traces;  // of the runs that are traced, in their order
  std::size_t runs = 0;
  std::size_t traced = 0;

  core::Result<RunResult> operator()(const Scenario&, const RunOptions& options) {
    if (options.keep_trace && traced < traces.size()) {
      for (const std::string& line : traces[traced++]) options.trace_line(line);
    }
    if (results.empty()) return core::error(core::Errc::invalid_argument, "stream X is refused");
    return results[std::min(runs++, results.size() - 1)];
  }
};

RunResult result(std::uint64_t events, std::uint64_t hash, bool has_failed = false) {
  RunResult out;
  out.events = events;
  out.trace_hash = hash;
  if (has_failed)
    out.divergences.push_back({.invariant = "mirror-is-prefix",
                               .sentence = "",
                               .expected = "a",
                               .actual = "b",
                               .stream = "",
                               .message = "",
                               .first_seq = {},
                               .life_story = {},
                               .faults_around = {},
                               .at = {},
                               .node = ""});
  return out;
}

TEST_CASE("a run that passes is made once, unless all are verified") {
  Script script{.results = {result(5, 1)}, .traces = {}};
  const auto once = run_verified({}, {}, std::ref(script), Verify::failures);
  REQUIRE(once);
  CHECK(script.runs == 1);
  CHECK_FALSE(once->is_verified);
  const auto twice = run_verified({}, {}, std::ref(script), Verify::always);
  REQUIRE(twice);
  CHECK(script.runs == 3);
  CHECK(twice->is_verified);
  CHECK(twice->difference == "");
}

TEST_CASE("a run that fails is always verified") {
  Script script{.results = {result(5, 1, true)}, .traces = {}};
  const auto run = run_verified({}, {}, std::ref(script), Verify::failures);
  REQUIRE(run);
  CHECK(script.runs == 2);
  CHECK(run->is_verified);
  CHECK(run->difference == "");
  CHECK_FALSE(run->result.passed());
}

TEST_CASE("runs that differ are told with the first trace line that does") {
  Script script{.results = {result(5, 1), result(6, 2)}, .traces = {{"a", "b", "c"}, {"a", "x", "c"}}};
  const auto run = run_verified({}, {}, std::ref(script), Verify::always);
  REQUIRE(run);
  CHECK(run->difference ==
        "the first run had 5 events and trace 0000000000000001, the second 6 and 0000000000000002; "
        "the first trace line that differs is number 2:\n  one run:   b\n  the other: x");
}

TEST_CASE("a difference in any part of the result counts") {
  const auto differs = [](const RunResult& a, const RunResult& b) {
    Script script{.results = {a, b}, .traces = {}};
    return !run_verified({}, {}, std::ref(script), Verify::always)->difference.empty();
  };
  const RunResult base = result(5, 1);
  CHECK_FALSE(differs(base, base));
  CHECK(differs(base, result(6, 1)));
  CHECK(differs(base, result(5, 2)));
  CHECK(differs(base, result(5, 1, true)));
  RunResult longer = base;
  longer.virtual_time = std::chrono::seconds{1};
  CHECK(differs(base, longer));
  RunResult noted = base;
  noted.notes = {"x"};
  CHECK(differs(base, noted));
}

TEST_CASE("a trace that ends early, and one that does not differ again, are told as such") {
  Script shorter{.results = {result(5, 1), result(6, 2)}, .traces = {{"a"}, {"a", "b"}}};
  CHECK(run_verified({}, {}, std::ref(shorter), Verify::always)
            ->difference.find("one run ends after trace line 1, the other goes on with:\n  b") != std::string::npos);
  Script same{.results = {result(5, 1), result(6, 2)}, .traces = {{"a"}, {"a"}}};
  CHECK(run_verified({}, {}, std::ref(same), Verify::always)->difference.find("comes and goes") != std::string::npos);
}

TEST_CASE("the trace that was asked for is left by the first run alone") {
  Script script{.results = {result(5, 1)}, .traces = {{"a", "b"}, {"never"}}};
  std::vector<std::string> lines;
  RunOptions options;
  options.keep_trace = true;
  options.trace_line = [&lines](std::string_view line) { lines.emplace_back(line); };
  REQUIRE(run_verified({}, options, std::ref(script), Verify::always));
  CHECK(lines == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a scenario that cannot be run is an error") {
  Script script;
  const auto run = run_verified({}, {}, std::ref(script), Verify::always);
  REQUIRE_FALSE(run);
  CHECK(run.error().detail == "stream X is refused");
}

}  // namespace
}  // namespace windtunnel::scenarios
