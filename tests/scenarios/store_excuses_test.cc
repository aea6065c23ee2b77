// What excuses a store, by hand, each beside what must still be caught: a purge that the end of its process cut short, marks that an
// older file brings back, an index that is not the last word, what goes while the end is read, copies of which nobody heard.
#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/data_hash.h"
#include "core/base/hash.h"
#include "core/store/index_db.h"
#include "core/store/record.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"
#include "sim/disk_tree.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;
using core::Seq;

constexpr sim::NodeId kHub{1};

core::Instant at(core::Duration since) { return core::after(core::Instant{}, since); }

// Stream ORDERS of subject orders on node hub, with one publisher who repeats ids.
struct Hand {
  struct Event {
    core::Instant at;
    core::EventName name;
    std::uint64_t seq = 0;
    std::uint64_t content = 0;
    std::string what = {};
  };
  Scenario scenario;
  Ledger ledger;
  std::vector<Event> events;
  std::vector<Crash> crashes;
  std::vector<Damage> damages;
  RemovalLog removals;
  ChangeLog changes;
  KeyValueLog key_values;
  StreamSpec spec;
  FinalStream stream;
  std::uint16_t alice = 0;

  Hand() {
    NodeSpec node;
    node.name = "hub";
    scenario.nodes.push_back(node);
    WorkloadSpec workload;
    workload.name = "alice";
    PublishSpec publish;
    publish.subject = "orders";
    publish.via = Via::jetstream;
    publish.msg_id = true;
    workload.work = publish;
    scenario.workloads.push_back(workload);
    alice = ledger.open("alice", Via::jetstream);
    spec.name = "ORDERS";
    spec.on = "hub";
    spec.subjects = {"orders"};
    stream.key = {kHub, "ORDERS"};
    stream.node = "hub";
    stream.is_readable = true;
    stream.window_min = stream.window_max = 120s;
  }
  Hand& stored(std::uint64_t seq, core::Duration when, std::uint64_t content = 0) {
    events.push_back({at(when), core::EventName{"stream.stored"}, seq, content != 0 ? content : core::hash_bytes(std::to_string(seq))});
    return *this;
  }
  Hand& removed(std::uint64_t seq, core::Duration when) {
    events.push_back({at(when), core::EventName{"store.removed"}, seq});
    return *this;
  }
  Hand& crash(core::Duration when, bool is_power_loss = false) {
    crashes.push_back({at(when), kHub, is_power_loss});
    return *this;
  }
  Hand& syncs_always() {
    scenario.nodes.front().sync_interval = SyncInterval{.always = true};
    return *this;
  }
  // An operator asked for another configuration.
  Hand& update(core::Duration asked, std::optional<core::Duration> answered, bool is_refused = false) {
    ConfigChange change;
    change.asked_at = at(asked);
    if (answered) change.answered_at = at(*answered);
    change.is_refused = is_refused;
    changes.of(stream.key).push_back(change);
    return *this;
  }
  Hand& holds(std::uint64_t seq) {
    FinalMessage message;
    message.seq = Seq{seq};
    message.subject = core::hash_bytes("orders");
    message.content = core::hash_bytes(std::to_string(seq));
    stream.messages.push_back(message);
    stream.state.last_seq = Seq{seq};
    return *this;
  }
  // A block of which these messages are gone, which is to be seen.
  Hand& damage(core::Duration when, std::vector<std::uint64_t> seqs) {
    Damage damage;
    damage.at = at(when);
    damage.node = kHub;
    damage.stream = "ORDERS";
    damage.path = "jetstream/$G/streams/ORDERS/msgs/1.blk";
    damage.part = Damage::Part::block;
    damage.is_evident = true;
    for (const std::uint64_t seq : seqs) damage.messages.insert(Seq{seq});
    damages.push_back(damage);
    return *this;
  }
  Hand& purge(core::Duration asked, std::optional<core::Duration> answered, const std::string& on = "hub") {
    RequestedRemoval removal;
    removal.node = on;
    removal.stream = "ORDERS";
    removal.asked_at = at(asked);
    if (answered) removal.answered_at = at(*answered);
    removal.is_done = answered.has_value();
    removals.add(removal);
    return *this;
  }
  // Published, and told of a copy under that sequence.
  Hand& told_of(std::uint64_t seq, core::Duration from, core::Duration to, bool is_duplicate = true) {
    const PublishId id = ledger.add(alice, at(from));
    ledger.at(id).set_content(content_of(id.index));
    ledger.at(id).settle_acked(at(to), ledger.stream_number("ORDERS", ""), Seq{seq}, is_duplicate);
    return *this;
  }
  static std::uint64_t content_of(std::uint64_t index) { return core::hash_bytes("of alice " + std::to_string(index)); }

