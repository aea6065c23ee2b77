// What operators and publishers may do beside the plain work: other configurations, consumers that go and come, ids that come again,
// expected sequences, roll-ups. What they cause is legal, and what it does not excuse is found all the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "scenarios/language/load.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

const std::string kHead = "scenario: s\nabout: x\nnodes: { srv: { block_size: 4KiB, sync_interval: always } }\n";

std::string complaint(const std::string& text) {
  const Loaded loaded = load_text(kHead + text, "s.yaml");
  return loaded.diagnostics.empty() ? "" : loaded.diagnostics.front().text();
}

RunResult run(const std::string& text, std::vector<Defect> defects = {}) { return run_text(kHead + text, with_defects(defects)); }

// --- the language

const std::string kStream = "streams: [ { on: srv, name: S, subjects: [s.>], max_msgs: 7 } ]\n";

TEST_CASE("an operator's updates say what is different from the scenario's configuration") {
  const Scenario scenario = parse(kHead + kStream +
                                  "workloads: [ { admin: S, at: srv, do: [update], update: [{ max_msgs_per_subject: 3 }, {}], every: 1s, "
                                  "count: 2 } ]\nexpect: [ { invariants: [acked-is-durable] } ]\n");
  const auto& admin = std::get<AdminSpec>(scenario.workloads[0].work);
  REQUIRE(admin.updates.size() == 2);
  CHECK(admin.updates[0].find("\"max_msgs\":7") != std::string::npos);
  CHECK(admin.updates[0].find("\"max_msgs_per_subject\":3") != std::string::npos);
  CHECK(admin.updates[1].find("max_msgs_per_subject") == std::string::npos);
  CHECK(admin.updates[1].find("\"max_msgs\":7") != std::string::npos);
}

TEST_CASE("what makes no sense together is refused") {
  const auto admin = [](const std::string& keys) {
    return complaint(kStream +
                     "consumers: [ { on: srv, stream: S, durable_name: c, ack_policy: explicit } ]\nworkloads: [ { admin: S, at: srv, " +
                     keys + ", every: 1s, count: 1 } ]\nexpect: [ { invariants: [acked-is-durable] } ]\n");
  };
  CHECK(admin("do: [update]").find("needs the key `update`") != std::string::npos);
  CHECK(admin("do: [purge], update: [{}]").find("nobody makes these") != std::string::npos);
  CHECK(admin("do: [delete_consumer]").find("needs the key `consumer`") != std::string::npos);
  CHECK(admin("do: [delete_consumer], consumer: d").find("lists no consumer `d`") != std::string::npos);
  CHECK(admin("do: [update], update: [{ name: T }]").find("name") != std::string::npos);
  CHECK(admin("do: [delete_consumer, create_consumer], consumer: c").empty());
  const auto publish = [](const std::string& keys, const std::string& stream = "max_msgs: -1", const std::string& other = "") {
    return complaint("streams: [ { on: srv, name: S, subjects: [s.>], " + stream +
                     " } ]\nworkloads: [ { publish: s.a, at: srv, rate: 1/s, count: 1, " + keys + " }" + other +
                     " ]\nexpect: [ { invariants: [acked-is-durable] } ]\n");
  };
  CHECK(publish("via: jetstream, ids: 3").find("needs `msg_id: true`") != std::string::npos);
  CHECK(publish("via: jetstream, rollup_every: 3").find("say which") != std::string::npos);
  CHECK(publish("via: core, expect_last: subject").find("about the ack") != std::string::npos);
  CHECK(publish("via: jetstream, expect_last: subject", "max_msgs: 7").find("cannot be judged") != std::string::npos);
  const std::string plain = ", { publish: s.a, at: srv, rate: 1/s, count: 1, via: jetstream }";
  CHECK(publish("via: jetstream, expect_last: subject", "max_msgs: -1", plain).find("nobody else may change it") != std::string::npos);
  CHECK(publish("via: jetstream, expect_last: subject").empty());
}

TEST_CASE("subjects and ids are spread over all that there are") {
  PublishSpec publish;
  publish.subject = "s";
  publish.subjects = 5;
  publish.ids = 4;
  publish.rollup = PublishSpec::Rollup::subject;
  publish.rollup_every = 3;
  std::set<std::string> subjects;
  std::set<std::uint64_t> ids;
  int rollups = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    subjects.insert(publish.subject_of(i));
    ids.insert(publish.id_of(i));
    rollups += publish.is_rollup(i) ? 1 : 0;
  }
  CHECK(subjects == std::set<std::string>{"s.0", "s.1", "s.2", "s.3", "s.4"});
  CHECK(ids == std::set<std::uint64_t>{0, 1, 2, 3});
  CHECK(rollups == 20);
}

