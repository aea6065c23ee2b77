// How connections end, and how the client comes back.
#include "core/client/client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "tests/core/client/fake_server.h"

// What a task finds goes into variables that the test checks afterwards: CHECK around a call that may suspend would
// swallow TaskKilled.
namespace windtunnel::tests {
namespace {

using namespace std::chrono_literals;
using core::Bytes;
using core::Client;
using core::Duration;
using core::Env;
using core::kForever;
using core::Reply;

struct ConnectTimes final : sim::TraceObserver {
  std::vector<Duration> times;
  void on_event(const sim::TraceEvent& event) override {
    if (event.name.text == "net.connect") times.push_back(event.at.time_since_epoch());
  }
};

TEST_CASE("after a crash of the server the client is back within its reconnect wait, subscriptions first") {
  ConnectTimes dials;  // before the world, whose trace reports to it to the end
  ClientWorld world;
  world.kernel.trace().add(dials);
  std::string published;
  std::string flushed;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    auto all = *client.subscribe("s");
    env.tasks.sleep_until(core::Instant{1500ms});
    published = outcome(client.publish({.subject = "t", .reply = {}, .headers = {}, .payload = "meanwhile"}));
    flushed = outcome(client.flush(in(env, 10s)));
    env.tasks.sleep_until(core::Instant{20s});
  });
  world.run(1s);
  CHECK(world.script.seen.size() == 3);
  world.server.kill();
  world.run(1s);
  world.script.seen.clear();
  world.start_server();
  world.run(5s);
  CHECK(published == "ok");
  CHECK(flushed == "ok");
  REQUIRE(world.script.seen.size() == 4);
  CHECK(world.script.seen[1].substr(0, 11) == "SUB _INBOX.");
  CHECK(world.script.seen[2] == "SUB s  2");
  CHECK(world.script.seen[3] == "PUB t meanwhile");
  REQUIRE(dials.times.size() == 2);
  CHECK(dials.times[1] - 1s >= 2s);
  CHECK(dials.times[1] - 1s < 2101ms);
}

TEST_CASE("it dials for ever, each time after the wait and some jitter of its own") {
  const auto dial_times = [](std::uint64_t seed) {
    ConnectTimes dials;
    ClientWorld world(seed);
    world.server.kill();
    world.kernel.trace().add(dials);
    world.start_client([&](Client& client, Env& env) {
      (void)client.connect(in(env, 1s));
      env.tasks.park("forever");
    });
    world.run(300s);
    world.start_server();
    world.run(3s);
    CHECK(world.script.count("CONNECT") == 1);
    return dials.times;
  };
  const auto times = dial_times(1);
  REQUIRE(times.size() > 140);
  for (std::size_t i = 1; i < times.size(); ++i) {
    CHECK(times[i] - times[i - 1] >= 2s);
    CHECK(times[i] - times[i - 1] < 2101ms);
  }
  CHECK(times == dial_times(1));
  CHECK(times != dial_times(2));
}

TEST_CASE("connect says when there is no connection in time, and goes on trying") {
  ClientWorld world;
  world.server.kill();
  std::string first;
  bool is_later = false;
  world.start_client([&](Client& client, Env& env) {
    first = outcome(client.connect(in(env, 1s)));
    (void)client.publish({.subject = "s", .reply = {}, .headers = {}, .payload = "early"});
    env.tasks.sleep_until(in(env, 10s));
    is_later = client.is_connected();
  });
  world.run(5s);
  CHECK(first == "timeout");
  world.start_server();
  world.run(10s);
  CHECK(is_later);
  CHECK(world.script.seen.back() == "PUB s early");
}

TEST_CASE("the next server is tried at once when there are several") {
  ClientWorld world;
  sim::Process other(world.kernel, world.network, {.name = "other", .node = sim::NodeId{3}});
  world.network.link(other.host(), world.client.host(), {});
  other.start([&](Env& env) { return std::make_unique<FakeServer>(env, world.script); });
  world.server.kill();
  auto options = ClientWorld::options();
  options.servers.push_back({"other", 4222});
  std::string connected;
  world.start_client([&](Client& client, Env& env) { connected = outcome(client.connect(in(env, 100ms))); }, options);
  world.run(1s);
  CHECK(connected == "ok");
}

