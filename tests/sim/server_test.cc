// Servers in the simulated world: latency, cuts, black holes, kills. What the unit tests of core/server show on perfect
// streams must hold here, and hold again with the same seed.
#include "core/server/server.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/env/clock.h"
#include "core/env/sync.h"
#include "core/nats/parser.h"
#include "core/nats/writer.h"
#include "sim/process.h"

namespace windtunnel::sim {
namespace {

using namespace std::chrono_literals;
using core::Address;
using core::Duration;
using core::Env;
using core::Instant;
using core::Seed;
using core::ServerConfig;

class ServerProgram final : public Program {
 public:
  ServerProgram(Env& env, ServerConfig config) : server(env, std::move(config)), stop_(env.tasks) {}
  void run() override {
    const bool is_started = server.start().has_value();
    WT_ASSERT(is_started);
    stop_.wait("server: running");
    server.shutdown();
  }
  bool on_signal(Signal signal) override {
    if (signal != Signal::term) return false;
    stop_.set();
    return true;
  }
  core::Server server;

 private:
  core::Event stop_;
};

// A client's connection: what it is sent is collected until it breaks.
struct RawClient {
  Env& env;
  std::unique_ptr<core::Connection> connection;
  core::Parser parser{core::ParserRole::client};

  explicit RawClient(Env& e) : env(e) {}

  bool connect(const Address& to) {
    auto dialled = env.network.connect(to, core::after(env.clock.now(), 1s));
    if (!dialled) return false;
    connection = std::move(*dialled);
    return send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"protocol\":1}\r\n");
  }
  bool send(const std::string& text) { return connection->write(text).has_value(); }
  // Hands every operation to `handle` until the connection breaks, `until` has passed, or `handle` says enough.
  void listen(Instant until, const std::function<bool(const core::Operation&)>& handle) {
    std::string buffer(4096, '\0');
    for (;;) {
      const auto got = connection->read(buffer, until);
      if (!got || *got == 0) return;
      parser.feed({buffer.data(), *got});
      core::Operation operation;
      while (parser.next(operation) == core::Parse::operation) {
        if (operation.kind == core::OperationKind::ping) {
          send("PONG\r\n");
        } else if (!handle(operation)) {
          return;
        }
      }
    }
  }
};

struct ClientProgram final : Program {
  Env& env;
  std::function<void(Env&)> body;
  ClientProgram(Env& e, std::function<void(Env&)> b) : env(e), body(std::move(b)) {}
  void run() override { body(env); }
};

struct World {
  Kernel kernel;
  SimNetwork network{kernel};
  Process hub{kernel, network, {.name = "hub", .node = NodeId{1}}};
  Process leaf{kernel, network, {.name = "leaf", .node = NodeId{2}}};
  Process at_hub{kernel, network, {.name = "subscriber", .node = NodeId{3}}};
  Process at_leaf{kernel, network, {.name = "publisher", .node = NodeId{4}}};
  Duration ping_interval = 2min;

  explicit World(std::uint64_t seed = 1) : kernel(Seed{seed}) {
    network.link(hub.host(), leaf.host(), {.latency = {5ms, 40ms}});
    network.link(at_hub.host(), hub.host(), {.latency = {1ms, 1ms}});
    network.link(at_leaf.host(), leaf.host(), {.latency = {1ms, 1ms}});
  }
  void start_hub() {
    hub.start([this](Env& env) {
      ServerConfig config;
      config.name = "hub";
      config.domain = "hub";
      config.ping_interval = ping_interval;
      return std::make_unique<ServerProgram>(env, config);
    });
  }
  void start_leaf() {
    leaf.start([this](Env& env) {
      ServerConfig config;
      config.name = "leaf";
      config.domain = "leaf";
      config.ping_interval = ping_interval;
      config.remotes.push_back(core::LeafRemote{.address = {"hub", 7422}});
      return std::make_unique<ServerProgram>(env, config);
    });
  }
  static void run_client(Process& process, std::function<void(Env&)> body) {
    process.start([body = std::move(body)](Env& env) { return std::make_unique<ClientProgram>(env, body); });
  }
  void run(Duration time) { kernel.run_until(kernel.now() + time); }
  core::LeafStatus leaf_status() { return static_cast<ServerProgram*>(leaf.program())->server.leafs().at(0); }
};

// A subscriber at the hub and a publisher at the leaf that numbers its messages, 100 a second, and never waits.
struct Traffic {
  std::vector<int> received;
  int published = 0;

