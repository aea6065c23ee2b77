#include "core/client/jetstream_client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/core/client/fake_server.h"

namespace windtunnel::tests {
namespace {

using namespace std::chrono_literals;
using core::AckOutcome;
using core::Client;
using core::Duration;
using core::Env;
using core::Fetched;
using core::JetStreamClient;
using core::PublishOptions;
using core::PublishOutcome;
using core::Seq;

using Body = std::function<void(JetStreamClient&, Client&, Env&)>;

void run(ClientWorld& world, Body body, std::string domain = {}) {
  world.start_client([body = std::move(body), domain = std::move(domain)](Client& client, Env& env) {
    (void)client.connect(in(env, 1s));
    JetStreamClient jetstream(client, domain);
    body(jetstream, client, env);
  });
}

TEST_CASE("the outcome of a publish is what the stream says") {
  struct Row {
    const char* answer;
    PublishOutcome::Kind kind;
    const char* text;
  };
  for (const Row& row : {Row{R"({"stream":"ORDERS", "seq":42})", PublishOutcome::Kind::acked, ""},
                         Row{R"({"stream":"ORDERS", "domain":"hub", "seq":42,"duplicate": true})", PublishOutcome::Kind::acked, ""},
                         Row{R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 41"},"stream":"ORDERS","seq":0})",
                             PublishOutcome::Kind::error, "wrong last sequence: 41"},
                         Row{"+OK", PublishOutcome::Kind::error, "the ack is no JSON object"},
                         Row{R"({"stream":"ORDERS"})", PublishOutcome::Kind::error, "the ack names no stream and sequence"},
                         Row{R"({"stream":"ORDERS","seq":-1})", PublishOutcome::Kind::error, "the ack names no stream and sequence"},
                         Row{R"({"error":"no","stream":"ORDERS"})", PublishOutcome::Kind::error, "the ack's error is no JSON object"}}) {
    CAPTURE(row.answer);
    ClientWorld world;
    world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) { peer.answer(o.reply, row.answer); };
    PublishOutcome outcome;
    run(world, [&](JetStreamClient& jetstream, Client&, Env&) { outcome = jetstream.publish("orders.new", "payload"); });
    world.run(20s);
    CHECK(outcome.kind == row.kind);
    CHECK(outcome.text == row.text);
    CHECK(outcome.attempts == 1);
    if (outcome.kind == PublishOutcome::Kind::acked) {
      CHECK(outcome.ack.stream == "ORDERS");
      CHECK(outcome.ack.seq == Seq{42});
      CHECK(outcome.ack.duplicate == (outcome.ack.domain == "hub"));
    }
    if (outcome.err_code != 0) CHECK(outcome.code * 100000 + outcome.err_code == 400 * 100000 + 10071);
  }
}

TEST_CASE("an ack from another stream or domain than expected is an error that shows the ack") {
  struct Row {
    const char* stream;
    const char* domain;
    PublishOutcome::Kind kind;
  };
  for (const Row& row : {Row{"ORDERS", "leaf", PublishOutcome::Kind::acked}, Row{"", "leaf", PublishOutcome::Kind::acked},
                         Row{"ORDERS", "hub", PublishOutcome::Kind::error}, Row{"EVENTS", "", PublishOutcome::Kind::error}}) {
    CAPTURE(row.stream);
    CAPTURE(row.domain);
    ClientWorld world;
    world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
      peer.answer(o.reply, R"({"stream":"ORDERS", "domain":"leaf", "seq":7})");
    };
    PublishOutcome outcome;
    run(world, [&](JetStreamClient& jetstream, Client&, Env&) {
      PublishOptions options;
      options.expect_stream = row.stream;
      options.expect_domain = row.domain;
      outcome = jetstream.publish("orders.new", "payload", options);
    });
    world.run(20s);
    CHECK(outcome.kind == row.kind);
    CHECK(outcome.ack.seq == Seq{7});
    CHECK(outcome.text.empty() == (row.kind == PublishOutcome::Kind::acked));
  }
}