// --- what operators do

std::string tightened(const std::string& update) {
  return "streams: [ { on: srv, name: S, subjects: [s.*] } ]\nworkloads:\n"
         "  - { publish: s, subjects: 3, at: srv, via: jetstream, rate: 20/s, for: 5s, name: p }\n"
         "  - { admin: S, at: srv, do: [update], update: [" +
         update +
         "], every: 6s, count: 1, name: operator }\n"
         "expect:\n  - invariants: [acked-is-durable, no-silent-drop, per-subject-limit, recovery-equals-precrash]\n";
}

TEST_CASE("what a limit takes that an operator has set is not lost, and the limit holds") {
  CHECK_MESSAGE(run(tightened("{ max_msgs_per_subject: 2 }") + "  - { stream: S, messages: 6 }\n").passed(), "");
  CHECK_MESSAGE(run(tightened("{ max_msgs: 5 }") + "  - { stream: S, messages: 5 }\n").passed(), "");
  CHECK(finds(run(tightened("{ max_msgs_per_subject: 2 }"), {Defect::nats_6244}), "per-subject-limit"));
}

TEST_CASE("a node that is still stopping is started as soon as it has stopped, unless it crashes meanwhile") {
  const auto run_with = [](const std::string& more) {
    return run(
        "streams: [ { on: srv, name: S, subjects: [s] } ]\nworkloads:\n"
        "  - { publish: s, at: srv, via: jetstream, rate: 10/s, for: 10s, timeout: 1s, name: p }\n"
        "faults:\n  - { at: 2s, slow_disk: { node: srv, factor: 2, stall: 3s } }\n"
        "  - { at: 3s, signal: { node: srv, name: SIGTERM } }\n  - { at: 4s, start: srv }\n" +
        more + "expect:\n  - { workload: p, acked: { at_least: " + (more.empty() ? "30" : "10") + (more.empty() ? "" : ", at_most: 25") +
        " } }\n");
  };
  CHECK(run_with("").passed());
  CHECK(run_with("  - { at: 4500ms, power_loss: { node: srv } }\n").passed());
}

TEST_CASE("what a limit took while the operator still waited may be back after a crash") {
  const auto killed_at = [](std::string_view when) {
    return tightened("{ max_msgs_per_subject: 2 }") +
           "faults:\n  - { at: 5900ms, slow_disk: { node: srv, factor: 2, stall: 2s } }\n"
           "  - { at: " +
           std::string(when) + ", signal: { node: srv, name: SIGABRT } }\n  - { after: 1s, start: srv }\n";
  };
  CHECK(run(killed_at("7s")).passed());
  CHECK(run(killed_at("9s")).passed());
}

TEST_CASE("an operator who sets no limit excuses no loss") {
  const std::string text = tightened("{ description: other }");
  CHECK(run(text).passed());
  CHECK(finds(run(text, {Defect::break_ack_before_store}), "acked-is-durable"));
}

// Nothing else excuses that a copy is set up anew while nothing breaks.
TEST_CASE("a source that an operator changes is set up anew, once for each change") {
  const auto changed = [](const std::string& updates) {
    return "scenario: s\nabout: x\nnodes: { hub: { domain: hub }, a: { domain: a, leaf_of: hub } }\nstreams:\n"
           "  - { on: hub, name: S, subjects: [s.>] }\n  - { on: a, name: AG, sources: [{ name: S, domain: hub }] }\nworkloads:\n"
           "  - { publish: s.a, at: hub, via: jetstream, rate: 10/s, for: 20s }\n  - { admin: AG, at: a, do: [update], update: [" +
           updates + "], every: 4s, for: 21s }\nexpect: [ { invariants: [bounded-retry] } ]\n";
  };
  const std::string filtered = "{ sources: [{ name: S, domain: hub, filter_subject: s.b }] }, {}";
  CHECK_MESSAGE(run_text(changed(filtered), with_defects({})).passed(), told(run_text(changed(filtered), with_defects({}))));
  CHECK(run_text(changed("{ description: other }"), with_defects({})).passed());
}

std::string renewed(const std::string& actions, const std::string& faults) {
  return "streams: [ { on: srv, name: S, subjects: [s] } ]\n"
         "consumers: [ { on: srv, stream: S, durable_name: c, ack_policy: explicit, ack_wait: 1s } ]\nworkloads:\n"
         "  - { publish: s, at: srv, via: jetstream, rate: 20/s, for: 5s, name: p }\n"
         "  - { consume: S, at: srv, consumer: c, name: app, expires: 1s }\n"
         "  - { admin: S, at: srv, do: [" +
         actions + "], consumer: c, every: 2s, for: 6500ms, name: operator }\n" + faults +
         "expect:\n  - invariants: [consumer-survives, consumer-state-durable, delivery-count-monotone, at-least-once, "
         "ack-floor-monotone-and-tight, "
         "num-pending-exact]\n";
}