  [[nodiscard]] bool is_found(std::string_view invariant) const {
    History history;
    for (const Event& event : events) {
      const std::vector<core::LogField> fields{{"stream", stream.key.stream}, {"seq", event.seq}, {"subject", "orders"},
                                               {"content", event.content},    {"time", 0},        {"what", event.what}};
      history.on_event(sim::TraceEvent{0, event.at, kHub, core::LogLevel::trace, event.name, fields});
    }
    for (const Crash& each : crashes) history.crashed(each);
    for (const Damage& each : damages) history.damaged(each);
    FinalState end;
    end.at = at(100s);
    end.streams.push_back(stream);
    end.streams.back().spec = &spec;
    const std::vector<LagSample> lags;
    const std::vector<RecoveryReading> readings;
    const Evidence evidence{scenario, ledger, history, removals, changes, key_values, end, lags, readings};
    return !check_of(invariant)->check(evidence).empty();
  }
};

struct Row {
  std::string what;
  Hand hand;
  bool is_excused;
};

void check(std::string_view invariant, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(invariant);
    CAPTURE(row.what);
    CHECK(row.hand.is_found(invariant) != row.is_excused);
  }
}

// Sequences 1 to 3 were stored, and 2 is gone with a part of its block.
Hand bitten() { return Hand{}.stored(1, 1s).stored(2, 2s).stored(3, 3s).damage(10s, {2}).holds(1).holds(3); }

TEST_CASE("what a purge under way was to take may be missing without a word when its block is hit, and nothing else may") {
  check("corruption-is-surfaced", {
                                      {"nobody removes anything", bitten(), false},
                                      {"the purge was never answered", bitten().purge(9s, std::nullopt), true},
                                      {"it was answered after the damage", bitten().purge(9s, 11s), true},
                                      {"it was over before the damage", bitten().purge(8s, 9s), false},
                                      {"it was asked for after the damage", bitten().purge(12s, 13s), false},
                                      {"it is another node's", bitten().purge(9s, std::nullopt, "edge"), false},
                                  });
}

// A bucket in which recovery found, at sequence 2, a message of 10 s of which nobody had heard.
Hand found_unheard(const std::string& key, const std::string& headers, const std::string& payload = "", std::uint64_t seq = 2) {
  Hand hand = Hand{}.stored(1, 1s).holds(1);
  FinalMessage message;
  message.seq = Seq{seq};
  message.subject = core::hash_bytes("$KV.CONFIG." + key);
  message.content = core::content_hash(headers, payload);
  message.time = kWallAtTimeZero;
  hand.stream.messages.push_back(message);
  hand.stream.key.stream = "KV_CONFIG";
  return hand;
}