TEST_CASE("options become headers") {
  ClientWorld world;
  std::string headers;
  world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
    headers = o.headers;
    peer.answer(o.reply, R"({"stream":"S", "seq":1})");
  };
  run(world, [&](JetStreamClient& jetstream, Client&, Env&) {
    PublishOptions options;
    options.headers = "NATS/1.0\r\nMine: 1\r\n\r\n";
    options.msg_id = "order-1";
    options.expect_stream = "S";
    options.expect_last_seq = Seq{5};
    options.expect_last_subject_seq = Seq{0};
    options.expect_last_msg_id = "order-0";
    (void)jetstream.publish("s", "payload", options);
  });
  world.run(20s);
  CHECK(headers ==
        "NATS/1.0\r\nMine: 1\r\nNats-Msg-Id: order-1\r\nNats-Expected-Stream: S\r\nNats-Expected-Last-Sequence: 5\r\n"
        "Nats-Expected-Last-Subject-Sequence: 0\r\nNats-Expected-Last-Msg-Id: order-0\r\n\r\n");
}

TEST_CASE("without retries the first outcome stands: no responders at once, a timeout after five seconds") {
  for (const bool is_silent : {false, true}) {
    CAPTURE(is_silent);
    ClientWorld world;
    if (is_silent) world.script.on_publish = [](FakePeer&, const core::Operation&) {};
    PublishOutcome outcome;
    Duration took{};
    run(world, [&](JetStreamClient& jetstream, Client&, Env& env) {
      const auto before = env.clock.now();
      outcome = jetstream.publish("orders.new", "payload");
      took = env.clock.now() - before;
    });
    world.run(20s);
    CHECK(outcome.kind == (is_silent ? PublishOutcome::Kind::timeout : PublishOutcome::Kind::no_responders));
    CHECK((is_silent ? took == 5s : took < 1ms));
    CHECK(outcome.attempts == 1);
    CHECK_FALSE(outcome.may_be_stored);
  }
}

TEST_CASE("retries wait, and end with the first answer that counts") {
  ClientWorld world;
  std::vector<Duration> times;
  std::vector<std::string> ids;
  world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
    times.push_back(world.kernel.now().time_since_epoch());
    ids.emplace_back(core::header_value(o.headers, "Nats-Msg-Id").value_or(""));
    if (times.size() == 1) return;  // silence
    if (times.size() == 2) return peer.answer(o.reply, "", core::status_block(503));
    peer.answer(o.reply, R"({"stream":"S", "seq":1,"duplicate": true})");
  };
  PublishOutcome outcome;
  run(world, [&](JetStreamClient& jetstream, Client&, Env&) {
    PublishOptions options;
    options.msg_id = "one";
    options.timeout = 2s;
    options.retries = 10;
    options.retry_wait = 500ms;
    outcome = jetstream.publish("s", "payload", options);
  });
  world.run(60s);
  CHECK(outcome.kind == PublishOutcome::Kind::acked);
  CHECK(outcome.attempts == 3);
  CHECK(outcome.may_be_stored);
  CHECK(outcome.ack.duplicate);
  REQUIRE(times.size() == 3);
  CHECK((times[1] - times[0] > 2499ms && times[1] - times[0] < 2501ms));
  CHECK((times[2] - times[1] > 499ms && times[2] - times[1] < 502ms));
  CHECK(ids == std::vector<std::string>{"one", "one", "one"});
}

TEST_CASE("errors are not retried, nor timeouts if one does not want to") {
  for (const bool is_error : {true, false}) {
    CAPTURE(is_error);
    ClientWorld world;
    world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
      if (is_error)
        peer.answer(o.reply, R"({"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"S","seq":0})");
    };
    PublishOutcome outcome;
    run(world, [&](JetStreamClient& jetstream, Client&, Env&) {
      PublishOptions options;
      options.retries = 5;
      options.retries_timeouts = false;
      outcome = jetstream.publish("s", "payload", options);
    });
    world.run(60s);
    CHECK(outcome.attempts == 1);
    CHECK(outcome.kind == (is_error ? PublishOutcome::Kind::error : PublishOutcome::Kind::timeout));
  }
}

