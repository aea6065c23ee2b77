// What copies may not do is noticed when they do it, though what is there at the end does not show it any more.
#include "scenarios/copy_watch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/jetstream/source_header.h"
#include "scenarios/invariants/copied.h"
#include "tests/scenarios/run_text.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Defect;
using Kind = CopyFinding::Kind;

RunResult run(const std::string& text, const std::vector<Defect>& defects) {
  RunOptions options = with_defects(defects);
  options.tells_stories = false;
  return run_text(text, options);
}

// Everything is purged long before the end.
std::string purged(const std::string& copy, const std::string& invariants, const std::string& filter = "") {
  return "scenario: purged\nabout: What copies did wrong is gone at the end.\n"
         "nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }\nstreams:\n"
         "  - { on: hub, name: ORDERS, subjects: [orders.>] }\n"
         "  - { on: leaf, name: COPY, " +
         copy + ": " + (copy == "sources" ? "[ { name: ORDERS, domain: hub } ]" : "{ name: ORDERS, domain: hub" + filter + " }") +
         " }\n"
         "workloads:\n"
         "  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 5s, name: careful }\n"
         "  - { publish: orders.old, at: hub, via: jetstream, rate: 31/s, for: 5s, name: other }\n"
         "  - { admin: ORDERS, at: hub, do: [purge], every: 7s, count: 1, name: operator }\n"
         "  - { admin: COPY, at: leaf, do: [purge], every: 8s, count: 1, name: local-operator }\n"
         "expect: [ { invariants: [" +
         invariants + "] } ]\n";
}

