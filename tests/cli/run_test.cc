// The command line from outside: what it prints, what it writes and how it exits.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/process.h"

namespace windtunnel::cli {
namespace {

using nlohmann::json;

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

// The lines with what differs by machine taken out of them.
std::string without_wall(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 5, "wall=") == 0) {
      out += "wall=?";
      at = text.find(' ', at);
    } else {
      out += text[at++];
    }
  }
  return out;
}

TEST_CASE("runs that hold are a line each and exit 0") {
  const Folder folder;
  folder.scenario("a.yaml", "passes");
  const Said said = folder.run("run a.yaml --seed 7");
  CHECK(said.status == 0);
  CHECK(said.out.starts_with("PASS passes seed=7 events=1007 virtual=1m30s wall=0."));
  CHECK(count(said.out, "\n") == 1);
  CHECK(said.err == "");
}

TEST_CASE("a divergence exits 1, is told whole and ends in the command that replays it") {
  const Folder folder;
  folder.scenario("a.yaml", "fails");
  const Said said = folder.run("run a.yaml --seed 7");
  CHECK(said.status == 1);
  CHECK(said.out.starts_with("FAIL fails seed=7 "));
  CHECK(said.out.find("  no-silent-drop: No message vanishes.\n    expected  0 lost\n    actual    3 lost\n    where     stream ORDERS on "
                      "hub, from seq 4, at 00:00:02.000\n") != std::string::npos);
  CHECK(said.out.ends_with("\n  replay: windtunnel run a.yaml --seed 7\n"));
  CHECK(folder.run("run a.yaml", "WINDTUNNEL_COMMAND=./dev").out.ends_with("\n  replay: ./dev run a.yaml --seed 1\n"));
}

TEST_CASE("of several profiles there is a run each, and line, report and replay name it") {
  const Folder folder;
  folder.scenario("a.yaml", "fails");
  const Said said = folder.run("run a.yaml --seed 7 --as nats-2.10.12,nats-2.10.17 --defect no-dir-sync --json out.json");
  CHECK(said.status == 1);
  CHECK(said.out.find("FAIL fails seed=7 as=nats-2.10.12 defect=no-dir-sync events=") == 0);
  CHECK(said.out.find("\nFAIL fails seed=7 as=nats-2.10.17 defect=no-dir-sync events=") != std::string::npos);
  CHECK(said.out.find("replay: windtunnel run a.yaml --seed 7 --as nats-2.10.17 --defect no-dir-sync\n") != std::string::npos);
  const json report = json::parse(folder.read("out.json"));
  CHECK(report["runs"].size() == 2);
  CHECK(report["runs"][1]["as"] == "nats-2.10.17");
  CHECK(report["runs"][1]["defects"] == json::array({"no-dir-sync"}));
}

TEST_CASE("a crash by number is part of the replay, and its node must be in the scenario") {
  const Folder folder;
  folder.scenario("a.yaml", "fails");
  const Said said = folder.run("run a.yaml --seed 7 --crash-at hub:12 --keep only:3");
  CHECK(said.out.starts_with("FAIL fails seed=7 crash-at=hub:12,only:3 events="));
  CHECK(said.out.ends_with("replay: windtunnel run a.yaml --seed 7 --crash-at hub:12 --keep only:3\n"));
  const Said wrong = folder.run("run a.yaml --crash-at nowhere:12 --keep kill");
  CHECK(wrong.status == 2);
  CHECK(wrong.err == "windtunnel: `--crash-at nowhere:12`: a.yaml has no node `nowhere`\n");
}

TEST_CASE("two runs that differ exit 3, named with the first line that differs, and outrank a divergence") {
  const Folder folder;
  folder.scenario("a.yaml", "flaky");
  folder.scenario("b.yaml", "fails");
  CHECK(folder.run("run a.yaml").status == 0);  // it passes, so it is not verified
  const Said said = folder.run("run a.yaml b.yaml --verify");
  CHECK(said.status == 3);
  CHECK(said.out.find("NONDETERMINISTIC flaky seed=1 ") != std::string::npos);
  CHECK(said.out.find("number 2:\n    one run:   event 2 of call 3\n    the other: event 2 of call 4\n") != std::string::npos);
  CHECK(said.out.find("replay: windtunnel run a.yaml --seed 1 --verify\n") != std::string::npos);
  CHECK(said.out.find("2 runs: 0 passed, 1 failed, 1 not deterministic; ") != std::string::npos);
}

