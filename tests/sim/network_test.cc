#include "sim/network.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/sim/network_world.h"

namespace windtunnel::sim {
namespace {

using World = NetworkWorld;

TEST_CASE("bytes arrive after the link's latency, and the end of the stream after them") {
  World world(k5ms);
  world.dial();
  const Instant start = world.kernel.now();
  const auto outcome = world.write("hello");
  world.run(1s);
  CHECK(outcome->text == "ok");
  CHECK(outcome->took == 0ms);
  REQUIRE(world.reads.size() == 1);
  CHECK(world.reads[0].at == start + 5ms);
  CHECK(world.got == "hello");
  CHECK(world.ended.empty());
  const auto last = world.write("bye");
  world.run(0ms);
  world.dialled->close();
  world.run(1s);
  CHECK(world.got == "hellobye");
  CHECK(world.ended == "end");
  const auto after = world.write("more");
  world.run(1s);
  CHECK(after->text == "closed");
}

TEST_CASE("a connection takes a round trip; so does a refusal") {
  World world(k5ms);
  world.run(1ms);
  const auto good = world.try_connect({"b", kPort});
  const auto none = world.try_connect({"b", 1});
  const auto unknown = world.try_connect({"c", kPort});
  world.run(1s);
  CHECK(good->text == "ok");
  CHECK(good->took == 10ms);
  CHECK(none->text == "refused");
  CHECK(none->took == 10ms);
  CHECK(unknown->text == "not_found");
}

TEST_CASE("a port is used once at a time") {
  World world;
  world.run(1ms);
  std::string second;
  std::string third;
  world.right->group.spawn("second", [&] {
    second = core::name_of(world.right->port->listen(kPort).error().code);
    world.listener->close();
    const auto again = world.right->port->listen(kPort);
    third = again ? (*again)->address().text() : "";
  });
  world.run(1s);
  CHECK(second == "already_exists");
  CHECK(third == "b:4222");
}

TEST_CASE("whatever the latencies, the stream stays in order and whole") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    World world({.latency = {0ms, 50ms}, .bandwidth = Bytes{seed % 2 == 0 ? 0u : 200'000u}, .segment_max = Bytes{1 + seed % 7 * 100}},
                seed);
    world.dial();
    std::string sent;
    core::Random random{Seed{seed}};
    for (int i = 0; i < 40; ++i) {
      std::string data(random.between(1, 900), '\0');
      for (char& c : data) c = static_cast<char>(random.below(256));
      sent += data;
      (void)world.write(data);
      world.run(Duration(static_cast<std::int64_t>(random.below(20'000'000))));
    }
    world.run(10s);
    CHECK((world.got == sent));
    CHECK(world.reads.size() > 10);
  }
}

TEST_CASE("bandwidth is shared by the connections of a link, and each way has its own") {
  World world({.latency = {1ms, 1ms}, .bandwidth = Bytes{100'000}});
  world.dial();
  const Instant start = world.kernel.now();
  (void)world.write(std::string(100'000, 'x'));
  world.run(1ms);
  const auto other = world.try_connect({"b", kPort});  // handshakes are small
  world.run(5ms);
  CHECK(other->text == "ok");
  world.run(2s);
  CHECK(world.got.size() == 100'000);
  CHECK(world.reads.back().at == start + 1s + 1ms);
}

TEST_CASE("a writer is suspended when the send buffer is full, until its deadline or the reader") {
  World world(k5ms);
  world.dial();
  world.network.cut_both(world.a, world.b, Cut::black_hole);
  const auto small = world.write(std::string(1u << 20, 'x'), 1s);
  world.run(2s);
  CHECK(small->text == "ok");
  const auto more = world.write("y", 3s);
  const auto patient = world.write("z");
  world.run(10s);
  CHECK(more->text == "timeout");
  CHECK(more->took == 3s);
  CHECK_FALSE(patient->is_done);
  world.network.heal_both(world.a, world.b);
  world.run(30s);
  CHECK(patient->text == "ok");
  CHECK(world.got.size() == (1u << 20) + 1);
}

TEST_CASE("a reader that does not read holds the writer back") {
  World world(k5ms);
  world.right->crash();
  world.start_right();
  world.serve(false);
  world.dial();
  const auto write = world.write(std::string(3u << 20, 'x'));
  world.run(10s);
  CHECK_FALSE(write->is_done);
  std::size_t total = 0;
  world.right->group.spawn("late reader", [&] {
    std::string buffer(1000, '\0');
    while (total < 3u << 20) total += world.served->read(buffer, kForever).value_or(0);
  });
  world.run(10s);
  CHECK(write->text == "ok");
  CHECK(total == 3u << 20);
}

TEST_CASE("a read ends at its deadline, and the connection is as good as before") {
  World world(k5ms);
  world.dial();
  const auto read = world.read(20ms);
  world.run(1s);
  CHECK(read->text == "timeout");
  CHECK(read->took == 20ms);
  world.answer("later");
  const auto again = world.read();
  world.run(1s);
  CHECK(again->text == "later");
}

TEST_CASE("closing over unread bytes resets the peer, behind what was written") {
  World world(k5ms);
  world.dial();
  world.answer("unread");
  (void)world.write("-ERR");
  world.run(10ms);
  world.dialled->close();
  world.run(1s);
  CHECK(world.got == "-ERR");
  CHECK(world.ended == "reset");
}

TEST_CASE("writing to an end that was closed brings a reset") {
  World world(k5ms);
  world.dial();
  world.dialled->close();
  world.run(1s);
  CHECK(world.ended == "end");
  world.answer("hello?");
  std::string second;
  world.run(20ms);
  world.right->group.spawn("second", [&] { second = core::name_of(world.served->write("hello??", kForever).error().code); });
  world.run(1s);
  CHECK(second == "reset");
}

TEST_CASE("close wakes the readers and writers of its own end") {
  World world(k5ms);
  world.dial();
  const auto read = world.read();
  world.run(1ms);
  world.dialled->close();
  world.dialled->close();
  world.run(0ms);
  CHECK(read->text == "closed");
}

TEST_CASE("a host reaches itself") {
  World world;
  world.run(1ms);
  std::string got;
  world.right->group.spawn("self", [&] {
    auto made = world.right->port->connect({"b", kPort}, kForever);
    (void)(*made)->write("me", kForever);
    world.right->group.sleep_until(world.kernel.now() + 1ms);
    got = world.got;
  });
  world.run(1s);
  CHECK(got == "me");
}

TEST_CASE("a zero-latency link delivers without any timer") {
  World world({.latency = {0ms, 0ms}});
  world.dial();
  const Instant start = world.kernel.now();
  (void)world.write("now");
  world.run(0ms);
  CHECK(world.got == "now");
  CHECK(world.reads.back().at == start);
}

TEST_CASE("ends of connections are forgotten when both sides let go") {
  World world(k5ms);
  for (int i = 0; i < 50; ++i) {
    world.dial();
    world.dialled->close();
    world.run(20ms);
  }
  CHECK(world.network.connection_count(world.a) == 1);
  CHECK(world.network.connection_count(world.b) == 1);
}

std::uint64_t hash_of_run(std::uint64_t seed, std::string_view content) {
  World world({.latency = {1ms, 20ms}}, seed);
  world.dial();
  for (int i = 0; i < 20; ++i) {
    (void)world.write(std::string(content));
    world.run(3ms);
  }
  world.network.cut_both(world.a, world.b, Cut::reset);
  world.run(1s);
  return world.kernel.trace().hash();
}

TEST_CASE("same seed, same trace; another seed or another byte, another trace") {
  CHECK(hash_of_run(5, "abc") == hash_of_run(5, "abc"));
  CHECK(hash_of_run(5, "abc") != hash_of_run(6, "abc"));
  CHECK(hash_of_run(5, "abc") != hash_of_run(5, "abd"));
}

}  // namespace
}  // namespace windtunnel::sim
