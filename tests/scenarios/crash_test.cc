// Crashes that are anchored to a disk operation: the same each time, and they bite.
#include "scenarios/crash.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "scenarios/language/load.h"
#include "scenarios/run.h"

namespace windtunnel::scenarios {
namespace {

using How = sim::Survivors::How;

constexpr std::string_view kText = R"(
scenario: crashes
about: One stream under load.
nodes:
  srv: { sync_interval: always }
streams:
  - { on: srv, name: S, subjects: [s.>], storage: file }
workloads:
  - { publish: s.a, at: srv, via: jetstream, rate: 20/s, count: 10, name: pub }
expect:
  - invariants: [acked-is-durable, last-seq-monotone, state-equals-contents]
)";

Scenario scenario() {
  Loaded loaded = load_text(kText, "crashes.yaml");
  REQUIRE(loaded.scenario);
  return *std::move(loaded.scenario);
}

RunResult run(const Scenario& s, RunOptions options) {
  options.seed = core::Seed{1};
  options.tells_stories = false;
  const core::Result<RunResult> result = run_scenario(s, options);
  REQUIRE(result);
  return *result;
}

// An operation near the end of the load.
std::uint64_t late_operation(const Scenario& s, core::Defects defects = {}) {
  std::uint64_t last = 0;
  RunOptions options;
  options.defects = defects;
  options.crash_hook = [&last](const CrashMoment& moment) -> std::optional<sim::Survivors> {
    last = moment.operation;
    return std::nullopt;
  };
  static_cast<void>(run(s, options));
  return last - 3;
}

TEST_CASE("each operation of each node is asked about once, in order, from the first that makes the store") {
  const Scenario s = scenario();
  std::uint64_t last = 0;
  std::uint64_t preparing = 0;
  bool is_recovering = false;
  RunOptions options;
  options.crash_hook = [&](const CrashMoment& moment) -> std::optional<sim::Survivors> {
    CHECK(moment.node == "srv");
    CHECK(moment.operation == last + 1);
    last = moment.operation;
    CHECK(moment.syncs_always);
    preparing += moment.is_preparing ? 1 : 0;
    is_recovering = is_recovering || moment.is_recovering;
    CHECK(moment.before.size() == std::min<std::uint64_t>(moment.operation - 1, sim::kPrefixMax));
    return std::nullopt;
  };
  CHECK(run(s, options).passed());
  CHECK(preparing > 10);
  CHECK(last > preparing + 20);  // a write and a sync a message
  CHECK_FALSE(is_recovering);
}

TEST_CASE("asking changes nothing: the trace is that of a run without") {
  const Scenario s = scenario();
  RunOptions asking;
  asking.crash_hook = [](const CrashMoment&) { return std::nullopt; };
  CHECK(run(s, asking).trace_hash == run(s, {}).trace_hash);
}

TEST_CASE("a crash that is asked for by number is the one that the hook decides") {
  const Scenario s = scenario();
  const std::uint64_t operation = late_operation(s);
  for (const sim::Survivors keep : {sim::Survivors{How::kill, 0}, sim::Survivors{How::none, 0}, sim::Survivors{How::prefix, 3}}) {
    CAPTURE(to_text(keep));
    RunOptions listed;
    listed.crashes = {{"srv", operation, keep}};
    RunOptions hooked;
    hooked.crash_hook = [keep, operation](const CrashMoment& moment) {
      return moment.operation == operation ? std::optional{keep} : std::nullopt;
    };
    const RunResult first = run(s, listed);
    CHECK(first.trace_hash == run(s, hooked).trace_hash);
    CHECK(first.trace_hash != run(s, {}).trace_hash);
    CHECK(first.passed());
  }
}

TEST_CASE("a crash that is to keep a unit that is not there is refused") {
  const Scenario s = scenario();
  const std::uint64_t operation = late_operation(s);
  const auto refusal = [&](const sim::Survivors& keep) {
    RunOptions options;
    options.crashes = {{"srv", operation, keep}};
    const core::Result<RunResult> result = run_scenario(s, options);
    return result ? std::string{} : result.error().detail;
  };
  const std::string asked = "`--crash-at srv:" + std::to_string(operation) + " --keep ";
  for (const How how : {How::only, How::without, How::torn, How::hole}) {
    const sim::Survivors keep{how, 99999};
    CHECK(refusal(keep).find(asked + to_text(keep) + "`: there are ") != std::string::npos);
  }
  CHECK(refusal({How::only, 0}).empty());
  CHECK(refusal({How::prefix, 33}).find("`: one can go back 1 to 32 operations there") != std::string::npos);
  CHECK(refusal({How::prefix, 0}).find("`: one can go back 1 to 32 operations there") != std::string::npos);
  CHECK(refusal({How::prefix, 32}).empty());
}

TEST_CASE("what a power loss may take is taken: without syncs the same crash loses acked messages") {
  Scenario s = scenario();
  RunOptions options;
  options.defects.set(core::Defect::break_sync_always);
  const std::uint64_t operation = late_operation(s, options.defects);
  options.crashes = {{"srv", operation, {How::none, 0}}};
  const RunResult lost = run(s, options);
  CHECK_FALSE(lost.passed());
  options.crashes = {{"srv", operation, {How::kill, 0}}};
  CHECK(run(s, options).passed());
}

TEST_CASE("a node that crashes over making its streams is asked again") {
  const Scenario s = scenario();
  for (const std::uint64_t operation : {1u, 5u, 12u}) {
    RunOptions options;
    options.crashes = {{"srv", operation, {How::none, 0}}};
    CHECK(run(s, options).passed());
  }
}

TEST_CASE("a crash in the recovery from a crash") {
  const Scenario s = scenario();
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  RunOptions options;
  options.crash_hook = [&](const CrashMoment& moment) -> std::optional<sim::Survivors> {
    // A size without its data: recovery has to cut the file.
    if (first == 0 && !moment.is_preparing && moment.what.starts_with("write jetstream/$G/streams/S/msgs/")) {
      first = moment.operation;
      return sim::Survivors{How::sizes, 0};
    }
    if (moment.is_recovering && second == 0) {
      second = moment.operation;
      return sim::Survivors{How::none, 0};
    }
    return std::nullopt;
  };
  CHECK(run(s, options).passed());
  CHECK(second > first);
}

TEST_CASE("a crash that never comes about is told") {
  RunOptions options;
  options.crashes = {{"srv", 1'000'000, {How::kill, 0}}};
  const RunResult result = run(scenario(), options);
  REQUIRE_FALSE(result.passed());
  CHECK(result.divergences.front().expected == "a crash at srv:1000000");
}

TEST_CASE("places are read and refused") {
  const auto place = parse_crash_place("a:b:12");
  REQUIRE(place);
  CHECK(place->node == "a:b");
  CHECK(place->operation == 12);
  for (const std::string_view text : {"", "srv", "srv:", ":3", "srv:0", "srv:x", "srv:-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_crash_place(text));
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
