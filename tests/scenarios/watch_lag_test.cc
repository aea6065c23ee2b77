// The `watch_lag` workload: what a monitoring system sees of mirrors and sources, when it rings, and what can be expected of that.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/api_answer.h"
#include "scenarios/lag_log.h"
#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "scenarios/world.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

struct Told {
  RunResult result;
  std::vector<std::string> trace;
  // The events of this name, with their times, in order.
  [[nodiscard]] std::vector<std::string> lines(const std::string& event) const {
    std::vector<std::string> out;
    std::copy_if(trace.begin(), trace.end(), std::back_inserter(out),
                 [&](const std::string& l) { return l.find(event) != std::string::npos; });
    return out;
  }
  // What did not hold, a line each.
  [[nodiscard]] std::string divergences() const {
    std::string out;
    for (const Divergence& d : result.divergences) out += d.expected + " / " + d.actual + "\n";
    return out;
  }
};

Told run(const std::string& text, core::Defects defects = {}) {
  const Loaded loaded = load_text(text, "watch.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(loaded.scenario.has_value());
  Told told;
  RunOptions options;
  options.defects = defects;
  options.keep_trace = true;
  options.trace_line = [&told](std::string_view line) { told.trace.emplace_back(line); };
  const tests::InsideSimulation inside;
  core::Result<RunResult> result = run_scenario(*loaded.scenario, options);
  REQUIRE(result.has_value());
  told.result = *std::move(result);
  return told;
}

// A hub with 20 orders a second, and its mirror at a leaf.
std::string mirrored(const std::string& monitors, const std::string& faults, const std::string& expect) {
  return "scenario: watched\nabout: A mirror under observation.\nduration: 80s\nnodes: { hub: { domain: hub }, leaf: { domain: leaf, "
         "leaf_of: hub } }\n"
         "streams:\n  - { on: hub, name: ORDERS, subjects: [orders.>] }\n"
         "  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub } }\n"
         "workloads:\n  - { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 70s, name: shop }\n" +
         monitors + "faults: [ " + faults + " ]\nexpect:\n" + expect;
}

const std::string kMonitor = "  - { watch_lag: COPY, at: leaf, every: 5s, alarm: { active: 10s, error: false }, name: monitor }\n";
const std::string kOutage = "{ at: 12s, cut: { link: [hub, leaf], how: reset } }, { at: 42s, heal: { link: [hub, leaf] } }";

TEST_CASE("in an outage the reported lag stays 0 and the silence grows until the alarm rings") {
  const Told told = run(mirrored(kMonitor, kOutage, "  - { watched: monitor, lag: 0, unanswered: 0, alarms: 1 }\n"));
  CHECK_MESSAGE(told.result.passed(), told.divergences());
  // Looks at 0s, 5s, ... 75s. The link breaks at 12s; at 20s it is silent for 8s, at 25s for 13s.
  CHECK(told.lines("watch.seen").size() == 16);
  const std::vector<std::string> alarms = told.lines(" watch.alarm ");
  REQUIRE(alarms.size() == 1);
  CHECK(alarms.front().starts_with("00:00:25.00"));
  CHECK(alarms.front().find("on=leaf stream=COPY why=nothing heard of ORDERS@hub for 1") != std::string::npos);
  // It is heard again before the look at 45s, or the one after it.
  const std::vector<std::string> over = told.lines(" watch.over ");
  REQUIRE(over.size() == 1);
  CHECK((over.front().starts_with("00:00:45.00") || over.front().starts_with("00:00:50.00")));
  const auto& notes = told.result.notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.starts_with("monitor: 16 looks at COPY, highest lag 0, longest silence 2") &&
           note.find(", 1 alarm, from 00:00:25.0") != std::string::npos;
  }));
}

