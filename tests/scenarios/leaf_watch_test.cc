// What is judged of messages and interest on leaf links, case by case; and the scenario language's rules for these links.
#include "scenarios/leaf_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scenarios/invariants/leaf_interest.h"
#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

using core::InterestReading;
using core::RoutedMessage;
using Candidate = RoutedMessage::Candidate;

Candidate own(std::uint32_t taken, std::string queue = {}) {
  Candidate out;
  out.queue = std::move(queue);
  out.taken = taken;
  return out;
}
Candidate of_leaf(std::uint64_t leaf, std::string queue = {}) {
  Candidate out;
  out.leaf = leaf;
  out.queue = std::move(queue);
  return out;
}
Candidate gone(Candidate candidate) {
  candidate.is_gone = true;
  return candidate;
}
Candidate sender(Candidate candidate) {
  candidate.is_sender = true;
  return candidate;
}
Candidate denied(Candidate candidate) {
  candidate.is_permitted = false;
  return candidate;
}

TEST_CASE("a message reaches each plain subscription once and one member of each group, and does not go back") {
  struct Row {
    const char* what;
    RoutedMessage routed;
    bool is_right;
  };
  const auto routed = [](std::uint64_t from, std::vector<std::string> queues, std::vector<Candidate> candidates,
                         std::vector<RoutedMessage::Sent> sent, bool is_mapped = false) {
    RoutedMessage out;
    out.from_leaf = from;
    out.queues = std::move(queues);
    out.candidates = std::move(candidates);
    out.sent = std::move(sent);
    out.is_mapped = is_mapped;
    return out;
  };
  const std::vector<Row> rows = {
      {"nobody", routed(0, {}, {}, {}), true},
      {"one each", routed(0, {}, {own(1), own(1), of_leaf(7)}, {{7, {}}}), true},
      {"one is missed", routed(0, {}, {own(1), own(0)}, {}), false},
      {"one twice", routed(0, {}, {own(2)}, {}), false},
      {"missed, but gone", routed(0, {}, {gone(own(0))}, {}), true},
      {"no echo", routed(0, {}, {sender(own(0))}, {}), true},
      {"a leaf is missed", routed(0, {}, {of_leaf(7)}, {}), false},
      {"a leaf twice", routed(0, {}, {of_leaf(7)}, {{7, {}}, {7, {}}}), false},
      {"two subjects of a leaf, once", routed(0, {}, {of_leaf(7), of_leaf(7)}, {{7, {}}}), true},
      {"a denied leaf", routed(0, {}, {denied(of_leaf(7))}, {}), true},
      {"a leaf that is gone", routed(0, {}, {gone(of_leaf(7))}, {}), true},
      {"back to where it came from", routed(7, {}, {sender(of_leaf(7))}, {{7, {}}}), false},
      {"not back", routed(7, {}, {sender(of_leaf(7)), own(1)}, {}), true},
      {"one member", routed(0, {}, {own(1, "q"), own(0, "q"), of_leaf(7, "q")}, {}), true},
      {"no member", routed(0, {}, {own(0, "q"), of_leaf(7, "q")}, {}), false},
      {"two members", routed(0, {}, {own(1, "q"), of_leaf(7, "q")}, {{7, {"q"}}}), false},
      {"a leaf's member", routed(0, {}, {of_leaf(7, "q"), of_leaf(8, "q")}, {{8, {"q"}}}), true},
      {"a group that was not named", routed(7, {}, {own(1, "q")}, {}), false},
      {"a group that was not named is left alone", routed(7, {}, {own(0, "q")}, {}), true},
      {"a named group", routed(7, {"q"}, {own(1, "q"), own(0, "p")}, {}), true},
      {"a named group is missed", routed(7, {"q"}, {own(0, "q")}, {}), false},
      {"a mapped subject serves all", routed(7, {}, {own(1, "q")}, {}, true), true},
      {"a mapped subject misses one", routed(7, {}, {own(0, "q")}, {}, true), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(misrouted(row.routed).empty() == row.is_right);
  }
}

// A leaf `edge` with a hub and a spoke of its own.
InterestReading edge_reading() {
  InterestReading reading;
  reading.loop_subject = "$LDS.x";
  const auto hold = [&](const char* subject, const char* queue, std::int64_t count, std::uint64_t leaf) {
    InterestReading::Held held;
    held.subject = subject;
    held.queue = queue;
    held.count = count;
    held.leaf = leaf;
    reading.held.push_back(held);
  };
  hold("own", "", 1, 0);
  hold("work", "q", 1, 0);
  hold("of.hub", "", 1, 1);
  hold("of.spoke", "", 1, 2);
  hold("work", "q", 2, 2);
  hold("$KV.b.k", "", 1, 0);
  hold("secret", "", 1, 0);
  InterestReading::Link up;
  up.id = 1;
  up.remote_name = "hub";
  up.is_solicitor = true;
  up.is_spoke = true;
  up.announced = {{"$LDS.x", "", 1}, {"of.spoke", "", 1}, {"own", "", 1}, {"work", "q", 3}};
  InterestReading::Link down;
  down.id = 2;
  down.remote_name = "spoke";
  down.announced = {{"$JS.API.>", "", 1}, {"$LDS.x", "", 1}, {"of.hub", "", 1}, {"own", "", 1}, {"secret", "", 1}, {"work", "q", 1}};
  reading.links = {up, down};
  return reading;
}

TEST_CASE("a message that comes by twice is a loop, unless its sender ended meanwhile and delivers anew what it had delivered") {
  Ledger ledger;
  const PublishId id = ledger.add(ledger.open("jobs", Via::jetstream), core::Instant{});
  const std::string payload = ledger.payload(id, core::Bytes{0});
  const core::MessageView message{.subject = "jobs", .reply = {}, .headers = {}, .payload = payload};
  const Scenario scenario;
  sim::Kernel kernel{core::Seed{1}};
  enum class Meanwhile { nothing, another_starts, it_starts };
  struct Row {
    const char* what;
    std::uint64_t first;  // by which connection; 0: of a client
    Meanwhile before;     // the first comes by
    std::uint64_t second;
    bool is_loop;
  };
  const Row rows[] = {
      {"over one link", 7, Meanwhile::nothing, 7, true},
      {"over another link", 7, Meanwhile::nothing, 8, true},
      {"of a client, and over a link", 0, Meanwhile::nothing, 7, true},
      {"over a link that was there before a node started, and over a new one", 7, Meanwhile::another_starts, 9, false},
      {"over a link that was there before, and over it again", 7, Meanwhile::another_starts, 7, true},
      {"of a client, after a start", 0, Meanwhile::another_starts, 9, true},
      {"over a new link, and over it again", 9, Meanwhile::another_starts, 9, true},
      {"after a start of its own, when connections count anew", 1, Meanwhile::it_starts, 2, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    LeafWatch watch{scenario, ledger, kernel};
    core::RouteWatcher& hub = watch.watcher("hub");
    const std::string other = "x";
    hub.on_message({.subject = other, .reply = {}, .headers = {}, .payload = other}, 8);
    if (row.before == Meanwhile::another_starts) static_cast<void>(watch.watcher("east"));
    if (row.before == Meanwhile::it_starts) static_cast<void>(watch.watcher("hub"));
    hub.on_message(message, row.first);
    hub.on_message(message, row.second);
    CHECK(watch.findings().empty() == !row.is_loop);
    hub.on_message(message, row.second);
    CHECK_FALSE(watch.findings().empty());
  }
}

TEST_CASE("what is announced over a link is what is behind it and permitted") {
  NodeSpec edge;
  edge.name = "edge";
  edge.deny_imports = {"secret"};
  const InterestReading right = edge_reading();
  CHECK(misannounced(edge, right, right.links[0]) == "");
  CHECK(misannounced(edge, right, right.links[1]) == "");
  for (std::size_t link = 0; link < right.links.size(); ++link) {
    for (std::size_t i = 0; i < right.links[link].announced.size(); ++i) {
      InterestReading wrong = edge_reading();
      wrong.links[link].announced.erase(wrong.links[link].announced.begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(misannounced(edge, wrong, wrong.links[link]) != "");
      wrong = edge_reading();
      ++wrong.links[link].announced[i].count;
      CHECK(misannounced(edge, wrong, wrong.links[link]) != "");
    }
    for (const char* subject : {"more", "$KV.b.k"}) {
      InterestReading wrong = edge_reading();
      wrong.links[link].announced.push_back({subject, "", 1});
      CHECK(misannounced(edge, wrong, wrong.links[link]) != "");
    }
  }
  // Where to answer is announced to those that are asked, and to no others.
  for (const bool is_hub_told : {false, true}) {
    InterestReading reading = edge_reading();
    InterestReading::Held box;
    box.subject = "a.box";
    box.told = is_hub_told ? std::vector<std::uint64_t>{1} : std::vector<std::uint64_t>{};
    reading.held.push_back(box);
    CHECK((misannounced(edge, reading, reading.links[0]) == "") == !is_hub_told);
    reading.links[0].announced.insert(reading.links[0].announced.begin() + 1, {"a.box", "", 1});
    CHECK((misannounced(edge, reading, reading.links[0]) == "") == is_hub_told);
    CHECK(misannounced(edge, reading, reading.links[1]) == "");
  }
  // A spoke does not tell one hub what another one wants, and a secret stays one.
  for (const char* subject : {"of.hub", "secret"}) {
    InterestReading wrong = edge_reading();
    wrong.links[0].announced.push_back({subject, "", 1});
    CHECK(misannounced(edge, wrong, wrong.links[0]) != "");
  }
}

TEST_CASE("once all is heard the other side knows just what was announced, but for what it may not send") {
  NodeSpec hub;
  hub.name = "hub";
  hub.domain = "hub";
  InterestReading::Link from;
  from.announced = {{"$KV.b.k", "", 1}, {"a", "", 1}, {"w", "q", 2}};
  from.said = 3;
  InterestReading::Link to;
  to.known = {{"a", "", 1}, {"w", "q", 2}};
  to.heard = 3;
  CHECK(misunderstood(hub, from, to) == "");
  to.known.pop_back();
  CHECK(misunderstood(hub, from, to) != "");
  to.heard = 2;
  CHECK(misunderstood(hub, from, to) == "");  // still on its way
  to.heard = 3;
  to.known = {{"a", "", 1}, {"more", "", 1}, {"w", "q", 2}};
  CHECK(misunderstood(hub, from, to) != "");
}

TEST_CASE("deny rules of a leaf keep subjects from crossing, either way; its hub's credentials are its own business") {
  struct Row {
    const char* what;
    const char* rules;
    bool is_up;
    bool is_down;
  };
  const Row rows[] = {{"none", "", true, true},
                      {"nothing goes out", ", deny_exports: [up.>]", false, true},
                      {"nothing comes in", ", deny_imports: [down.>, other.*]", true, false}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto outcome = [](bool crosses) { return crosses ? "acked: { at_least: 20 }" : "errors: { at_least: 20 }"; };
    const std::string text = R"(
scenario: denied
about: A leaf that keeps subjects in, or out.
nodes: { hub: { domain: hub, user: u, password: p }, leaf: { domain: leaf, leaf_of: hub)" +
                             std::string{row.rules} + R"( } }
streams: [ { on: hub, name: AT_HUB, subjects: [up.>] }, { on: leaf, name: AT_LEAF, subjects: [down.>] } ]
workloads:
  - { publish: up.a, at: leaf, via: jetstream, rate: 10/s, for: 2s, name: up }
  - { publish: down.a, at: hub, via: jetstream, rate: 10/s, for: 2s, name: down }
expect:
  - invariants: [interest-matches-subscriptions, no-forwarding-loop, publish-outcome-known]
  - { workload: up, )" + outcome(row.is_up) +
                             " }\n  - { workload: down, " + outcome(row.is_down) + " }\n";
    const Loaded loaded = load_text(text, "test.yaml");
    for (const Diagnostic& d : loaded.diagnostics) MESSAGE(d.text());
    REQUIRE(loaded.scenario.has_value());
    core::Result<RunResult> result = core::error(core::Errc::invalid_argument, "not run");
    {
      const tests::InsideSimulation inside;
      RunOptions options;
      options.seed = core::Seed{1};
      result = run_scenario(*loaded.scenario, options);
    }
    REQUIRE(result.has_value());
    for (const Divergence& d : result->divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(result->passed());
  }
}

TEST_CASE("deny rules are for leafs, and must be subjects") {
  const auto load = [](const char* leaf) {
    return load_text(std::string("scenario: s\nabout: Rules.\nnodes: { hub: {}, leaf: { ") + leaf +
                         " } }\nstreams: [ { on: hub, name: S, subjects: [s] } ]\nexpect: [ { invariants: [no-forwarding-loop] } ]\n",
                     "s.yaml");
  };
  CHECK(load("leaf_of: hub, deny_exports: [a.>]").diagnostics.empty());
  CHECK(load("deny_exports: [a.>]").diagnostics.size() == 1);
  CHECK(load("leaf_of: hub, deny_imports: [a..b]").diagnostics.size() == 1);
}

}  // namespace
}  // namespace windtunnel::scenarios
