// Cuts, black holes, ends of processes and of hosts, and links that get slow.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/sim/network_world.h"

namespace windtunnel::sim {
namespace {

using World = NetworkWorld;

TEST_CASE("a cut with reset breaks both ends at once; of what was on the way the seed keeps a part") {
  std::set<std::size_t> kept;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    World world(k5ms, seed);
    world.dial();
    (void)world.write("0123456789");
    const auto read = world.read();
    world.run(1ms);
    world.network.cut_both(world.a, world.b, Cut::reset);
    world.run(0ms);
    CHECK(read->text == "reset");
    CHECK(world.ended == "reset");
    CHECK(world.got == std::string("0123456789").substr(0, world.got.size()));
    const std::size_t size = world.got.size();
    kept.insert(size);
    const auto write = world.write("more");
    const auto dial = world.try_connect({"b", kPort});
    world.run(1s);
    CHECK(write->text == "reset");
    CHECK(dial->text == "refused");
    world.network.heal_both(world.a, world.b);
    const auto healed = world.try_connect({"b", kPort});
    world.run(1s);
    CHECK(healed->text == "ok");
    CHECK(world.got.size() == size);  // nothing of the old connection comes later
  }
  CHECK(kept.contains(0));
  CHECK(kept.contains(10));
  CHECK(kept.size() > 5);
}

TEST_CASE("without a cut everything on the way arrives") {
  World world(k5ms);
  world.dial();
  (void)world.write("0123456789");
  world.run(1s);
  CHECK(world.got == "0123456789");
  CHECK(world.ended.empty());
}

TEST_CASE("a black hole reports nothing; after the heal the bytes arrive late, once and in order") {
  World world(k5ms);
  world.dial();
  (void)world.write("on the way,");
  world.run(1ms);
  world.network.cut_both(world.a, world.b, Cut::black_hole);
  const Instant cut = world.kernel.now();
  const auto read = world.read();
  const auto write = world.write("into the hole,");
  world.run(10s);
  CHECK(write->text == "ok");
  CHECK_FALSE(read->is_done);
  CHECK(world.got.empty());
  world.network.heal_both(world.a, world.b);
  const auto late = world.write("after the heal");
  world.run(1s);
  CHECK(world.got.empty());  // the next retransmission is not due: 0.2, 0.6, 1.4, 3, 6.2, 12.6 s after the loss
  world.run(3s);
  CHECK(world.got == "on the way,into the hole,after the heal");
  REQUIRE_FALSE(world.reads.empty());
  CHECK(world.reads[0].at == cut + 12600ms + 5ms);
  CHECK(world.ended.empty());
}

TEST_CASE("a one-way black hole lets the other way through") {
  World world(k5ms);
  world.dial();
  world.network.cut(world.a, world.b, Cut::black_hole);
  (void)world.write("lost for now");
  const auto read = world.read();
  world.answer("heard");
  world.run(1s);
  CHECK(read->text == "heard");
  CHECK(world.got.empty());
  world.network.heal(world.a, world.b);
  world.run(2s);
  CHECK(world.got == "lost for now");
}

TEST_CASE("an end whose bytes stay unacknowledged gives up; the other end is left half-open until it writes") {
  World world(k5ms);
  world.network.set_give_up(60s);
  world.dial();
  SUBCASE("bytes in the hole") { world.network.cut_both(world.a, world.b, Cut::black_hole); }
  SUBCASE("acknowledgements in the hole") { world.network.cut(world.b, world.a, Cut::black_hole); }
  const auto write = world.write("x");
  const auto read = world.read();
  world.run(59s);
  CHECK_FALSE(read->is_done);
  world.run(2s);
  CHECK(read->text == "reset");
  CHECK(world.ended.empty());
  world.network.heal_both(world.a, world.b);
  world.run(10s);
  CHECK(world.ended.empty());
  world.answer("are you there?");
  world.run(1s);
  CHECK(world.ended == "reset");
}

TEST_CASE("healed in time, an end does not give up") {
  World world(k5ms);
  world.network.set_give_up(60s);
  world.dial();
  world.network.cut_both(world.a, world.b, Cut::black_hole);
  (void)world.write("x");
  world.run(50s);
  world.network.heal_both(world.a, world.b);
  world.run(200s);
  CHECK(world.got == "x");
  const auto write = world.write("y");
  world.run(1s);
  CHECK(write->text == "ok");
  CHECK(world.got == "xy");
}

TEST_CASE("a killed process resets its connections after the link's latency, and its port refuses") {
  World world(k5ms);
  world.dial();
  const auto read = world.read();
  world.run(1ms);
  const Instant killed = world.kernel.now();
  world.right->crash();
  world.run(4999us);
  CHECK_FALSE(read->is_done);
  world.run(1us);
  CHECK(read->text == "reset");
  CHECK(world.kernel.now() == killed + 5ms);
  const auto dial = world.try_connect({"b", kPort});
  world.run(1s);
  CHECK(dial->text == "refused");
}

TEST_CASE("of what a killed process had written the seed decides how much leaves") {
  std::set<std::size_t> got;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    World world(k5ms, seed);
    world.dial();
    (void)world.write("0123456789");
    world.run(1ms);
    world.left->crash();
    world.run(1s);
    CHECK(world.ended == "reset");
    CHECK(world.got == std::string("0123456789").substr(0, world.got.size()));
    got.insert(world.got.size());
  }
  CHECK(got.contains(10));
  CHECK(got.size() > 4);
}