TEST_CASE("what a copy did wrong is told with its moment, though a purge has taken it since") {
  struct Row {
    const char* what;
    std::string scenario;
    Defect defect;
    std::string invariant;
  };
  const std::vector<Row> rows = {
      {"a message skipped", purged("mirror", "mirror-is-prefix"), Defect::break_mirror_skips, "mirror-is-prefix"},
      {"a message skipped that the filter is for", purged("mirror", "mirror-is-prefix", ", filter_subject: orders.new"),
       Defect::break_mirror_skips, "mirror-is-prefix"},
      {"a message stored twice", purged("mirror", "no-duplicate-in-mirror"), Defect::break_mirror_duplicates, "no-duplicate-in-mirror"},
      {"what is stored twice moves the rest", purged("mirror", "mirror-is-prefix"), Defect::break_mirror_duplicates, "mirror-is-prefix"},
      {"a source's message stored twice", purged("sources", "no-duplicate-in-mirror"), Defect::break_source_duplicates,
       "no-duplicate-in-mirror"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const RunResult right = run(row.scenario, {});
    for (const Divergence& d : right.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(right.passed());
    const RunResult broken = run(row.scenario, {row.defect});
    REQUIRE(broken.divergences.size() == 1);
    const Divergence& d = broken.divergences.front();
    CHECK(d.invariant == row.invariant);
    CHECK(d.stream == "COPY");
    CHECK(d.node == "leaf");
    CHECK(d.first_seq.value > 0);
    CHECK(d.at < core::Instant{5s + 500ms});
  }
}

// ---- event by event ----

class Played {
 public:
  explicit Played(const std::string& mirror = "{ name: ORDERS, domain: hub }", const std::string& faults = "")
      : scenario_(
            parse("scenario: played\nabout: Events.\nnodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }\nstreams:\n"
                  "  - { on: hub, name: ORDERS, subjects: [orders.>] }\n"
                  "  - { on: leaf, name: COPY, mirror: " +
                  mirror +
                  " }\n"
                  "  - { on: leaf, name: ALL, sources: [ { name: ORDERS, domain: hub } ] }\n" +
                  faults + "expect: [ { invariants: [mirror-is-prefix] } ]\n")),
        watch_(scenario_, history_) {
    watch_.place("hub", kHub);
    watch_.place("leaf", kLeaf);
    watch_.begin();
  }

  Played& stores(const std::string& stream, std::int64_t seq, std::int64_t content, const std::string& subject = "orders.new") {
    return event(stream, "stream.stored",
                 {{"stream", stream}, {"seq", seq}, {"subject", subject}, {"content", content}, {"time", content}});
  }
  Played& removes(const std::string& stream, std::int64_t seq) {
    return event(stream, "store.removed", {{"stream", stream}, {"seq", seq}});
  }
  Played& skips(const std::string& stream, std::int64_t through) {
    return event(stream, "store.skipped", {{"stream", stream}, {"seq", through}});
  }
  Played& recovers(const std::string& stream, std::int64_t last) {
    return event(stream, "stream.recovered", {{"stream", stream}, {"last_seq", last}});
  }
  Played& copies(std::uint64_t origin_seq, std::uint64_t seq) {
    watch_.watcher("leaf").on_copied("ALL", "NATS/1.0\r\nNats-Stream-Source: " + source_header(origin_seq) + "\r\n\r\n", core::Seq{seq});
    return *this;
  }
  Played& loses_power() {
    history_.crashed({now_, kLeaf, true});
    return *this;
  }

  // "4 first 2": what came again, and where it is already, as far as that was noted.
  [[nodiscard]] std::vector<std::string> first() const {
    std::vector<std::string> out;
    for (const CopyFinding& finding : watch_.findings()) {
      if (finding.first) out.push_back(std::to_string(finding.origin_seq.value) + " first " + std::to_string(finding.first->value));
    }
    return out;
  }
  // Of what came again to ALL, what holds against it when it has at the end what is `there`: its sequence, and its origin's.
  [[nodiscard]] std::vector<std::string> judged(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& there) const {
    FinalState end;
    for (const StreamSpec& spec : scenario_.streams) {
      FinalStream& stream = end.streams.emplace_back();
      stream.key = {spec.on == "hub" ? kHub : kLeaf, spec.name};
      stream.node = spec.on;
      stream.spec = &spec;
      for (const OriginSpec& from : spec.sources)
        stream.copies.push_back({.from = &from, .reader = {}, .key = core::parse_source_header(source_header(1))->key, .error = {}});
      if (spec.name != "ALL") continue;
      for (const auto& [seq, origin_seq] : there) stream.sourced.push_back({core::Seq{seq}, 0, core::Seq{origin_seq}});
    }
    const Ledger ledger;
    const RemovalLog removals;
    const ChangeLog changes;
    const KeyValueLog key_values;
    const std::vector<LagSample> lags;
    const std::vector<RecoveryReading> readings;
    const Evidence evidence{.scenario = scenario_,
                            .ledger = ledger,
                            .history = history_,
                            .removals = removals,
                            .changes = changes,
                            .key_values = key_values,
                            .end = end,
                            .lags = lags,
                            .readings = readings,
                            .copies = &watch_.findings()};
    std::vector<std::string> out;
    for (const Divergence& each : found_again(evidence)) out.push_back(each.actual);
    return out;
  }
  // "hole 2", in order.
  [[nodiscard]] std::vector<std::string> found() const {
    std::vector<std::string> out;
    for (const CopyFinding& finding : watch_.findings()) {
      const char* const kind = finding.kind == Kind::other   ? "other "
                               : finding.kind == Kind::again ? "again "
                               : finding.kind == Kind::hole  ? "hole "
                                                             : "repeated ";
      out.push_back(kind + std::to_string((finding.kind == Kind::repeated ? finding.origin_seq : finding.seq).value));
    }
    return out;
  }

 private:
  static constexpr sim::NodeId kHub{1};
  static constexpr sim::NodeId kLeaf{2};

  static std::string source_header(std::uint64_t origin_seq) { return "ORDERS:abcdefgh " + std::to_string(origin_seq) + " > >"; }

  Played& event(const std::string& stream, core::EventName name, const std::vector<core::LogField>& fields) {
    now_ = core::after(now_, 1ms);
    const sim::TraceEvent event{.index = 0, .at = now_, .node = stream == "ORDERS" ? kHub : kLeaf, .name = name, .fields = fields};
    history_.on_event(event);
    watch_.on_event(event);
    return *this;
  }

  Scenario scenario_;
  History history_;
  CopyWatch watch_;
  core::Instant now_{};
};

using Found = std::vector<std::string>;

TEST_CASE("a mirror that follows its origin is right, whatever the origin has removed") {
  Played played;
  played.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("ORDERS", 3, 30).removes("ORDERS", 2);
  played.stores("COPY", 1, 10).skips("COPY", 2).stores("COPY", 3, 30);
  played.stores("ORDERS", 4, 40).stores("COPY", 4, 40).removes("ORDERS", 4);
  CHECK(played.found().empty());
}

TEST_CASE("a hole is one at the moment at which the mirror goes on") {
  Played played;
  played.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("ORDERS", 3, 30);
  played.stores("COPY", 1, 10).stores("COPY", 3, 30);
  played.removes("ORDERS", 2);
  CHECK(played.found() == Found{"hole 2"});
}

TEST_CASE("a filtered mirror has holes only among what its filter is for") {
  Played played{"{ name: ORDERS, domain: hub, filter_subject: orders.new }"};
  played.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20, "orders.old").stores("ORDERS", 3, 30).stores("ORDERS", 4, 40);
  played.stores("COPY", 1, 10).skips("COPY", 2).stores("COPY", 4, 40);
  CHECK(played.found() == Found{"hole 3"});
}

TEST_CASE("what stands before a mirror's configured start is no hole") {
  Played late{"{ name: ORDERS, domain: hub, opt_start_seq: 3 }"};
  late.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("ORDERS", 3, 30).stores("COPY", 3, 30);
  CHECK(late.found().empty());
  Played early;
  early.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("ORDERS", 3, 30).stores("COPY", 3, 30);
  CHECK(early.found() == Found{"hole 1", "hole 2"});
}

TEST_CASE("what the origin never stored there, and what the mirror stores behind its place, are found at once") {
  Played played;
  played.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20);
  played.stores("COPY", 1, 11).stores("COPY", 2, 20).stores("COPY", 2, 20).stores("COPY", 7, 70);
  CHECK(played.found() == Found{"other 1", "again 2", "other 7"});
}