TEST_CASE("a publish that cannot be sent says so") {
  ClientWorld world;
  std::string outcomes;
  run(world, [&](JetStreamClient& jetstream, Client& client, Env&) {
    outcomes = name_of(jetstream.publish("not valid", "payload").kind);
    client.close();
    outcomes += " " + std::string(name_of(jetstream.publish("s", "payload").kind));
  });
  world.run(20s);
  CHECK(outcomes == "error disconnected");
}

// A consumer of three messages on the fake server: answers each pull as it is told.
std::string ack_subject(int seq, int deliveries = 1) {
  return "$JS.ACK.S.C." + std::to_string(deliveries) + "." + std::to_string(seq) + "." + std::to_string(seq + 10) +
         ".1714557600123456789." + std::to_string(3 - seq);
}

void deliver(FakePeer& peer, std::string_view inbox, int seq) {
  std::string out;
  for (const auto& [sid, subject] : peer.subscriptions) {
    if (core::matches(inbox, subject))
      core::append_message(
          out, sid,
          {.subject = inbox, .reply = ack_subject(seq), .headers = {}, .payload = std::to_string(seq), .shown_subject = "orders.new"});
  }
  (void)peer.connection->write(out, core::kForever);
}

TEST_CASE("a fetch returns what came, and why no more did") {
  struct Row {
    int messages;
    const char* status;
    unsigned code;
    Fetched::End end;
  };
  for (const Row& row : {Row{3, nullptr, 0, Fetched::End::complete}, Row{1, "Request Timeout", 408, Fetched::End::expired},
                         Row{0, "No Messages", 404, Fetched::End::no_messages}, Row{2, "Consumer Deleted", 409, Fetched::End::refused},
                         Row{0, "", 503, Fetched::End::no_responders}, Row{2, nullptr, 0, Fetched::End::timeout}}) {
    CAPTURE(row.code);
    ClientWorld world;
    std::string request;
    world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
      request = std::string(o.subject) + " " + std::string(o.payload);
      const std::string inbox(o.reply);
      peer.answer(inbox, "", core::status_block(100, "Idle Heartbeat"));
      for (int seq = 1; seq <= row.messages; ++seq) deliver(peer, inbox, seq);
      if (row.status != nullptr) peer.answer(inbox, "", core::status_block(row.code, row.status));
    };
    Fetched fetched;
    Duration took{};
    run(world, [&](JetStreamClient& jetstream, Client&, Env& env) {
      const auto before = env.clock.now();
      fetched = jetstream.fetch("S", "C", {.batch = 3, .expires = 4s});
      took = env.clock.now() - before;
    });
    world.run(60s);
    CHECK(request == R"($JS.API.CONSUMER.MSG.NEXT.S.C {"batch":3,"expires":4000000000})");
    CHECK(fetched.end == row.end);
    CHECK(fetched.code == row.code);
    REQUIRE(fetched.messages.size() == static_cast<std::size_t>(row.messages));
    for (int i = 0; i < row.messages; ++i) {
      const core::Delivery& delivery = fetched.messages[static_cast<std::size_t>(i)];
      CHECK(delivery.message.subject == "orders.new");
      CHECK(delivery.stream_seq == Seq{static_cast<std::uint64_t>(i) + 1});
      CHECK(delivery.consumer_seq == Seq{static_cast<std::uint64_t>(i) + 11});
      CHECK(delivery.pending == static_cast<std::uint64_t>(2 - i));
      CHECK(delivery.stored_at.unix_ns == 1714557600123456789);
    }
    CHECK((row.end == Fetched::End::timeout ? took == 5s : took < 10ms));
  }
}

TEST_CASE("a fetch asks the domain's API, and for no more bytes than it was told") {
  ClientWorld world;
  run(
      world,
      [&](JetStreamClient& jetstream, Client&, Env&) {
        (void)jetstream.fetch("S", "C", {.batch = 1, .is_no_wait = true, .max_bytes = core::Bytes{1000}});
      },
      "hub");
  world.run(60s);
  CHECK(world.script.seen[world.script.seen.size() - 2] ==
        R"(PUB $JS.hub.API.CONSUMER.MSG.NEXT.S.C {"batch":1,"no_wait":true,"max_bytes":1000})");
}

