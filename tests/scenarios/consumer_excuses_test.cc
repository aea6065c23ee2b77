// What excuses a consumer that forgot an acknowledgement, whose floor went back, or that is gone or slow, and what does not: by hand,
// for each edge.

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/invariants/invariants.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr sim::NodeId kHub{1};
constexpr sim::NodeId kOther{2};
const StreamKey kOrders{kHub, "ORDERS"};
const std::string kOwn = "jetstream/$G/streams/ORDERS/obs/worker";

core::Instant at(core::Duration since) { return core::after(core::Instant{}, since); }

// Consumer worker of stream ORDERS on node hub.
struct Hand {
  struct Event {
    core::Instant at;
    std::string name;
    sim::NodeId node = kHub;
    std::uint64_t seq = 0;
    std::uint64_t count = 0;
    std::string path = {};
    core::Duration length{};
  };
  std::vector<Event> events;
  std::vector<Crash> crashes;
  std::vector<Damage> damages;
  std::vector<std::function<void(History&)>> words;  // what it is told besides
  ChangeLog changes;
  StreamSpec spec;
  std::vector<LinkSpec> links;
  std::vector<WorkloadSpec> workloads;
  FinalConsumer consumer;
  std::vector<FinalMessage> messages;

  Hand() {
    consumer.stream = kOrders;
    consumer.node = "hub";
    consumer.name = "worker";
    consumer.exists = true;
    consumer.ack = AckPolicy::explicit_;
    consumer.delivers_all = true;
    consumer.ack_wait = 5s;
    consumer.max_ack_pending = 1000;
  }
  Hand& delivered(std::uint64_t seq, core::Duration when, std::uint64_t count = 1) {
    events.push_back({at(when), "consumer.delivered", kHub, seq, count});
    return *this;
  }
  Hand& acked(std::uint64_t seq, core::Duration when) {
    events.push_back({at(when), "consumer.acked", kHub, seq});
    return *this;
  }
  Hand& stored(std::uint64_t seq, core::Duration when) {
    events.push_back({at(when), "stream.stored", kHub, seq});
    return *this;
  }
  Hand& recovered(core::Duration when) {
    events.push_back({at(when), "stream.recovered", kHub, 100});
    return *this;
  }
  Hand& slow(core::Duration from, core::Duration to, const std::string& path = kOwn + "/o.dat", sim::NodeId node = kHub) {
    events.push_back({at(from), "disk.slow", node, 0, 0, path, to - from});
    return *this;
  }
  Hand& crash(core::Duration when, bool is_power_loss = false, sim::NodeId node = kHub) {
    crashes.push_back({at(when), node, is_power_loss});
    return *this;
  }
  Hand& stop(core::Duration when) {
    words.emplace_back([=](History& history) { history.stopped(at(when), kHub); });
    return *this;
  }
  Hand& exhausted(core::Duration when) {
    events.push_back({at(when), "consumer.max_deliveries"});
    return *this;
  }
  // In force from `from` on, and healed at `to`.
  Hand& trouble(const faults::Action& action, core::Duration from, std::optional<core::Duration> to = std::nullopt,
                sim::NodeId node = kHub) {
    words.emplace_back([=](History& history) { history.disk_struck(at(from), node, action); });
    if (to) words.emplace_back([=](History& history) { history.disk_struck(at(*to), node, faults::HealDisk{"hub"}); });
    return *this;
  }
  Hand& answered(core::Duration when, const std::string& who = "app") {
    words.emplace_back([=](History& history) { history.answered(ConsumerKey{kOrders, "worker"}, who, at(when)); });
    return *this;
  }
  Hand& asked_in_vain(core::Duration from, core::Duration to, const std::string& who = "app") {
    words.emplace_back([=](History& history) { history.asked_in_vain(ConsumerKey{kOrders, "worker"}, who, at(from), at(to)); });
    return *this;
  }
  // An application that asks to the end, beside that node.
  Hand& read_at(const std::string& node, const HandlerSpec& handler = {}) {
    ConsumeSpec consume;
    consume.stream = "ORDERS";
    consume.on = "hub";
    consume.consumer = "worker";
    consume.handler = handler;
    WorkloadSpec workload;
    workload.name = "app";
    workload.at = node;
    workload.work = consume;
    workloads.push_back(workload);
    consumer.is_asked_to_the_end = true;
    return *this;
  }
  Hand& damage(core::Duration when, Damage::Part part, const std::string& of = "") {
    Damage damage;
    damage.at = at(when);
    damage.node = kHub;
    damage.stream = "ORDERS";
    damage.part = part;
    damage.consumer = of;
    damages.push_back(damage);
    return *this;
  }
  Hand& deleted(core::Duration when) {
    ConsumerChange change;
    change.asked_at = at(when);
    change.is_deletion = true;
    changes.of(ConsumerKey{kOrders, "worker"}).push_back(change);
    return *this;
  }
  Hand& created(core::Duration asked, core::Duration answered_at) {
    ConsumerChange change;
    change.asked_at = at(asked);
    change.answered_at = at(answered_at);
    changes.of(ConsumerKey{kOrders, "worker"}).push_back(change);
    return *this;
  }
  Hand& holds(std::uint64_t seq) {
    FinalMessage message;
    message.seq = core::Seq{seq};
    messages.push_back(message);
    return *this;
  }
  Hand& stands(std::uint64_t floor, std::uint64_t delivered_seq) {
    consumer.ack_floor = core::Seq{floor};
    consumer.delivered = core::Seq{delivered_seq};
    return *this;
  }
  Hand& stepped_back(core::Duration before, core::Duration when, std::uint64_t from, std::uint64_t to) {
    consumer.floor_steps_back.push_back({at(before), at(when), core::Seq{from}, core::Seq{to}});
    return *this;
  }

