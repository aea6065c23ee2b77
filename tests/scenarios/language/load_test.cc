#include "scenarios/language/load.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/scenarios/language/sample.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Bytes;

Scenario loaded_sample() {
  Loaded loaded = load_text(sample(), "s.yaml");
  REQUIRE(loaded.scenario.has_value());
  return *std::move(loaded.scenario);
}

TEST_CASE("nodes and links carry what the file says, and the server's defaults elsewhere") {
  const Scenario s = loaded_sample();
  CHECK(s.name == "sample");
  CHECK(s.seed == core::Seed{7});
  CHECK(s.duration == 2min);
  REQUIRE(s.nodes.size() == 3);
  const NodeSpec& hub = *s.node("hub");
  CHECK(hub.domain == "hub");
  CHECK(hub.user == "u");
  CHECK(hub.password == "1");
  CHECK(hub.block_size == Bytes{8u << 20});
  CHECK(hub.compact_min == Bytes{1u << 20});
  CHECK(hub.index_interval == 30s);
  CHECK(hub.sync_interval->always);
  CHECK(hub.ping_interval == 10s);
  CHECK(hub.max_payload == Bytes{2u << 20});
  CHECK(hub.defects.is_none());
  const NodeSpec& leaf = *s.node("leaf");
  CHECK(leaf.leaf_of == "hub");
  CHECK(leaf.sync_interval == SyncInterval{.always = false, .every = 10s});
  CHECK_FALSE(leaf.block_size.has_value());
  CHECK(leaf.defects.is_on(core::Defect::nats_6981));
  CHECK(leaf.where == SourcePosition{"s.yaml", 7, 3});

  REQUIRE(s.links.size() == 2);
  CHECK(s.links[0].latency == faults::DurationRange{5ms, 40ms});
  CHECK(s.links[0].bandwidth == Bytes{10u << 20});
  // edge is a leaf without a link of its own: one of 1 ms.
  CHECK(s.links[1].between == faults::LinkEnds{"leaf", "edge"});
  CHECK(s.links[1].latency == faults::DurationRange::exactly(1ms));
  CHECK_FALSE(s.links[1].bandwidth.has_value());
}

TEST_CASE("a stream is kept typed and as the JSON that nats-server is sent") {
  const Scenario s = loaded_sample();
  REQUIRE(s.streams.size() == 3);
  CHECK(
      s.streams[0].create_body ==
      R"({"name":"ORDERS","subjects":["orders.\u003e"],"max_bytes":-1,"max_age":3600000000000,"storage":"file","duplicate_window":120000000000,"metadata":{"a":"b"}})");
  CHECK(s.streams[1].create_body == R"({"name":"ORDERS_MIRROR","mirror":{"name":"ORDERS","external":{"api":"$JS.hub.API","deliver":""}}})");
  CHECK(s.streams[2].create_body ==
        R"({"name":"SUM","retention":"workqueue","storage":"memory","sources":[{"name":"ORDERS","external":{"api":"$JS.hub.API"}}]})");
  CHECK(s.streams[0].storage == Storage::file);
  CHECK(s.streams[2].storage == Storage::memory);
  CHECK(s.streams[2].retention == Retention::workqueue);
  // Both ways of naming the origin mean the same.
  CHECK(s.streams[1].mirror == OriginSpec{.name = "ORDERS", .external_api = "$JS.hub.API", .domain = "hub", .filters = {}});
  CHECK(s.streams[2].sources.at(0) == *s.streams[1].mirror);
  CHECK(s.origin(s.streams[1], *s.streams[1].mirror) == &s.streams[0]);
  CHECK(s.origin(s.streams[2], s.streams[2].sources[0]) == &s.streams[0]);
}

TEST_CASE("all of nats-server's stream fields are sent in its order, with its meaning of bare integers") {
  // As `nats stream info --json` prints a configuration: JSON is YAML.
  static constexpr std::string_view kConfig =
      R"({"name":"A","description":"d","subjects":["a.*"],"retention":"limits","max_consumers":-1,"max_msgs":10,"max_bytes":1048576,"max_age":60000000000,)"
      R"("max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"new","storage":"file","num_replicas":1,"no_ack":false,"template_owner":"","duplicate_window":1000000000,)"
      R"("placement":{"cluster":"c","tags":["t"]},"compression":"s2","first_seq":5,"subject_transform":{"src":"a.\u003e","dest":"b.\u003e"},)"
      R"("republish":{"src":"a.\u003e","dest":"r.\u003e","headers_only":true},"allow_direct":true,"mirror_direct":false,"discard_new_per_subject":true,"sealed":false,)"
      R"("deny_delete":true,"deny_purge":true,"allow_rollup_hdrs":false,"consumer_limits":{"inactive_threshold":1,"max_ack_pending":7},"metadata":{"k":"v"}})";
  const std::string text = "scenario: a\nnodes: { n: {} }\nstreams:\n  - { \"on\": n, " + std::string{kConfig.substr(1)} +
                           "\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  const Loaded loaded = load_text(text, "s.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(loaded.scenario.has_value());
  CHECK(loaded.scenario->streams[0].create_body == kConfig);
}

