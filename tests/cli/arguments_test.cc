#include "cli/arguments.h"

#include <doctest/doctest.h>

#include "cli/progress.h"

namespace windtunnel::cli {
namespace {

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> out;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) out.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

RunCommand run(std::string_view line) {
  const auto command = parse_arguments(words(line));
  if (!command) FAIL(command.error().detail);
  return std::get<RunCommand>(*command);
}

TEST_CASE("run takes files and options in any order") {
  const RunCommand command = run("run a.yaml --seeds 3..9 b --jobs=4 --verify --json out.json --junit out.xml");
  CHECK(command.paths == std::vector<std::string>{"a.yaml", "b"});
  CHECK(command.first_seed == 3);
  CHECK(command.last_seed == 9);
  CHECK(command.jobs == 4);
  CHECK(command.verify);
  CHECK(command.json_file == "out.json");
  CHECK(command.junit_file == "out.xml");
  CHECK_FALSE(command.trace_file.has_value());
}

TEST_CASE("without options a run has the scenario's seed, one worker and no report") {
  const RunCommand command = run("run a.yaml");
  CHECK_FALSE(command.first_seed.has_value());
  CHECK(command.jobs == 1);
  CHECK_FALSE(command.verify);
}

TEST_CASE("defects, profiles and crashes are lists") {
  const RunCommand command =
      run("run a --defect nats-6600,no-dir-sync --defect nats-6600 --as nats-2.10.12,nats-2.10.17 "
          "--crash-at srv:7 --keep kill --crash-at srv:9 --keep only:2");
  CHECK(command.defects == std::vector<core::Defect>{core::Defect::nats_6600, core::Defect::no_dir_sync});
  CHECK(command.profiles == std::vector<core::Release>{{2, 10, 12}, {2, 10, 17}});
  REQUIRE(command.crashes.size() == 2);
  CHECK(command.crashes[1] == scenarios::CrashAt{"srv", 9, {sim::Survivors::How::only, 2}});
}

TEST_CASE("crash-points takes one scenario and looks into recoveries unless told not to") {
  const auto parsed = parse_arguments(words("crash-points a.yaml --jobs 2 --seed 3 --as nats-2.10.17"));
  REQUIRE(parsed);
  const auto& command = std::get<CrashPointsCommand>(*parsed);
  CHECK(command.path == "a.yaml");
  CHECK(command.jobs == 2);
  CHECK(command.seed == 3);
  CHECK(command.depth == 2);
  CHECK(command.profile == core::Release{2, 10, 17});
}

TEST_CASE("serve takes ports, a store and remotes") {
  const auto parsed =
      parse_arguments(words("serve --port 0 --store d --sync 10s --domain hub --leaf-port 7422 --leaf-remote "
                            "nats-leaf://u:p@h:99,other"));
  REQUIRE(parsed);
  const auto& command = std::get<ServeCommand>(*parsed);
  CHECK(command.port == 0);
  CHECK(command.host == "127.0.0.1");
  CHECK(command.store == "d");
  CHECK_FALSE(command.sync_always);
  CHECK(command.sync_interval == std::chrono::seconds{10});
  CHECK(command.leaf_port == 7422);
  REQUIRE(command.leaf_remotes.size() == 2);
  CHECK(command.leaf_remotes[0].address == core::Address{"h", 99});
  CHECK(command.leaf_remotes[0].credentials.user == "u");
  CHECK(command.leaf_remotes[1].address == core::Address{"other", 7422});
}

TEST_CASE("serve takes limits of what is stored, and the defects of one release") {
  const auto parsed = parse_arguments(words("serve --max-mem 1MiB --max-file 2GiB --as nats-2.10.17 --defect nats-6244"));
  REQUIRE(parsed);
  const auto& command = std::get<ServeCommand>(*parsed);
  CHECK(command.max_memory == core::Bytes{1u << 20});
  CHECK(command.max_file == core::Bytes{std::uint64_t{2} << 30});
  CHECK(command.profile == core::Release{2, 10, 17});
  CHECK(command.defects == std::vector{core::Defect::nats_6244});
}

TEST_CASE("seeds have 64 bits and ranges have both ends") {
  CHECK(run("run a --seed 18446744073709551615").first_seed == 18446744073709551615u);
  CHECK(run("run a --seeds 0..0").last_seed == 0);
  CHECK(run("run a --seeds 18446744073709551615..18446744073709551615").first_seed == 18446744073709551615u);
  CHECK(run("run a --seed=0").first_seed == 0);
  CHECK(run("run -- --odd-name").paths == std::vector<std::string>{"--odd-name"});
}

TEST_CASE("what is wrong is named, with the nearest valid word") {
  struct Row {
    std::string_view line;
    std::string_view message;
  };
  for (const Row& row : std::vector<Row>{
           {"", "a verb is missing; see `windtunnel --help`"},
           {"rnu a.yaml", "unknown verb `rnu`; did you mean `run`?"},
           {"frobnicate", "unknown verb `frobnicate`; there are run, crash-points, check, list, inspect and serve"},
           {"--seed 7", "the verb comes first, before options such as `--seed`; see `windtunnel --help`"},
           {"run", "`windtunnel run` needs a scenario: a file or a directory"},
           {"check", "`windtunnel check` needs a scenario: a file or a directory; or `--streams FILE.json`"},
           {"check --streams", "the required argument for option '--streams' is missing; see `windtunnel check --help`"},
           {"check --streams hub=", "`--streams` needs a file: NAME=FILE.json, or FILE.json"},
           {"check --streams 1a=x.json", "`--streams` `1a=x.json`: `1a` is no name of letters, digits, - and _"},
           {"list", "`windtunnel list` needs a word: scenarios, faults, invariants, workloads, defects, profiles or hazards"},
           {"list falts", "`falts` cannot be listed; did you mean `faults`?"},
           {"list faults x", "`windtunnel list faults` takes nothing else, not `x`"},
           {"run a --seeed 7", "unknown option `--seeed` of `windtunnel run`; did you mean `--seed`?"},
           {"run a --see 7", "unknown option `--see` of `windtunnel run`; did you mean `--seed`?"},
           {"run a --jsn=x", "unknown option `--jsn` of `windtunnel run`; did you mean `--json`?"},
           {"run a -x",
            "unknown option `-x` of `windtunnel run`; there are --seed, --seeds, --jobs, --verify, --as, --defect, --crash-at, --keep, "
            "--trace, "
            "--json, --junit and --help"},
           {"check a --seed 7",
            "unknown option `--seed` of `windtunnel check`; there are --strict, --streams, --topology, --json and --help"},
           {"run a --seed", "the required argument for option '--seed' is missing; see `windtunnel run --help`"},
           {"run a --seed x", "`--seed` must be a whole number, 0 to 18446744073709551615, not `x`"},
           {"run a --seed -1", "`--seed` must be a whole number, 0 to 18446744073709551615, not `-1`"},
           {"run a --seed 18446744073709551616", "`--seed` must be a whole number, 0 to 18446744073709551615, not `18446744073709551616`"},
           {"run a --seed 1 --seed 2", "option '--seed' cannot be specified more than once; see `windtunnel run --help`"},
           {"run a --seed 1 --seeds 1..2", "give `--seed` or `--seeds`, not both"},
           {"run a --seeds 5", "`--seeds` must be a range such as 1..200, not `5`"},
           {"run a --seeds 5..", "`--seeds` must be a whole number, 0 to 18446744073709551615, not ``"},
           {"run a --seeds 5..4", "`--seeds` `5..4` ends before it begins"},
           {"run a --seeds 0..18446744073709551615", "`--seeds` `0..18446744073709551615` are more than 10000000 seeds; run them in parts"},
           {"run a --jobs 1000", "`--jobs` must be a whole number, 0 to 256, not `1000`"},
           {"run a --defect nats-660", "there is no defect `nats-660`; did you mean `nats-6600`?; see `windtunnel list defects`"},
           {"run a --as nats-2.10.13", "there is no profile `nats-2.10.13`; `windtunnel list profiles` shows those there are"},
           {"run a --as nats-2.10.17,nats-2.10.17", "`--as` names `nats-2.10.17` twice"},
           {"run a --crash-at srv:1", "each `--crash-at` needs a `--keep` of its own, and the other way round"},
           {"run a --keep none", "each `--crash-at` needs a `--keep` of its own, and the other way round"},
           {"run a --crash-at srv --keep none",
            "`--crash-at` `srv` must be a node and the number of an operation on its disk, such as srv:217"},
           {"run a --crash-at srv:1 --keep any",
            "`--keep` `any` is no way to leave a disk; there are kill, none, all, sizes, only:N, without:N, torn:N, hole:N and prefix:N"},
           {"run a --as nats-2.10.17,nats-2.10.27 --trace t", "`--trace` is for a single run; give one `--as`"},
           {"serve here", "`windtunnel serve` takes options only, not `here`"},
           {"serve --port 70000", "`--port` must be a whole number, 0 to 65535, not `70000`"},
           {"serve --sync never", "`--sync` must be a duration such as 10s, or always, not `never`"},
           {"serve --leaf-remote http://x/", "`--leaf-remote` must be a URL such as nats-leaf://host:7422, not `http://x/`"},
           {"serve --max-file lots", "`--max-file` must be a size such as 64MiB, not `lots`"},
           {"serve --as nats-2.10.17,nats-2.10.12", "`windtunnel serve` is one server: `--as` takes a single profile"},
           {"serve --leaf-remote u@h", "`--leaf-remote` `u@h` names a user without a password"},
           {"crash-points", "`windtunnel crash-points` needs one scenario file"},
           {"crash-points a b", "`windtunnel crash-points` needs one scenario file"},
           {"crash-points a --depth 0", "`--depth` must be 1 or 2, not `0`"},
           {"crash-points a --depth 3", "`--depth` must be 1 or 2, not `3`"},
           {"crash-points a --as nats-2.10.12,nats-2.10.17", "`windtunnel crash-points` takes one `--as` at a time"},
           {"run a --seeds 1..2 --trace t", "`--trace` is for a single run; give one `--seed`"},
       }) {
    CAPTURE(row.line);
    const auto command = parse_arguments(words(row.line));
    REQUIRE_FALSE(command);
    CHECK(command.error().code == core::Errc::invalid_argument);
    CHECK(command.error().detail == row.message);
  }
}

TEST_CASE("what will come later is refused by name") {
  for (const std::string_view line : {"run a --html x", "run a --out=x", "explore a", "shrink a --seed 1", "diff a b", "gate a"}) {
    CAPTURE(line);
    const auto command = parse_arguments(words(line));
    REQUIRE_FALSE(command);
    CHECK(command.error().code == core::Errc::unsupported);
    CHECK(command.error().detail.find("is not available yet") != std::string::npos);
  }
}

TEST_CASE("help and version are commands") {
  for (const std::string_view line :
       {"--help", "-h", "help", "run --help", "check --help", "list --help", "inspect --help", "run a --seed 1 --help"}) {
    CAPTURE(line);
    const auto command = parse_arguments(words(line));
    REQUIRE(command);
    CHECK(std::get<HelpCommand>(*command).text.starts_with("windtunnel"));
  }
  CHECK(std::holds_alternative<VersionCommand>(*parse_arguments(words("--version"))));
}

TEST_CASE("check takes scenarios, streams of servers and how these are joined") {
  const auto command =
      parse_arguments(words("check a dir --strict --streams hub=h.json --streams x/a=b.json --streams=e.json --topology t.yaml"));
  REQUIRE(command);
  const auto& check = std::get<CheckCommand>(*command);
  CHECK(check.paths == std::vector<std::string>{"a", "dir"});
  CHECK(check.is_strict);
  CHECK(check.topology == "t.yaml");
  CHECK_FALSE(check.json_file);
  CHECK(std::get<CheckCommand>(*parse_arguments(words("check a --json found.json"))).json_file == "found.json");
  REQUIRE(check.streams.size() == 3);
  CHECK(check.streams[0].server == "hub");
  CHECK(check.streams[0].path == "h.json");
  CHECK(check.streams[1].server.empty());
  CHECK(check.streams[1].path == "x/a=b.json");
  CHECK(check.streams[2].path == "e.json");
  CHECK_FALSE(std::get<CheckCommand>(*parse_arguments(words("check a"))).is_strict);
}

TEST_CASE("progress tells how far it is, how fast, and how long it will take") {
  using namespace std::chrono_literals;
  CHECK(progress_text(0, 200, 5s) == "0/200 runs");
  CHECK(progress_text(50, 200, 5s) == "50/200 runs, 10 runs/s, 15s left");
  CHECK(progress_text(200, 200, 5s) == "200/200 runs, 40 runs/s, 0s left");
  CHECK(progress_text(1, 1000, 200s) == "1/1000 runs, 0 runs/s, 55h30m left");
}

}  // namespace
}  // namespace windtunnel::cli
