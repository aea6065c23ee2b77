// What an aggregate notes before its limits take the messages that tell how far its sources have come: a kill right after that may bring
// nothing of them twice. Each of these did once.
#include <doctest/doctest.h>

#include <string>

#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

struct Row {
  std::string what;
  std::string aggregate;  // of its configuration
  std::string late;       // of the publisher whose messages drive out what there is
  std::string faults;
};

std::string text(const Row& row) {
  return "scenario: s\nabout: x\nnodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }\nstreams:\n"
         "  - { on: hub, name: ORDERS, subjects: [orders.>] }\n  - { on: hub, name: OTHER, subjects: [other.>] }\n"
         "  - on: leaf\n    name: AGG\n    " +
         row.aggregate +
         "\n    sources:\n      - { name: ORDERS, domain: hub }\n"
         "      - { name: OTHER, domain: hub, subject_transforms: [{ src: \"other.>\", dest: \"orders.>\" }] }\n"
         "workloads:\n  - { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 5500ms, name: shop }\n"
         "  - { publish: other.new, at: hub, via: jetstream, rate: 20/s, " +
         row.late + ", name: other }\nfaults: " + row.faults +
         "\nduration: 60s\nexpect: [ { invariants: [no-loss-after-offline, no-duplicate-in-mirror, sync-makes-progress] } ]\n";
}

TEST_CASE("a kill brings nothing twice of which the last message was driven out by another source's") {
  const std::string once = "[ { at: 5700ms, signal: { node: leaf, name: SIGKILL } }, { at: 8s, start: leaf } ]";
  const std::string twice =
      "[ { at: 5560ms, signal: { node: leaf, name: SIGKILL } }, { at: 8s, start: leaf }, "
      "{ at: 8700ms, signal: { node: leaf, name: SIGKILL } }, { at: 10s, start: leaf } ]";
  const Row rows[] = {
      {"a message of its subject", "max_msgs_per_subject: 1", "start: 5550ms, for: 60ms", once},
      {"a message of the subject to which the stream moves it",
       "max_msgs_per_subject: 1\n    subject_transform: { src: \"orders.>\", dest: \"agg.>\" }", "start: 5550ms, for: 60ms", once},
      {"a message of its subject, of which the server that was started since has brought none", "max_msgs_per_subject: 1",
       "start: 8400ms, for: 60ms", twice},
      {"one message as large as all that there is", "max_bytes: 1020KiB", "start: 5550ms, for: 10ms, size: 1044300B",
       "[ { at: 5850ms, signal: { node: leaf, name: SIGKILL } }, { at: 8s, start: leaf } ]"},
      {"as many messages as there may be", "max_msgs: 5", "start: 5550ms, for: 300ms",
       "[ { at: 5900ms, signal: { node: leaf, name: SIGKILL } }, { at: 8s, start: leaf } ]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(seed);
      const RunResult result = run_text(text(row), with_defects({}, seed));
      CHECK_MESSAGE(result.passed(), told(result));
    }
  }
}

// A leaf's connection is not bounded as a client's is (reference: wire 12): who is slow is slow, and loses nothing.
TEST_CASE("a slow leaf link keeps what waits for it, whatever the leaf says meanwhile") {
  const std::string slow = R"(
scenario: s
about: More than a client may leave waiting is on its way to a leaf node.
nodes: { hub: { domain: hub, ping_interval: 10s }, leaf: { domain: leaf, leaf_of: hub, ping_interval: 10s } }
links: [ { between: [hub, leaf], latency: 1ms, bandwidth: 4MiB/s } ]
streams: [ { on: leaf, name: ORDERS, subjects: [orders.>], storage: memory } ]
workloads: [ { publish: orders.new, at: hub, via: core, size: 900KiB, rate: 50/s, for: 3s, name: shop } ]
duration: 120s
expect: [ { workload: shop, lost: 0 }, { stream: ORDERS, on: leaf, messages: 150 } ]
)";
  const RunResult result = run_text(slow, with_defects({}));
  CHECK_MESSAGE(result.passed(), told(result));
}

}  // namespace
}  // namespace windtunnel::scenarios