TEST_CASE("all of nats-server's consumer fields are sent in its order") {
  static constexpr std::string_view kConfig =
      R"({"durable_name":"D","name":"D","description":"d","deliver_policy":"by_start_sequence","opt_start_seq":3,"opt_start_time":"2024-01-01T00:00:00.5Z","ack_policy":"explicit",)"
      R"("ack_wait":30000000000,"max_deliver":-1,"backoff":[1000000000,2000000000],"filter_subject":"a.b","filter_subjects":["a.b"],"replay_policy":"instant","rate_limit_bps":8,)"
      R"("sample_freq":"100%","max_waiting":512,"max_ack_pending":1000,"idle_heartbeat":0,"flow_control":false,"headers_only":false,"max_batch":0,"max_expires":0,"max_bytes":0,)"
      R"("deliver_subject":"","deliver_group":"","inactive_threshold":0,"num_replicas":0,"mem_storage":false,"direct":false,"metadata":{"k":"v"}})";
  const std::string text = "scenario: a\nnodes: { n: {} }\nstreams: [ { on: n, name: A } ]\nconsumers:\n  - { stream: A, " +
                           std::string{kConfig.substr(1)} + "\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  const Loaded loaded = load_text(text, "s.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(loaded.scenario.has_value());
  const ConsumerSpec& consumer = loaded.scenario->consumers[0];
  CHECK(consumer.create_body == R"({"stream_name":"A","config":)" + std::string{kConfig} + R"(,"action":""})");
  CHECK(consumer.name == "D");
  CHECK(consumer.on == "n");
  CHECK(consumer.is_durable);
  CHECK_FALSE(consumer.is_push);
  CHECK(consumer.ack_policy == AckPolicy::explicit_);
}

TEST_CASE("a publish workload carries its defaults") {
  const Scenario s = loaded_sample();
  REQUIRE(s.workloads.size() == 4);
  const auto& careful = std::get<PublishSpec>(s.workload("careful")->work);
  CHECK(careful.via == Via::jetstream);
  CHECK(careful.domain == "hub");
  CHECK(careful.timeout == 5s);
  CHECK(careful.retries == RetryPolicy{.until_acked = false, .max = 3, .wait = 1s});
  CHECK(careful.msg_id);
  CHECK(careful.is_closed_loop);
  CHECK(careful.messages() == 1200);
  CHECK(s.workload("careful")->user.empty());

  const auto& second = std::get<PublishSpec>(s.workload("workload-2")->work);
  CHECK(second.via == Via::core);
  CHECK(second.size == faults::SizeRange{Bytes{10}, Bytes{1024}});
  CHECK(second.messages() == 100);
  CHECK(s.workload("workload-2")->start == 5s);
  CHECK(s.workload("workload-2")->user == "u");  // what the node wants
}

TEST_CASE("retries may be written as a number or a word alone") {
  const auto retries = [](std::string_view text) {
    const Loaded loaded = load_text(sample_with(18, "{ max: 3, wait: 1s }", text), "s.yaml");
    REQUIRE(loaded.scenario.has_value());
    return std::get<PublishSpec>(loaded.scenario->workloads[0].work).retries;
  };
  CHECK(retries("until-acked") == RetryPolicy{.until_acked = true, .max = 0, .wait = 250ms});
  CHECK(retries("5") == RetryPolicy{.until_acked = false, .max = 5, .wait = 250ms});
}

TEST_CASE("a consume workload uses the listed consumer of its name, and creates one otherwise") {
  const Scenario s = loaded_sample();
  const auto& bill = std::get<ConsumeSpec>(s.workload("bill")->work);
  CHECK(bill.on == "hub");
  CHECK(bill.domain == "hub");
  CHECK_FALSE(bill.creates_consumer);
  CHECK(bill.ack == AckPolicy::explicit_);
  CHECK(bill.batch == 5);
  CHECK(bill.expires == 2s);
  const auto& reader = std::get<ConsumeSpec>(s.workload("reader")->work);
  CHECK(reader.on == "leaf");
  CHECK(reader.creates_consumer);
  CHECK(reader.consumer == "reader");
  CHECK(reader.ack == AckPolicy::all);
  CHECK(reader.filter_subject == "orders.*");
  CHECK(reader.duration == 30s);
  CHECK(reader.batch == 10);
}