TEST_CASE("a marker that a client had asked for and was not told of may be there after a crash, and nothing else that nobody stored") {
  const auto found = [](const std::string& what = "DEL", std::uint64_t seq = 2) {
    return found_unheard("k1", key_value_marker(what), "", seq);
  };
  const auto asked = [](Hand hand, const std::string& what, core::Duration from, std::optional<core::Duration> to,
                        const std::string& key = "k1", bool is_void = false) {
    KeyValueStep step{.kind = KeyValueStep::Kind::write, .told = KeyValueStep::Told::nothing, .value = what, .expected = {}, .revision = 0};
    KeyValueOperation operation{.workload = "alice", .key = key, .is_void = is_void, .timed = {std::move(step), at(from), {}}};
    if (to) operation.timed.returned = at(*to);
    hand.key_values.bucket("hub", "KV_CONFIG").operations.push_back(operation);
    return hand;
  };
  const auto twice = [&] {
    Hand hand = asked(found(), "DEL", 9s, std::nullopt).crash(11s);
    hand.stream.messages.push_back(hand.stream.messages.back());
    hand.stream.messages.back().seq = Seq{3};
    return hand;
  };
  check("corruption-is-surfaced",
        {
            {"nobody asked", found().crash(11s), false},
            {"never answered", asked(found(), "DEL", 9s, std::nullopt).crash(11s), true},
            {"a purge", asked(found("PURGE"), "PURGE", 9s, std::nullopt).crash(11s), true},
            {"answered after the crash", asked(found(), "DEL", 9s, 12s).crash(11s), true},
            {"answered before it", asked(found(), "DEL", 9s, 10500ms).crash(11s), false},
            {"no crash", asked(found(), "DEL", 9s, std::nullopt), false},
            {"the crash came before it was written", asked(found(), "DEL", 9s, std::nullopt).crash(9500ms), false},
            {"asked after it was written", asked(found(), "DEL", 10500ms, std::nullopt).crash(11s), false},
            {"of another key", asked(found(), "DEL", 9s, std::nullopt, "k2").crash(11s), false},
            {"of the other kind", asked(found(), "PURGE", 9s, std::nullopt).crash(11s), false},
            {"it certainly was not sent", asked(found(), "DEL", 9s, std::nullopt, "k1", true).crash(11s), false},
            {"a write was asked for", asked(found(), "alice#1", 9s, std::nullopt).crash(11s), false},
            {"under a sequence that had something else", asked(found("DEL", 1), "DEL", 9s, std::nullopt).crash(11s), false},
            {"with a payload", asked(found_unheard("k1", key_value_marker("DEL"), "x"), "DEL", 9s, std::nullopt).crash(11s), false},
            {"one for two", twice(), false},
            {"one for each", asked(twice(), "DEL", 9s, std::nullopt), true},
        });
}

TEST_CASE("who is refused each time and asks again has an outcome; who has no answer to the last attempt that is over has none") {
  const auto tried = [](std::vector<bool> attempts) {
    Hand hand;
    const PublishId id = hand.ledger.add(hand.alice, at(1s));
    for (const bool is_refused : attempts) hand.ledger.at(id).note_attempt(is_refused);
    return hand;
  };
  check("publish-outcome-known", {
                                     {"no attempt is over", tried({}), false},
                                     {"no attempt was answered", tried({false, false}), false},
                                     {"each was refused", tried({true, true}), true},
                                     {"the last was refused", tried({false, true}), true},
                                     {"the last was not answered", tried({true, false}), false},
                                 });
}

TEST_CASE("a stream that cannot be opened has said so since its metadata was found damaged; what no start has met is not to be reported") {
  const auto shut = [](std::vector<std::pair<core::Duration, bool>> damages, std::vector<core::Duration> reports) {
    Hand hand;
    hand.stored(1, 1s);
    hand.stream.is_readable = false;
    for (const auto& [when, was_met] : damages) {
      hand.damage(when, {});
      hand.damages.back().part = Damage::Part::metadata;
      hand.damages.back().was_met = was_met;
    }
    for (const core::Duration when : reports) hand.events.push_back({at(when), core::EventName{"stream.recovery_failed"}});
    return hand;
  };
  check("corruption-is-surfaced",
        {
            {"gone without damage or a word", shut({}, {}), false},
            {"found damaged, and said so", shut({{10s, true}}, {12s}), true},
            {"found damaged, and said so of an earlier damage only", shut({{10s, true}, {20s, true}}, {12s}), false},
            {"damaged again since, and not started", shut({{10s, true}, {20s, false}}, {12s}), true},
            {"gone, and damaged since", shut({{20s, false}}, {}), false},
        });
}

TEST_CASE("what is removed while the end is read may have been read before; what was removed earlier may not be there") {
  const auto three = [] { return Hand{}.stored(1, 1s).stored(2, 2s).stored(3, 3s).holds(1).holds(2).holds(3); };
  check("no-resurrection", {
                               {"nothing was removed", three(), true},
                               {"removed a moment before the end", three().removed(2, 99999ms), false},
                               {"removed as the end was read", three().removed(2, 100s), true},
                               {"removed a moment later", three().removed(2, 100001ms), true},
                               {"removed twice, before the end and after it", three().removed(2, 50s).removed(2, 101s), false},
                           });
}