TEST_CASE("each demand on a monitor holds where it should, and its opposite does not") {
  struct Row {
    const char* demand;
    const char* actual;  // what the report says of the run; empty: it holds
  };
  const std::vector<Row> rows = {
      {"lag: 0", ""},
      {"lag: { at_least: 1 }", "highest lag 0"},
      {"active: { at_least: 27s, at_most: 29s }", ""},
      {"active: { at_most: 27s }", "longest silence 2"},
      {"active: { at_least: 30s }", "longest silence 2"},
      {"unanswered: 0", ""},
      {"unanswered: { at_least: 1 }", "unanswered 0"},
      {"errors: { at_least: 1 }", ""},  // the mirror's attempts to reach the hub
      {"errors: 0", "errors "},
      {"alarms: 1", ""},
      {"alarms: 0", "alarms 1"},
      {"first_alarm: { within: 14s, of: first_fault }", ""},
      {"first_alarm: 14s", ""},
      {"first_alarm: 12s", "the first alarm at 00:00:25.00"},
      {"first_alarm: { within: 1m, of: last_fault }", "before the last fault (nothing heard of ORDERS@hub for 1"},
      {"over: { within: 9s, of: last_fault }", ""},
      {"over: 9s", ""},
      {"over: { within: 20s, of: first_fault }", "an alarm from 00:00:25.00"},
      {"over: 1s", "after the last fault (nothing heard of ORDERS@hub for 1"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.demand));
    const Told told = run(mirrored(kMonitor, kOutage, "  - { watched: monitor, " + std::string(row.demand) + " }\n"));
    if (*row.actual == '\0') {
      CHECK_MESSAGE(told.result.passed(), told.divergences());
      continue;
    }
    REQUIRE(told.result.divergences.size() == 1);
    const Divergence& d = told.result.divergences.front();
    CHECK(d.invariant == "expectation");
    CHECK_MESSAGE(d.actual.find(row.actual) != std::string::npos, d.actual);
    CHECK(d.stream == "COPY");
    CHECK(d.node == "leaf");
    // What the monitor said is the story.
    REQUIRE(d.life_story.size() == 2);
    CHECK(d.life_story[0].find("client.monitor watch.alarm") != std::string::npos);
    CHECK(d.life_story[1].find("client.monitor watch.over") != std::string::npos);
    CHECK(d.faults_around.size() == 2);
  }
}

TEST_CASE("an alarm that still rings as the run ends is not over") {
  const std::string cut = "{ at: 12s, cut: { link: [hub, leaf], how: reset } }";
  const Told told = run(mirrored(kMonitor, cut, "  - { watched: monitor, over: 1h, alarms: 1 }\n"));
  REQUIRE(told.result.divergences.size() == 1);
  CHECK(told.result.divergences.front().actual.find(" to the end (nothing heard") != std::string::npos);
}

TEST_CASE("what comes after the end of the run is not seen: nodes that are woken to be read") {
  // The leaf stands still to the end, with the question of 78s before it.
  const Told told = run(mirrored("  - { watch_lag: COPY, at: leaf, every: 3s, alarm: { active: 10s }, name: monitor }\n",
                                 "{ at: 13s, pause: { node: leaf } }", "  - { watched: monitor, unanswered: 21, alarms: 1 }\n"));
  CHECK_MESSAGE(told.result.passed(), told.divergences());
  CHECK(told.lines(" watch.over ").empty());
}

TEST_CASE("no answer is an alarm: a server that is down, one that stands still, and one behind a broken link") {
  struct Row {
    const char* monitor;
    const char* faults;
    const char* unanswered;
    const char* why;
  };
  // To a leaf that is back at 32s the question of 30s still comes, and in time.
  for (const Row& row : {
           Row{"at: leaf", "{ at: 12s, signal: { node: leaf, name: SIGKILL } }, { at: 32s, start: leaf }", "3",
               "no answer: the monitor has no connection"},
           Row{"at: leaf, timeout: 3s", "{ at: 12s, pause: { node: leaf } }, { at: 32s, resume: leaf }", "3", "no answer within 3s"},
           Row{"at: hub, domain: leaf", "{ at: 12s, cut: { link: [hub, leaf], how: reset } }, { at: 32s, heal: { link: [hub, leaf] } }",
               "{ at_least: 4, at_most: 5 }", "no answer: nobody listens (503)"},
       }) {
    CAPTURE(std::string(row.monitor));
    CAPTURE(std::string(row.faults));
    const std::string monitor =
        "  - { watch_lag: COPY, " + std::string(row.monitor) + ", every: 5s, alarm: { lag: 1000 }, name: monitor }\n";
    const Told told =
        run(mirrored(monitor, row.faults,
                     "  - { watched: monitor, unanswered: " + std::string(row.unanswered) + ", alarms: 1, first_alarm: 8s, over: 15s }\n"));
    CHECK_MESSAGE(told.result.passed(), told.divergences());
    const std::vector<std::string> alarms = told.lines(" watch.alarm ");
    REQUIRE(alarms.size() == 1);
    CHECK_MESSAGE(alarms.front().find(row.why) != std::string::npos, alarms.front());
  }
}

