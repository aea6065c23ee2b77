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

TEST_CASE("the client introduces itself as applications do, and knows the server") {
  ClientWorld world;
  std::string connected;
  std::string domain;
  world.start_client([&](Client& client, Env& env) {
    connected = outcome(client.connect(in(env, 1s)));
    domain = client.server().domain;
  });
  world.run(1s);
  CHECK(connected == "ok");
  CHECK(domain == "hub");
  REQUIRE_FALSE(world.script.seen.empty());
  CHECK(
      world.script.seen[0] ==
      R"(CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"name":"app","lang":"cpp","version":"0.1.0","protocol":1,"echo":true,"headers":true,"no_responders":true})");
  CHECK(world.has_ended);
  CHECK(world.client.ended() == sim::Process::Ended::exited);
}

TEST_CASE("what was published is at the server after a flush") {
  ClientWorld world;
  std::size_t after_flush = 0;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    for (int i = 0; i < 10; ++i) (void)client.publish({.subject = "orders.new", .reply = {}, .headers = {}, .payload = std::to_string(i)});
    (void)client.flush(in(env, 1s));
    after_flush = world.script.count("PUB");
  });
  world.run(1s);
  CHECK(after_flush == 10);
  CHECK(world.script.seen.back() == "PUB orders.new 9");
}

TEST_CASE("a subscription gets what matches it until it is ended") {
  ClientWorld world;
  std::string got;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    auto all = *client.subscribe("orders.>");
    auto grouped = *client.subscribe("orders.eu", "workers");
    (void)client.publish({.subject = "orders.eu", .reply = "r", .headers = "NATS/1.0\r\nA-b: c\r\n\r\n", .payload = "one"});
    (void)client.publish({.subject = "other", .reply = {}, .headers = {}, .payload = "none"});
    const auto first = all->next(in(env, 1s));
    const auto second = grouped->next(in(env, 1s));
    if (first && second)
      got = first->subject + " " + first->reply + " " + first->payload + " " + second->payload + " " +
            std::string(core::header_value(first->headers, "A-b").value_or(""));
    all->unsubscribe();
    (void)client.publish({.subject = "orders.eu", .reply = {}, .headers = {}, .payload = "two"});
    if (const auto more = grouped->next(in(env, 1s))) got += " " + more->payload;
    if (all->next(in(env, 1s))) got += " after the end";
  });
  world.run(10s);
  CHECK(got == "orders.eu r one one c two");
  CHECK(world.script.count("SUB orders.eu workers 3") == 1);
  CHECK(world.script.count("UNSUB 2") == 1);
}

TEST_CASE("a subscription that is not read drops what exceeds its bound") {
  ClientWorld world;
  std::uint64_t dropped = 0;
  auto options = ClientWorld::options();
  options.pending_max = 3;
  world.start_client(
      [&](Client& client, Env& env) {
        (void)client.connect(in(env, 1s));
        auto all = *client.subscribe("s");
        for (int i = 0; i < 5; ++i) (void)client.publish({.subject = "s", .reply = {}, .headers = {}, .payload = "x"});
        (void)client.flush(in(env, 1s));
        dropped = all->dropped() * 10 + all->pending();
      },
      options);
  world.run(10s);
  CHECK(dropped == 23);
}

TEST_CASE("a request ends with the answer, with no responders, or at its deadline") {
  ClientWorld world;
  world.script.on_publish = [](FakePeer& peer, const core::Operation& o) {
    if (o.subject == "echo") peer.answer(o.reply, o.payload);
    if (o.subject == "nobody") peer.answer(o.reply, "", core::status_block(503));
    if (o.subject == "odd") peer.answer(o.reply, "not empty", core::status_block(503));
  };
  std::vector<Reply> replies;
  Duration waited{};
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    for (const char* subject : {"echo", "nobody", "odd", "bad subject"}) replies.push_back(client.request(subject, "ping", in(env, 1s)));
    const auto before = env.clock.now();
    replies.push_back(client.request("silence", "ping", in(env, 1s)));
    waited = env.clock.now() - before;
  });
  world.run(10s);
  REQUIRE(replies.size() == 5);
  CHECK(replies[0].kind == Reply::Kind::message);
  CHECK(replies[0].message.payload == "ping");
  CHECK(replies[1].kind == Reply::Kind::no_responders);
  CHECK(replies[2].kind == Reply::Kind::message);
  CHECK(replies[3].kind == Reply::Kind::refused);
  CHECK(replies[4].kind == Reply::Kind::timeout);
  CHECK(waited == 1s);
  CHECK(world.script.count("SUB _INBOX.") == 1);  // all inboxes share one subscription
}

TEST_CASE("answers out of order find their questions") {
  ClientWorld world;
  std::vector<std::pair<std::string, std::string>> held;
  world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
    held.emplace_back(o.reply, o.payload);
    if (held.size() < 3) return;
    for (auto it = held.rbegin(); it != held.rend(); ++it) peer.answer(it->first, it->second);
  };
  int right = 0;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    for (int i = 0; i < 3; ++i) {
      env.tasks.spawn("asker", [&, i] {
        const Reply reply = client.request("q", std::to_string(i), in(env, 1s));
        right += reply.message.payload == std::to_string(i) ? 1 : 0;
      });
    }
    env.tasks.sleep_until(in(env, 2s));
  });
  world.run(10s);
  CHECK(right == 3);
}