TEST_CASE("a consumer that is made again delivers everything once more, and that is right") {
  const RunResult result =
      run(renewed("delete_consumer, create_consumer", "") + "  - { consumed: app, missing: 0, duplicates: { at_least: 30 } }\n");
  // Deleted, created, deleted: it is not there in the end.
  CHECK_MESSAGE(finds(result, "expectation") == false, told(result));
  CHECK_MESSAGE(result.passed(), told(result));
}

TEST_CASE("a consumer that was made again must be there, and deliver everything") {
  const std::string text = renewed("delete_consumer, create_consumer, create_consumer",
                                   "faults: [ { at: 12s, signal: { node: srv, name: SIGTERM } }, { after: 1s, start: srv } ]\n");
  const RunResult right = run(text);
  CHECK_MESSAGE(right.passed(), told(right));
  CHECK(finds(run(text, {Defect::break_consumer_shutdown}), "consumer-survives"));
  CHECK(finds(run(text, {Defect::break_skip_delivery}), "at-least-once"));
  CHECK(finds(run(text, {Defect::break_delivery_count}), "delivery-count-monotone") == false);  // nothing is delivered twice here
}

// --- what publishers do

TEST_CASE("a duplicate is told the sequence of the first message with its id, and is not lost") {
  const std::string text =
      "streams: [ { on: srv, name: S, subjects: [s], duplicate_window: 3s }, { on: srv, name: I, subjects: [i], retention: interest } "
      "]\nworkloads:\n"
      "  - { publish: s, at: srv, via: jetstream, rate: 20/s, for: 10s, msg_id: true, ids: 10, name: p }\n"
      "  - { publish: i, at: srv, via: jetstream, rate: 5/s, for: 5s, msg_id: true, ids: 3, name: q }\n"
      "expect:\n  - invariants: [dedup-exact, pub-ack-truthful, publish-outcome-known, acked-is-durable]\n"
      "  - { workload: p, acked: 200, duplicates: { at_least: 100, at_most: 190 }, lost: 0 }\n  - { workload: q, duplicates: 22 }\n";
  const RunResult right = run(text);
  CHECK_MESSAGE(right.passed(), told(right));
  CHECK(finds(run(text, {Defect::break_dedupe}), "dedup-exact"));
  CHECK(finds(run(text, {Defect::nats_5818}), "pub-ack-truthful"));
}

TEST_CASE("of two publishers that expect a sequence only one can be right") {
  for (const char* what : {"subject", "stream"}) {
    CAPTURE(what);
    const std::string rivals =
        "streams: [ { on: srv, name: S, subjects: [s] } ]\nworkloads:\n"
        "  - { publish: s, at: srv, via: jetstream, rate: 20/s, for: 5s, expect_last: " +
        std::string(what) + ", name: p }\n  - { publish: s, at: srv, via: jetstream, rate: 20/s, for: 5s, expect_last: " + what +
        ", name: q }\nexpect:\n  - invariants: [cas-exact, acked-is-durable]\n  - { workload: p, errors: { at_least: 10 } }\n";
    const RunResult right = run(rivals);
    CHECK_MESSAGE(right.passed(), told(right));
    if (std::string(what) == "subject") CHECK(finds(run(rivals, {Defect::break_cas}), "cas-exact"));
  }
}

TEST_CASE("a roll-up takes what was before it on its subject, or everything, and nothing else") {
  const auto text = [](const std::string& rollup) {
    return "streams: [ { on: srv, name: S, subjects: [s.*], allow_rollup_hdrs: true } ]\nworkloads:\n"
           "  - { publish: s, subjects: 4, at: srv, via: jetstream, rate: 20/s, for: 5s, rollup: " +
           rollup +
           ", rollup_every: 10, name: p }\n"
           "expect:\n  - invariants: [purge-exact, acked-is-durable, no-silent-drop, latest-per-subject-visible]\n  - { workload: p, "
           "acked: 100 }\n";
  };
  const RunResult subject = run(text("subject") + "  - { stream: S, messages: { at_least: 4, at_most: 60 } }\n");
  CHECK_MESSAGE(subject.passed(), told(subject));
  const RunResult all = run(text("all") + "  - { stream: S, messages: 1 }\n");  // the hundredth
  CHECK_MESSAGE(all.passed(), told(all));
  // What a roll-up does not take is not excused by it.
  CHECK(finds(run(text("subject"), {Defect::break_ack_before_store}), "acked-is-durable"));
}

}  // namespace
}  // namespace windtunnel::scenarios