  void start(World& world, Duration time) {
    World::run_client(world.at_hub, [this](Env& env) {
      for (;;) {
        RawClient client{env};
        if (client.connect({"hub", 4222}) && client.send("SUB numbers 1\r\n")) {
          client.listen(core::kForever, [this](const core::Operation& operation) {
            if (operation.kind == core::OperationKind::message) received.push_back(std::stoi(std::string(operation.payload)));
            return true;
          });
        }
        env.tasks.sleep_until(core::after(env.clock.now(), 100ms));
      }
    });
    World::run_client(world.at_leaf, [this, time](Env& env) {
      RawClient client{env};
      if (!client.connect({"leaf", 4222})) return;
      const Instant end = core::after(env.clock.now(), time);
      while (env.clock.now() < end) {
        const std::string number = std::to_string(published);
        if (!client.send("PUB numbers " + std::to_string(number.size()) + "\r\n" + number + "\r\n")) return;
        ++published;
        env.tasks.sleep_until(core::after(env.clock.now(), 10ms));
      }
      env.tasks.park("done");
    });
  }
  [[nodiscard]] bool is_strictly_ascending() const {
    return std::adjacent_find(received.begin(), received.end(), [](int a, int b) { return a >= b; }) == received.end();
  }
};

TEST_CASE("over a link with latency every message crosses, once and in order") {
  World world;
  Traffic traffic;
  world.start_hub();
  world.start_leaf();
  world.run(2s);
  CHECK(world.leaf_status().is_connected);
  traffic.start(world, 10s);
  world.run(12s);
  CHECK(traffic.published >= 990);
  CHECK(traffic.is_strictly_ascending());
  // The very first ones may come before the subscriber's interest has reached the leaf.
  CHECK(static_cast<int>(traffic.received.size()) >= traffic.published - 10);
  CHECK(traffic.received.back() == traffic.published - 1);
}

TEST_CASE("while the hub is dead plain publishes are lost; when it is back the leaf finds it by itself") {
  World world;
  Traffic traffic;
  world.start_hub();
  world.start_leaf();
  world.run(2s);
  traffic.start(world, 60s);
  world.run(20s);
  const std::size_t before = traffic.received.size();
  CHECK(before > 1900);
  world.hub.kill(Signal::abrt);
  world.run(20s);
  CHECK_FALSE(world.leaf_status().is_connected);
  CHECK(world.leaf_status().attempts >= 9);
  CHECK(traffic.received.size() == before);
  world.start_hub();
  world.run(3s);
  CHECK(world.leaf_status().is_connected);
  world.run(20s);
  CHECK(traffic.is_strictly_ascending());
  const std::size_t lost = static_cast<std::size_t>(traffic.published) - traffic.received.size();
  CHECK(lost >= 1900);
  CHECK(lost <= 2500);
  CHECK(traffic.received.back() == traffic.published - 1);
}

TEST_CASE("a reset link is dialled again within the reconnect time; a black hole is found by pings") {
  World world;
  world.ping_interval = 5s;
  world.start_hub();
  world.start_leaf();
  world.run(2s);
  world.network.cut_both(world.hub.host(), world.leaf.host(), Cut::reset);
  world.run(100ms);
  CHECK_FALSE(world.leaf_status().is_connected);
  world.network.heal_both(world.hub.host(), world.leaf.host());
  world.run(2s + 200ms);
  CHECK(world.leaf_status().is_connected);

  world.network.cut_both(world.hub.host(), world.leaf.host(), Cut::black_hole);
  world.run(9s);
  CHECK(world.leaf_status().is_connected);  // nothing has told it otherwise
  world.run(7s);
  CHECK_FALSE(world.leaf_status().is_connected);
  world.network.heal_both(world.hub.host(), world.leaf.host());
  world.run(4s);
  CHECK(world.leaf_status().is_connected);
}

TEST_CASE("SIGTERM ends a server in an orderly way, whatever its clients do") {
  World world;
  Traffic traffic;
  world.start_hub();
  world.start_leaf();
  world.run(2s);
  traffic.start(world, 60s);
  world.run(5s);
  world.leaf.signal(Signal::term);
  world.run(2s);
  CHECK(world.leaf.ended() == Process::Ended::exited);
  world.hub.signal(Signal::term);
  world.run(2s);
  CHECK(world.hub.ended() == Process::Ended::exited);
}

std::pair<std::uint64_t, std::uint64_t> trace_of(std::uint64_t seed) {
  World world{seed};
  Traffic traffic;
  world.start_hub();
  world.start_leaf();
  traffic.start(world, 20s);
  core::Random random = world.kernel.random("test");
  for (int i = 0; i < 6; ++i) {
    const Duration run = random.between(Duration{10ms}, Duration{5s});
    world.run(run);
    const bool is_hub = random.chance(core::Ratio{1, 2});
    Process& victim = is_hub ? world.hub : world.leaf;
    if (random.chance(core::Ratio{1, 3})) {
      victim.pause();
      world.run(3s);
      victim.resume();
    } else {
      victim.kill();
      world.run(1s);
      is_hub ? world.start_hub() : world.start_leaf();
    }
  }
  world.run(5s);
  CHECK(traffic.is_strictly_ascending());
  return {world.kernel.trace().hash(), world.kernel.trace().count()};
}

TEST_CASE("killed and paused at any moment, a run is the same run for the same seed") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const auto first = trace_of(seed);
    CHECK(first == trace_of(seed));
    CHECK(first != trace_of(seed + 1000));
  }
}

}  // namespace
}  // namespace windtunnel::sim
