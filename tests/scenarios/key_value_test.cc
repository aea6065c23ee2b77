// The key_value workload: what it writes down, and what its bucket must be.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/data_hash.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/language/load.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

std::string scenario(const std::string& stream, const std::string& workloads, const std::string& rest = {}) {
  return "scenario: s\nabout: A bucket.\nnodes: { hub: { domain: hub } }\nstreams: [ { on: hub, " + stream + " } ]\nworkloads: [ " +
         workloads +
         " ]\nexpect: [ { invariants: [cas-exact, latest-per-subject-visible, acked-is-durable, pub-ack-truthful, publish-outcome-known, "
         "state-equals-contents] } ]\n" +
         rest;
}

const std::string kBucket =
    "name: KV_B, subjects: [$KV.B.>], storage: file, max_msgs_per_subject: 1, allow_rollup_hdrs: true, allow_direct: true";
const std::string kBusy =
    "{ key_value: B, at: hub, name: alice, keys: 3, rate: 40/s, for: 8s, timeout: 1s, do: [put, update, create, delete, purge, get] }, "
    "{ key_value: B, at: hub, name: bob, keys: 3, rate: 40/s, for: 8s, timeout: 1s, do: [update, get], watch: true }";

RunResult run(const std::string& text, std::uint64_t seed = 1, std::vector<std::string>* lines = nullptr) {
  RunOptions options = with_defects({}, seed);
  if (lines != nullptr) {
    options.keep_trace = true;
    options.trace_line = [lines](std::string_view line) { lines->emplace_back(line); };
  }
  return run_text(text, options);
}

std::string complaint(const std::string& text) {
  const Loaded loaded = load_text(text, "test.yaml");
  return loaded.diagnostics.empty() ? "" : loaded.diagnostics.front().message;
}

std::size_t count(const std::vector<std::string>& lines, const std::string& what, const std::string& also = {}) {
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.find(what) != std::string::npos && line.find(also) != std::string::npos;
  }));
}

TEST_CASE("the clients of a bucket do all that they are to, and see what they do") {
  for (const char* direct : {"true", "false"}) {
    CAPTURE(direct);
    std::string stream = kBucket;
    stream.replace(stream.rfind("true"), 4, direct);
    std::vector<std::string> lines;
    const RunResult result = run(scenario(stream, kBusy), 1, &lines);
    for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(result.passed());
    CHECK(count(lines, "key_value.told", ": done, revision") > 200);
    CHECK(count(lines, "key_value.told", ": refused, it is") > 20);
    CHECK(count(lines, "key_value.told", "write of DEL: done") > 10);
    CHECK(count(lines, "key_value.told", "write of PURGE: done") > 10);
    CHECK(count(lines, "key_value.told", "get: alice#") > 50);
    CHECK(count(lines, "key_value.told", "get: PURGE") + count(lines, "key_value.told", "get: DEL") > 5);
    CHECK(count(lines, "key_value.told", "get: nothing there") > 0);
    CHECK(count(lines, "key_value.seen", "value=alice#") > 50);
    CHECK(count(lines, "key_value.seen", "value=PURGE") > 5);
  }
}

TEST_CASE("a watch begins anew when its server was away, and ends with what the bucket holds") {
  std::vector<std::string> lines;
  const std::string faults = "faults: [ { at: 3s, signal: { node: hub, name: SIGKILL } }, { after: 500ms, start: hub } ]\n";
  const RunResult result = run(scenario(kBucket, kBusy, faults), 1, &lines);
  for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(result.passed());
  CHECK(count(lines, "consumer.created") >= 1);
  CHECK(count(lines, "key_value.seen", "00:00:06") > 5);
  CHECK(count(lines, "key_value.told", "no answer") > 0);
}

TEST_CASE("a power loss that may cost acknowledged writes is no alarm, in a bucket on a disk or in memory") {
  const std::string faults = "faults: [ { at: 4s, power_loss: { node: hub, keep: none } }, { after: 500ms, start: hub } ]\n";
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    std::string memory = kBucket;
    memory.replace(memory.find("file"), 4, "memory");
    for (const std::string& stream : {kBucket, memory}) {
      const RunResult result = run(scenario(stream, kBusy, faults), seed);
      for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
      CHECK(result.passed());
    }
  }
}