TEST_CASE("a scenario that cannot be run exits 2 and says why") {
  const Folder folder;
  folder.scenario("a.yaml", "refused");
  const Said said = folder.run("run a.yaml");
  CHECK(said.status == 2);
  CHECK(said.out == "REFUSED refused seed=1\n  a.yaml:4:3: stream ORDERS is refused: 10052\n  replay: windtunnel run a.yaml --seed 1\n");
}

TEST_CASE("a run that kills its worker is told with its seed and exits 4; the others are made all the same") {
  for (const std::string jobs : {"1", "3"}) {
    const Folder folder;
    folder.scenario("a.yaml", "dies-of-signal");
    const Said said = folder.run("run a.yaml --seeds 1..5 --json r.json --junit r.xml --jobs " + jobs);
    CHECK(said.status == 4);
    CHECK(count(said.out, "PASS dies-of-signal") == 4);
    CHECK(said.out.find("DIED dies-of-signal seed=2\n  windtunnel itself failed in this run: its worker ended with signal 9 (Killed)\n  "
                        "replay: windtunnel run a.yaml --seed 2\n") != std::string::npos);
    CHECK(said.out.find("5 runs: 4 passed, 1 died; ") != std::string::npos);
    CHECK(json::parse(folder.read("r.json"))["runs"][1]["outcome"] == "died");
    CHECK(folder.read("r.xml").find("<error type=\"died\"") != std::string::npos);
  }
}

TEST_CASE("a failed assertion tells the run it was in and exits 4") {
  const Folder folder;
  folder.scenario("a.yaml", "dies-of-assertion");
  const Said said = folder.run("run a.yaml --seeds 1..3 --jobs 2");
  CHECK(said.status == 4);
  CHECK(said.err.find("assertion failed: calls == 0") != std::string::npos);
  CHECK(said.err.find("replay: windtunnel run a.yaml --seed 2") != std::string::npos);
  CHECK(said.out.find("its worker ended with exit status 4") != std::string::npos);
  CHECK(count(said.out, "PASS") == 2);
  // Without workers it takes the whole command with it.
  const Said alone = folder.run("run a.yaml --seeds 1..3 --jobs 0");
  CHECK(alone.status == 4);
  CHECK(alone.err.find("replay: windtunnel run a.yaml --seed 2") != std::string::npos);
}

TEST_CASE("results come in the order of scenario and seed, however many workers there are") {
  const Folder folder;
  folder.scenario("b.yaml", "fails-sometimes");
  folder.scenario("a.yaml", "slow-first");
  const Said one = folder.run("run . --seeds 1..20 --jobs 1");
  const Said many = folder.run("run . --seeds 1..20 --jobs 7");
  const Said none = folder.run("run . --seeds 1..20 --jobs 0");
  CHECK(one.status == 1);
  const auto runs_of = [](const Said& said) { return without_wall(said.out.substr(0, said.out.rfind("40 runs"))); };
  CHECK(runs_of(one) == runs_of(many));
  CHECK(runs_of(one) == runs_of(none));
  CHECK(count(one.out, "slow-first seed=") == 20);
  CHECK(one.out.find("slow-first seed=20 ") < one.out.find("fails-sometimes seed=1 "));
  CHECK(one.out.find("40 runs: 34 passed, 6 failed; ") != std::string::npos);
}

TEST_CASE("an answer of any size comes through a worker's pipe") {
  const Folder folder;
  folder.scenario("a.yaml", "huge");
  const Said said = folder.run("run a.yaml --seeds 1..4 --jobs 2 --json r.json");
  CHECK(said.status == 0);
  CHECK(json::parse(folder.read("r.json"))["runs"][3]["notes"][0].get<std::string>().size() == 3'000'000);
}