TEST_CASE("the reconnect buffer holds so much and no more; without one publishing fails at once") {
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{100}}) {
    CAPTURE(limit);
    ClientWorld world;
    std::string outcomes;
    Reply::Kind asked{};
    auto options = ClientWorld::options();
    options.reconnect_buffer = Bytes{limit};
    world.start_client(
        [&](Client& client, Env& env) {
          (void)client.connect(in(env, 1s));
          env.tasks.sleep_until(core::Instant{2s});
          for (int i = 0; i < 6; ++i)
            outcomes += outcome(client.publish({.subject = "subject", .reply = {}, .headers = {}, .payload = std::to_string(i)})) + " ";
          asked = client.request("q", std::string(100, 'x'), in(env, 1s)).kind;
          env.tasks.sleep_until(core::Instant{20s});
        },
        options);
    world.run(1s);
    world.server.kill();
    world.run(3s);
    world.start_server();
    world.run(10s);
    CHECK(outcomes == (limit == 0 ? "no_space no_space no_space no_space no_space no_space " : "ok ok ok ok ok no_space "));
    CHECK(world.script.count("PUB subject") == (limit == 0 ? 0 : 5));
    CHECK(asked == Reply::Kind::disconnected);
  }
}

TEST_CASE("a silent connection is found stale after three ping intervals; a healthy one lives on") {
  for (const bool is_cut : {true, false}) {
    CAPTURE(is_cut);
    ClientWorld world;
    std::uint64_t connections = 0;
    bool is_connected = true;
    world.start_client([&](Client& client, Env& env) {
      (void)client.connect(in(env, 1s));
      env.tasks.sleep_until(core::Instant{359s});
      CHECK(client.is_connected());
      env.tasks.sleep_until(core::Instant{362s});
      is_connected = client.is_connected();
      env.tasks.sleep_until(core::Instant{3600s});
      connections = client.connections();
    });
    world.run(1s);
    if (is_cut) world.network.cut_both(world.server.host(), world.client.host(), sim::Cut::black_hole);
    world.run(400s);
    CHECK(is_connected == !is_cut);
    world.network.heal_both(world.server.host(), world.client.host());
    world.run(3300s);
    CHECK(connections == (is_cut ? 2 : 1));
    if (!is_cut) CHECK(world.script.pings == 1 + 29);  // the handshake's, and one every two minutes
  }
}

TEST_CASE("errors of the server end the connection, the client, or nothing, as with nats.go") {
  struct Row {
    const char* text;
    bool is_connected;
    bool is_closed;
    std::uint64_t connections;
  };
  for (const Row& row : {Row{"Permissions Violation for Publish to \"x\"", true, false, 1}, Row{"Stale Connection", true, false, 2},
                         Row{"Maximum Payload Violation", false, true, 1}, Row{"Authorization Violation", true, false, 2}}) {
    CAPTURE(row.text);
    ClientWorld world;
    world.script.on_publish = [&](FakePeer& peer, const core::Operation&) {
      (void)peer.connection->write("-ERR '" + std::string(row.text) + "'\r\n", kForever);
    };
    bool is_connected = false;
    bool is_closed = false;
    std::uint64_t connections = 0;
    std::string error;
    world.start_client([&](Client& client, Env& env) {
      (void)client.connect(in(env, 1s));
      (void)client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = ""});
      env.tasks.sleep_until(in(env, 5s));
      is_connected = client.is_connected();
      is_closed = client.is_closed();
      connections = client.connections();
      error = client.last_error();
    });
    world.run(20s);
    CHECK(is_connected == row.is_connected);
    CHECK(is_closed == row.is_closed);
    CHECK(connections == row.connections);
    CHECK(error.find(row.text) != std::string::npos);
    CHECK(world.has_ended);
  }
}