TEST_CASE("of an origin that was never heard of the silence counts from the first look that was told so") {
  // The leaf comes back into the outage: its server says `active: -1`, which no threshold exceeds.
  const Told told =
      run(mirrored("  - { watch_lag: COPY, at: leaf, start: 16s, every: 5s, alarm: { active: 12s, error: false }, name: monitor }\n",
                   "{ at: 12s, cut: { link: [hub, leaf], how: reset } }, { at: 13s, signal: { node: leaf, name: SIGKILL } }, "
                   "{ at: 14s, start: leaf }, { at: 52s, heal: { link: [hub, leaf] } }",
                   "  - { watched: monitor, active: { at_least: 34s, at_most: 36s }, alarms: 1, over: 20s }\n"));
  CHECK_MESSAGE(told.result.passed(), told.divergences());
  // Told "never" at 16s, it rings at the first look more than 12s later.
  const std::vector<std::string> alarms = told.lines(" watch.alarm ");
  REQUIRE(alarms.size() == 1);
  CHECK_MESSAGE(alarms.front().starts_with("00:00:31.00"), alarms.front());
}

TEST_CASE("an error of the mirror is an alarm whatever the thresholds, and says what it is") {
  const std::string monitor = "  - { watch_lag: COPY, at: leaf, every: 5s, alarm: { active: 1h }, name: monitor }\n";
  const Told told =
      run(mirrored(monitor,
                   "{ at: 12s, signal: { node: hub, name: SIGKILL } }, { at: 13s, lose_file: { node: hub, file: meta.inf, of: ORDERS } }, "
                   "{ at: 14s, start: hub }",
                   "  - { watched: monitor, errors: { at_least: 5 }, unanswered: 0, alarms: { at_least: 1 } }\n"));
  CHECK_MESSAGE(told.result.passed(), told.divergences());
  const std::vector<std::string> alarms = told.lines(" watch.alarm ");
  REQUIRE_FALSE(alarms.empty());
  CHECK_MESSAGE(alarms.front().find("why=ORDERS@hub: ") != std::string::npos, alarms.front());
}

TEST_CASE("that a mirror cannot reach its origin is an error in its status, of which the releases say nothing") {
  const std::string monitor = "  - { watch_lag: COPY, at: leaf, every: 5s, alarm: { active: 1h }, name: monitor }\n";
  const Told ours =
      run(mirrored(monitor, kOutage, "  - { watched: monitor, errors: { at_least: 4 }, alarms: 1, first_alarm: 20s, over: 15s }\n"));
  CHECK_MESSAGE(ours.result.passed(), ours.divergences());
  core::Defects release;
  release.set(core::Defect::nats_7530);
  const Told theirs =
      run(mirrored(monitor, kOutage, "  - { watched: monitor, errors: 0, active: { at_least: 27s }, alarms: 0 }\n"), release);
  CHECK_MESSAGE(theirs.result.passed(), theirs.divergences());
}