  [[nodiscard]] std::string divergence(std::string_view invariant) const {
    History history;
    for (const Event& event : events) {
      const std::vector<core::LogField> fields{{"stream", "ORDERS"},   {"consumer", "worker"},      {"seq", event.seq},
                                               {"count", event.count}, {"last_seq", event.seq},     {"subject", "orders"},
                                               {"path", event.path},   {"ns", event.length.count()}};
      for (const core::EventName name :
           {core::EventName{"consumer.delivered"}, core::EventName{"consumer.acked"}, core::EventName{"disk.slow"},
            core::EventName{"stream.stored"}, core::EventName{"stream.recovered"}, core::EventName{"consumer.max_deliveries"}}) {
        if (name.text == event.name) history.on_event(sim::TraceEvent{0, event.at, event.node, core::LogLevel::trace, name, fields});
      }
    }
    for (const Crash& each : crashes) history.crashed(each);
    for (const Damage& each : damages) history.damaged(each);
    for (const auto& word : words) word(history);
    Scenario scenario;
    for (const char* name : {"hub", "leaf"}) {
      NodeSpec node;
      node.name = name;
      scenario.nodes.push_back(node);
    }
    scenario.links = links;
    scenario.workloads = workloads;
    FinalStream stream;
    stream.key = kOrders;
    stream.node = "hub";
    stream.spec = &spec;
    stream.is_readable = true;
    stream.messages = messages;
    FinalState end;
    end.at = at(100s);
    end.streams.push_back(stream);
    end.consumers.push_back(consumer);
    const Ledger ledger;
    const RemovalLog removals;
    const KeyValueLog key_values;
    const std::vector<LagSample> lags;
    const std::vector<RecoveryReading> readings;
    const Evidence evidence{scenario, ledger, history, removals, changes, key_values, end, lags, readings};
    const std::vector<Divergence> found = check_of(invariant)->check(evidence);
    return found.empty() ? "" : found.front().expected + " / " + found.front().actual;
  }
};

struct Row {
  std::string what;
  Hand hand;
  bool is_excused;
};

void check(std::string_view invariant, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const std::string found = row.hand.divergence(invariant);
    CAPTURE(found);
    CHECK(found.empty() == row.is_excused);
  }
}

// Acknowledged at 2 s, and delivered again at 9 s.
Hand again() { return Hand{}.delivered(7, 1s).acked(7, 2s).delivered(7, 9s, 2); }

TEST_CASE("an acknowledgement may be forgotten in a crash within a flush of it, and in no other") {
  check("consumer-state-durable", {
                                      {"no crash", again(), false},
                                      {"right after it", again().crash(2500ms), true},
                                      {"a second after it", again().crash(3s), true},
                                      {"later", again().crash(3001ms), false},
                                      {"before it", again().crash(1900ms), false},
                                      {"of another node", again().crash(2500ms, false, kOther), false},
                                      {"never acknowledged", Hand{}.delivered(7, 1s).delivered(7, 9s, 2), true},
                                      {"another message under its sequence", again().stored(7, 5s), true},
                                      {"the same message, stored before", again().stored(7, 500ms), false},
                                  });
}

