// What the clients of a stream were told, by hand: what no core of ours does. Runs with readers: tests/scenarios/readers_test.cc.

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/scenarios/stream_by_hand.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

TEST_CASE("sequences ascend as calls and answers do, without anybody looking") {
  ByHand good;
  good.acked(1, 1s, 3s);
  good.acked(3, 2s, 9s);
  good.acked(2, 3s, 5s);  // it overlaps the one with the higher sequence
  CHECK(good.divergence().empty());

  ByHand late = good;
  late.acked(4, 10s, 11s);
  late.acked(5, 12s, 13s);
  CHECK(late.divergence().empty());
  late.acked(6, 14s, 15s);
  ByHand crossed = good;
  crossed.acked(5, 10s, 11s);
  crossed.acked(4, 12s, 13s);
  CHECK(says(crossed.divergence(), "alice#3 (00:00:00.000 to 00:00:01.000) was told 5, and alice#4 (00:00:02.000 to"));

  ByHand twice = good;
  twice.acked(3, 10s, 11s);
  CHECK(says(twice.divergence(), "each its own"));
}

TEST_CASE("sequences may be used again after a crash that may cost what was acknowledged, and not after another") {
  ByHand hand;
  hand.acked(7, 1s, 2s);
  hand.acked(7, 10s, 11s);
  CHECK_FALSE(hand.divergence().empty());
  ByHand killed = hand;
  killed.crashes.push_back({at(5s), kHub, false});
  CHECK_FALSE(killed.divergence().empty());
  ByHand lost = hand;
  lost.crashes.push_back({at(5s), kHub, true});
  CHECK(lost.divergence().empty());
  ByHand other = hand;
  other.crashes.push_back({at(5s), sim::NodeId{2}, true});
  CHECK_FALSE(other.divergence().empty());
  ByHand synced = hand;
  synced.scenario.nodes[0].sync_interval = SyncInterval{.always = true};
  synced.crashes.push_back({at(5s), kHub, true});
  CHECK_FALSE(synced.divergence().empty());
}

TEST_CASE("gets, deletions and what is left at the end are one story") {
  ByHand hand;
  const PublishId first = hand.acked(1, 1s, 2s);
  const PublishId second = hand.acked(2, 3s, 4s);
  hand.got(first, 1, 2500ms, 2600ms);
  CHECK(hand.divergence({{1, first}, {2, second}}).empty());
  CHECK(says(hand.divergence({{1, first}}), "a look at all that is left, 1 messages"));

  ByHand stale = hand;
  stale.got(first, 1, 5s, 6s);
  CHECK(says(stale.divergence({{1, first}, {2, second}}), "a get that found sequence 1"));
  ByHand beside = hand;
  beside.got(first, 1, 3500ms, 6s);
  CHECK(beside.divergence({{1, first}, {2, second}}).empty());
  ByHand none = hand;
  none.got({}, 0, 5s, 6s);
  CHECK(says(none.divergence({{1, first}, {2, second}}), "a get that found nothing"));

  ByHand removed = hand;
  removed.removed(2, 5s, 6s);
  removed.got(first, 1, 7s, 8s);
  CHECK(removed.divergence({{1, first}}).empty());
  CHECK(says(removed.divergence({{1, first}, {2, second}}), "2 messages"));
  ByHand asked = hand;
  asked.removed(2, 5s, std::nullopt);
  CHECK(asked.divergence({{1, first}}).empty());
  CHECK(asked.divergence({{1, first}, {2, second}}).empty());
  asked.got(first, 1, 7s, 8s);
  CHECK(asked.divergence({{1, first}}).empty());
  CHECK_FALSE(asked.divergence({{1, first}, {2, second}}).empty());  // gone, and back
  ByHand early = hand;
  early.removed(2, 5s, std::nullopt);
  early.got(first, 1, 4500ms, 4600ms);
  CHECK_FALSE(early.divergence({{1, first}}).empty());
}