TEST_CASE("of several sources the one that is silent rings") {
  const Told told =
      run("scenario: sources\nabout: Two edges.\nduration: 60s\n"
          "nodes: { hub: { domain: hub }, east: { domain: east, leaf_of: hub }, west: { domain: west, leaf_of: hub } }\n"
          "streams:\n  - { on: east, name: EVENTS, subjects: [east.>] }\n  - { on: west, name: EVENTS, subjects: [west.>] }\n"
          "  - { on: hub, name: ALL, sources: [ { name: EVENTS, domain: east }, { name: EVENTS, domain: west } ] }\n"
          "workloads:\n  - { publish: east.a, at: east, via: jetstream, rate: 5/s, for: 50s }\n"
          "  - { publish: west.a, at: west, via: jetstream, rate: 5/s, for: 50s }\n"
          "  - { watch_lag: ALL, at: hub, every: 2s, alarm: { active: 5s, error: false }, name: monitor }\n"
          "faults: [ { at: 12s, cut: { link: [hub, west], how: reset } }, { at: 32s, heal: { link: [hub, west] } } ]\n"
          "expect:\n  - { watched: monitor, lag: { at_most: 200 }, alarms: 1, first_alarm: 8s, over: 20s }\n");
  CHECK_MESSAGE(told.result.passed(), told.divergences());
  const std::vector<std::string> alarms = told.lines(" watch.alarm ");
  REQUIRE(alarms.size() == 1);
  CHECK_MESSAGE(alarms.front().find("nothing heard of EVENTS@west for ") != std::string::npos, alarms.front());
}

TEST_CASE("a monitor without an alarm takes notes and never rings") {
  const Told told = run(mirrored("  - { watch_lag: COPY, at: leaf, every: 5s, for: 30s, name: monitor }\n", kOutage,
                                 "  - { watched: monitor, lag: 0, active: { at_least: 10s } }\n"));
  CHECK_MESSAGE(told.result.passed(), told.divergences());
  CHECK(told.lines("watch.seen").size() == 6);
  CHECK(told.lines(" watch.alarm ").empty());
}

TEST_CASE("a demand on a monitor that never looked does not hold") {
  const Told told = run(mirrored("  - { watch_lag: COPY, at: leaf, every: 5s, start: 2m, name: monitor }\n", kOutage,
                                 "  - { watched: monitor, unanswered: 0 }\n"));
  CHECK(told.divergences() == "monitor: it looks at COPY / it never did\n");
}

TEST_CASE("a monitor moves no choice of another workload") {
  const auto scenario = [](const std::string& monitor) {
    return "scenario: draws\nabout: One server.\nduration: 40s\nnodes: { srv: {} }\n"
           "streams:\n  - { on: srv, name: S, subjects: [s] }\n  - { on: srv, name: COPY, mirror: { name: S } }\n"
           "workloads:\n  - { publish: s, at: srv, via: jetstream, rate: 20/s, count: 200, size: 10B..2KiB, name: p }\n"
           "  - { consume: S, at: srv, name: c, batch: 1, handle: { ack: 1, term: 1 } }\n" +
           monitor + "expect:\n  - { stream: COPY, messages: 200 }\n";
  };
  const Told without = run(scenario(""));
  const Told with = run(scenario("  - { watch_lag: COPY, at: srv, every: 50ms, alarm: { active: 10s, error: false }, name: monitor }\n"));
  CHECK_MESSAGE(without.result.passed(), without.divergences());
  CHECK_MESSAGE(with.result.passed(), with.divergences());
  CHECK(with.lines("watch.seen").size() > 100);
  const auto choices = [](const Told& told) {
    std::vector<std::string> out;
    for (const std::string& line : told.lines("consume.answered")) out.push_back(line.substr(line.find("seq=")));
    for (const std::string& line : told.lines("store.appended")) out.push_back(line.substr(line.find("stream=")));
    return out;
  };
  CHECK(choices(with).size() == 600);
  CHECK(choices(with) == choices(without));
}

TEST_CASE("a record rings from the first reason to the first look without one") {
  LagRecord record;
  const auto at = [](core::Duration time) { return core::after(kTimeZero, time); };
  const auto add = [&](core::Duration time, std::string_view why) {
    LagReading reading;
    reading.at = at(time);
    return record.add(reading, why);
  };
  CHECK_FALSE(add(1s, ""));
  CHECK(add(2s, "silent"));
  CHECK(record.rings());
  CHECK_FALSE(add(3s, "no answer"));
  CHECK(add(4s, ""));
  CHECK_FALSE(record.rings());
  CHECK(add(5s, "silent again"));
  REQUIRE(record.alarms.size() == 2);
  CHECK(record.alarms[0].began == at(2s));
  CHECK(record.alarms[0].ended == at(4s));
  CHECK(record.alarms[0].why == "silent");
  CHECK_FALSE(record.alarms[1].ended.has_value());
  CHECK(record.unanswered() == 5);
  CHECK(record.highest_lag() == nullptr);
}