TEST_CASE("a host without power says nothing, and after its return answers an old connection with a reset") {
  World world(k5ms);
  world.dial();
  const auto read = world.read();
  world.run(1ms);
  world.right->power_off();
  const auto dial = world.try_connect({"b", kPort}, 30s);
  world.run(60s);
  CHECK_FALSE(read->is_done);
  CHECK(dial->text == "timeout");
  CHECK(dial->took == 30s);
  const auto write = world.write("anybody?");
  world.run(60s);
  CHECK(write->text == "ok");
  CHECK_FALSE(read->is_done);
  world.network.power_on(world.b);
  world.run(120s);
  CHECK(read->text == "reset");
}

TEST_CASE("a dialer's repetitions reach a host that came up meanwhile") {
  World world(k5ms);
  world.right->power_off();
  const auto dial = world.try_connect({"b", kPort}, 30s);
  world.run(2s);
  world.network.power_on(world.b);
  world.start_right();
  world.serve();
  world.run(5s);
  CHECK(dial->text == "ok");
  CHECK(dial->took == 3s + 10ms);
}

TEST_CASE("refusing takes new connections only, and delay and throttle slow those that are there") {
  World world(k5ms);
  world.dial();
  world.network.set_refusing(world.a, world.b, true);
  const auto dial = world.try_connect({"b", kPort});
  (void)world.write("fast");
  world.run(1s);
  CHECK(dial->text == "refused");
  CHECK(world.got == "fast");
  world.network.set_refusing(world.a, world.b, false);
  world.network.set_latency(world.a, world.b, {305ms, 305ms});
  const Instant start = world.kernel.now();
  (void)world.write("slow");
  world.run(1s);
  CHECK(world.reads.back().at == start + 305ms);
  world.network.heal(world.a, world.b);
  world.network.set_bandwidth(world.a, world.b, Bytes{1000});
  const Instant later = world.kernel.now();
  (void)world.write(std::string(500, 'x'));
  world.run(2s);
  CHECK(world.reads.back().at == later + 505ms);
  world.network.heal_both(world.a, world.b);
  const Instant healed = world.kernel.now();
  (void)world.write(std::string(500, 'x'));
  world.run(2s);
  CHECK(world.reads.back().at == healed + 5ms);
}

TEST_CASE("a one-way cut with reset breaks the sender's end and leaves the other half-open") {
  World world(k5ms);
  world.network.set_give_up(60s);
  world.dial();
  const auto read = world.read();
  world.run(0ms);
  world.network.cut(world.a, world.b, Cut::reset);
  world.run(1s);
  CHECK(read->text == "reset");
  CHECK(world.ended.empty());
  world.answer("hello?");  // reaches a host that knows of no such connection, whose answer is cut off
  world.run(30s);
  CHECK(world.ended.empty());
  SUBCASE("healed, the reset comes through") {
    world.network.heal(world.a, world.b);
    world.run(40s);
    CHECK(world.ended == "reset");
  }
  SUBCASE("or it gives up") {
    world.run(31s);
    CHECK(world.ended == "reset");
  }
}

TEST_CASE("what waits for a slow link leaves at the speed that the link has by then") {
  World world({.latency = {5ms, 5ms}, .bandwidth = Bytes{1000}, .segment_max = Bytes{100}});
  world.dial();
  const Instant start = world.kernel.now();
  (void)world.write(std::string(1000, 'x'));
  world.run(205ms);  // two pieces have left, and the first has arrived
  CHECK(world.got.size() == 200);
  world.network.set_bandwidth(world.a, world.b, Bytes{10'000});
  world.run(45ms);
  CHECK(world.got.size() == 600);  // 205 ms + 10 ms a piece + 5 ms of latency
  world.network.set_bandwidth(world.a, world.b, Bytes{0});
  world.run(5ms);
  CHECK(world.got == std::string(1000, 'x'));
  CHECK(world.reads.back().at == start + 255ms);
}

// What is written just before a retransmission leaves before it, and arrives after it.
TEST_CASE("what a throttle queues again keeps the order of its bytes, also behind a retransmission to come") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    World world(k5ms, seed);
    world.dial();
    world.network.cut_both(world.a, world.b, Cut::black_hole);
    (void)world.write("held back");
    world.run(1s);
    world.network.heal_both(world.a, world.b);  // the next retransmission is due 1.4 s after the loss
    world.network.set_bandwidth(world.a, world.b, Bytes{100'000});
    world.network.set_latency(world.a, world.b, {5ms, 400ms});
    world.run(390ms);
    (void)world.write(", and written behind it");
    world.run(5ms);
    CHECK(world.got.empty());
    world.network.set_bandwidth(world.a, world.b, Bytes{10'000});
    world.run(10s);
    CHECK(world.got == "held back, and written behind it");
  }
}

TEST_CASE("a throttle slows down what waits, its end lets it go, and the end of the stream still comes last") {
  World world(k5ms);
  world.dial();
  world.network.set_bandwidth(world.a, world.b, Bytes{1000});
  (void)world.write(std::string(3000, 'x'));
  world.run(10ms);
  world.left->group.spawn("closer", [&] { world.dialled->close(); });
  world.run(100ms);
  CHECK(world.got.size() < 3000);
  const Instant healed = world.kernel.now();
  world.network.heal_both(world.a, world.b);
  world.run(10ms);
  CHECK(world.got == std::string(3000, 'x'));
  CHECK(world.reads.back().at == healed + 5ms);
  CHECK(world.ended == "end");
}

}  // namespace
}  // namespace windtunnel::sim