TEST_CASE("what crashes may do is not held against a mirror") {
  Played lost;  // the mirror's disk lost its last messages: it fetches them again
  lost.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("COPY", 1, 10).stores("COPY", 2, 20);
  lost.recovers("COPY", 1).stores("COPY", 2, 20);
  CHECK(lost.found().empty());
  Played unheard;  // the origin was killed between the write and the word of it
  unheard.stores("ORDERS", 1, 10).recovers("ORDERS", 2).stores("COPY", 1, 10).stores("COPY", 2, 20);
  CHECK(unheard.found().empty());
  Played silent;  // the same of the mirror
  silent.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("ORDERS", 3, 30).stores("COPY", 1, 10);
  silent.recovers("COPY", 2).stores("COPY", 3, 30);
  CHECK(silent.found().empty());
  Played reused;  // the origin lost what it had not synced, and gave its sequence to another message
  reused.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).recovers("ORDERS", 1).stores("ORDERS", 2, 21);
  reused.stores("COPY", 1, 10).stores("COPY", 2, 21);
  CHECK(reused.found().empty());
  Played again;  // an origin that is a mirror itself fetched again what it had lost
  again.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("COPY", 1, 10).stores("COPY", 2, 20);
  again.recovers("ORDERS", 0).stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).stores("ORDERS", 3, 30).stores("COPY", 3, 30);
  CHECK(again.found().empty());
  Played on_the_way;  // and the first one was already on its way
  on_the_way.stores("ORDERS", 1, 10).stores("ORDERS", 2, 20).recovers("ORDERS", 1).stores("COPY", 1, 10).stores("COPY", 2, 20);
  CHECK(on_the_way.found().empty());
}

