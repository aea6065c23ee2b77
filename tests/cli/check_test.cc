// `windtunnel check` from outside: what it prints and how it exits.
#include <doctest/doctest.h>

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
  CHECK(said.out.find("edge-jsz.json:51:21: hazard same-stream-name: both `hub` and `edge` have a stream `EVENTS`") != std::string::npos);
  CHECK(said.out.find("hazard workqueue-or-interest-origin: ") != std::string::npos);
  const Said named = folder.run("check --topology " + kStreams + "leafs.yaml");
  CHECK(named.status == 0);
  CHECK(named.out.find("hazard max-age-shorter-than-outage: ") != std::string::npos);
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
  CHECK(said.out.starts_with("same-stream-name                Both ends of a leaf link have a stream of the same name.\n"));
  CHECK(said.out.find("copy-cycle                      Mirrors and sources lead in a circle") != std::string::npos);
  CHECK(said.out.find("                                mend: ") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::cli