TEST_CASE("a bucket that is none, or that others change, is refused with its place") {
  const std::string plain = "{ key_value: B, at: hub, name: alice, rate: 4/s, for: 8s, do: [put] }";
  const std::string purging = "{ key_value: B, at: hub, name: alice, rate: 4/s, for: 8s, do: [purge] }";
  CHECK(complaint(scenario(kBucket, plain)).empty());
  CHECK(complaint(scenario("name: KV_C, subjects: [$KV.C.>]", plain)).find("there is no stream `KV_B`") != std::string::npos);
  CHECK(complaint(scenario("name: KV_B, subjects: [b.>], max_msgs_per_subject: 1", plain)).find("must be [$KV.B.>]") != std::string::npos);
  CHECK(complaint(scenario("name: KV_B, subjects: [$KV.B.>]", plain)).find("max_msgs_per_subject") != std::string::npos);
  CHECK(complaint(scenario("name: KV_B, subjects: [$KV.B.>], max_msgs_per_subject: 1, max_age: 1h", plain)).find("cannot be judged") !=
        std::string::npos);
  CHECK(complaint(scenario(std::string(kBucket) + " }, { on: hub, name: M, mirror: { name: KV_B }", plain)).find("answers direct gets") !=
        std::string::npos);
  CHECK(complaint(scenario("name: KV_B, subjects: [$KV.B.>], max_msgs_per_subject: 1", purging)).find("allow_rollup_hdrs") !=
        std::string::npos);
  CHECK(complaint(scenario(kBucket, plain + ", { admin: KV_B, at: hub, do: [purge], every: 1s, count: 1 }")).find("alone") !=
        std::string::npos);
  CHECK(complaint(scenario(kBucket, plain + ", { publish: $KV.B.k1, at: hub, via: core, rate: 1/s, count: 1 }")).find("alone") !=
        std::string::npos);
}

// --- evidence by hand: what no core of ours does

struct ByHand {
  Scenario scenario;
  Ledger ledger;
  History history;
  RemovalLog removals;
  ChangeLog changes;
  KeyValueLog key_values;
  FinalState end;
  std::vector<LagSample> lags;
  std::vector<RecoveryReading> readings;

  ByHand() {
    NodeSpec node;
    node.name = "hub";
    scenario.nodes.push_back(node);
    FinalStream stream;
    stream.key = {sim::NodeId{1}, "KV_B"};
    stream.node = "hub";
    stream.is_readable = true;
    end.streams.push_back(stream);
    end.at = core::Instant{std::chrono::seconds{100}};
  }
  // A write of alice's, told so.
  void wrote(const std::string& value, std::uint64_t revision, int second) {
    KeyValueStep step{KeyValueStep::Kind::write, KeyValueStep::Told::done, value, std::nullopt, revision};
    const core::Instant at{std::chrono::seconds{second}};
    key_values.bucket("hub", "KV_B").operations.push_back({"alice", "k1", false, {step, at, at}});
  }
  void holds(const std::string& marker, std::uint64_t revision) {
    FinalMessage message;
    message.seq = core::Seq{revision};
    message.subject = core::hash_bytes("$KV.B.k1");
    message.content = core::content_hash(key_value_marker(marker), "");
    end.streams[0].messages.push_back(message);
  }
  void watched(std::vector<KeyValueSighting> sightings) {
    key_values.bucket("hub", "KV_B").watches.push_back({"bob", core::Instant{}, true, std::move(sightings)});
  }
  [[nodiscard]] std::string divergence(std::string_view invariant) const {
    const Evidence evidence{scenario, ledger, history, removals, changes, key_values, end, lags, readings};
    const std::vector<Divergence> found = check_of(invariant)->check(evidence);
    return found.empty() ? "" : found.front().expected + " / " + found.front().actual;
  }
};

KeyValueSighting sighting(const std::string& value, std::uint64_t revision, int second) {
  return {"k1", value, revision, core::Instant{std::chrono::seconds{second}}};
}

TEST_CASE("what a watch shows and what the stream holds at the end are judged too") {
  const std::string name = "latest-per-subject-visible";
  ByHand good;
  good.wrote("DEL", 4, 1);
  good.wrote("PURGE", 6, 3);
  good.holds("PURGE", 6);
  good.watched({sighting("DEL", 4, 2), sighting("PURGE", 6, 4)});
  CHECK(good.divergence(name).empty());

  ByHand lost = good;
  lost.end.streams[0].messages.clear();
  lost.key_values.bucket("hub", "KV_B").watches.clear();
  CHECK(lost.divergence(name).find("no order explains get: nothing there") != std::string::npos);

  ByHand older = good;
  older.key_values.bucket("hub", "KV_B").watches.clear();
  older.watched({sighting("PURGE", 6, 4), sighting("DEL", 4, 5)});
  CHECK(older.divergence(name).find("after revision 6 it showed DEL at revision 4") != std::string::npos);

  ByHand made_up = good;
  made_up.watched({sighting("eve#1", 5, 4)});
  CHECK(made_up.divergence(name).find("nobody wrote that") != std::string::npos);

  ByHand behind = good;
  behind.watched({sighting("DEL", 4, 2)});
  CHECK(behind.divergence(name).find("the last that it showed has revision 4") != std::string::npos);
  behind.key_values.bucket("hub", "KV_B").watches.back().is_live = false;
  CHECK(behind.divergence(name).empty());

  ByHand early = good;
  early.watched({sighting("DEL", 4, 0), sighting("PURGE", 6, 4)});
  CHECK(early.divergence(name).find("came later") != std::string::npos);

  ByHand stale = good;
  stale.end.streams[0].latest = {{"$KV.B.k1", core::Seq{6}, core::Seq{4}}};
  CHECK(stale.divergence(name).find("the stream says that it is 4") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::scenarios
