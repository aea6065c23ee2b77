// corruption-is-surfaced asks for a report of what was damaged, not for any report: over evidence made up by hand.

#include <doctest/doctest.h>

#include <string>

#include "scenarios/invariants/invariants.h"
#include "scenarios/language/load.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kText = R"(
scenario: made-up
about: One stream.
nodes: { hub: {} }
streams: [ { on: hub, name: S, subjects: [s.>], storage: file } ]
expect: [ { invariants: [corruption-is-surfaced] } ]
)";
constexpr sim::NodeId kHub{1};
const std::string kBlock = "jetstream/$G/streams/S/msgs/2.blk";

// A stream that stored 1 and 2, and lost 2 with a damage at 5 s of which its server spoke as `report` says.
struct Case {
  Scenario scenario = *load_text(kText, "made-up.yaml").scenario;
  Ledger ledger;
  History history;
  RemovalLog removals;
  ChangeLog changes;
  KeyValueLog key_values;
  sim::Trace trace;
  FinalState end;

  Case() {
    trace.add(history);
    for (const std::uint64_t seq : {1u, 2u}) {
      trace.record(core::Instant{1s}, kHub, core::LogLevel::trace, "stream.stored",
                   {{"stream", "S"}, {"seq", seq}, {"subject", "s.a"}, {"content", seq}, {"time", seq}});
    }
    FinalStream stream;
    stream.key = {kHub, "S"};
    stream.node = "hub";
    stream.spec = scenario.stream("hub", "S");
    stream.is_readable = true;
    stream.state.messages = 1;
    stream.state.first_seq = core::Seq{1};
    stream.state.last_seq = core::Seq{2};
    const StoredEvent& first = history.life(stream.key)->stored.front();
    stream.messages.push_back({first.seq, first.content, first.subject, first.time, std::nullopt});
    end.streams.push_back(std::move(stream));
    end.at = core::Instant{10s};
  }
  ~Case() = default;
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  void damage(Damage::Part part, std::string path) {
    Damage damage;
    damage.at = core::Instant{5s};
    damage.node = kHub;
    damage.path = std::move(path);
    damage.stream = "S";
    damage.part = part;
    damage.is_evident = damage.was_met = true;
    if (part == Damage::Part::block) damage.messages.insert(core::Seq{2});
    if (part == Damage::Part::consumer) damage.consumer = "worker";
    history.damaged(std::move(damage));
  }
  void block_report(core::Duration at, std::string_view what, std::string_view stream = "S") {
    trace.record(core::Instant{at}, kHub, core::LogLevel::warn, "store.damage", {{"stream", stream}, {"what", what}});
  }
  void consumer_report(core::Duration at, std::string_view consumer) {
    trace.record(core::Instant{at}, kHub, core::LogLevel::error, "consumer.recovery_failed", {{"stream", "S"}, {"consumer", consumer}});
  }
  [[nodiscard]] bool is_surfaced() const {
    const std::vector<LagSample> lags;
    const std::vector<RecoveryReading> readings;
    return check_of("corruption-is-surfaced")
        ->check(Evidence{scenario, ledger, history, removals, changes, key_values, end, lags, readings})
        .empty();
  }
};

TEST_CASE("what lay in a damaged block is surfaced by a report of that block, since") {
  Case at;
  CHECK(at.is_surfaced());  // nothing was damaged: it may have been removed
  at.damage(Damage::Part::block, kBlock);
  CHECK_FALSE(at.is_surfaced());
  at.block_report(4s, kBlock);  // before
  CHECK_FALSE(at.is_surfaced());
  at.block_report(6s, "jetstream/$G/streams/S/msgs/12.blk");
  CHECK_FALSE(at.is_surfaced());
  at.block_report(6s, "jetstream/$G/streams/T/msgs/2.blk", "T");
  CHECK_FALSE(at.is_surfaced());
  at.consumer_report(6s, "worker");
  CHECK_FALSE(at.is_surfaced());
  at.block_report(6s, kBlock + " is missing");
  CHECK(at.is_surfaced());
}

TEST_CASE("or by the stream's own list of what is lost") {
  Case at;
  at.damage(Damage::Part::block, kBlock);
  at.end.streams.front().state.lost = {core::Seq{1}};
  CHECK_FALSE(at.is_surfaced());
  at.end.streams.front().state.lost = {core::Seq{2}};
  CHECK(at.is_surfaced());
}

TEST_CASE("a consumer's state that cannot be read is surfaced by a report of that consumer") {
  Case at;
  at.damage(Damage::Part::consumer, "jetstream/$G/streams/S/obs/worker/o.dat");
  CHECK_FALSE(at.is_surfaced());
  at.block_report(6s, kBlock);
  at.consumer_report(6s, "another");
  CHECK_FALSE(at.is_surfaced());
  at.consumer_report(6s, "worker");
  CHECK(at.is_surfaced());
}

TEST_CASE("a stream that cannot be opened is surfaced by that word, and no other") {
  Case at;
  at.damage(Damage::Part::metadata, "jetstream/$G/streams/S/meta.inf");
  at.end.streams.front().is_readable = false;
  at.block_report(6s, kBlock);
  CHECK_FALSE(at.is_surfaced());
  at.trace.record(core::Instant{4s}, kHub, core::LogLevel::error, "stream.recovery_failed", {{"stream", "S"}});
  CHECK_FALSE(at.is_surfaced());
  at.trace.record(core::Instant{6s}, kHub, core::LogLevel::error, "stream.recovery_failed", {{"stream", "S"}});
  CHECK(at.is_surfaced());
}

}  // namespace
}  // namespace windtunnel::scenarios