TEST_CASE("a fetch ends when the connection breaks, with what it has") {
  ClientWorld world;
  world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) { deliver(peer, std::string(o.reply), 1); };
  Fetched fetched;
  Duration took{};
  run(world, [&](JetStreamClient& jetstream, Client&, Env& env) {
    fetched = jetstream.fetch("S", "C", {.batch = 3, .expires = 100s});
    took = env.clock.now() - core::Instant{};
  });
  world.run(1s);
  world.server.kill();
  world.run(60s);
  CHECK(fetched.end == Fetched::End::disconnected);
  CHECK(fetched.messages.size() == 1);
  CHECK(took < 1100ms);
}

TEST_CASE("acks say what the server understands") {
  ClientWorld world;
  run(world, [&](JetStreamClient& jetstream, Client& client, Env& env) {
    core::Message message;
    message.reply = ack_subject(1);
    const core::Delivery delivery = core::to_delivery(message).value();
    (void)jetstream.ack(delivery);
    (void)jetstream.nak(delivery);
    (void)jetstream.nak(delivery, 5s);
    (void)jetstream.term(delivery);
    (void)jetstream.term(delivery, "poison");
    (void)jetstream.in_progress(delivery);
    (void)client.flush(in(env, 1s));
  });
  world.run(10s);
  const std::string start = "PUB " + ack_subject(1) + " ";
  Lines acks;
  for (const std::string& line : world.script.seen) {
    if (line.substr(0, start.size()) == start) acks.push_back(line.substr(start.size()));
  }
  CHECK(acks == Lines{"+ACK", "-NAK", "-NAK {\"delay\":5000000000}", "+TERM", "+TERM poison", "+WPI"});
}

TEST_CASE("a double ack is confirmed, or it is known why not") {
  ClientWorld world;
  int asked = 0;
  world.script.on_publish = [&](FakePeer& peer, const core::Operation& o) {
    ++asked;
    if (asked == 1) peer.answer(o.reply, "");
    if (asked == 2) peer.answer(o.reply, "", core::status_block(503));
  };
  std::vector<AckOutcome> outcomes;
  run(world, [&](JetStreamClient& jetstream, Client& client, Env&) {
    core::Message message;
    message.reply = ack_subject(1);
    const core::Delivery delivery = core::to_delivery(message).value();
    for (int i = 0; i < 3; ++i) outcomes.push_back(jetstream.ack_confirmed(delivery, 1s));
    client.close();
    outcomes.push_back(jetstream.ack_confirmed(delivery, 1s));
  });
  world.run(10s);
  CHECK(outcomes ==
        std::vector<AckOutcome>{AckOutcome::confirmed, AckOutcome::no_responders, AckOutcome::timeout, AckOutcome::disconnected});
}

TEST_CASE("ack subjects are read in both forms, and others are none") {
  struct Row {
    const char* reply;
    const char* read;  // domain, stream, consumer, stream sequence; nullptr: none
  };
  for (const Row& row : {Row{"$JS.ACK.ORDERS.C1.1.42.7.1714557600123456789.3", " ORDERS C1 42"},
                         Row{"$JS.ACK._.szMpdrwD.ORDERS.C1.1.42.7.1714557600123456789.3", " ORDERS C1 42"},
                         Row{"$JS.ACK.hub.szMpdrwD.ORDERS.C1.1.42.7.1714557600123456789.3.x.y", "hub ORDERS C1 42"},
                         Row{"$JS.ACK.ORDERS.C1.1.42.7.1714557600123456789", nullptr}, Row{"$JS.ACK.a.ORDERS.C1.1.42.7.17.3", nullptr},
                         Row{"$JS.ACK.ORDERS.C1.1.x.7.17.3", nullptr}, Row{"_INBOX.a.b.c.d.e.f.g.h", nullptr}, Row{"", nullptr}}) {
    CAPTURE(row.reply);
    core::Message message;
    message.reply = row.reply;
    const auto delivery = core::to_delivery(message);
    CHECK(delivery.has_value() == (row.read != nullptr));
    if (delivery && row.read != nullptr) {
      CHECK(delivery->domain + " " + delivery->stream + " " + delivery->consumer + " " + std::to_string(delivery->stream_seq.value) ==
            row.read);
    }
  }
}

}  // namespace
}  // namespace windtunnel::tests