TEST_CASE("the status of mirrors and sources is read from what a server answers") {
  const auto mirror = read_origin_statuses(
      R"({"type":"x","config":{},"mirror":{"name":"ORIGIN","external":{"api":"$JS.hub.API","deliver":""},"lag":7,"active":316301011,"filter_subject":"origin.2"}})");
  REQUIRE(mirror.has_value());
  REQUIRE(mirror->size() == 1);
  CHECK(mirror->front().origin == "ORIGIN@hub (origin.2)");
  CHECK(mirror->front().lag == 7);
  CHECK(mirror->front().active == core::Duration{316301011});
  CHECK(mirror->front().error.empty());
  const auto sources = read_origin_statuses(
      R"({"sources":[{"name":"EB","lag":0,"active":-1},{"name":"EA","lag":2,"active":5,"error":{"code":404,"err_code":10059,"description":"stream not found"}}]})");
  REQUIRE(sources.has_value());
  REQUIRE(sources->size() == 2);
  CHECK_FALSE((*sources)[0].active.has_value());
  CHECK((*sources)[1].error == "stream not found (10059)");
  for (const char* other : {"", "no JSON", "[]", "{}", R"({"mirror":7})", R"({"mirror":{"name":"A","lag":-1,"active":0}})",
                            R"({"sources":[]})", R"({"sources":{}})", R"({"sources":[{"name":"A","lag":0}]})",
                            R"({"error":{"code":404},"mirror":{"name":"A","lag":0,"active":0}})"}) {
    CAPTURE(std::string(other));
    CHECK_FALSE(read_origin_statuses(other).has_value());
  }
}

std::string first_complaint(const std::string& monitor, const std::string& expect, const std::string& faults = kOutage) {
  const Loaded loaded = load_text(mirrored("  - " + monitor + "\n", faults, "  - " + expect + "\n"), "w.yaml");
  return loaded.diagnostics.empty() ? std::string{} : loaded.diagnostics.front().text();
}