TEST_CASE("what a get shows is what was published") {
  ByHand hand;
  const PublishId first = hand.acked(1, 1s, 2s);
  const PublishId second = hand.acked(2, 3s, 4s);
  const std::vector<std::pair<std::uint64_t, PublishId>> all{{1, first}, {2, second}};
  ByHand other = hand;
  other.got(first, 2, 5s, 6s);
  CHECK(says(other.divergence(all), "the message that was stored under its sequence"));
  ByHand torn = hand;
  torn.got(second, 2, 5s, 6s).is_intact = false;
  CHECK(says(torn.divergence(all), "as it was published"));
  ByHand moved = hand;
  moved.got(second, 2, 5s, 6s).found_subject = "bills";
  CHECK(says(moved.divergence(all), "a message of that subject"));
  ByHand shifted = hand;
  StreamRead& by_seq = shifted.got(second, 2, 5s, 6s);
  by_seq.kind = StreamRead::Kind::sequence;
  by_seq.seq = core::Seq{1};
  CHECK(says(shifted.divergence(all), "the message of that sequence"));
  ByHand before = hand;
  StreamRead& next = before.got(second, 2, 5s, 6s);
  next.kind = StreamRead::Kind::next;
  next.seq = core::Seq{3};
  CHECK(says(before.divergence(all), "at or after the sequence"));
  ByHand unheard = hand;  // stored before a crash, and only a get tells of it
  const PublishId third = unheard.publish(5s);
  unheard.got(third, 3, 6s, 7s);
  CHECK(unheard.divergence({{1, first}, {2, second}, {3, third}}).empty());
  CHECK_FALSE(unheard.divergence(all).empty());
  ByHand future = hand;
  const PublishId fourth = future.publish(9s);
  future.got(fourth, 3, 6s, 7s);
  CHECK_FALSE(future.divergence({{1, first}, {2, second}, {3, fourth}}).empty());
}

TEST_CASE("a publish without an answer may have rolled up or pushed out what was there, if its server crashed over it") {
  ByHand hand{R"({"max_msgs_per_subject":2})"};
  const PublishId first = hand.acked(1, 1s, 2s);
  const PublishId second = hand.acked(2, 3s, 4s);
  hand.got(second, 2, 4500ms, 4600ms);
  ByHand gone = hand;
  const PublishId third = gone.publish(5s);
  gone.ledger.at(third).settle(Outcome::timed_out, at(8s));
  CHECK_FALSE(gone.divergence({{2, second}}).empty());
  gone.crashes.push_back({at(6s), kHub, false});
  CHECK(gone.divergence({{2, second}}).empty());
  ByHand elsewhere = gone;
  elsewhere.got(first, 1, 9s, 10s);
  CHECK_FALSE(elsewhere.divergence({{1, first}}).empty());  // the newest is gone
}

const char* const kTwoASubject = R"({"max_msgs_per_subject":2,"discard":"new","discard_new_per_subject":true})";
constexpr const char* kRefusal = "a refusal because there are 2 messages already";

TEST_CASE("a publish is refused for the limit of its subject only at a moment at which there are so many messages") {
  const auto two = [] {
    ByHand hand{kTwoASubject};
    hand.acked(1, 1s, 2s);
    hand.acked(2, 4s, 5s);
    return hand;
  };
  using All = std::vector<std::pair<std::uint64_t, PublishId>>;
  const All all{{1, {0, 0}}, {2, {0, 1}}};
  ByHand full = two();
  full.refused(6s, 7s);
  CHECK(full.divergence(all).empty());
  ByHand early = two();
  early.refused(2500ms, 3500ms);
  CHECK(says(early.divergence(all), kRefusal));
  ByHand beside = two();
  beside.refused(2500ms, 4500ms);
  CHECK(beside.divergence(all).empty());
  ByHand empty{kTwoASubject};
  empty.refused(1s, 2s);
  CHECK(says(empty.divergence(), kRefusal));

  ByHand made_room = two();
  made_room.removed(1, 6s, 7s);
  ByHand still = made_room;
  still.refused(8s, 9s);
  CHECK(says(still.divergence({all[1]}), kRefusal));
  ByHand while_it_goes = made_room;
  while_it_goes.refused(6500ms, 9s);
  CHECK(while_it_goes.divergence({all[1]}).empty());
  ByHand asked = two();
  asked.removed(1, 6s, std::nullopt);
  asked.refused(8s, 9s);
  CHECK(asked.divergence({all[1]}).empty());
  CHECK(asked.divergence(all).empty());
  asked.got(PublishId{0, 1}, 2, 10s, 11s);
  asked.refused(12s, 13s);
  CHECK(asked.divergence({all[1]}).empty());
  StreamRead& gone = asked.got({}, 0, 10s, 11s);
  gone.kind = StreamRead::Kind::sequence;
  gone.seq = core::Seq{1};
  CHECK_FALSE(asked.divergence({all[1]}).empty());  // gone before it was refused for
}