TEST_CASE("a flush ends when the connection breaks or at its deadline") {
  ClientWorld world;
  std::string first;
  std::string second;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    env.tasks.sleep_until(core::Instant{1s});
    first = outcome(client.flush(in(env, 5s)));
    second = outcome(client.flush(in(env, 100s)));
  });
  world.run(900ms);
  world.network.cut_both(world.server.host(), world.client.host(), sim::Cut::black_hole);
  world.run(10s);
  CHECK(first == "timeout");
  CHECK(second.empty());
  world.network.cut_both(world.server.host(), world.client.host(), sim::Cut::reset);
  world.run(1s);
  CHECK(second == "reset");
}

TEST_CASE("a pong that comes late does not answer a later flush") {
  ClientWorld world;
  std::string outcomes;
  std::size_t seen = 0;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    world.network.cut(world.client.host(), world.server.host(), sim::Cut::black_hole);
    outcomes = outcome(client.flush(in(env, 1s)));
    (void)client.publish({.subject = "s", .reply = {}, .headers = {}, .payload = "x"});
    world.network.heal(world.client.host(), world.server.host());
    outcomes += " " + outcome(client.flush(in(env, 5s)));
    seen = world.script.count("PUB");
  });
  world.run(20s);
  CHECK(outcomes == "timeout ok");
  CHECK(seen == 1);
}

TEST_CASE("payloads and headers that the server does not take are not sent") {
  ClientWorld world;
  world.script.info = R"({"max_payload":10,"headers":false})";
  std::string outcomes;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    outcomes = outcome(client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = "0123456789"}));
    outcomes += " " + outcome(client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = "0123456789a"}));
    outcomes += " " + outcome(client.publish({.subject = "x", .reply = {}, .headers = "NATS/1.0\r\n", .payload = ""}));
    outcomes += " " + outcome(client.publish({.subject = "x.*", .reply = {}, .headers = {}, .payload = ""}));
  });
  world.run(5s);
  CHECK(outcomes == "ok limit_reached unsupported invalid_argument");
  CHECK(world.script.count("PUB") == 1);
}

TEST_CASE("publishers wait while a server does not read, and go on when it does") {
  ClientWorld world;
  int published = 0;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    env.tasks.sleep_until(core::Instant{1s});
    for (; published < 60; ++published)
      (void)client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = std::string(100'000, 'x')});
    (void)client.flush(in(env, 100s));
  });
  world.run(900ms);
  world.server.pause();
  world.run(10s);
  CHECK(published > 20);
  CHECK(published < 40);
  world.server.resume();
  world.run(10s);
  CHECK(published == 60);
  CHECK(world.script.count("PUB") == 60);
}

TEST_CASE("closing sends what is buffered, and wakes everyone who waits") {
  ClientWorld world;
  std::string woke;
  world.start_client([&](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    auto all = *client.subscribe("s");
    env.tasks.spawn("reader", [&] { woke += all->next() ? "message " : "end "; });
    env.tasks.spawn("asker", [&] { woke += client.request("silent", "", kForever).kind == Reply::Kind::timeout ? "timeout " : "? "; });
    env.tasks.spawn("flusher", [&] { woke += outcome(client.flush(kForever)) + " "; });
    env.tasks.sleep_until(in(env, 1s));
    env.tasks.spawn("late flusher", [&] {
      world.script.answers_pings = false;
      woke += outcome(client.flush(kForever)) + " ";
    });
    env.tasks.sleep_until(in(env, 1s));
    (void)client.publish({.subject = "last", .reply = {}, .headers = {}, .payload = "words"});
    client.close();
    client.close();
    env.tasks.sleep_until(in(env, 1s));
    woke += outcome(client.publish({.subject = "x", .reply = {}, .headers = {}, .payload = ""}));
  });
  world.script.on_publish = [](FakePeer&, const core::Operation&) {};
  world.run(10s);
  CHECK(world.has_ended);
  CHECK(world.script.seen.back() == "PUB last words");
  for (const char* what : {"ok ", "end ", "timeout ", "closed "}) {
    CAPTURE(what);
    CHECK(woke.find(what) != std::string::npos);
  }
  CHECK(woke.substr(woke.size() - 6) == "closed");
}

TEST_CASE("a client process can be killed in the middle of everything, at any moment") {
  for (int step = 0; step < 120; ++step) {
    ClientWorld world(static_cast<std::uint64_t>(step) + 1);
    world.start_client([&](Client& client, Env& env) {
      (void)client.connect(in(env, 1s));
      // Owned by both tasks: the one that made it is unwound first.
      std::shared_ptr<core::ClientSubscription> all = *client.subscribe("s.>");
      env.tasks.spawn("reader", [all] {
        while (all->next()) {
        }
      });
      for (int i = 0; i < 3; ++i) {
        env.tasks.spawn("asker", [&] {
          for (;;) (void)client.request("s.x", "payload", in(env, 1s));
        });
      }
      for (;;) (void)client.flush(in(env, 1s));
    });
    world.run(std::chrono::microseconds{step * 37});
    if (step % 3 == 1) world.server.kill();
    if (step % 3 == 2) world.network.cut_both(world.server.host(), world.client.host(), sim::Cut::reset);
    world.run(std::chrono::microseconds{step % 7 * 40});
    world.client.kill();
    CHECK(world.client.ended() == sim::Process::Ended::killed);
  }
}

}  // namespace
}  // namespace windtunnel::tests
