// `windtunnel check` from outside: what it prints and how it exits.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/process.h"

namespace windtunnel::cli {
namespace {

const std::string kStreams = std::string{WT_FIXTURES} + "/streams/";

// A scenario whose only hazard is at 8:16.
std::string hazardous(const std::string& more = "") {
  return "scenario: careless\nnodes:\n  hub: { domain: hub }\n  leaf: { domain: leaf, leaf_of: hub }\nstreams:\n"
         "  - { on: hub, name: ORDERS, subjects: [orders.>] }\nworkloads:\n"
         "  - { publish: orders.new, at: leaf, via: core, rate: 1/s, count: 9 }\nexpect:\n  - invariants: [acked-is-durable]\n" +
         more;
}

TEST_CASE("a hazard is told with its place, why, how to mend it and where it is explained, and costs nothing without --strict") {
  const Folder folder;
  folder.write("a.yaml", hazardous());
  const Said said = folder.run("check a.yaml");
  CHECK(said.status == 0);
  CHECK(said.out ==
        "OK careless a.yaml\n"
        "  a.yaml:8:16: hazard plain-publish-to-remote: `workload-1` publishes `orders.new` at `leaf` without awaiting an ack, and only "
        "stream "
        "`ORDERS` on `hub` captures it: while that is away the publish succeeds and the message is gone\n"
        "    mend: Publish `via: jetstream` and look at the ack, or capture the subject on the publisher's own server\n"
        "    see:  docs/hazards.md#plain-publish-to-remote\n");
  CHECK(said.err.empty());
  const Said strict = folder.run("check a.yaml --strict");
  CHECK(strict.status == 1);
  CHECK(strict.out == said.out);
}

TEST_CASE("an accepted hazard does not count, and one that is accepted in vain does") {
  const Folder folder;
  folder.write("a.yaml", hazardous("hazards: [plain-publish-to-remote]\n"));
  const Said said = folder.run("check --strict a.yaml");
  CHECK(said.status == 0);
  CHECK(said.out == "OK careless a.yaml\n  a.yaml:8:16: accepted hazard plain-publish-to-remote\n");
  folder.write("b.yaml", hazardous("hazards: [plain-publish-to-remote, copy-cycle]\n"));
  const Said vain = folder.run("check b.yaml --strict");
  CHECK(vain.status == 1);
  CHECK(vain.out.ends_with("  b.yaml:11:36: warning: the hazard `copy-cycle` is accepted and not there; take it off `hazards`\n"));
  CHECK(folder.run("check b.yaml").status == 0);
}

TEST_CASE("an error outranks every hazard") {
  const Folder folder;
  folder.write("a.yaml", hazardous());
  folder.write("b.yaml", "scenario: b\nnods: {}\n");
  const Said said = folder.run("check --strict a.yaml b.yaml");
  CHECK(said.status == 2);
  CHECK(said.out.find("hazard plain-publish-to-remote") != std::string::npos);
  CHECK(said.err.find("windtunnel: b.yaml:2:1: unknown key `nods`") != std::string::npos);
}

TEST_CASE("streams of real servers are looked at with two flags, or with a topology that names the files") {
  const Folder folder;
  folder.write("leafs.yaml", "nodes:\n  hub: { domain: hub }\n  edge: { leaf_of: hub }\n");
  const Said said = folder.run("check --strict --streams hub=" + kStreams + "hub-streams.json --streams edge=" + kStreams +
                               "edge-jsz.json --topology leafs.yaml");
  CHECK(said.status == 1);
  CHECK(said.err.empty());
  CHECK(said.out.starts_with("OK streams leafs.yaml\n  " + kStreams + "edge-jsz.json:"));
  CHECK(said.out.find("edge-jsz.json:48:21: hazard same-stream-name: both `hub` and `edge` have a stream `EVENTS`") != std::string::npos);
  CHECK(said.out.find("hazard workqueue-or-interest-origin: ") != std::string::npos);
  const Said named = folder.run("check --topology " + kStreams + "leafs.yaml");
  CHECK(named.status == 0);
  CHECK(named.out.find("hazard max-age-shorter-than-outage: ") != std::string::npos);
}

TEST_CASE("with --json what was found is written as data, too, and nothing else changes") {
  const Folder folder;
  folder.write("a.yaml", hazardous("hazards: [copy-cycle]\n"));
  folder.write("b.yaml", "scenario: b\nnods: {}\n");
  folder.write("c.yaml", hazardous("hazards: [plain-publish-to-remote]\n"));
  const Said plain = folder.run("check a.yaml b.yaml c.yaml");
  const Said said = folder.run("check a.yaml b.yaml c.yaml --json found.json");
  CHECK(said.status == 2);
  CHECK(said.out == plain.out);
  CHECK(said.err == plain.err);
  const nlohmann::json found = nlohmann::json::parse(folder.read("found.json"));
  CHECK(found["schema"] == "windtunnel.check");
  CHECK(found["version"] == 1);
  CHECK(found["totals"]["checked"] == 3);
  CHECK(found["totals"]["hazards"] == 1);
  CHECK(found["totals"]["accepted"] == 1);
  CHECK(found["totals"]["warnings"] == 1);
  CHECK(found["totals"]["errors"] == found["findings"].size() - 3);
  const nlohmann::json& hazard = found["findings"][0];
  CHECK(hazard["id"] == "plain-publish-to-remote");
  CHECK(hazard["severity"] == "hazard");
  CHECK(hazard["scenario"] == "careless");
  CHECK(hazard["file"] == "a.yaml");
  CHECK(hazard["line"] == 8);
  CHECK(hazard["column"] == 16);
  CHECK(hazard["why"].get<std::string>().starts_with("`workload-1` publishes `orders.new` at `leaf`"));
  CHECK(hazard["mend"].get<std::string>().starts_with("Publish `via: jetstream`"));
  CHECK(hazard["docs"] == "docs/hazards.md#plain-publish-to-remote");
  CHECK(found["findings"][1]["severity"] == "warning");
  CHECK(found["findings"][1]["id"] == "copy-cycle");
  bool has_key = false;
  for (const nlohmann::json& finding : found["findings"]) {
    if (finding["severity"] != "error") continue;
    CHECK(finding["id"] == "invalid");
    CHECK(finding["file"] == "b.yaml");
    has_key = has_key || (finding["line"] == 2 && finding["why"].get<std::string>().starts_with("unknown key `nods`"));
  }
  CHECK(has_key);
  CHECK(found["findings"].back()["severity"] == "accepted");
}

TEST_CASE("what is found in the streams of real servers is written as JSON just so, and a file that cannot be written is an error") {
  const Folder folder;
  const Said said = folder.run("check --strict --topology " + kStreams + "leafs.yaml --json found.json");
  CHECK(said.status == 1);
  const nlohmann::json found = nlohmann::json::parse(folder.read("found.json"));
  CHECK(found["totals"]["checked"] == 1);
  CHECK(found["totals"]["hazards"] == found["findings"].size());
  bool has_max_age = false;
  for (const nlohmann::json& finding : found["findings"]) {
    CHECK(finding["file"].get<std::string>().find(".json") != std::string::npos);
    CHECK(finding["line"] > 0);
    has_max_age = has_max_age || finding["id"] == "max-age-shorter-than-outage";
  }
  CHECK(has_max_age);
  const Said refused = folder.run("check --topology " + kStreams + "leafs.yaml --json nowhere/found.json");
  CHECK(refused.status == 2);
  CHECK(refused.err == "windtunnel: nowhere/found.json: cannot be written: No such file or directory\n");
}

TEST_CASE("what cannot be read is an error") {
  const Folder folder;
  CHECK(folder.run("check --streams nowhere.json").err == "windtunnel: nowhere.json: cannot be read: No such file or directory\n");
  CHECK(folder.run("check --streams nowhere.json").status == 2);
  CHECK(folder.run("check --streams .").err == "windtunnel: .: cannot be read: it is a directory, or the disk fails\n");
  CHECK(folder.run("check --topology nowhere.yaml").err == "windtunnel: nowhere.yaml: cannot be read: No such file or directory\n");
  folder.write("a.json", "{\"config\": {\"name\": \"A\",}}");
  const Said said = folder.run("check --streams a.json");
  CHECK(said.status == 2);
  CHECK(said.err == "windtunnel: a.json:1:25: a key in double quotes is missing here\n");
  CHECK(said.out.empty());
}

TEST_CASE("list hazards says what each is and what mends it") {
  const Folder folder;
  const Said said = folder.run("list hazards");
  CHECK(said.status == 0);
  CHECK(said.out.starts_with(
      "same-stream-name                Both ends of a leaf link, or of several in a line, have a stream of the same name.\n"));
  CHECK(said.out.find("copy-cycle                      Mirrors and sources lead in a circle") != std::string::npos);
  CHECK(said.out.find("                                mend: ") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::cli