TEST_CASE("the time in which the disk was slow with the consumer's own file does not count") {
  check("consumer-state-durable",
        {
            {"slow for long enough", again().slow(2100ms, 3100ms).crash(4s), true},
            {"not for long enough", again().slow(2100ms, 3099ms).crash(4s), false},
            {"with the name of its directory", again().slow(2100ms, 3100ms, kOwn).crash(4s), true},
            {"with a consumer of a longer name", again().slow(2100ms, 3100ms, kOwn + "2/o.dat").crash(4s), false},
            {"with the stream's blocks", again().slow(2100ms, 3100ms, "jetstream/$G/streams/ORDERS/msgs/1.blk").crash(4s), false},
            {"with a consumer of its name of another stream",
             again().slow(2100ms, 3100ms, "jetstream/$G/streams/BILLS/obs/worker/o.dat").crash(4s), false},
            {"on another node", again().slow(2100ms, 3100ms, kOwn + "/o.dat", kOther).crash(4s), false},
            {"twice, one after the other", again().slow(2100ms, 2600ms).slow(2700ms, 3200ms).crash(4s), true},
            {"twice at once counts once", again().slow(2100ms, 2900ms).slow(2200ms, 3000ms).crash(4s), false},
            {"one within the other counts once", again().slow(2100ms, 3000ms).slow(2200ms, 2400ms).crash(4s), false},
            {"before the acknowledgement", again().slow(500ms, 1900ms).crash(4s), false},
            {"only what lies behind the acknowledgement", again().slow(500ms, 2999ms).crash(4s), false},
            {"all that lies behind it", again().slow(500ms, 3s).crash(4s), true},
            {"only what lies before the crash", again().slow(3001ms, 9s).crash(4s), false},
            {"all that lies before it", again().slow(3s, 9s).crash(4s), true},
            {"no crash", again().slow(2100ms, 8s), false},
        });
}

TEST_CASE("what was written may be older after a power loss, damage to the consumer's files, or its deletion") {
  check("consumer-state-durable", {
                                      {"a power loss", again().crash(8s, true), true},
                                      {"one before it was acknowledged", again().crash(1s, true), false},
                                      {"one after it was delivered again", again().crash(10s, true), false},
                                      {"one of another node", again().crash(8s, true, kOther), false},
                                      {"damage to its state", again().damage(5s, Damage::Part::consumer, "worker"), true},
                                      {"to another's", again().damage(5s, Damage::Part::consumer, "other"), false},
                                      {"to a block", again().damage(5s, Damage::Part::block), false},
                                      {"to its state, later", again().damage(10s, Damage::Part::consumer, "worker"), false},
                                      {"it was deleted", again().deleted(5s), true},
                                      {"it was deleted later", again().deleted(10s), false},
                                  });
}

TEST_CASE("what a full or failing disk did not let it write may be forgotten, until a flush after it was healed") {
  const faults::DiskFull full{"hub", core::Bytes{0}};
  const auto failing = [](faults::DiskOp op, const std::string& glob = "o.dat*", const std::string& stream = "") {
    return faults::DiskError{"hub", faults::FileChoice{glob, stream}, op, faults::DiskErrorCode::enospc, 0};
  };
  check("consumer-state-durable",
        {
            {"full when the process is killed", again().trouble(full, 2100ms).crash(8s), true},
            {"another node's is full", again().trouble(full, 2100ms, std::nullopt, kOther).crash(8s), false},
            {"full, and no end of its process", again().trouble(full, 2100ms), false},
            {"healed a flush before the kill", again().trouble(full, 2100ms, 6s).crash(7s), true},
            {"healed longer before it", again().trouble(full, 2100ms, 6s).crash(7001ms), false},
            {"full a flush after the acknowledgement", again().trouble(full, 3s).crash(8s), true},
            {"full when it had been written", again().trouble(full, 3001ms).crash(8s), false},
            {"well for too short a time", again().trouble(full, 2100ms, 4s).trouble(full, 5s).crash(8s), true},
            {"well for long enough in between", again().trouble(full, 2100ms, 4s).trouble(full, 5001ms).crash(8s), false},
            {"killed when it had been delivered again", again().trouble(full, 2100ms).crash(10s), false},
            {"an orderly end that could not write", again().trouble(full, 2100ms, 8500ms).stop(8s), true},
            {"an orderly end that could", again().trouble(full, 2100ms, 7500ms).stop(8s), false},
            {"its writes fail", again().trouble(failing(faults::DiskOp::write), 2100ms).crash(8s), true},
            {"its renames fail", again().trouble(failing(faults::DiskOp::rename), 2100ms).crash(8s), true},
            {"its reads fail", again().trouble(failing(faults::DiskOp::read), 2100ms).crash(8s), false},
            {"a block's writes fail", again().trouble(failing(faults::DiskOp::write, "*.blk"), 2100ms).crash(8s), false},
            {"another stream's fail", again().trouble(failing(faults::DiskOp::write, "o.dat*", "BILLS"), 2100ms).crash(8s), false},
            {"misread, which no write is", again().trouble(faults::Misread{"hub", {}, 0}, 2100ms).crash(8s), false},
        });
}