TEST_CASE("an admin workload does things in turn, as often as its time or count allows") {
  const auto admin = [](const std::string& keys) {
    const Loaded loaded =
        load_text("scenario: s\nnodes: { n: {} }\nstreams: [ { on: n, name: S, subjects: [s.>] } ]\nworkloads: [ { admin: S, at: n, " +
                      keys + " } ]\nexpect: [ { invariants: [acked-is-durable] } ]\n",
                  "s.yaml");
    for (const Diagnostic& d : loaded.diagnostics) MESSAGE(d.text());
    REQUIRE(loaded.scenario.has_value());
    return std::get<AdminSpec>(loaded.scenario->workloads[0].work);
  };
  const AdminSpec both = admin("do: [purge, erase_message], every: 2s, for: 11s, filter_subject: s.a, keep: 3");
  CHECK(both.actions == std::vector<AdminAction>{AdminAction::purge, AdminAction::erase_message});
  CHECK(both.times() == 5);
  CHECK(both.on == "n");
  CHECK(both.filter_subject == "s.a");
  CHECK(both.keep == 3);
  CHECK(admin("do: [delete_message], every: 2s, for: 11s, count: 2").times() == 2);
  CHECK(admin("do: [delete_message], every: 2s, count: 7").times() == 7);
}

TEST_CASE("faults are read in the order of the file, in short form and in full") {
  const std::vector<faults::Fault> timeline = loaded_sample().timeline();
  REQUIRE(timeline.size() == 10);
  CHECK(timeline[0] == faults::Fault{faults::At{{20s, 25s}}, faults::SendSignal{.node = "hub", .name = faults::SignalName::abrt}});
  CHECK(timeline[1] == faults::Fault{faults::After{{5s, 5s}}, faults::Start{"hub"}});
  CHECK(timeline[2] == faults::Fault{faults::At{{50s, 50s}}, faults::PowerLoss{.node = "leaf", .keep = faults::Keep::ordered}});
  CHECK(timeline[3].when ==
        faults::When{faults::OpTrigger{.op = faults::DiskOp::fsync, .occurrence = 3, .path = "msgs/2.blk", .node = "hub"}});
  CHECK(timeline[5].action ==
        faults::Action{faults::Cut{.link = {"leaf", "hub"}, .how = faults::CutHow::black_hole, .direction = faults::Direction::a_to_b}});
  CHECK(timeline[6].action == faults::Action{faults::Heal{{"hub", "leaf"}}});
  CHECK(timeline[9].action == faults::Action{faults::ClockStep{.node = "edge", .by = -5min}});
}