TEST_CASE("what was removed for someone who was told nothing may be back after a power loss; what was confirmed may not") {
  const auto back = [] { return Hand{}.syncs_always().stored(1, 1s).stored(2, 2s).holds(1).holds(2).removed(1, 50s); };
  const auto lost = [&] { return back().crash(60s, true); };
  check("no-resurrection", {
                               {"nobody asked for it", lost(), false},
                               {"an update had no answer", lost().update(49s, {}), true},
                               {"an update had its answer after the loss", lost().update(49s, 61s), true},
                               {"an update had its answer before", lost().update(49s, 55s), false},
                               {"an update was refused", lost().update(49s, {}, true), false},
                               {"an update came later", lost().update(51s, {}), false},
                               {"a purge had no answer", lost().purge(49s, {}), true},
                               {"a purge had its answer before", lost().purge(49s, 55s), false},
                               {"an update had no answer, and no power was lost", back().crash(60s).update(49s, {}), false},
                               {"the power was lost before", back().crash(40s, true).update(49s, {}), false},
                           });
}

// Alice repeats an id, and is told that it is sequence 7, of which the stream never said a word.
TEST_CASE("a repeat may be told of a copy that was written as its node died; of one that no crash can have left it may not") {
  for (const char* invariant : {"pub-ack-truthful", "dedup-exact"}) {
    check(invariant, {
                         {"no crash", Hand{}.stored(1, 1s).told_of(7, 30s, 40s), false},
                         {"a crash while it was tried again", Hand{}.stored(1, 1s).told_of(7, 30s, 40s).crash(35s), true},
                         {"a crash long before", Hand{}.stored(1, 1s).told_of(7, 30s, 40s).crash(15s), true},
                         {"a crash after it was told", Hand{}.stored(1, 1s).told_of(7, 30s, 40s).crash(45s), false},
                     });
  }
  // A publisher who is told of no copy, but that it was stored: then the stream has said so.
  check("pub-ack-truthful", {
                                {"stored by its own ack", Hand{}.stored(1, 1s).told_of(7, 30s, 40s, false).crash(35s), false},
                                // Whoever stored 7 was heard, and it was not this message; and nothing went wrong while it was tried.
                                {"7 is known as another's", Hand{}.stored(7, 1s).told_of(7, 30s, 40s).crash(15s), false},
                            });
}

TEST_CASE("a message is not lost for that its repeat was told of a copy which limits or a purge took, with a crash in between") {
  const auto told = [](std::optional<core::Duration> crash) {
    Hand hand;
    hand.stored(1, 1s).told_of(7, 30s, 40s).holds(1).holds(9).purge(50s, 51s);
    return crash ? hand.crash(*crash) : hand;
  };
  check("no-silent-drop", {
                              {"a crash while it was tried again", told(35s), true},
                              {"no crash", told(std::nullopt), false},
                              {"a crash after it was told", told(45s), false},
                          });
}

// ---- what the oracle takes from the files that a fault leaves ----

constexpr std::string_view kStreams = "jetstream/$G/streams/ORDERS";

std::string path_of(const std::string& name) { return std::string(kStreams) + "/msgs/" + name; }

struct Block {
  std::uint32_t index = 1;
  std::string bytes;
  std::uint64_t last_checksum = 0;

  explicit Block(std::uint32_t of = 1) : index(of) {}
  Block& message(std::uint64_t seq) {
    core::append_message(bytes, core::block_key("ORDERS", index), Seq{seq}, core::WallTime{static_cast<std::int64_t>(seq)},
                         {.subject = "orders", .headers = "", .payload = "text"});
    return end();
  }
  Block& mark(std::uint64_t seq) {
    core::append_tombstone(bytes, core::block_key("ORDERS", index), Seq{seq}, core::WallTime{static_cast<std::int64_t>(seq)});
    return end();
  }

 private:
  Block& end() {
    last_checksum = core::load_u64(std::string_view(bytes).substr(bytes.size() - 8));
    return *this;
  }
};

// An index of block 1 with `first` to `last`, and of block 2 with the rest, if any, that ends with that record.
std::string index_of(std::uint64_t last, const std::vector<std::pair<Seq, Seq>>& blocks, std::uint64_t last_checksum) {
  core::IndexSnapshot index;
  index.messages = last;
  index.first_seq = Seq{1};
  index.last_seq = Seq{last};
  for (const auto& [from, to] : blocks) {
    core::IndexBlock block;
    block.index = static_cast<std::uint32_t>(index.blocks.size() + 1);
    block.first_seq = from;
    block.last_seq = to;
    index.blocks.push_back(block);
  }
  index.last_block = static_cast<std::uint32_t>(blocks.size());
  index.last_checksum = last_checksum;
  return core::encode_index(index, "ORDERS");
}