TEST_CASE("a consumer that has no file goes with its process, and none that has one") {
  const auto gone = [](bool is_in_memory) {
    Hand hand;
    hand.consumer.exists = false;
    hand.consumer.is_durable = hand.consumer.is_listed = true;
    hand.consumer.is_in_memory = is_in_memory;
    return hand;
  };
  check("consumer-survives", {
                                 {"nothing happened", gone(true), false},
                                 {"an orderly end", gone(true).stop(5s), true},
                                 {"a kill", gone(true).crash(5s), true},
                                 {"a kill of another node", gone(true).crash(5s, false, kOther), false},
                                 {"an end, and it has a file", gone(false).stop(5s), false},
                                 {"a kill, and it has a file", gone(false).crash(5s), false},
                                 {"made again since", gone(true).stop(5s).deleted(6s).created(8s, 9s), false},
                                 {"made again, and another end", gone(true).deleted(6s).created(8s, 9s).stop(10s), true},
                             });
}

TEST_CASE("no more messages count as delivered again than were delivered and not acknowledged, but for those of a flush") {
  const auto counts = [](std::uint64_t redelivered) {
    Hand hand = Hand{}.delivered(7, 1s).acked(7, 2s).delivered(8, 1s);
    hand.consumer.num_redelivered = redelivered;
    return hand;
  };
  check("consumer-state-durable", {
                                      {"the one that is open", counts(1), true},
                                      {"one more", counts(2), false},
                                      {"one more, after a crash within the flush", counts(2).crash(3s), true},
                                      {"and after one outside", counts(2).crash(3001ms), false},
                                      {"and while the disk was slow", counts(2).slow(2100ms, 3100ms).crash(4s), true},
                                      {"two more", counts(3).crash(3s), false},
                                      {"one that was answered before the end", counts(2).delivered(9, 1s).acked(9, 99999ms), false},
                                      {"one that was answered as it was read", counts(2).delivered(9, 1s).acked(9, 100s), true},
                                      {"any number after a power loss", counts(9).crash(50s, true), true},
                                  });
}

TEST_CASE("an ack floor goes back to right below a message out of deliveries at an orderly restart, and not otherwise") {
  const auto back = [](std::uint64_t max_deliver) {
    Hand hand = Hand{}.stands(20, 20).stepped_back(5s, 6s, 10, 7);
    hand.consumer.max_deliver = max_deliver;
    return hand;
  };
  check("ack-floor-monotone-and-tight",
        {
            {"for nothing", back(0), false},
            {"a crash in between", back(0).crash(5500ms), true},
            {"a crash before", back(0).crash(4s), false},
            {"a crash afterwards", back(0).crash(7s), false},
            {"its deletion in between", back(0).deleted(5500ms), true},
            {"right below it", back(3).delivered(8, 1s, 1).delivered(8, 2s, 2).delivered(8, 3s, 3).recovered(5500ms), true},
            {"it has a delivery left", back(3).delivered(8, 1s, 1).delivered(8, 2s, 2).recovered(5500ms), false},
            {"without a limit of deliveries", back(0).delivered(8, 1s, 3).recovered(5500ms), false},
            {"without a restart in between", back(3).delivered(8, 3s, 3).recovered(4s), false},
            {"a restart only afterwards", back(3).delivered(8, 3s, 3).recovered(7s), false},
            {"below another that has deliveries left", back(3).delivered(9, 3s, 3).delivered(8, 3s, 1).recovered(5500ms), false},
            {"above another that has deliveries left", back(3).delivered(8, 3s, 1).delivered(9, 3s, 3).recovered(5500ms), false},
            {"what is below the floor does not hold it", back(3).delivered(7, 3s, 3).recovered(5500ms), false},
            {"out of deliveries only afterwards", back(3).delivered(8, 3s, 2).delivered(8, 7s, 3).recovered(5500ms), false},
        });
}

