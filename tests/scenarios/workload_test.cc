// Workloads: publishers that wait, the republish loop, and consumers that do not always acknowledge.
#include <doctest/doctest.h>

#include <string>

#include "scenarios/language/load.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

RunResult run(const std::string& text, std::uint64_t seed = 1, const std::vector<core::Defect>& defects = {}) {
  return run_text(text, with_defects(defects, seed));
}

std::string loop(const std::string& keys, const std::string& faults, const std::string& expect) {
  return "scenario: loop\nabout: Jobs that come back.\nnodes: { srv: { sync_interval: always, block_size: 8KiB } }\n"
         "streams:\n  - { on: srv, name: JOBS, subjects: [jobs.*], retention: workqueue, max_msgs_per_subject: 1, discard: new,\n"
         "      discard_new_per_subject: true, max_msgs: 1000 }\n"
         "workloads:\n  - { republish_loop: JOBS, at: srv, subject: jobs, messages: 100, loops: 400, window: 20, size: 60B, name: loop" +
         keys + " }\n" + (faults.empty() ? "" : "faults: [" + faults + "]\n") + "expect:\n" + expect;
}

constexpr const char* kAllThere = "  - { stream: JOBS, messages: 100 }\n";

TEST_CASE("each loop acknowledges one job and puts it back") {
  const RunResult result = run(loop("", "", std::string(kAllThere) + "  - { workload: loop, published: 500, acked: 500, errors: 0 }\n"));
  CHECK_MESSAGE(result.passed(), told(result));
}

TEST_CASE("a loop that retries loses no job and doubles none, whatever becomes of the server") {
  const std::string retries = ", retries: { max: until-acked, wait: 100ms }, msg_id: true, timeout: 1s";
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const RunResult result =
        run(loop(retries,
                 "{ at: 20ms..300ms, signal: { node: srv, name: SIGKILL } }, { at: 1s, start: srv }, { at: 1200ms..2s, "
                 "power_loss: { node: srv, keep: any } }, { at: 3s, start: srv }",
                 std::string(kAllThere) + "  - { workload: loop, published: 500, acked: 500 }\n"),
            seed);
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("a loop whose acks are plain publishes into a queue that may still hold the job") {
  const RunResult result = run(loop(", ack: plain", "", "  - { workload: loop, errors: { at_least: 1 } }\n"));
  CHECK_MESSAGE(result.passed(), told(result));
}

TEST_CASE("a publisher that waits for each outcome ends with its time, though it has fallen behind its rate") {
  const auto text = [](const std::string& until, const std::string& published) {
    return "scenario: full\nabout: A stream that takes but one message.\nnodes: { srv: {} }\n"
           "streams:\n  - { on: srv, name: S, subjects: [s], max_msgs: 1, discard: new }\n"
           "workloads:\n  - { publish: s, at: srv, via: jetstream, rate: 10/s, " +
           until +
           ", loop: closed, retries: { max: 4, wait: 500ms }, name: p }\n"
           "expect:\n  - invariants: [publish-outcome-known]\n  - { workload: p, acked: 1, published: " +
           published + " }\n";
  };
  // Each but the first takes 2 s. All of the hundred end, if that is what is asked for.
  const RunResult timed = run(text("for: 10s", "6"));
  CHECK_MESSAGE(timed.passed(), told(timed));
  const RunResult counted = run(text("count: 100", "100"));
  CHECK_MESSAGE(counted.passed(), told(counted));
}

std::string consumed(const std::string& handle, const std::string& expect, const std::string& consumer = "") {
  return "scenario: handled\nabout: Deliveries that are not all acknowledged.\nnodes: { srv: {} }\n"
         "streams:\n  - { on: srv, name: S, subjects: [s] }\n"
         "consumers:\n  - { on: srv, stream: S, name: c, durable_name: c, ack_policy: explicit, ack_wait: 1s" +
         consumer +
         " }\n"
         "workloads:\n  - { publish: s, at: srv, via: jetstream, rate: 100/s, count: 100 }\n"
         "  - { consume: S, at: srv, consumer: c, name: w, batch: 1, handle: " +
         handle + " }\nexpect:\n  - { consumed: w, " + expect + " }\n";
}

TEST_CASE("a handler's answers have their effects") {
  struct Row {
    const char* handle;
    const char* expect;
    const char* consumer;
  };
  const Row rows[] = {
      {"{ ack: 1 }", "messages: 100, duplicates: 0", ""},
      {"{ ack: 1, work: 1ms..5ms }", "messages: 100, duplicates: 0", ""},
      {"{ ack: 3, nak: 1 }", "messages: 100, duplicates: { at_least: 15 }", ""},
      {"{ ack: 3, nak_later: 1, nak_delay: 200ms }", "messages: 100, duplicates: { at_least: 15 }", ""},
      {"{ ack: 3, ignore: 1 }", "messages: 100, duplicates: { at_least: 15 }", ""},
      {"{ ack: 1, term: 1 }", "messages: 100, duplicates: 0", ""},
      {"{ ack: 20, crash: 1, restart_after: 100ms }", "messages: 100, duplicates: { at_least: 3 }", ""},
      {"{ in_progress: 1, work: 800ms }", "messages: { at_least: 15 }, duplicates: 0", ", max_ack_pending: 1"},
      {"{ nak: 1 }", "messages: 100, duplicates: 200", ", max_deliver: 3"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.handle));
    const RunResult result = run(consumed(row.handle, row.expect, row.consumer));
    CHECK_MESSAGE(result.passed(), told(result));
  }
}

TEST_CASE("a handler needs deliveries that are answered one by one") {
  const Loaded loaded = load_text(
      "scenario: x\nabout: x\nnodes: { srv: {} }\nstreams:\n  - { on: srv, name: S, subjects: [s] }\n"
      "workloads:\n  - { consume: S, at: srv, ack: all, handle: { nak: 1 } }\nexpect: []\n",
      "x.yaml");
  REQUIRE_FALSE(loaded.diagnostics.empty());
  CHECK(loaded.diagnostics.front().text().find("needs `ack: explicit`") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::scenarios