TEST_CASE("the reports hold every run") {
  const Folder folder;
  folder.scenario("a.yaml", "fails-sometimes");
  const Said said = folder.run("run a.yaml --seeds 1..7 --jobs 2 --json r.json --junit r.xml");
  CHECK(said.status == 1);
  const json report = json::parse(folder.read("r.json"));
  CHECK(report["totals"]["runs"] == 7);
  CHECK(report["totals"]["failed"] == 2);
  for (std::size_t i = 0; i < 7; ++i) CHECK(report["runs"][i]["seed"] == i + 1);
  CHECK(report["runs"][2]["verified"] == true);
  CHECK(report["runs"][0]["verified"] == false);
  const std::string junit = folder.read("r.xml");
  CHECK(junit.find("<testsuite name=\"fails-sometimes\" file=\"a.yaml\" tests=\"7\" failures=\"2\" errors=\"0\"") != std::string::npos);
  CHECK(count(junit, "<testcase ") == 7);
  CHECK(count(junit, "replay: windtunnel run a.yaml --seed 3") == 1);
}

TEST_CASE("many seeds end with the slowest of each scenario that has copies, a single one does not; the report has them") {
  const Folder folder;
  folder.scenario("a.yaml", "copies");
  folder.scenario("b.yaml", "passes");
  const Said said = folder.run("run a.yaml b.yaml --seeds 1..8 --jobs 2 --json r.json");
  CHECK(said.status == 0);
  const std::string line = "slowest: copies seed=3 caught up 4s120ms after all was quiet (bound 11s): ALL on hub with EDGE\n";
  CHECK(count(said.out, "slowest: ") == 1);
  CHECK(said.out.find("\n" + line + "16 runs: 16 passed; ") != std::string::npos);
  const json report = json::parse(folder.read("r.json"));
  REQUIRE(report["slowest"].size() == 1);
  CHECK(report["slowest"][0]["file"] == "a.yaml");
  CHECK(report["slowest"][0]["seed"] == 3);
  CHECK(report["slowest"][0]["took_ns"] == 4'120'000'000);
  CHECK(report["slowest"][0]["bound_ns"] == 11'000'000'000);
  CHECK(report["runs"][0]["catch_ups"][0]["took_ns"] == 1'001'000'000);
  CHECK(report["runs"][8]["catch_ups"].empty());
  CHECK(folder.run("run a.yaml --seeds 1..9").out.find("slowest: copies seed=9 did not catch up (bound 11s): ALL on hub with EDGE\n") !=
        std::string::npos);
  CHECK(folder.run("run a.yaml --seed 3").out.find("slowest") == std::string::npos);
}

TEST_CASE("the hazards of a scenario are told once, behind its last run, and change no exit status") {
  const Folder folder;
  const std::string body =
      "\nnodes: { srv: {} }\nstreams: [ { on: srv, name: A, subjects: [a.>], retention: interest } ]\n"
      "expect: [ { invariants: [acked-is-durable] } ]\n";
  folder.write("a.yaml", "scenario: risky" + body);
  folder.write("b.yaml", "scenario: on-purpose\nhazards: [interest-without-consumers]" + body);
  const Said said = folder.run("run a.yaml b.yaml --seeds 1..3 --as nats-2.10.12,nats-2.10.17 --json r.json --junit r.xml");
  CHECK(said.status == 0);
  CHECK(count(said.out, "remark: hazard ") == 1);
  const std::string remark = "\n  remark: hazard interest-without-consumers: stream `A` on `srv` ";
  const std::size_t at = said.out.find(remark);
  REQUIRE(at != std::string::npos);
  CHECK(count(said.out.substr(0, at), "PASS risky ") == 6);
  CHECK(said.out.find("\n  remark: how to mend or accept that: windtunnel check a.yaml\nPASS on-purpose ") != std::string::npos);
  const json report = json::parse(folder.read("r.json"));
  REQUIRE(report["hazards"].size() == 1);
  CHECK(report["hazards"][0]["id"] == "interest-without-consumers");
  CHECK(report["hazards"][0]["scenario"] == "risky");
  CHECK(folder.read("r.xml").find("hazard") == std::string::npos);
}

TEST_CASE("--trace writes the events of the one run, once") {
  const Folder folder;
  folder.scenario("a.yaml", "fails");
  CHECK(folder.run("run a.yaml --trace t.txt").status == 1);
  CHECK(folder.read("t.txt") == "event 1\nevent 2\nevent 3\n");
  folder.scenario("b.yaml", "passes");
  const Said said = folder.run("run a.yaml b.yaml --trace t.txt");
  CHECK(said.status == 2);
  CHECK(said.err == "windtunnel: `--trace` is for a single run; name one scenario\n");
}

TEST_CASE("the seed is the command line's, else the scenario's, else 1") {
  const Folder folder;
  folder.write("a.yaml", "scenario: passes\nseed: 42\nnodes: { hub: {} }\nexpect: [ { invariants: [acked-is-durable] } ]\n");
  CHECK(folder.run("run a.yaml").out.starts_with("PASS passes seed=42 "));
  CHECK(folder.run("run a.yaml --seed 0").out.starts_with("PASS passes seed=0 "));
  CHECK(folder.run("run a.yaml --seeds 18446744073709551614..18446744073709551615").out.find("seed=18446744073709551615 ") !=
        std::string::npos);
}

TEST_CASE("wrong usage and wrong files exit 2 with a message, and nothing is run") {
  const Folder folder;
  folder.scenario("good.yaml", "passes");
  folder.write("wrong-key.yaml", "scenario: x\nnoodles: {}\n");
  folder.write("empty.yaml", "");
  folder.write("binary.yaml", std::string("\x7f"
                                          "ELF\0\0",
                                          6));
  std::string nested;
  nested.resize(10'000'000, '[');
  folder.write("nested.yaml", nested);
  folder.write("cyclic.yaml",
               "scenario: x\nnodes: { a: { leaf_of: b }, b: { leaf_of: a } }\nexpect: [ { invariants: [acked-is-durable] } ]\n");
  folder.write("empty-folder/readme.txt", "");
  struct Row {
    std::string words;
    std::string message;
  };
  for (const std::string verb : {"run ", "check "}) {
    for (const Row& row : std::vector<Row>{
             {"missing.yaml", "windtunnel: missing.yaml: there is no such file or directory\n"},
             {"empty-folder", "windtunnel: empty-folder: there is no scenario (*.yaml) in this directory\n"},
             {"wrong-key.yaml", "windtunnel: wrong-key.yaml:2:1: unknown key `noodles` in a scenario; did you mean `nodes`?\n"},
             {"empty.yaml", "windtunnel: empty.yaml:1:1: the file is empty; a scenario begins with `scenario: NAME`\n"},
             {"binary.yaml", "windtunnel: binary.yaml:1:1: the file is no text: the byte 0x7f stands here\n"},
             {"nested.yaml", "windtunnel: nested.yaml:1:1: the file is larger than 1 MiB; no scenario needs that much\n"},
             {"cyclic.yaml", "windtunnel: cyclic.yaml:2:24: the leaf topology runs in a circle: a -> b -> a\n"},
             {"good.yaml --frobnicate", "windtunnel: unknown option `--frobnicate` of `windtunnel "}}) {
      CAPTURE(verb + row.words);
      const Said said = folder.run(verb + row.words);
      CHECK(said.status == 2);
      CHECK(said.out == "");
      CHECK(said.err.find(row.message) != std::string::npos);
    }
  }
  // One wrong file among good ones: all of them are named, and none is run.
  const Said said = folder.run("run good.yaml empty.yaml cyclic.yaml");
  CHECK(said.status == 2);
  CHECK(said.out == "");
  CHECK(count(said.err, "windtunnel: ") == 3);
  CHECK(said.err.ends_with("windtunnel: nothing was run, for not all scenarios are valid\n"));
}

TEST_CASE("check names the good scenarios and the wrong ones") {
  const Folder folder;
  folder.scenario("x/good.yaml", "passes");
  folder.write("x/wrong.yaml", "scenario: x\nexpect: []\n");
  CHECK(folder.run("check x/good.yaml").status == 0);
  const Said said = folder.run("check x");
  CHECK(said.status == 2);
  CHECK(said.out == "OK passes x/good.yaml\n");
  CHECK(said.err == "windtunnel: x/wrong.yaml:1:1: a scenario needs the key `nodes`\n");
}

TEST_CASE("a report that cannot be written exits 2 before anything is run, or after") {
  const Folder folder;
  folder.scenario("a.yaml", "passes");
  for (const std::string option : {"--json", "--junit", "--trace"}) {
    const Said said = folder.run("run a.yaml " + option + " no/such/folder/x");
    CHECK(said.status == 2);
    CHECK(said.out == "");
    CHECK(said.err == "windtunnel: no/such/folder/x: cannot be written: No such file or directory\n");
    // A full disk shows only when writing.
    const Said full = folder.run("run a.yaml " + option + " /dev/full");
    CHECK(full.status == 2);
    CHECK(full.err == "windtunnel: /dev/full: cannot be written: No space left on device\n");
  }
}

TEST_CASE("standard output that cannot be written is an error") {
  const Folder folder;
  folder.scenario("a.yaml", "passes");
  const Said said = folder.run("run a.yaml >/dev/full 2>.err2 || echo $? > .status; true");
  CHECK(folder.read(".status") == "2\n");
  CHECK(folder.read(".err2") == "windtunnel: standard output cannot be written\n");
  static_cast<void>(said);
}

TEST_CASE("list says what there is") {
  const Folder folder;
  folder.scenario("b.yaml", "passes");
  folder.scenario("a.yaml", "fails");
  CHECK(folder.run("list scenarios .").out == "fails   A test.\n        ./a.yaml\npasses  A test.\n        ./b.yaml\n");
  const Said none = folder.run("list scenarios");
  CHECK(none.status == 2);
  CHECK(none.err.find("scenarios/catalog: there is no such file or directory; name a directory") != std::string::npos);
  CHECK(folder.run("list faults").out.find("\npower_loss ") != std::string::npos);
  CHECK(folder.run("list invariants").out.find("mirror-is-prefix") != std::string::npos);
  CHECK(folder.run("list invariants")
            .out.find("config-error-surfaced           A copy that cannot make progress shows an error or a lag.\n") != std::string::npos);
  const std::string workloads = folder.run("list workloads").out;
  CHECK(workloads.starts_with("publish\n"));
  CHECK(workloads.find("\nconsume\n") != std::string::npos);
  CHECK(workloads.find("  rate            messages in a time: 20/s (required)\n") != std::string::npos);
}

TEST_CASE("help and version exit 0") {
  const Folder folder;
  CHECK(folder.run("--version").out == "windtunnel 0.1.0\n");
  CHECK(folder.run("--help").out.find("windtunnel run FILE|DIR...") != std::string::npos);
  const Said said = folder.run("run --help");
  CHECK(said.status == 0);
  CHECK(said.out.find("--seeds A..B") != std::string::npos);
  CHECK(folder.run("").status == 2);
  CHECK(folder.run("explore x").err == "windtunnel: `explore` is not available yet\n");
}

TEST_CASE("colours and progress are for terminals alone") {
  const Folder folder;
  folder.scenario("a.yaml", "passes");
  const Said plain = folder.run("run a.yaml --seeds 1..3");
  CHECK(plain.out.find('\x1b') == std::string::npos);
  CHECK(plain.err == "");
  CHECK(folder.run("run a.yaml", "FAKE_COLOURS=1").out.starts_with("\x1b[32mPASS\x1b[0m"));
  const Said shown = folder.run("run a.yaml --seeds 1..3", "FAKE_PROGRESS=1");
  CHECK(shown.err.find("/3 runs") != std::string::npos);
  CHECK(shown.err.ends_with("\r\x1b[K"));  // and nothing of it stays
}

}  // namespace
}  // namespace windtunnel::cli