TEST_CASE("with nothing pending the floor is tight, but for a message out of deliveries, and passes nothing that is open") {
  const auto stands = [](std::uint64_t max_deliver) {
    Hand hand = Hand{}.stands(7, 9).holds(8).holds(9).delivered(9, 1s);
    hand.consumer.max_deliver = max_deliver;
    return hand;
  };
  check("ack-floor-monotone-and-tight",
        {
            {"it lies below what was delivered", stands(0), false},
            {"something is pending",
             [&] {
               Hand hand = stands(0);
               hand.consumer.num_ack_pending = 1;
               return hand;
             }(),
             true},
            {"it is held by one out of deliveries", stands(2).delivered(8, 2s, 2).recovered(50s), true},
            {"no restart, so nothing holds it", stands(2).delivered(8, 2s, 2), false},
            {"one with a delivery left does not hold it", stands(2).delivered(8, 2s, 1).recovered(50s), false},
            {"it passes one that is open", Hand{}.stands(9, 9).holds(8).delivered(8, 1s), false},
            {"it passes one that was acknowledged", Hand{}.stands(9, 9).holds(8).delivered(8, 1s).acked(8, 2s), true},
            {"it passes one that was never delivered", Hand{}.stands(9, 9).holds(8), true},
            {"it passes one that was delivered to a consumer before it", Hand{}.stands(9, 9).holds(8).delivered(8, 1s).deleted(5s), true},
            {"it lies on one that is open", Hand{}.stands(8, 8).holds(8).delivered(8, 1s), false},
        });
}

TEST_CASE("the floor closes one ack wait after the last message ran out of deliveries, and may be behind until then only") {
  const auto stands = [](std::uint64_t max_deliver) {
    Hand hand = Hand{}.stands(7, 9).holds(8).holds(9).delivered(8, 1s).delivered(9, 1s);
    hand.consumer.max_deliver = max_deliver;
    hand.consumer.ack_wait = 15s;
    return hand;
  };
  check("ack-floor-monotone-and-tight", {
                                            {"none ever did", stands(2), false},
                                            {"one did just now", stands(2).exhausted(99s), true},
                                            {"at the edge, with the timer's slack", stands(2).exhausted(84900ms), true},
                                            {"a moment longer ago", stands(2).exhausted(84899ms), false},
                                            {"the last of several counts", stands(2).exhausted(50s).exhausted(90s), true},
                                            {"without a limit of deliveries", stands(0).exhausted(99s), false},
                                        });
}

TEST_CASE("who reads far away, or works long, is served when its next messages may have come; for who is near that is soon") {
  const auto waits = [](const std::string& node, core::Duration last, core::Duration work = 0s) {
    HandlerSpec handler;
    handler.work = faults::DurationRange::exactly(work);
    Hand hand = Hand{}.stands(0, 1).delivered(1, last).acked(1, last).read_at(node, handler);
    LinkSpec link;
    link.between = {"hub", "leaf"};
    link.latency = {80ms, 640ms};
    hand.links.push_back(link);
    hand.consumer.num_pending = 260;
    return hand;
  };
  // 5 s for a pull and 1.25 s to give it up and ask again; from afar 1.28 s for each of ten acks, for the messages, and the last answer.
  check("at-least-once", {
                             {"near, just now", waits("hub", 93750ms), true},
                             {"near, a moment longer ago", waits("hub", 93749ms), false},
                             {"near, with work", waits("hub", 83750ms, 1s), true},
                             {"near, with less work than that", waits("hub", 83750ms, 999ms), false},
                             {"far, a while ago", waits("leaf", 78390ms), true},
                             {"far, a moment longer ago", waits("leaf", 78389ms), false},
                             {"far, with work", waits("leaf", 68390ms, 1s), true},
                         });
}