TEST_CASE("what cannot be meant is refused with its place") {
  const std::string good = "{ watch_lag: COPY, at: leaf, every: 5s, alarm: { active: 10s, error: false }, name: monitor }";
  CHECK(first_complaint(good, "{ watched: monitor, alarms: 1 }").empty());
  const auto of_monitor = [](const std::string& monitor) { return first_complaint(monitor, "{ watched: monitor, unanswered: 0 }"); };
  CHECK(of_monitor("{ watch_lag: COPY, at: leaf, name: monitor }") == "w.yaml:10:5: a watch_lag workload needs the key `every`");
  CHECK(of_monitor("{ watch_lag: COPIE, at: leaf, every: 5s, name: monitor }") ==
        "w.yaml:10:18: there is no stream `COPIE` on node `leaf` (of another node: name its `domain`); there is COPY");
  CHECK(of_monitor("{ watch_lag: ORDERS, at: hub, every: 5s, name: monitor }") ==
        "w.yaml:10:18: stream `ORDERS` is no mirror and has no sources; there is no lag to watch");
  CHECK(of_monitor("{ watch_lag: COPY, at: leaf, every: 5s, timeout: 6s, name: monitor }") ==
        "w.yaml:10:54: `timeout` is longer than `every`: the next look would have to wait for the one before it");
  CHECK(of_monitor("{ watch_lag: COPY, at: leaf, every: 5s, alarm: {}, name: monitor }") ==
        "w.yaml:10:52: an alarm needs at least one of lag, active, error and unanswered");
  CHECK(of_monitor("{ watch_lag: COPY, at: leaf, every: 5s, alarm: { active: 10 }, name: monitor }") ==
        "w.yaml:10:62: `active` must be a duration longer than 0, such as 5ms or 2m, not `10`");
  CHECK(of_monitor("{ watch_lag: COPY, at: hub, domain: leef, every: 5s, name: monitor }") ==
        "w.yaml:10:41: no node has the domain `leef`; did you mean `leaf`?");

  const auto of_demand = [&](const std::string& demand) { return first_complaint(good, "{ watched: monitor, " + demand + " }"); };
  CHECK(of_demand("lag: 0, alarm: 0").find("unknown key `alarm` in an expectation of a monitor; did you mean `alarms`?") !=
        std::string::npos);
  CHECK(of_demand("active: 10s").find("`active` must be { at_least, at_most } of durations, such as { at_most: 10s }, not `10s`") !=
        std::string::npos);
  CHECK(of_demand("active: { at_most: 10 }").find("`at_most` must be a duration with a unit, such as 5ms or 2m, not `10`") !=
        std::string::npos);
  CHECK(of_demand("active: { at_moist: 10s }").find("unknown key `at_moist` in a bound; did you mean `at_most`?") != std::string::npos);
  CHECK(of_demand("active: { at_least: 11s, at_most: 10s }").find("`at_least` is more than `at_most`") != std::string::npos);
  CHECK(of_demand("first_alarm: { of: last_fault }").find("a first alarm needs the key `within`") != std::string::npos);
  CHECK(of_demand("over: { within: 1s, of: some_fault }").find("`of` must be first_fault or last_fault") != std::string::npos);
  CHECK(first_complaint(good, "{ watched: monitor }") ==
        "w.yaml:13:5: an expectation of a monitor needs at least one of lag, active, unanswered, errors, alarms, first_alarm and over");

  CHECK(first_complaint(good, "{ watched: shop, lag: 0 }") == "w.yaml:13:16: workload `shop` publishes; say `workload: shop`");
  CHECK(first_complaint(good, "{ workload: monitor, errors: 0 }") == "w.yaml:13:17: workload `monitor` watches; say `watched: monitor`");
  CHECK(first_complaint(good, "{ consumed: monitor, missing: 0 }") == "w.yaml:13:17: workload `monitor` watches; say `watched: monitor`");
  CHECK(first_complaint("{ watch_lag: COPY, at: leaf, every: 5s, name: monitor }", "{ watched: monitor, alarms: 0 }") ==
        "w.yaml:13:33: workload `monitor` never rings: it has no `alarm`");
  CHECK(first_complaint(good, "{ watched: monitor, over: 5s }", "") ==
        "w.yaml:13:31: `over` counts from a fault, and this scenario has none");
  CHECK(first_complaint("{ admin: ORDERS, at: hub, do: [purge], every: 5s, count: 1, name: op }", "{ consumed: op, missing: 0 }") ==
        "w.yaml:13:17: workload `op` is an operator's; say what must become of its stream");
}

TEST_CASE("a monitor and what is expected of it are read with their defaults") {
  const Loaded loaded = load_text(
      mirrored(
          "  - { watch_lag: COPY, at: hub, domain: leaf, every: 2s, start: 3s, for: 20s, alarm: { lag: 0, active: 10s }, name: far }\n" +
              kMonitor,
          kOutage,
          "  - { watched: far, active: { at_most: 10s }, first_alarm: 3s, over: { within: 4s } }\n"
          "  - { watched: monitor, lag: { at_most: 3 }, alarms: 1, first_alarm: { within: 3s, of: last_fault }, over: { within: 4s, of: "
          "first_fault } }\n"),
      "w.yaml");
  REQUIRE(loaded.diagnostics.empty());
  const auto& far = std::get<WatchSpec>(loaded.scenario->workloads[1].work);
  CHECK(far.stream == "COPY");
  CHECK(far.on == "leaf");
  CHECK(far.domain == "leaf");
  CHECK(far.every == 2s);
  CHECK(far.timeout == 2s);
  CHECK(far.duration == 20s);
  CHECK(far.alarm->lag == 0);
  CHECK(far.alarm->active == 10s);
  const auto& near = std::get<WatchSpec>(loaded.scenario->workloads[2].work);
  CHECK(near.on == "leaf");
  CHECK(near.timeout == 5s);
  CHECK_FALSE(near.alarm->lag.has_value());
  CHECK(loaded.scenario->expectations[0].text() ==
        "watched by far: active at most 10s, first alarm within 3s of the first fault, no alarm within 4s of the last fault");
  CHECK(loaded.scenario->expectations[1].text() ==
        "watched by monitor: lag at most 3, alarms exactly 1, first alarm within 3s of the last fault, no alarm within 4s of the first "
        "fault");
}

}  // namespace
}  // namespace windtunnel::scenarios
