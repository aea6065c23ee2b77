#include "sim/network.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace windtunnel::sim {
namespace {

using namespace std::chrono_literals;
using core::Address;
using core::Bytes;
using core::Connection;
using core::Duration;
using core::Errc;
using core::Instant;
using core::kForever;
using core::Seed;

constexpr std::uint16_t kPort = 4222;

// One incarnation on a host. Calls that may suspend stay out of CHECK, which would swallow TaskKilled.
struct Node {
  SimNetwork& network;
  HostId host;
  Gate gate;
  core::TaskGroup group;
  std::unique_ptr<core::Network> port;
  std::function<void()> destroy_objects;

  Node(Kernel& kernel, SimNetwork& n, HostId h) : network(n), host(h), group(kernel.runtime(), "node"), port(n.attach(h, gate, group)) {}
  ~Node() { crash(); }
  void crash() {
    end([&] { network.crash_process(host); });
  }
  void power_off() {
    end([&] { network.power_off(host); });
  }
  void end(const std::function<void()>& how) {
    if (group.is_killed()) return;
    gate.close();
    how();
    group.kill();
    if (destroy_objects) destroy_objects();
    CHECK(network.listener_count(host) == 0);
    CHECK(network.connection_count(host) == 0);
  }
};

struct Read {
  Instant at;
  std::string data;
};

struct World {
  Kernel kernel;
  SimNetwork network{kernel};
  HostId a = network.add_host("a", NodeId{1});
  HostId b = network.add_host("b", NodeId{2});
  std::optional<Node> left;
  std::optional<Node> right;
  // What the right side's server got on its latest connection, and how that ended.
  std::string got;
  std::vector<Read> reads;
  std::string ended;
  std::unique_ptr<Connection> served;
  std::unique_ptr<Connection> dialled;
  std::unique_ptr<core::Listener> listener;

  explicit World(LinkTraits traits = {}, std::uint64_t seed = 1) : kernel(Seed{seed}) {
    network.link(a, b, traits);
    left.emplace(kernel, network, a);
    left->destroy_objects = [this] { dialled.reset(); };
    start_right();
    serve();
  }
  ~World() {
    left->crash();
    right->crash();
  }
  void start_right() {
    right.emplace(kernel, network, b);
    right->destroy_objects = [this] {
      served.reset();
      listener.reset();
    };
  }
  void serve(bool is_reading = true) {
    right->group.spawn("server", [this, is_reading] {
      auto opened = right->port->listen(kPort);
      if (!opened) return;
      listener = std::move(*opened);
      for (;;) {
        auto accepted = listener->accept();
        if (!accepted) return;
        served = std::move(*accepted);
        ended.clear();
        std::string buffer(100000, '\0');
        while (is_reading) {
          const auto count = served->read(buffer, kForever);
          if (!count || *count == 0) {
            ended = count ? "end" : core::name_of(count.error().code);
            break;
          }
          got.append(buffer, 0, *count);
          reads.push_back({kernel.now(), buffer.substr(0, *count)});
        }
      }
    });
  }
  void dial() {
    left->group.spawn("dialer", [this] {
      auto made = left->port->connect({"b", kPort}, kForever);
      CHECK(made.has_value());
      if (made) dialled = std::move(*made);
    });
    kernel.run_until(kernel.now() + 100ms);
  }
  // Outcome of a call at the left, when it returns.
  struct Outcome {
    bool is_done = false;
    std::string text;
    Duration took{};
  };
  std::shared_ptr<Outcome> write(std::string data, Duration patience = Duration::max()) {
    auto outcome = std::make_shared<Outcome>();  // owned by the test and the task that may outlive it
    left->group.spawn("writer", [this, outcome, data = std::move(data), patience] {
      const Instant before = kernel.now();
      const auto status = dialled->write(data, patience == Duration::max() ? kForever : before + patience);
      *outcome = {true, status ? "ok" : std::string(core::name_of(status.error().code)), kernel.now() - before};
    });
    return outcome;
  }
  std::shared_ptr<Outcome> read(Duration patience = Duration::max()) {
    auto outcome = std::make_shared<Outcome>();
    left->group.spawn("reader", [this, outcome, patience] {
      const Instant before = kernel.now();
      std::string buffer(1000, '\0');
      const auto count = dialled->read(buffer, patience == Duration::max() ? kForever : before + patience);
      *outcome = {true, count ? buffer.substr(0, *count) : std::string(core::name_of(count.error().code)), kernel.now() - before};
    });
    return outcome;
  }
  std::shared_ptr<Outcome> try_connect(Address to, Duration patience = 1000s) {
    auto outcome = std::make_shared<Outcome>();
    left->group.spawn("dialer", [this, outcome, to, patience] {
      const Instant before = kernel.now();
      const auto made = left->port->connect(to, before + patience);
      *outcome = {true, made ? "ok" : std::string(core::name_of(made.error().code)), kernel.now() - before};
    });
    return outcome;
  }
  void answer(std::string data) {
    right->group.spawn("answer", [this, data = std::move(data)] { (void)served->write(data, kForever); });
  }
  void run(Duration time) { kernel.run_until(kernel.now() + time); }
};

const LinkTraits k5ms{.latency = {5ms, 5ms}};

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

TEST_CASE("what waits for a slow link leaves at its new rate, in order, and what has left arrives as it would have") {
  LinkTraits traits = k5ms;
  traits.segment_max = Bytes{1000};
  World world(traits);
  world.dial();
  world.network.set_bandwidth(world.a, world.b, Bytes{1000});
  std::string sent;
  for (int i = 0; i < 30; ++i) sent += std::string(1000, static_cast<char>('a' + i % 26));
  (void)world.write(sent);
  world.run(3s);
  const std::size_t slowly = world.got.size();
  CHECK(slowly <= 3000);
  world.network.set_bandwidth(world.a, world.b, Bytes{10'000});
  const Instant faster = world.kernel.now();
  world.run(1s);
  CHECK(world.got.size() > slowly + 5000);
  CHECK(world.got.size() <= slowly + 10'000);
  world.network.heal_both(world.a, world.b);
  world.run(10ms);
  CHECK((world.got == sent));
  CHECK(world.reads.back().at == faster + 1s + 5ms);
}

TEST_CASE("the end of a connection does not overtake what waits for a slow link, nor wait for it once the link is fast") {
  World world(k5ms);
  world.dial();
  world.network.set_bandwidth(world.a, world.b, Bytes{1000});
  (void)world.write(std::string(20'000, 'x'));
  world.run(1ms);
  world.dialled->close();
  world.run(1s);
  CHECK(world.ended.empty());
  world.network.heal_both(world.a, world.b);
  world.run(10ms);
  CHECK(world.got.size() == 20'000);
  CHECK(world.ended == "end");
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
