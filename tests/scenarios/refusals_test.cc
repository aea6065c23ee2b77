// Publishes that a stream refused for what it holds as a whole, or for their size: by hand.
#include "scenarios/invariants/refusals.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/scenarios/stream_by_hand.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTwo = R"({"max_msgs":2,"discard":"new"})";

// What is there at the end.
using All = std::vector<std::pair<std::uint64_t, PublishId>>;
const All kBoth{{1, {0, 0}}, {2, {0, 1}}};
const All kSecond{{2, {0, 1}}};

// Two messages, stored by 2 s and 5 s.
ByHand two(const char* config = kTwo) {
  ByHand hand{config};
  hand.acked(1, 1s, 2s);
  hand.acked(2, 4s, 5s);
  return hand;
}

TEST_CASE("a publish is refused for a full stream only if there can have been so many messages") {
  ByHand full = two();
  full.refused(6s, 7s, Refusal::stream_full);
  CHECK(full.divergence(kBoth).empty());
  ByHand beside = two();
  beside.refused(2500ms, 4500ms, Refusal::stream_full);
  CHECK(beside.divergence(kBoth).empty());
  ByHand early = two();
  early.refused(2500ms, 3500ms, Refusal::stream_full);
  CHECK(says(early.divergence(kBoth), "at most 1 messages of 2 can have been there"));
  ByHand none = two(R"({"discard":"new"})");
  none.refused(6s, 7s, Refusal::stream_full);
  CHECK(says(none.divergence(kBoth), "no limit that refuses"));
  ByHand old = two(R"({"max_msgs":2})");
  old.refused(6s, 7s, Refusal::stream_full);
  CHECK(says(old.divergence(kBoth), "no limit that refuses"));
}

TEST_CASE("what was deleted, purged or acknowledged before does not fill it; what was under way may") {
  ByHand removed = two();
  removed.removed(1, 6s, 7s);
  ByHand after = removed;
  after.refused(7001ms, 8s, Refusal::stream_full);
  CHECK(says(after.divergence(kSecond), "at most 1 messages of 2"));
  ByHand during = removed;
  during.refused(6500ms, 8s, Refusal::stream_full);
  CHECK(during.divergence(kSecond).empty());
  ByHand unanswered = two();
  unanswered.removed(1, 6s, std::nullopt);
  unanswered.refused(8s, 9s, Refusal::stream_full);
  CHECK(unanswered.divergence(kBoth).empty());

  ByHand purged = two();
  purged.purged(2, 6s, 7s);
  ByHand beside = purged;
  beside.refused(6500ms, 8s, Refusal::stream_full);
  CHECK(beside.divergence().empty());
  purged.refused(7001ms, 8s, Refusal::stream_full);
  CHECK(says(purged.divergence(), "at most 0 messages of 2"));
  ByHand kept = two();
  kept.purged(0, 6s, 7s, 2);
  kept.refused(7001ms, 8s, Refusal::stream_full);
  CHECK(kept.divergence(kBoth).empty());

  ByHand queue = two();
  queue.spec.retention = Retention::workqueue;
  queue.confirmed.emplace_back(1, at(6s));
  ByHand too_early = queue;
  too_early.refused(5900ms, 7s, Refusal::stream_full);
  CHECK(too_early.divergence(kSecond).empty());
  queue.refused(6001ms, 7s, Refusal::stream_full);
  CHECK(says(queue.divergence(kSecond), "at most 1 messages of 2"));
}

TEST_CASE("what nobody heard of counts where a crash may have hidden it, and after a power loss nobody knows") {
  ByHand hand{kTwo};
  hand.acked(1, 1s, 2s);
  const PublishId unheard = hand.publish(3s);
  hand.ledger.at(unheard).settle(Outcome::timed_out, at(5s));
  hand.refused(6s, 7s, Refusal::stream_full);
  CHECK(says(hand.divergence({{1, {0, 0}}}), "at most 1 messages of 2"));
  ByHand crashed = hand;
  crashed.crashes.push_back({at(4s), kHub, false});
  CHECK(crashed.divergence({{1, {0, 0}}}).empty());
  ByHand lost = hand;
  lost.crashes.push_back({at(5500ms), kHub, true});
  CHECK(lost.divergence({{1, {0, 0}}}).empty());
}

TEST_CASE("of bytes there must be so many that the message may not fit") {
  // Of the two, records of 0 bytes are known: nobody said how large they are.
  ByHand far = two(R"({"max_bytes":4096,"discard":"new"})");
  far.refused(6s, 7s, Refusal::stream_full);
  CHECK(says(far.divergence(kBoth), "bytes and not 4096"));
  ByHand near = two(R"({"max_bytes":1000,"discard":"new"})");
  near.refused(6s, 7s, Refusal::stream_full);
  CHECK(near.divergence(kBoth).empty());
}

TEST_CASE("a message is refused for its size where it is too large, and only there") {
  // Payloads of 64 bytes.
  ByHand unlimited = two("{}");
  unlimited.refused(6s, 7s, Refusal::too_large);
  CHECK(says(unlimited.divergence(kBoth), "of any number"));
  ByHand roomy = two(R"({"max_msg_size":4096})");
  roomy.refused(6s, 7s, Refusal::too_large);
  CHECK(says(roomy.divergence(kBoth), "of 4096"));
  ByHand tight = two(R"({"max_msg_size":100})");
  tight.refused(6s, 7s, Refusal::too_large);
  CHECK(tight.divergence(kBoth).empty());  // with its headers it may be larger
  ByHand taken = two(R"({"max_msg_size":63})");
  taken.refused(6s, 7s, Refusal::too_large);
  CHECK(says(taken.divergence(kBoth), "was taken, with a payload of 64 bytes at least, of 63"));
}

}  // namespace
}  // namespace windtunnel::scenarios
