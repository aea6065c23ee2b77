// Runs in which clients look at a stream, or are refused by it, and what a scenario may ask of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/language/load.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

bool says(const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) MESSAGE(text);
  return text.find(part) != std::string::npos;
}

// What a core that confirms acks before their messages have left is found by, where one message fills what `limit` says. The right
// core is not accused.
std::string found_early(const std::string& limit) {
  const std::string text = R"(
scenario: full
about: One slot, freed by confirmed acks.
nodes: { srv: { sync_interval: always } }
streams: [ { on: srv, name: JOBS, subjects: [jobs], retention: workqueue, discard: new, )" +
                           limit + R"( } ]
workloads:
  - { publish: jobs, at: srv, via: jetstream, rate: 900/s, for: 10s, timeout: 1s, name: p }
  - { consume: JOBS, at: srv, consumer: worker, expires: 1s, timeout: 1s }
expect: [ { invariants: [stream-linearizable] } ]
)";
  const RunResult right = run_text(text, with_defects({}));
  CHECK_MESSAGE(right.passed(), told(right));
  const RunResult early = run_text(text, with_defects({core::Defect::nats_5702b}));
  return finds(early, "stream-linearizable") ? early.divergences.at(0).actual : std::string{};
}

TEST_CASE("a server that confirms an ack before its message has left refuses what has room: found, and nobody else is accused") {
  CHECK(says(found_early("max_msgs_per_subject: 1, discard_new_per_subject: true"),
             "no order explains a refusal because there are 1 messages already"));
  CHECK(says(found_early("max_msgs: 1"), "at most 0 messages of 1 can have been there"));
}

// Jobs that are acknowledged and put back. How many were refused for good: the run's note says it, "..., other errors 45".
struct Republished {
  RunResult result;
  std::uint64_t refused = 0;
};
Republished republish(const std::string& retries, const std::string& faults, const RunOptions& options) {
  Republished out{run_text(R"(
scenario: put-back
about: Jobs, one a subject.
nodes: { srv: { sync_interval: always } }
streams:
  - { on: srv, name: JOBS, subjects: [jobs.*], retention: workqueue, max_msgs_per_subject: 1, discard: new, discard_new_per_subject: true }
workloads:
  - { republish_loop: JOBS, at: srv, subject: jobs, messages: 50, loops: 600, window: 20, timeout: 300ms, retries: )" +
                               retries + ", name: loop }\n" + faults + "expect: [ { invariants: [stream-linearizable] } ]\n",
                           options)};
  const std::string note = out.result.notes.empty() ? "" : out.result.notes.front();
  const std::size_t place = note.rfind("other errors ");
  if (place != std::string::npos) out.refused = std::stoull(note.substr(place + 13));
  return out;
}

TEST_CASE("a job put back after its confirmed ack finds room, or the subject that refused it is named") {
  const Republished right = republish("{ max: 0 }", "", with_defects({}));
  CHECK_MESSAGE(right.result.passed(), told(right.result));
  CHECK(right.refused == 0);
  const Republished early = republish("{ max: 0 }", "", with_defects({core::Defect::nats_5702b}));
  CHECK(early.refused > 0);
  REQUIRE(finds(early.result, "stream-linearizable"));
  CHECK(says(early.result.divergences.at(0).expected, "subject jobs."));
  CHECK(says(early.result.divergences.at(0).actual, "no order explains a refusal because there are 1 messages already"));
}

TEST_CASE("a job that a kill left stored without an answer is refused when it is put back once more, and that is right") {
  const std::string kills =
      "faults:\n"
      "  - { on: \"1/300 write of *.blk at srv\", until: 20s, signal: { node: srv, name: SIGKILL } }\n"
      "  - { at: 100ms, every: 200ms..300ms, until: 25s, start: srv }\n";
  for (std::uint64_t seed = 3; seed <= 6; ++seed) {
    const Republished right = republish("{ max: 9, wait: 50ms }", kills, with_defects({}, seed));
    CHECK_MESSAGE(right.result.passed(), told(right.result));
    CHECK(right.refused > 0);
  }
}

std::string complaint(const std::string& stream, const std::string& workloads, const std::string& more = "") {
  const Loaded loaded = load_text("scenario: s\nabout: A.\nnodes: { hub: {} }\nstreams: [ { on: hub, name: S, " + stream + " }" + more +
                                      " ]\nworkloads:\n" + workloads + "expect: [ { stream: S, messages: { at_least: 0 } } ]\n",
                                  "test.yaml");
  return loaded.diagnostics.empty() ? "" : loaded.diagnostics.front().text();
}

