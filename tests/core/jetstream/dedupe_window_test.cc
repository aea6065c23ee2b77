#include "core/jetstream/dedupe_window.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

WallTime at(Duration since) { return WallTime{1'700'000'000'000'000'000} + since; }

SCENARIO("a repeated Nats-Msg-Id is acknowledged once per window") {
  GIVEN("a two minute window that stored `order-1` at sequence 7") {
    DedupeWindow window{2min};
    window.record("order-1", Seq{7}, at(0s));
    WHEN("`order-1` is published again just inside the window") {
      THEN("the first copy is named") { CHECK(window.find("order-1", at(2min - 1ns)) == Seq{7}); }
    }
    WHEN("`order-1` is published again as the window closes") {
      THEN("it is a new message") { CHECK_FALSE(window.find("order-1", at(2min))); }
    }
    WHEN("another id is published") {
      THEN("it is a new message") { CHECK_FALSE(window.find("order-2", at(1s))); }
    }
    WHEN("it was stored anew after the window had closed") {
      REQUIRE_FALSE(window.find("order-1", at(2min)));
      window.record("order-1", Seq{20}, at(2min));
      THEN("the second copy counts, for a window of its own") {
        CHECK(window.find("order-1", at(4min - 1ns)) == Seq{20});
        CHECK_FALSE(window.find("order-1", at(4min)));
      }
    }
    WHEN("the same id is recorded again inside the window, as a mirror's copy may be") {
      window.record("order-1", Seq{9}, at(1min));
      THEN("the end of the first copy's window does not forget the second") { CHECK(window.find("order-1", at(2min + 1s)) == Seq{9}); }
    }
    WHEN("the window is made shorter") {
      window.set_window(1s);
      THEN("the new one holds for what was stored before") { CHECK_FALSE(window.find("order-1", at(1s))); }
    }
  }
}

TEST_CASE("an empty id, and a window of nothing, remember nothing") {
  DedupeWindow window{2min};
  window.record("", Seq{1}, at(0s));
  CHECK_FALSE(window.find("", at(0s)));
  CHECK(window.size() == 0);
  DedupeWindow none{0s};
  none.record("a", Seq{1}, at(0s));
  CHECK_FALSE(none.find("a", at(0s)));
  CHECK(none.size() == 0);
}

TEST_CASE("ids that are out of the window take no memory") {
  DedupeWindow window{1s};
  for (std::uint64_t i = 0; i < 1000; ++i) window.record("id" + std::to_string(i), Seq{i + 1}, at(i * 1ms));
  CHECK_FALSE(window.find("none", at(1500ms)));
  CHECK(window.size() == 499);  // those stored after 500 ms
}

}  // namespace
}  // namespace windtunnel::core