// The disk after the fault, with these files beside the one that was hit.
Damage examined(const std::string& name, std::optional<std::string> before, std::optional<std::string> after,
                const std::vector<std::pair<std::string, std::string>>& others) {
  sim::DiskTree tree;
  std::string above;
  for (const char* part : {"jetstream", "$G", "streams", "ORDERS", "msgs"}) {
    above += (above.empty() ? "" : "/") + std::string(part);
    REQUIRE(tree.make_directory(above));
  }
  const auto write = [&](const std::string& path, const std::string& content) {
    const auto inode = tree.open(path, {.create = true});
    REQUIRE(inode);
    tree.write(*inode, 0, content);
    tree.close(*inode);
  };
  for (const auto& [other, content] : others) write(path_of(other), content);
  if (after) write(path_of(name), *after);
  const std::string path = path_of(name);
  sim::DiskDamage damage;
  damage.path = path;
  damage.before = std::move(before);
  damage.after = std::move(after);
  return examine(damage, tree, kHub, at(10s));
}

TEST_CASE("a mark that an older file brings back takes the message that has its sequence now, and no other") {
  // Before: 4 was lost with the power and given out anew. The older version of block 2 still has the mark of the first one's removal.
  const Block now = Block{2}.message(5).message(6);
  const Block then = Block{2}.message(5).mark(4);
  const std::string one = Block{1}.message(3).message(4).bytes;
  const Damage damage = examined("2.blk", now.bytes, then.bytes, {{"1.blk", one}});
  CHECK(damage.messages == std::set<Seq>{Seq{4}, Seq{6}});
  // A mark that was there all the time takes nothing.
  const Damage same = examined("2.blk", Block{2}.mark(4).message(5).message(6).bytes, Block{2}.mark(4).message(5).bytes, {{"1.blk", one}});
  CHECK(same.messages == std::set<Seq>{Seq{6}});
  // Nor does one that goes: what it removed may come back.
  const Damage gone = examined("2.blk", Block{2}.message(5).mark(4).bytes, Block{2}.message(5).bytes, {{"1.blk", one}});
  CHECK(gone.messages.empty());
  CHECK(gone.marks == std::set<Seq>{Seq{4}});
}

TEST_CASE("an index shows that a block is missing only where it is the last word") {
  const std::string lost = Block{1}.message(1).message(2).bytes;
  const Block two = Block{2}.message(3).message(4);
  const std::string index = index_of(4, {{Seq{1}, Seq{2}}, {Seq{3}, Seq{4}}}, two.last_checksum);
  const auto is_evident = [&](const std::vector<std::pair<std::string, std::string>>& others) {
    return examined("1.blk", lost, std::nullopt, others).is_evident;
  };
  CHECK(is_evident({{"2.blk", two.bytes}, {"index.db", index}}));
  CHECK_FALSE(is_evident({{"2.blk", two.bytes}}));
  // Something was written behind its last record, even of no more than a sequence that it knows; or another block begun.
  CHECK_FALSE(is_evident({{"2.blk", Block(two).mark(4).bytes}, {"index.db", index}}));
  CHECK_FALSE(is_evident({{"2.blk", two.bytes}, {"3.blk", ""}, {"index.db", index}}));
  CHECK_FALSE(is_evident({{"2.blk", Block(two).message(5).bytes}, {"index.db", index}}));
  // Its last record is gone: then nothing tells that anything came behind it.
  CHECK(is_evident({{"2.blk", Block{2}.message(3).bytes}, {"index.db", index}}));
  // An index that knew an empty last block.
  const std::string of_empty = index_of(2, {{Seq{1}, Seq{2}}, {Seq{3}, Seq{2}}}, 0);
  CHECK(is_evident({{"2.blk", ""}, {"index.db", of_empty}}));
  CHECK_FALSE(is_evident({{"2.blk", Block{2}.mark(2).bytes}, {"index.db", of_empty}}));
}

}  // namespace
}  // namespace windtunnel::scenarios
