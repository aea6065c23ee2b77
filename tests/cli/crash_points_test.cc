// crash-points from outside, over a real world: what it finds with a defect, and that its replay commands show the same.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/process.h"

namespace windtunnel::cli {
namespace {

using nlohmann::json;

constexpr const char* kScenario = R"(
scenario: drained
about: A WorkQueue is filled and drained.
nodes:
  srv: { sync_interval: always }
streams:
  - { on: srv, name: JOBS, subjects: [jobs.>], storage: file, retention: workqueue }
workloads:
  - { publish: jobs.a, at: srv, via: jetstream, rate: 5/s, count: 4, name: jobs }
  - { consume: JOBS, at: srv, name: worker }
expect:
  - invariants: [acked-is-durable, last-seq-monotone, state-equals-contents]
)";

TEST_CASE("without a defect nothing is found, and equal disks are tried once") {
  const Folder folder;
  folder.write("a.yaml", kScenario);
  const Said said = folder.run_real("crash-points a.yaml --jobs 2 --depth 1 --json out.json");
  CHECK(said.status == 0);
  CHECK(said.err == "");
  CHECK(said.out.starts_with("drained seed=1: "));
  const json report = json::parse(folder.read("out.json"));
  CHECK(report["schema"] == "windtunnel.crash-points");
  CHECK(report["failed"] == 0);
  CHECK(report["failures"].empty());
  CHECK(report["operations"] > 50);
  CHECK(report["distinct"] > 100);
  CHECK(report["images"] > 2 * report["distinct"].get<int>());
  CHECK(report["during_recovery"] == 0);
}

TEST_CASE("how many images there are does not hang on how many workers share them") {
  const Folder folder;
  folder.write("a.yaml", kScenario);
  CHECK(folder.run_real("crash-points a.yaml --jobs 1 --depth 1 --json one.json").status == 0);
  CHECK(folder.run_real("crash-points a.yaml --jobs 3 --depth 1 --json three.json").status == 0);
  const json one = json::parse(folder.read("one.json"));
  const json three = json::parse(folder.read("three.json"));
  CHECK(one["images"] == three["images"]);
  CHECK(one["distinct"] == three["distinct"]);
}

TEST_CASE("a defect is found, and each failure's replay command fails in the same way") {
  const Folder folder;
  folder.write("a.yaml", kScenario);
  const Said said = folder.run_real("crash-points a.yaml --jobs 2 --depth 1 --defect nats-6600 --json out.json");
  CHECK(said.status == 1);
  CHECK(said.out.find("last-seq-monotone: ") != std::string::npos);
  const json report = json::parse(folder.read("out.json"));
  CHECK(report["defects"] == json::array({"nats-6600"}));
  REQUIRE(report["failed"] > 0);
  CHECK(report["failed"] == report["failures"].size());
  for (const json& failure : report["failures"]) {
    const auto replay = failure["replay"].get<std::string>();
    CAPTURE(replay);
    const Said replayed = folder.run_real(replay.substr(replay.find(' ') + 1));
    CHECK(replayed.status == 1);
    CHECK(replayed.out.find("last-seq-monotone: ") != std::string::npos);
  }
}

TEST_CASE("a crash during the recovery from a crash is tried too") {
  const Folder folder;
  folder.write("a.yaml", kScenario);
  static_cast<void>(folder.run_real("crash-points a.yaml --jobs 2 --json out.json"));
  const json report = json::parse(folder.read("out.json"));
  CHECK(report["during_recovery"] > 10);
}

TEST_CASE("a scenario that fails by itself is not crashed") {
  const Folder folder;
  folder.write("a.yaml", kScenario);
  const Said said = folder.run_real("crash-points a.yaml --defect break-ack-before-store");
  CHECK(said.status == 1);
  CHECK(said.out == "");
  CHECK(said.err.find("a.yaml does not pass even without a crash; first mend that:\nwindtunnel: acked-is-durable") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::cli