TEST_CASE("a refusal is judged by what its subject may have held: what nobody heard of, what a crash cost, another's limit") {
  ByHand hand{kTwoASubject};
  hand.acked(1, 1s, 2s);
  const PublishId unheard = hand.publish(3s);
  hand.ledger.at(unheard).settle(Outcome::timed_out, at(5s));
  hand.refused(6s, 7s);
  CHECK(says(hand.divergence({{1, {0, 0}}}), kRefusal));
  ByHand crashed = hand;  // it may have been stored without a word, as the node died
  crashed.crashes.push_back({at(4s), kHub, false});
  CHECK(crashed.divergence({{1, {0, 0}}}).empty());
  ByHand again = hand;  // what a power loss cost was there, and nobody knows what was left of it
  again.crashes.push_back({at(5500ms), kHub, true});
  CHECK(again.divergence({{1, {0, 0}}}).empty());

  ByHand other{kTwoASubject};
  other.refused(1s, 2s, Refusal::other);
  CHECK(other.divergence().empty());
  ByHand elsewhere{kTwoASubject};
  elsewhere.refused(1s, 2s, Refusal::subject_full, "BILLS");
  CHECK(elsewhere.divergence().empty());
}

TEST_CASE("what a confirmed ack took from a work queue refuses nobody any more; what is only handed out may") {
  ByHand hand{R"({"max_msgs_per_subject":1,"discard":"new","discard_new_per_subject":true})"};
  hand.spec.retention = Retention::workqueue;
  hand.acked(1, 1s, 2s);
  hand.confirmed.emplace_back(1, at(5s));
  ByHand before = hand;
  before.refused(4s, 6s);
  CHECK(before.divergence().empty());
  ByHand after = hand;
  after.refused(5001ms, 6s);
  CHECK(says(after.divergence(), "a refusal because there are 1 messages already"));
}

TEST_CASE("no message is taken beyond the limit of a subject that refuses") {
  ByHand hand{kTwoASubject};
  const PublishId first = hand.acked(1, 1s, 2s);
  const PublishId second = hand.acked(2, 3s, 4s);
  hand.got(second, 2, 4500ms, 4600ms);
  const PublishId third = hand.acked(3, 5s, 6s);
  CHECK(says(hand.divergence({{1, first}, {2, second}, {3, third}}), "no order explains the publish of sequence 3"));
  ByHand removed = hand;
  removed.removed(1, 4700ms, 5500ms);
  CHECK(removed.divergence({{2, second}, {3, third}}).empty());
  ByHand asked = hand;
  asked.removed(1, 4700ms, std::nullopt);
  CHECK(asked.divergence({{2, second}, {3, third}}).empty());
  ByHand late = hand;
  late.removed(1, 6500ms, 7s);
  CHECK_FALSE(late.divergence({{2, second}, {3, third}}).empty());
}

TEST_CASE("a purge counts what was written right before a crash, and stored again after it") {
  ByHand hand;
  hand.acked(1, 1s, 2s);
  const PublishId again = hand.publish(5s);
  hand.purged(2, 6s, 7s);
  hand.stored.push_back({hand.ledger.at(again).content(), 3, at(8s)});
  hand.ledger.at(again).settle_acked(at(9s), hand.ledger.stream_number("ORDERS", ""), core::Seq{3}, false);
  CHECK(says(hand.divergence({{3, again}}), "a purge of 2"));
  ByHand crashed = hand;
  crashed.crashes.push_back({at(5500ms), kHub, false});
  CHECK(crashed.divergence({{3, again}}).empty());
  ByHand early = hand;
  early.crashes.push_back({at(4500ms), kHub, false});
  CHECK_FALSE(early.divergence({{3, again}}).empty());
}

TEST_CASE("nothing is said of a stream whose files were damaged or whose limits changed, from then on") {
  ByHand hand;
  const PublishId first = hand.acked(1, 1s, 2s);
  hand.got({}, 0, 5s, 6s);
  CHECK_FALSE(hand.divergence({{1, first}}).empty());
  ByHand damaged = hand;
  Damage damage;
  damage.at = at(4s);
  damage.node = kHub;
  damage.stream = "ORDERS";
  damaged.damages.push_back(damage);
  CHECK(damaged.divergence({{1, first}}).empty());
  ByHand later = hand;
  damage.at = at(7s);
  later.damages.push_back(damage);
  CHECK_FALSE(later.divergence({{1, first}}).empty());
  ByHand of_consumer = hand;
  damage.at = at(4s);
  damage.part = Damage::Part::consumer;
  of_consumer.damages.push_back(damage);
  CHECK_FALSE(of_consumer.divergence({{1, first}}).empty());
  ByHand changed = hand;
  ConfigChange change;
  change.asked_at = at(4s);
  changed.changes.of(StreamKey{kHub, "ORDERS"}).push_back(change);
  CHECK(changed.divergence({{1, first}}).empty());
  ByHand refused = hand;
  change.is_refused = true;
  refused.changes.of(StreamKey{kHub, "ORDERS"}).push_back(change);
  CHECK_FALSE(refused.divergence({{1, first}}).empty());
}

}  // namespace
}  // namespace windtunnel::scenarios
