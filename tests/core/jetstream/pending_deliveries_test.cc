#include "core/jetstream/pending_deliveries.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since) { return Instant{since}; }

PendingDeliveries three() {
  PendingDeliveries pending;
  pending.put(Seq{4}, {1, at(0s), at(30s)});
  pending.put(Seq{2}, {2, at(1s), at(10s)});
  pending.put(Seq{7}, {3, at(2s), at(10s)});
  return pending;
}

TEST_CASE("deliveries are due in the order of their times, those of one time in the order of their sequences") {
  const PendingDeliveries pending = three();
  CHECK(pending.next_due() == at(10s));
  CHECK(pending.due_at(at(10s) - 1ns).empty());
  CHECK(pending.due_at(at(10s)) == std::vector<Seq>{Seq{2}, Seq{7}});
  CHECK(pending.due_at(at(30s)) == std::vector<Seq>{Seq{2}, Seq{4}, Seq{7}});
}

TEST_CASE("a new due time replaces the old one and keeps the consumer sequence") {
  PendingDeliveries pending = three();
  pending.set_due(Seq{2}, at(11s), at(41s));
  CHECK(pending.due_at(at(30s)) == std::vector<Seq>{Seq{4}, Seq{7}});
  REQUIRE(pending.find(Seq{2}) != nullptr);
  CHECK(pending.find(Seq{2})->consumer_seq == 2);
  CHECK(pending.find(Seq{2})->delivered_at == at(11s));
  pending.set_due(Seq{100}, at(0s), at(0s));
  CHECK(pending.size() == 3);
}

TEST_CASE("what is removed is not due any more") {
  PendingDeliveries pending = three();
  CHECK(pending.remove(Seq{2}));
  CHECK_FALSE(pending.remove(Seq{2}));
  CHECK(pending.due_at(at(10s)) == std::vector<Seq>{Seq{7}});
  pending.remove_below(Seq{7});
  CHECK(pending.next_due() == at(10s));
  pending.remove_above(Seq{6});
  CHECK(pending.is_empty());
  CHECK(pending.next_due() == kForever);
}

TEST_CASE("the lowest one above a sequence is found, for the ack floor") {
  const PendingDeliveries pending = three();
  CHECK(pending.after(Seq{0}) == Seq{2});
  CHECK(pending.after(Seq{2}) == Seq{4});
  CHECK(pending.after(Seq{7}) == Seq{});
}

TEST_CASE("putting a sequence anew leaves no trace of its old time") {
  PendingDeliveries pending = three();
  pending.put(Seq{2}, {9, at(5s), at(50s)});
  CHECK(pending.size() == 3);
  CHECK(pending.due_at(at(10s)) == std::vector<Seq>{Seq{7}});
}

}  // namespace
}  // namespace windtunnel::core