TEST_CASE("what was delivered and not acknowledged is delivered again when it is due to who asks, or the consumer has forgotten it") {
  const auto once = [] { return Hand{}.stands(0, 9).stored(7, 1s).holds(7).delivered(7, 1s).answered(2s).asked_in_vain(3s, 8s); };
  const auto forgotten = [&] { return once().asked_in_vain(30s, 35s); };
  const auto with = [](Hand hand, const std::function<void(FinalConsumer&)>& change) {
    change(hand.consumer);
    return hand;
  };
  const auto spared = [&](core::Duration delay) {
    HandlerSpec handler;
    handler.weights.assign(HandlerSpec::kAnswers, 1);
    handler.nak_delay = delay;
    return forgotten().read_at("hub", handler);
  };
  const faults::DiskError unreadable{"hub", {"*.blk", ""}, faults::DiskOp::read, faults::DiskErrorCode::eio, 0};
  check("at-least-once",
        {
            {"asked for in vain", forgotten(), false},
            {"nobody asked again", once(), true},
            {"asked as it was due, at the latest", once().asked_in_vain(14s, 19s), true},
            {"asked a moment later", once().asked_in_vain(14001ms, 19s), false},
            {"acknowledged", forgotten().acked(7, 50s), true},
            {"another was", forgotten().acked(6, 50s), false},
            {"it has left", Hand{}.stands(0, 9).stored(7, 1s).delivered(7, 1s).answered(2s).asked_in_vain(3s, 8s).asked_in_vain(30s, 35s),
             true},
            {"delivered again shortly before", forgotten().delivered(7, 24s, 2), true},
            {"delivered again, and again due", forgotten().delivered(7, 23999ms, 2), false},
            {"delivered as often as it may be", with(forgotten(), [](FinalConsumer& each) { each.max_deliver = 1; }), true},
            {"with a delivery left", with(forgotten(), [](FinalConsumer& each) { each.max_deliver = 2; }), false},
            {"a longer ack wait", with(forgotten(), [](FinalConsumer& each) { each.ack_wait = 21s; }), true},
            {"without acknowledgements", with(forgotten(), [](FinalConsumer& each) { each.ack = AckPolicy::none; }), true},
            {"in the pace of the publishes", with(forgotten(), [](FinalConsumer& each) { each.is_paced = true; }), true},
            {"spared for longer", spared(21s), true},
            {"spared for a while", spared(20s), false},
            {"an answer came later", forgotten().answered(36s), true},
            {"another reader's answer may be on its way", forgotten().answered(20s, "other"), true},
            {"its node came back shortly before", forgotten().recovered(24s), true},
            {"its node came back earlier", forgotten().recovered(23999ms), false},
            {"it could not be read", forgotten().trouble(unreadable, 10s), true},
            {"it could be read again only just", forgotten().trouble(unreadable, 10s, 28s), true},
            {"it could be read again", forgotten().trouble(unreadable, 10s, 27999ms), false},
            {"the disk was slow meanwhile", forgotten().slow(31s, 32s, "jetstream/$G/streams/ORDERS/msgs/1.blk"), true},
            {"the disk was slow before", forgotten().slow(21s, 22s, "jetstream/$G/streams/ORDERS/msgs/1.blk"), false},
            {"delivered to a consumer before it", forgotten().deleted(5s).stands(0, 0), true},
            {"another message under its sequence", forgotten().stored(7, 50s), true},
        });
}

TEST_CASE("what everybody has acknowledged may stay while the disk fails and shortly after, and no longer") {
  const auto orphan = [] {
    Hand hand = Hand{}.stands(7, 7).holds(7).delivered(7, 1s).acked(7, 20s);
    hand.spec.retention = Retention::workqueue;
    return hand;
  };
  const faults::DiskError failing{"hub", {"*.blk", ""}, faults::DiskOp::write, faults::DiskErrorCode::eio, 0};
  check("no-orphans", {
                          {"nothing fails", orphan(), false},
                          {"the disk fails to the end", orphan().trouble(failing, 10s), true},
                          {"healed just now", orphan().trouble(failing, 10s, 98s), true},
                          {"healed earlier", orphan().trouble(failing, 10s, 97999ms), false},
                          {"another node's fails", orphan().trouble(failing, 10s, std::nullopt, kOther), false},
                          {"damage that no healing ends", orphan().trouble(faults::BitFlip{"hub", {}, 1}, 10s, 30s), true},
                          {"slow only", orphan().trouble(faults::SlowDisk{"hub", 9, 1s}, 10s), false},
                      });
}

}  // namespace
}  // namespace windtunnel::scenarios