TEST_CASE("a fault that is printed is read back as the same fault") {
  Scenario s = loaded_sample();
  std::string text;
  for (std::size_t line = 1; line <= 22; ++line) text += sample_lines()[line - 1] + "\n";
  for (const FaultSpec& fault : s.faults) text += "  - " + faults::to_text(fault.fault) + "\n";
  for (std::size_t line = 33; line <= sample_lines().size(); ++line) text += sample_lines()[line - 1] + "\n";
  const Loaded again = load_text(text, "again.yaml");
  for (const Diagnostic& diagnostic : again.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(again.scenario.has_value());
  CHECK(again.scenario->timeline() == s.timeline());
}

// The timeline of a scenario with these entries.
std::vector<faults::Fault> read_faults(const std::vector<std::string>& entries) {
  std::string text = "scenario: a\nnodes: { hub: {}, leaf: { leaf_of: hub } }\nstreams: [ { on: hub, name: ORDERS } ]\nfaults:\n";
  for (const std::string& entry : entries) text += "  - " + entry + "\n";
  const Loaded loaded = load_text(text + "expect: [ { invariants: [acked-is-durable] } ]\n", "s.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(loaded.scenario.has_value());
  return loaded.scenario->timeline();
}

TEST_CASE("each kind of fault, with all that it can say and with nothing but what it must, is read back as it was printed") {
  std::vector<std::string> entries;
  for (const faults::FaultKind& kind : faults::fault_kinds()) entries.emplace_back(kind.example);
  for (const char* entry : {
           "{ at: 1s, lose_file: { node: hub, file: \"ORDERS/**/*.blk\", of: ORDERS, pick: all } }",
           "{ at: 1s, lose_file: { node: hub, file: \"middle .blk\" } }",
           "{ at: 1s, stale_file: { node: hub, file: o.dat, version: previous_sync } }",
           "{ at: 1s, truncate_file: { node: hub, file: meta.inf, keep: 0B } }",
           "{ at: 1s, zero_file: { node: hub, file: meta.sum } }",
           "{ at: 1s, bit_flip: { node: hub, file: a, bits: 32 } }",
           "{ at: 1s, misread: hub }",
           "{ at: 1s, misdirected_read: hub }",
           "{ at: 1s, misdirected_write: { node: hub, count: 0 } }",
           "{ at: 1s, short_write: hub }",
           "{ at: 1s, phantom_sync: { node: hub, file: \"*.blk\", of: ORDERS } }",
           "{ at: 1s, failed_fsync: { node: hub, late: true, count: 3 } }",
           "{ at: 1s, disk_error: { node: hub, op: fsync-directory, error: EACCES } }",
           "{ at: 1s, disk_full: hub }",
           "{ at: 1s, slow_disk: { node: hub, stall: 1m } }",
           "{ at: 1s, slow_disk: { node: hub, factor: 7 } }",
           "{ every: 10s..30s, until: 2m, bit_flip: { node: hub, file: a } }",
           "{ at: 5s, every: 10s, until: 2m, bit_flip: { node: hub, file: a } }",
           "{ on: \"1/100 write of *.blk at hub\", until: 1m, misdirected_write: hub }",
           "{ on: \"after 3rd rename of index.db at hub\", signal: { node: hub, name: SIGKILL } }",
           "{ after: 2s, on: \"2nd read of *.blk at hub\", signal: { node: hub, name: SIGKILL } }",
           "{ at: 2s..3s, on: \"before 1st open of **/*.blk at hub\", start: leaf }",
       })
    entries.emplace_back(entry);
  const std::vector<faults::Fault> read = read_faults(entries);
  std::vector<std::string> printed;
  for (const faults::Fault& fault : read) printed.push_back(faults::to_text(fault));
  CHECK(read_faults(printed) == read);
  std::set<std::string> different(printed.begin(), printed.end());
  CHECK(different.size() == printed.size());
}

TEST_CASE("a role is short for a glob and a pick") {
  const auto file_of = [](const std::string& text) {
    const std::vector<faults::Fault> read = read_faults({"{ at: 1s, lose_file: { node: hub, file: " + text + " } }"});
    return *faults::files_of(read[0].action);
  };
  CHECK(file_of("\"first .blk\"") == faults::FileChoice{.glob = "*.blk", .stream = "", .pick = faults::Pick::first});
  CHECK(file_of("\"newest .blk\"") == faults::FileChoice{.glob = "*.blk", .stream = "", .pick = faults::Pick::last});
  CHECK(file_of("\"all o.dat\"") == faults::FileChoice{.glob = "o.dat", .stream = "", .pick = faults::Pick::all});
  CHECK(file_of("msgs/*.blk") == faults::FileChoice{.glob = "msgs/*.blk", .stream = "", .pick = faults::Pick::random});
}

TEST_CASE("a swarm is read with its defaults, its groups spelt out and the links of its nodes") {
  const auto read = [](const std::string& swarm) {
    const Loaded loaded = load_text("scenario: a\nnodes: { hub: {}, leaf: { leaf_of: hub }, far: { leaf_of: leaf } }\nswarm: " + swarm +
                                        "\nexpect: [ { invariants: [acked-is-durable] } ]\n",
                                    "s.yaml");
    for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
    REQUIRE(loaded.scenario.has_value());
    REQUIRE(loaded.scenario->swarm.has_value());
    return *loaded.scenario->swarm;
  };
  const faults::SwarmSpec all = read("{ kinds: [link, kill, clock, cut] }");
  CHECK(all.kinds == std::vector<faults::SwarmKind>{faults::SwarmKind::kill, faults::SwarmKind::cut, faults::SwarmKind::delay,
                                                    faults::SwarmKind::throttle, faults::SwarmKind::clock_step});
  CHECK(all.faults_min == 0);
  CHECK(all.faults_max == 8);
  CHECK(all.heal_by == 70s);
  CHECK(all.nodes == std::vector<std::string>{"hub", "leaf", "far"});
  CHECK(all.links.size() == 2);
  const faults::SwarmSpec some = read("{ kinds: [disk], faults: 3, window: 1s..4s, down_for: 1s, nodes: [hub] }");
  CHECK(some.faults_min == 3);
  CHECK(some.faults_max == 3);
  CHECK(some.heal_by == 14s);
  CHECK(some.down_for == faults::DurationRange{1s, 1s});
  CHECK(some.nodes == std::vector<std::string>{"hub"});
  CHECK(some.links == std::vector<faults::LinkEnds>{{"hub", "leaf"}});
}

TEST_CASE("what may be lost is a number, a time before a power loss, and whether it must be reported") {
  const auto read = [](const std::string& lost) {
    const Loaded loaded = load_text(sample_with(35, "lost: 0", "lost: " + lost), "s.yaml");
    for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
    REQUIRE(loaded.scenario.has_value());
    return std::get<WorkloadExpectation>(loaded.scenario->expectations[1].what);
  };
  CHECK_FALSE(read("3").loss.has_value());
  CHECK_FALSE(read("{ at_most: 3 }").loss.has_value());
  CHECK(read("{ at_most: 3 }").counters.back() == std::pair{Counter::lost, Bound{.at_least = std::nullopt, .at_most = 3}});
  CHECK(read("{ at_most: 2m }").loss->within == 2min);
  CHECK_FALSE(read("{ at_most: 2m }").loss->is_reported);
  const WorkloadExpectation both = read("{ at_least: 1, at_most: 20, reported: true }");
  CHECK(both.loss->is_reported);
  CHECK_FALSE(both.loss->within.has_value());
  CHECK(both.counters.back() == std::pair{Counter::lost, Bound{.at_least = 1, .at_most = 20}});
  for (const char* wrong : {"{ at_most: soon }", "{ reported: perhaps }", "{}", "{ at_least: 2m }", "2m"}) {
    CAPTURE(wrong);
    CHECK_FALSE(load_text(sample_with(35, "lost: 0", "lost: " + std::string{wrong}), "s.yaml").scenario.has_value());
  }
}

TEST_CASE("each kind of fault shows an example that the loader takes for that kind") {
  for (const faults::FaultKind& kind : faults::fault_kinds()) {
    CAPTURE(kind.name);
    const std::string text =
        "scenario: a\nnodes: { hub: {}, leaf: { leaf_of: hub } }\nstreams: [ { on: hub, name: ORDERS } ]\nfaults:\n  - " +
        std::string{kind.example} + "\nexpect: [ { invariants: [acked-is-durable] } ]\n";
    const Loaded loaded = load_text(text, "s.yaml");
    for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
    REQUIRE(loaded.scenario.has_value());
    CHECK(faults::kind_of(loaded.scenario->faults[0].fault.action).name == kind.name);
  }
}

TEST_CASE("expectations are read, and print as what they demand") {
  const Scenario s = loaded_sample();
  std::vector<std::string> texts;
  for (const Expectation& expectation : s.expectations) texts.push_back(expectation.text());
  CHECK(texts == std::vector<std::string>{
                     "invariants: acked-is-durable, mirror-is-prefix", "workload careful: errors at least 1, lost exactly 0",
                     "mirror ORDERS_MIRROR on leaf: within 30s of the last fault lag exactly 0",
                     "mirror ORDERS_MIRROR on leaf: within 30s of the last fault reported lag at most 5",
                     "stream ORDERS on hub: messages between 1 and 1300, first_seq exactly 1, last_seq at most 1300",
                     "consumed by bill: messages at least 1, duplicates exactly 0, missing exactly 0", "divergence: mirror-is-prefix"});
  CHECK(s.expectations[3].where == SourcePosition{"s.yaml", 37, 5});
}

TEST_CASE("what `external` names is taken as it stands, for a scenario may be wrong there on purpose") {
  const Loaded loaded = load_text(sample_with(13, "domain: hub", "external: { api: $JS.nowhere.API }"), "s.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  REQUIRE(loaded.scenario.has_value());
  const StreamSpec& mirror = loaded.scenario->streams[1];
  CHECK(mirror.mirror->domain == "nowhere");
  CHECK(loaded.scenario->origin(mirror, *mirror.mirror) == nullptr);
}

TEST_CASE("Windows line ends and a byte order mark change nothing") {
  std::string text = "\xef\xbb\xbf";
  for (const std::string& line : sample_lines()) text += line + "\r\n";
  CHECK(load_text(text, "s.yaml").scenario.has_value());
}

}  // namespace
}  // namespace windtunnel::scenarios