TEST_CASE("what a source brings again, or behind its place, is found at once") {
  Played played;
  played.copies(1, 1).copies(2, 2).copies(2, 3).copies(4, 4).copies(3, 5);
  CHECK(played.found() == Found{"repeated 2", "repeated 3"});
}

TEST_CASE("a source may bring again what its stream's disk lost, and not what a kill left there") {
  Played killed;
  killed.stores("ALL", 1, 10).copies(1, 1).stores("ALL", 2, 20).copies(2, 2).recovers("ALL", 2).copies(2, 3);
  CHECK(killed.found() == Found{"repeated 2"});
  Played lost;
  lost.stores("ALL", 1, 10).copies(1, 1).stores("ALL", 2, 20).copies(2, 2).loses_power().recovers("ALL", 2).copies(2, 3);
  CHECK(lost.found().empty());
  Played back;
  back.stores("ALL", 1, 10).copies(1, 1).stores("ALL", 2, 20).copies(2, 2).recovers("ALL", 1).copies(2, 2);
  CHECK(back.found().empty());
}

// ALL has had the messages 2, 4, 6 and 8 of its origin, and has come back with `recovered` of them.
struct AfterPowerLoss : Played {
  explicit AfterPowerLoss(std::int64_t recovered)
      : Played("{ name: ORDERS, domain: hub }", "faults: [ { at: 1s, power_loss: { node: leaf } }, { at: 2s, start: leaf } ]\n") {
    for (std::int64_t seq = 1; seq <= 4; ++seq) {
      stores("ALL", seq, seq * 10).copies(static_cast<std::uint64_t>(seq) * 2, static_cast<std::uint64_t>(seq));
    }
    loses_power().recovers("ALL", recovered);
  }
};

TEST_CASE("a source goes on from what its stream has left of it after a power loss, as far as that is noted") {
  const auto lost = [](std::int64_t recovered) {
    return AfterPowerLoss(recovered).copies(4, 5).copies(6, 6).copies(7, 7).copies(8, 8).first();
  };
  CHECK(lost(4) == Found{"4 first 2", "6 first 3", "8 first 4"});
  CHECK(lost(3) == Found{"4 first 2", "6 first 3"});
  CHECK(lost(2) == Found{"4 first 2"});
  CHECK(lost(1) == Found{});
  // What it brought since has its order, as ever.
  CHECK(AfterPowerLoss(3).copies(8, 4).copies(10, 5).copies(9, 6).copies(9, 7).found() == Found{"repeated 9", "repeated 9"});
}

TEST_CASE("what came again after a power loss is held against a source if the stream still had it then") {
  const Found twice{"it was stored again, as 4"};
  CHECK(AfterPowerLoss(3).copies(6, 4).judged({{3, 6}, {4, 6}}) == twice);
  CHECK(AfterPowerLoss(3).copies(6, 4).removes("ALL", 3).judged({{4, 6}}) == twice);
  CHECK(AfterPowerLoss(3).copies(6, 4).judged({{4, 6}}) == Found{});                    // it was lost too, without a word
  CHECK(AfterPowerLoss(3).removes("ALL", 3).copies(6, 4).judged({{4, 6}}) == Found{});  // it was gone before
  CHECK(AfterPowerLoss(3).copies(8, 4).removes("ALL", 3).judged({{4, 8}}) == Found{});  // it was lost, and came anew
  CHECK(AfterPowerLoss(3).copies(6, 4).recovers("ALL", 1).stores("ALL", 3, 70).removes("ALL", 3).judged({}) == Found{});  // another's
}

}  // namespace
}  // namespace windtunnel::scenarios
