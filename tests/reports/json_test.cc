#include "reports/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/reports/documented.h"
#include "tests/reports/sample_runs.h"

namespace windtunnel::reports {
namespace {

void check_equal(const RunRecord& a, const RunRecord& b) {
  CHECK(a.file == b.file);
  CHECK(a.scenario == b.scenario);
  CHECK(a.seed == b.seed);
  CHECK(a.outcome == b.outcome);
  CHECK(a.problem == b.problem);
  CHECK(a.is_verified == b.is_verified);
  CHECK(a.wall == b.wall);
  CHECK(a.replay == b.replay);
  CHECK(a.result.scenario == b.result.scenario);
  CHECK(a.result.seed == b.result.seed);
  CHECK(a.result.events == b.result.events);
  CHECK(a.result.virtual_time == b.result.virtual_time);
  CHECK(a.result.trace_hash == b.result.trace_hash);
  CHECK(a.result.notes == b.result.notes);
  CHECK(a.result.timeline == b.result.timeline);
  CHECK(a.result.divergences == b.result.divergences);
  CHECK(a.result.catch_ups == b.result.catch_ups);
  CHECK(a.result.surfacings == b.result.surfacings);
}

TEST_CASE("a run that is written as JSON is read back as the same run") {
  RunRecord run = failed_run();
  run.result.timeline = {"{ at: 5s, start: { node: hub } }", "{ at: 6s, heal_disk: { node: hub } }"};
  for (const Outcome outcome : {Outcome::passed, Outcome::failed, Outcome::nondeterministic, Outcome::refused, Outcome::died}) {
    run.outcome = outcome;
    run.seed = run.result.seed = core::Seed{18446744073709551615u};
    run.result.trace_hash = 18446744073709551615u;
    run.problem = "a \"quoted\" <thing> & a\nline with \t and \x01 and caf\xc3\xa9";
    const auto again = run_from_json(run_json(run));
    REQUIRE(again);
    check_equal(*again, run);
  }
}

TEST_CASE("what is no run is an error and no crash") {
  const std::string good = run_json(failed_run());
  CHECK(run_from_json(good));
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_FALSE(run_from_json(std::string_view{good}.substr(0, cut)));
  for (const std::string_view text : {"", "[]", "{}", "null", "5", "{\"file\":5}"}) CHECK_FALSE(run_from_json(text));
  nlohmann::json object = nlohmann::json::parse(good);
  object["outcome"] = "splendid";
  CHECK_FALSE(run_from_json(object.dump()));
  object["outcome"] = "passed";
  object["trace_hash"] = "xyz";
  CHECK_FALSE(run_from_json(object.dump()));
}

TEST_CASE("a report holds its schema, its totals and its runs") {
  Totals totals;
  totals.add(Outcome::passed);
  totals.add(Outcome::failed);
  const std::vector<std::string> runs = {run_json(passed_run()), run_json(failed_run())};
  const nlohmann::json report = nlohmann::json::parse(report_json(runs, {}, {}, totals, std::chrono::milliseconds{250}, "0.1.0"));
  CHECK(report["schema"] == "windtunnel.report");
  CHECK(report["version"] == kJsonVersion);
  CHECK(report["windtunnel"] == "0.1.0");
  CHECK(report["totals"] ==
        nlohmann::json{
            {"runs", 2}, {"passed", 1}, {"failed", 1}, {"nondeterministic", 0}, {"refused", 0}, {"died", 0}, {"wall_ns", 250'000'000}});
  REQUIRE(report["runs"].size() == 2);
  CHECK(report["runs"][0]["trace_hash"] == "9f3c5e0d12ab34cd");
  CHECK(report["runs"][1]["divergences"][0]["first_seq"] == 17);
  CHECK(report["runs"][1]["divergences"][0]["at_ns"] == 90'250'000'000);
  CHECK(nlohmann::json::parse(report_json({}, {}, {}, {}, {}, "0.1.0"))["runs"].empty());
}

TEST_CASE("of each scenario and variant the slowest copy of all its runs is told, and one that never came before all others") {
  using namespace std::chrono_literals;
  const auto run = [](std::uint64_t seed, std::optional<core::Duration> took) {
    RunRecord out = passed_run();
    out.seed = core::Seed{seed};
    out.result.catch_ups = {{"COPY", "leaf", "ORDERS", 5ms, 6s}, {"ALL", "hub", "EDGE", took, 11s}};
    out.result.surfacings.clear();
    return out;
  };
  SlowestRuns slowest;
  CHECK(slowest.all().empty());
  slowest.add(run(1, 4s));
  slowest.add(run(2, 4120ms + 3us));
  slowest.add(run(3, 4120ms + 3us));
  RunRecord other = run(9, 3s);
  other.variant.profile = "nats-2.10.27";
  slowest.add(other);
  RunRecord without = run(4, 4s);
  without.file = "other.yaml";
  without.result.catch_ups.clear();
  slowest.add(without);
  REQUIRE(slowest.all().size() == 2);
  CHECK(slowest_text(slowest.all()[0]) ==
        "slowest: hub-outage seed=2 caught up 4s120ms after all was quiet (bound 11s): ALL on hub with EDGE\n");
  CHECK(slowest_text(slowest.all()[1]) ==
        "slowest: hub-outage seed=9 as=nats-2.10.27 caught up 3s after all was quiet (bound 11s): ALL on hub with EDGE\n");
  slowest.add(run(4, std::nullopt));  // and passed: what its copy says of itself excuses it
  CHECK(slowest.all()[0].seed == core::Seed{2});
  RunRecord never = run(5, std::nullopt);
  never.outcome = Outcome::failed;
  slowest.add(never);
  slowest.add(run(6, 5s));
  CHECK(slowest_text(slowest.all()[0]) == "slowest: hub-outage seed=5 did not catch up (bound 11s): ALL on hub with EDGE\n");
  const nlohmann::json report = nlohmann::json::parse(report_json({}, slowest.all(), {}, {}, {}, "0.1.0"));
  CHECK(report["slowest"][0]["took_ns"].is_null());
  CHECK(report["slowest"][1]["took_ns"] == 3'000'000'000);
  CHECK(report["slowest"][1]["as"] == "nats-2.10.27");
}

TEST_CASE("so is the copy that hid longest that nobody answers it, beside the one that was level last") {
  using namespace std::chrono_literals;
  SlowestRuns slowest;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    RunRecord run = passed_run();
    run.seed = core::Seed{seed};
    run.result.surfacings = {{"ALL", "hub", "EDGE", seed == 2 ? 30s + 100ms : 10s, 40s}};
    slowest.add(run);
  }
  REQUIRE(slowest.all().size() == 2);
  CHECK(slowest_text(slowest.all()[1]) ==
        "slowest: hub-outage seed=2 showed an error or a lag 30s100ms after it first asked in vain (bound 40s): ALL on hub with EDGE\n");
  const nlohmann::json report = nlohmann::json::parse(report_json({}, slowest.all(), {}, {}, {}, "0.1.0"));
  CHECK(report["slowest"][0]["what"] == "level");
  CHECK(report["slowest"][1]["what"] == "surfaced");
  CHECK(report["slowest"][1]["seed"] == 2);
}

scenarios::CheckReport check_report() {
  scenarios::CheckReport out;
  out.name = "hub-outage";
  out.file = "a.yaml";
  out.hazards = {{.kind = scenarios::HazardKind::memory_origin, .where = {"a.yaml", 7, 5}, .why = "it is in memory"},
                 {.kind = scenarios::HazardKind::copy_cycle, .where = {"a.yaml", 9, 5}, .why = "round it goes", .is_accepted = true}};
  return out;
}

TEST_CASE("the hazards of the scenarios stand in the report once, without those that are accepted") {
  const std::vector<scenarios::CheckReport> checks = {check_report()};
  const nlohmann::json report = nlohmann::json::parse(report_json({}, {}, checks, {}, {}, "0.1.0"));
  CHECK(report["hazards"] == nlohmann::json::array({{{"id", "memory-origin"},
                                                     {"file", "a.yaml"},
                                                     {"scenario", "hub-outage"},
                                                     {"line", 7},
                                                     {"column", 5},
                                                     {"why", "it is in memory"}}}));
}

TEST_CASE("docs/json-report.md names every field and no other") {
  std::set<std::string> written;
  const std::vector<std::string> runs = {run_json(failed_run())};
  SlowestRuns slowest;
  slowest.add(failed_run());
  const std::vector<scenarios::CheckReport> checks = {check_report()};
  const nlohmann::json report = nlohmann::json::parse(report_json(runs, slowest.all(), checks, {}, {}, "0.1.0"));
  const nlohmann::json& run = report["runs"][0];
  for (const nlohmann::json* object :
       {&report, &report["totals"], &run, &run["divergences"][0], &run["catch_ups"][0], &report["slowest"][0], &report["hazards"][0]}) {
    for (const auto& [name, unused] : object->items()) written.insert(name);
  }
  CHECK(tests::documented_fields("docs/json-report.md") == written);
}

}  // namespace
}  // namespace windtunnel::reports
