#include "core/store/consumer_store.h"

#include <doctest/doctest.h>

#include "tests/support/fake_env.h"
#include "tests/support/hex.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;
using namespace std::chrono_literals;

namespace {

ConsumerState worked_state() {
  ConsumerState state;
  state.ack_floor = {5, Seq{10}};
  state.delivered = {8, Seq{14}};
  state.pending[Seq{12}] = {7, WallTime{1700000001500000000}};
  state.pending[Seq{14}] = {8, WallTime{1700000003000000000}};
  state.redelivered[Seq{12}] = 1;
  return state;
}

}  // namespace

TEST_CASE("o.dat has nats-server's bytes") {
  CHECK(to_hex(encode_consumer_state(worked_state(), WallTime{1700000010000000000})) ==
        "1602050a080e0294c49fd50c0202120"
        "4030e010201");
  CHECK(to_hex(encode_consumer_state({}, WallTime{0})) == "1602000000000000" /* and nothing more */);
}

TEST_CASE("o.dat is read back, with delivery times in whole seconds") {
  ConsumerState expected = worked_state();
  expected.pending[Seq{12}].delivered_at = WallTime{1700000001000000000};
  CHECK(decode_consumer_state(encode_consumer_state(worked_state(), WallTime{1700000010000000000})).value() == expected);
}

TEST_CASE("an o.dat that is cut, empty or senseless is corrupt, never an empty state") {
  const std::string good = encode_consumer_state(worked_state(), WallTime{1700000010000000000});
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    const auto state = decode_consumer_state(std::string_view(good).substr(0, size));
    REQUIRE_FALSE(state);
    CHECK(state.error().code == Errc::corrupt);
  }
  CHECK_FALSE(decode_consumer_state(std::string(64, '\0')));
  CHECK_FALSE(decode_consumer_state(from_hex("1603000000000000")));
  // A delivered sequence of 2^64 - 1.
  CHECK_FALSE(decode_consumer_state(from_hex("1602000000ffffffffffffffffff010000")));
}

TEST_CASE("a consumer store writes at once, then at most every 100 ms, and when it stops") {
  FakeWorld world;
  Env env = world.env();
  ConsumerState state;
  const std::string directory = "jetstream/$G/streams/S/obs/c";
  auto opened = open_consumer_store(env, {}, directory, [&] { return state; });
  REQUIRE(opened);
  const auto on_disk = [&] { return decode_consumer_state(world.disk->file(directory + "/o.dat")).value(); };
  CHECK_FALSE((*opened)->recovered());

  state.delivered = {1, Seq{1}};
  (*opened)->changed();
  int parks = 0;
  Instant second_write{};
  world.tasks.on_park = [&] {
    ++parks;
    if (parks == 1) {
      CHECK(world.clock.time == Instant{});
      CHECK(on_disk().delivered == SequencePair{1, Seq{1}});
      state.delivered = {2, Seq{2}};
      (*opened)->changed();
    } else if (second_write == Instant{} && on_disk().delivered.consumer == 2) {
      second_write = world.clock.time;
    }
  };
  world.tasks.run_one(4);
  CHECK(second_write.time_since_epoch() == 100ms);

  state.delivered = {3, Seq{3}};
  (*opened)->changed();
  CHECK(on_disk().delivered.consumer == 2);
  opened->reset();  // its task was killed above; the store is as good as dead
  auto successor = open_consumer_store(env, {}, directory, [&] { return state; });
  REQUIRE(successor);
  (*successor)->changed();
  REQUIRE((*successor)->stop());
  CHECK(on_disk().delivered.consumer == 3);
  world.tasks.on_park = nullptr;

  auto again = open_consumer_store(env, {}, directory, [&] { return state; });
  REQUIRE(again);
  CHECK((*again)->recovered() == state);
  REQUIRE((*again)->destroy());
  CHECK_FALSE(world.disk->has(directory + "/o.dat"));
}

TEST_CASE("a damaged o.dat is reported when the store is opened") {
  FakeWorld world;
  Env env = world.env();
  world.disk->put("obs/c/o.dat", "");
  const auto opened = open_consumer_store(env, {}, "obs/c", [] { return ConsumerState{}; });
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::corrupt);
}

TEST_CASE("a kill at any operation of a consumer's write leaves the old state or the new one") {
  for (std::int64_t point = 0; point < 8; ++point) {
    for (const std::size_t kept : {0u, 3u}) {
      CAPTURE(point);
      FakeWorld world;
      Env env = world.env();
      ConsumerState state;
      state.delivered = {1, Seq{1}};
      auto opened = open_consumer_store(env, {}, "obs/c", [&] { return state; });
      REQUIRE(opened);
      REQUIRE((*opened)->write());
      state.delivered = {2, Seq{2}};
      world.disk->operations_left = point;
      world.disk->killed_write_keeps = kept;
      try {
        (void)(*opened)->write();  // doctest would swallow the kill
      } catch (const TaskKilled&) {
      }
      world.disk->operations_left = -1;
      const auto after = decode_consumer_state(world.disk->file("obs/c/o.dat"));
      REQUIRE(after);
      CHECK((after->delivered.consumer == 1 || after->delivered.consumer == 2));
      if (point >= 4) CHECK(after->delivered.consumer == 2);
    }
  }
}
