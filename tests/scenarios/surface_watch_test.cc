// How long a mirror or a source that asks for its origin in vain may keep it to itself, while the run goes on.
#include "scenarios/surface_watch.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "scenarios/invariants/invariants.h"
#include "scenarios/sync_bound.h"
#include "sim/trace.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// A source of a domain that nobody has, beside one that is right.
std::string wrong(const std::string& duration, const std::string& faults = "[]") {
  return R"(
scenario: wrong
about: A source that nobody answers.
duration: )" +
         duration + R"(
nodes: { hub: { domain: hub }, west: { domain: west, leaf_of: hub } }
streams:
  - { on: west, name: WEST, subjects: [west.>] }
  - { on: hub, name: ALL, sources: [ { name: WEST, external: { api: $JS.wets.API } }, { name: WEST, domain: west } ] }
faults: )" +
         faults + R"(
expect: [ { invariants: [config-error-surfaced] } ]
)";
}

TEST_CASE("a source of a domain that nobody has shows it in time, and how long that took is told") {
  const RunResult result = run_text(wrong("90s"), with_defects({}));
  CHECK_MESSAGE(result.passed(), told(result));
  REQUIRE(result.surfacings.size() == 1);  // the other one was answered
  const CopyWait& wait = result.surfacings.front();
  CHECK(wait.stream == "ALL");
  CHECK(wait.node == "hub");
  CHECK(wait.origin == "WEST");
  CHECK(wait.bound == kSurfaceBound);
  REQUIRE(wait.took.has_value());
  CHECK(*wait.took > 0s);
  CHECK(*wait.took < kSurfaceBound);
}

TEST_CASE("one that never shows it is found when its time is over, long before the end of the run") {
  const RunResult silent = run_text(wrong("150s"), with_defects({core::Defect::nats_7530}));
  REQUIRE(finds(silent, "config-error-surfaced"));
  CHECK(silent.divergences.at(0).at < core::Instant{kSurfaceBound + 10s});
  CHECK(silent.surfacings.empty());
  // Not found is what had less time.
  CHECK(run_text(wrong("30s"), with_defects({core::Defect::nats_7530})).passed());
}

TEST_CASE("a server that is down, or stands still, owes nothing for that time") {
  const std::string faults =
      "[ { at: 20s, signal: { node: hub, name: SIGABRT } }, { at: 60s, start: hub }, { at: 80s, pause: hub }, { at: 100s, resume: hub } ]";
  // 20 s, 20 s and 20 s: never long enough for an error to be owed.
  CHECK(run_text(wrong("120s", faults), with_defects({core::Defect::nats_7530})).passed());
  CHECK(finds(run_text(wrong("150s", faults), with_defects({core::Defect::nats_7530})), "config-error-surfaced"));
  // Nor does one that is back before anybody looks.
  const std::string brief = "[ { at: 20010ms, signal: { node: hub, name: SIGKILL } }, { at: 20040ms, start: hub } ]";
  CHECK(run_text(wrong("55s", brief), with_defects({core::Defect::nats_7530})).passed());
  CHECK(finds(run_text(wrong("70s", brief), with_defects({core::Defect::nats_7530})), "config-error-surfaced"));
}

TEST_CASE("what was silent too long is told of though it speaks in the end") {
  const Scenario scenario = parse(wrong("90s"));
  const Ledger ledger;
  const History history;
  const RemovalLog removals;
  const ChangeLog changes;
  const KeyValueLog key_values;
  FinalState end;
  FinalStream& all = end.streams.emplace_back();
  all.key = {sim::NodeId{1}, "ALL"};
  all.node = "hub";
  all.spec = scenario.stream("hub", "ALL");
  all.is_readable = true;
  all.copies.push_back({&all.spec->sources.front(), "source/ALL/WEST", "WEST", "no answer", 0});
  const std::vector<LagSample> lags;
  const std::vector<RecoveryReading> readings;
  Evidence evidence{scenario, ledger, history, removals, changes, key_values, end, lags, readings};
  std::vector<SilentCopy> silent;
  evidence.silent = &silent;
  CHECK(check_of("config-error-surfaced")->check(evidence).empty());
  silent.push_back({all.key, "WEST", core::Instant{5s}, core::Instant{46s}});
  const std::vector<Divergence> found = check_of("config-error-surfaced")->check(evidence);
  REQUIRE(found.size() == 1);
  CHECK(found.front().at == core::Instant{46s});
  CHECK(found.front().expected.find("in vain for 41s") != std::string::npos);
  CHECK(found.front().actual.find("Its source WEST") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::scenarios