TEST_CASE("credentials that are refused twice in a row are not tried again") {
  ClientWorld world;
  world.script.answers_pings = false;
  world.script.on_connect = [](FakePeer& peer, const core::Operation&) {
    (void)peer.connection->write("-ERR 'Authorization Violation'\r\n", kForever);
  };
  std::string connected;
  auto options = ClientWorld::options();
  options.user = "u";
  options.password = "p";
  world.start_client(
      [&](Client& client, Env& env) {
        connected = outcome(client.connect(in(env, 100s)));
        connected += " " + outcome(client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = ""}));
      },
      options);
  world.run(200s);
  CHECK(connected == "closed closed");
  CHECK(world.script.count("CONNECT") == 2);
  CHECK(world.script.seen[0].find(R"("user":"u","pass":"p")") != std::string::npos);
}

TEST_CASE("whatever a broken server sends, the client takes it for a broken connection") {
  for (const char* info : {"{", "[1]", R"({"max_payload":"many"})", R"({"headers":1})"}) {
    CAPTURE(info);
    ClientWorld world;
    world.script.info = info;
    std::string connected;
    world.start_client([&](Client& client, Env& env) { connected = outcome(client.connect(in(env, 10s))); });
    world.run(20s);
    CHECK(connected == "timeout");
    CHECK(world.script.count("CONNECT") == 0);
  }
  ClientWorld world;
  world.script.on_publish = [](FakePeer& peer, const core::Operation& o) {
    (void)peer.connection->write(std::string(o.payload) + "\r\n", kForever);
  };
  std::uint64_t connections = 0;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    for (const char* bytes : {"NONSENSE", "MSG a 1 99999999999", "HMSG a 1 9 3"}) {
      (void)client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = bytes});
      env.tasks.sleep_until(in(env, 5s));
    }
    connections = client.connections();
    for (const char* bytes : {"MSG a 1 1\r\nx", "MSG a 77 1\r\nx", "MSG a x 1\r\nx", "PONG", "+OK"}) {  // odd, but no harm
      (void)client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = bytes});
      env.tasks.sleep_until(in(env, 5s));
    }
    connections = connections * 10 + client.connections();
  });
  world.run(100s);
  CHECK(connections == 44);
}

TEST_CASE("a server that demands TLS is refused for good") {
  ClientWorld world;
  world.script.info = R"({"tls_required":true})";
  std::string connected;
  world.start_client([&](Client& client, Env& env) { connected = outcome(client.connect(in(env, 100s))) + ": " + client.last_error(); });
  world.run(200s);
  CHECK(connected == "closed: unsupported: the server demands TLS");
}

TEST_CASE("a connection that breaks while a write stands in it takes what was not written with it, and the client is back") {
  // The seed decides which of reader and writer hears of it first.
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    ClientWorld world{seed};
    int published = 0;
    std::string flushed;
    world.start_client([&](Client& client, Env& env) {
      (void)client.connect(in(env, 1s));
      env.tasks.sleep_until(core::Instant{1s});
      for (; published < 30; ++published)
        (void)client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = std::string(100'000, 'x')});
      flushed = outcome(client.flush(in(env, 100s)));
      if (flushed == "reset") flushed = outcome(client.flush(in(env, 100s)));  // it was under way as well
    });
    world.run(900ms);
    world.server.pause();
    world.run(5s);
    CHECK(published < 30);  // the writer stands in a write, and more is waiting behind it
    world.network.cut_both(world.server.host(), world.client.host(), sim::Cut::reset);
    world.run(1s);
    world.network.heal_both(world.server.host(), world.client.host());
    world.server.resume();
    world.run(20s);
    CHECK(published == 30);
    CHECK(flushed == "ok");
    CHECK(world.script.count("CONNECT") == 2);
  }
}

}  // namespace
}  // namespace windtunnel::tests