TEST_CASE("readers ask for all that they are to, both ways, and are answered while messages come and go") {
  const std::string text = R"(
scenario: looked-at
about: Readers of a stream.
nodes: { hub: { sync_interval: always } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.*], allow_direct: true } ]
workloads:
  - { publish: orders, subjects: 3, at: hub, via: jetstream, rate: 40/s, for: 8s, timeout: 1s, name: careful }
  - { admin: ORDERS, at: hub, do: [delete_message, delete_message, purge], filter_subject: orders.1, every: 100ms, for: 8s }
  - { read: ORDERS, at: hub, rate: 50/s, for: 9s, do: [last, sequence, next], timeout: 1s, name: both }
  - { read: ORDERS, at: hub, rate: 50/s, for: 9s, do: [last, sequence], via: api, timeout: 1s, name: plain }
faults: [ { at: 3s, power_loss: { node: hub, keep: any } }, { after: 500ms, start: hub } ]
expect: [ { invariants: [stream-linearizable, acked-is-durable, purge-exact] } ]
)";
  std::vector<std::string> lines;
  RunOptions options;
  options.keep_trace = true;
  options.trace_line = [&](std::string_view line) { lines.emplace_back(line); };
  const RunResult result = run_text(text, options);
  CHECK_MESSAGE(result.passed(), told(result));
  const auto count = [&](const std::string& workload, const std::string& what, const std::string& also) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find("read.told workload=" + workload) != std::string::npos && line.find(what) != std::string::npos &&
             line.find(also) != std::string::npos;
    });
  };
  CHECK(count("both", "last of orders.2, directly", ": sequence ") > 5);
  CHECK(count("both", "last of orders.2:", "") > 5);
  CHECK(count("both", "next of orders.0 from ", ", directly: sequence ") > 3);
  CHECK(count("both", "sequence ", ", directly: not found") > 10);
  CHECK(count("both", "sequence ", ", directly: sequence ") > 10);
  CHECK(count("plain", "sequence ", ": not found") > 10);
  CHECK(count("plain", "sequence ", ": sequence ") > 10);
  CHECK(count("plain", "last of orders.1: not found", "") > 0);
  CHECK(count("plain", "directly", "") == 0);
  CHECK(count("plain", "no answer", "") > 0);
}

TEST_CASE("a reader that cannot be judged, or has nothing to read, is refused with its place") {
  const std::string publish = "  - { publish: s.a, at: hub, via: jetstream, rate: 1/s, for: 8s }\n";
  const std::string read = "  - { read: S, at: hub, rate: 4/s, for: 8s, do: [last]";
  CHECK(complaint("subjects: [s.*]", publish + read + " }\n").empty());
  CHECK(says(complaint("subjects: [t.*]", publish + read + " }\n"), "there is nothing to read"));
  CHECK(says(complaint("subjects: [s.*]", publish + read + ", via: direct }\n"), "allow_direct"));
  CHECK(complaint("subjects: [s.*], allow_direct: true", publish + read + ", via: direct }\n").empty());
  CHECK(
      says(complaint("subjects: [s.*]", publish + "  - { read: T, at: hub, rate: 4/s, for: 8s, do: [last] }\n"), "there is no stream `T`"));
  CHECK(says(complaint("subjects: [s.*]", publish + "  - { read: S, at: hub, rate: 4/s, for: 8s, do: [] }\n"), "at least one action"));
  const std::string mirror = ", { on: hub, name: M, mirror: { name: S }, mirror_direct: true }";
  CHECK(says(complaint("subjects: [s.*], allow_direct: true", publish + read + " }\n", mirror), "answers direct gets for stream `S`"));
  CHECK(complaint("subjects: [s.*], allow_direct: true", publish + read + ", via: api }\n", mirror).empty());
  // One beside it takes over that the stream may be asked directly.
  const std::string beside = ", { on: hub, name: M, mirror: { name: S } }";
  CHECK(says(complaint("subjects: [s.*], allow_direct: true", publish + read + " }\n", beside), "answers direct gets for stream `S`"));
  CHECK(complaint("subjects: [s.*]", publish + read + " }\n", beside).empty());
  CHECK(says(complaint("subjects: [s.*]", publish + "  - { read: M, at: hub, rate: 4/s, for: 8s, do: [last] }\n", mirror), "is a copy"));
}

}  // namespace
}  // namespace windtunnel::scenarios
