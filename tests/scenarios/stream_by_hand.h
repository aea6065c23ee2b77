// A stream's clients and what they were told, made up by hand: for tests of what is judged of them.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hash.h"
#include "scenarios/invariants/invariants.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {

inline constexpr sim::NodeId kHub{1};

inline core::Instant at(core::Duration since) { return core::after(core::Instant{}, since); }

// One stream ORDERS of subject orders on node hub, with one publisher, alice.
struct ByHand {
  Scenario scenario;
  Ledger ledger;
  struct Stored {
    std::uint64_t content = 0;
    std::uint64_t seq = 0;
    core::Instant at;
  };
  std::vector<Stored> stored;
  std::vector<std::pair<std::uint64_t, core::Instant>> confirmed;  // acks
  std::vector<Crash> crashes;
  std::vector<Damage> damages;
  RemovalLog removals;
  ChangeLog changes;
  KeyValueLog key_values;
  ReadLog reads;
  FinalState end;
  StreamSpec spec;
  std::vector<LagSample> lags;
  std::vector<RecoveryReading> readings;
  std::uint16_t number = 0;

  explicit ByHand(const std::string& config = "{}") {
    NodeSpec node;
    node.name = "hub";
    scenario.nodes.push_back(node);
    WorkloadSpec alice;
    alice.name = "alice";
    PublishSpec publish;
    publish.subject = "orders";
    publish.via = Via::jetstream;
    publish.rollup = PublishSpec::Rollup::subject;
    publish.rollup_every = 100;
    alice.work = publish;
    scenario.workloads.push_back(alice);
    number = ledger.open("alice", Via::jetstream);
    spec.name = "ORDERS";
    spec.on = "hub";
    spec.subjects = {"orders"};
    spec.create_body = config;
    end.at = at(std::chrono::seconds{100});
  }
  PublishId publish(core::Duration from) {
    const PublishId id = ledger.add(number, at(from));
    ledger.at(id).set_content(core::hash_bytes("payload " + std::to_string(id.index)));
    return id;
  }
  // Published, stored and acknowledged under that sequence.
  PublishId acked(std::uint64_t seq, core::Duration from, core::Duration to) {
    const PublishId id = publish(from);
    stored.push_back({ledger.at(id).content(), seq, at(from + (to - from) / 2)});
    ledger.at(id).settle_acked(at(to), ledger.stream_number("ORDERS", ""), core::Seq{seq}, false);
    return id;
  }
  StreamRead& got(std::optional<PublishId> id, std::uint64_t seq, core::Duration from, core::Duration to) {
    StreamRead read;
    read.kind = StreamRead::Kind::last;
    read.subject = read.found_subject = "orders";
    read.called = at(from);
    read.returned = at(to);
    read.told = seq == 0 ? StreamRead::Told::absent : StreamRead::Told::found;
    read.found = core::Seq{seq};
    read.id = id;
    reads.of("hub", "ORDERS").push_back(read);
    return reads.of("hub", "ORDERS").back();
  }
  // Published, and refused by that stream.
  PublishId refused(core::Duration from, core::Duration to, Refusal why = Refusal::subject_full, const std::string& by = "ORDERS") {
    const PublishId id = publish(from);
    ledger.at(id).settle_refused(at(to), ledger.stream_number(by, ""), why);
    return id;
  }
  void removed(std::uint64_t seq, core::Duration from, std::optional<core::Duration> to) {
    RequestedRemoval removal;
    removal.node = "hub";
    removal.stream = "ORDERS";
    removal.seq = core::Seq{seq};
    removal.asked_at = at(from);
    if (to) removal.answered_at = at(*to);
    removal.is_done = to.has_value();
    removals.add(removal);
  }
  // An answered purge of everything but the newest `keep`.
  void purged(std::uint64_t count, core::Duration from, core::Duration to, std::uint64_t keep = 0) {
    RequestedRemoval purge;
    purge.node = "hub";
    purge.stream = "ORDERS";
    purge.keep = keep;
    purge.asked_at = at(from);
    purge.answered_at = at(to);
    purge.is_done = true;
    purge.purged = count;
    removals.add(purge);
  }
  // `there`: what is left at the end.
  [[nodiscard]] std::string divergence(const std::vector<std::pair<std::uint64_t, PublishId>>& there = {}) {
    History history;
    for (const Stored& each : stored) {
      const std::vector<core::LogField> fields{
          {"stream", "ORDERS"}, {"seq", each.seq}, {"subject", "orders"}, {"content", each.content}, {"time", 0}};
      history.on_event(sim::TraceEvent{0, each.at, kHub, core::LogLevel::trace, "stream.stored", fields});
    }
    for (const auto& [seq, when] : confirmed) {
      const std::vector<core::LogField> delivery{{"stream", "ORDERS"}, {"consumer", "worker"}, {"seq", seq}, {"count", 1}};
      history.on_event(sim::TraceEvent{0, at(core::Duration{0}), kHub, core::LogLevel::trace, "consumer.delivered", delivery});
      const std::vector<core::LogField> ack{{"on", "hub"}, {"stream", "ORDERS"}, {"seq", seq}};
      history.on_event(sim::TraceEvent{0, when, kHub, core::LogLevel::trace, "consume.confirmed", ack});
    }
    for (const Crash& crash : crashes) history.crashed(crash);
    for (const Damage& damage : damages) history.damaged(damage);
    FinalStream stream;
    stream.key = {kHub, "ORDERS"};
    stream.node = "hub";
    stream.spec = &spec;
    stream.is_readable = true;
    for (const auto& [seq, id] : there) {
      FinalMessage message;
      message.seq = core::Seq{seq};
      message.subject = core::hash_bytes("orders");
      message.id = id;
      stream.messages.push_back(message);
    }
    end.streams = {stream};
    const Evidence evidence{scenario, ledger, history, removals, changes, key_values, end, lags, readings, nullptr, nullptr, &reads};
    const std::vector<Divergence> found = check_of("stream-linearizable")->check(evidence);
    return found.empty() ? "" : found.front().expected + " / " + found.front().actual;
  }
};

inline bool says(const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) MESSAGE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace windtunnel::scenarios
