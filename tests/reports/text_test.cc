#include "reports/text.h"

#include <doctest/doctest.h>

#include "tests/reports/sample_runs.h"

namespace windtunnel::reports {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a run that passed is one line") {
  CHECK(run_text(passed_run(), {}) == "PASS hub-outage seed=7 events=48211 virtual=1m30s wall=0.12s trace=9f3c5e0d12ab34cd\n");
}

TEST_CASE("what has to be known of a run that passed stands under its line") {
  RunRecord record = passed_run();
  record.result.remarks = {"mirror M on leaf ends with an error: gone"};
  CHECK(run_text(record, {}).ends_with("\n  remark: mirror M on leaf ends with an error: gone\n"));
}

TEST_CASE("hazards that nobody has accepted are a line each, and a last one says where to read on") {
  scenarios::CheckReport report;
  report.file = "my run.yaml";
  CHECK(hazards_text(report, "./dev").empty());
  report.hazards = {
      {.kind = scenarios::HazardKind::copy_cycle, .where = {"my run.yaml", 9, 5}, .why = "round it goes", .is_accepted = true}};
  CHECK(hazards_text(report, "./dev").empty());
  report.hazards.push_back({.kind = scenarios::HazardKind::memory_origin, .where = {"my run.yaml", 7, 5}, .why = "it is in memory"});
  CHECK(hazards_text(report, "./dev") ==
        "  remark: hazard memory-origin: it is in memory\n"
        "  remark: how to mend or accept that: ./dev check 'my run.yaml'\n");
}

TEST_CASE("a run that failed tells its divergence and, last, how to replay it") {
  CHECK(run_text(failed_run(), {}) ==
        "FAIL hub-outage seed=7 events=48211 virtual=1m30s wall=0.12s trace=9f3c5e0d12ab34cd\n"
        "  no-silent-drop: A message is in a stream, or its publisher was told of an error.\n"
        "    expected  no lost message\n"
        "    actual    417 lost messages\n"
        "    where     stream ORDERS on hub, from seq 17, message careless#17, at 00:01:30.250\n"
        "    the life of careless#17\n"
        "      00:00:20.100 client published seq=17\n"
        "      00:00:20.101 leaf dropped seq=17\n"
        "    faults around it\n"
        "      00:00:20.000 SIGABRT hub\n"
        "  careful: published=1200 acked=800\n"
        "  replay: windtunnel run catalog/hub-outage.yaml --seed 7\n");
}

TEST_CASE("a run that failed shows what its swarm drew, and one that passed does not") {
  RunRecord run = failed_run();
  run.result.timeline = {"{ at: 5s, start: { node: hub } }", "{ at: 6s, heal_disk: { node: hub } }"};
  CHECK(run_text(run, {}).find("  what the swarm drew (as `faults:` takes it)\n"
                               "    - { at: 5s, start: { node: hub } }\n"
                               "    - { at: 6s, heal_disk: { node: hub } }\n"
                               "  replay: ") != std::string::npos);
  run = passed_run();
  run.result.timeline = {"{ at: 5s, start: { node: hub } }"};
  CHECK(run_text(run, {}) == run_text(passed_run(), {}));
}

TEST_CASE("what a divergence does not know is left out") {
  CHECK(divergence_text({.invariant = "expectation",
                         .sentence = "",
                         .expected = "lag 0",
                         .actual = "lag 5",
                         .stream = "",
                         .message = "",
                         .first_seq = {},
                         .life_story = {},
                         .faults_around = {},
                         .at = {},
                         .node = ""}) == "expectation\n  expected  lag 0\n  actual    lag 5\n  where     at 00:00:00.000\n");
}

TEST_CASE("of many divergences the first ten are shown") {
  RunRecord run = failed_run();
  run.result.divergences.resize(12, run.result.divergences[0]);
  const std::string text = run_text(run, {});
  CHECK(text.find("  and 2 more divergences\n") != std::string::npos);
  std::size_t shown = 0;
  for (std::size_t at = text.find("no-silent-drop:"); at != std::string::npos; at = text.find("no-silent-drop:", at + 1)) ++shown;
  CHECK(shown == 10);
}

TEST_CASE("runs that came to no verdict say why, without figures that they do not have") {
  RunRecord run = passed_run();
  run.outcome = Outcome::died;
  run.problem = "the worker died: signal 11";
  run.result.notes.clear();
  CHECK(run_text(run, {}) ==
        "DIED hub-outage seed=7\n  the worker died: signal 11\n  replay: windtunnel run catalog/hub-outage.yaml --seed 7\n");
  run.outcome = Outcome::refused;
  CHECK(run_text(run, {}).starts_with("REFUSED hub-outage seed=7\n"));
  run.outcome = Outcome::nondeterministic;
  CHECK(run_text(run, {}).starts_with("NONDETERMINISTIC hub-outage seed=7 events=48211 "));
}

TEST_CASE("colours are there only when asked for") {
  CHECK(run_text(passed_run(), {.has_colours = true}).starts_with("\x1b[32mPASS\x1b[0m hub-outage"));
  CHECK(run_text(failed_run(), {.has_colours = true}).starts_with("\x1b[1;31mFAIL\x1b[0m hub-outage"));
  CHECK(run_text(failed_run(), {}).find('\x1b') == std::string::npos);
}

TEST_CASE("times print as what they are read for") {
  CHECK(clock(core::Instant{1h + 2min + 3s + 4ms + 999us}) == "01:02:03.004");
  CHECK(clock(core::Instant{100h}) == "100:00:00.000");
  CHECK(clock(core::Instant{-100ms}) == "-00:00:00.100");
  CHECK(seconds(4ms) == "0.00s");
  CHECK(seconds(995ms) == "1.00s");
  CHECK(seconds(61s) == "61.00s");
  CHECK(hash_text(0x1f) == "000000000000001f");
}

TEST_CASE("the totals name only what there was") {
  Totals totals;
  for (int i = 0; i < 199; ++i) totals.add(Outcome::passed);
  totals.add(Outcome::failed);
  CHECK(totals_text(totals, 10s) == "200 runs: 199 passed, 1 failed; 10.0s, 20 runs/s\n");
  totals.add(Outcome::nondeterministic);
  totals.add(Outcome::refused);
  totals.add(Outcome::died);
  CHECK(totals_text(totals, 90s) == "203 runs: 199 passed, 1 failed, 1 not deterministic, 1 refused, 1 died; 1m30s, 2 runs/s\n");
  CHECK(totals_text(totals, 0s).find("203000 runs/s") != std::string::npos);
}

TEST_CASE("a replay command survives any file name in a shell") {
  CHECK(replay_command("./dev", "a/b-c.yaml", core::Seed{18446744073709551615u}) == "./dev run a/b-c.yaml --seed 18446744073709551615");
  CHECK(replay_command("windtunnel", "my file.yaml", core::Seed{1}) == "windtunnel run 'my file.yaml' --seed 1");
  CHECK(replay_command("windtunnel", "it's.yaml", core::Seed{1}) == "windtunnel run 'it'\\''s.yaml' --seed 1");
  CHECK(replay_command("windtunnel", "-x.yaml", core::Seed{1}) == "windtunnel run ./-x.yaml --seed 1");
}

}  // namespace
}  // namespace windtunnel::reports
