// Push consumers: interest, heartbeats, flow control, pace, inactivity (reference: streams C.7).
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

// As nats-server 2.10.27 (tests/peers/compare-api found it): whoever audits ">" must not drain everybody's push consumers.
TEST_CASE("a push consumer is bound by a subscription to exactly its subject, not by one to a pattern") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.create_stream("AUDIT", R"("subjects":["push.>"])");
  js.create_consumer("S", "c", R"("deliver_subject":"push.c","ack_policy":"none")");
  js.wire().send("SUB > 900\r\nSUB push.* 901\r\nSUB push.c group 902\r\n");
  js.publish_many("s.a", 2);
  node.world.run_for(50ms);
  CHECK_FALSE(js.consumer("S", "c").contains("push_bound"));
  CHECK(js.consumer("S", "c")["num_pending"] == 2);
  CHECK(js.wire().take("901").empty());
  const std::string sid = js.wire().subscribe("push.c");
  CHECK(stream_seqs(js.wire().await(sid, 2)) == Seqs{1, 2});
  CHECK(js.consumer("S", "c")["push_bound"] == true);
  // Once it is bound the others hear it as well.
  CHECK(js.wire().take("901").size() == 2);
  CHECK(js.api("STREAM.INFO.AUDIT")["state"]["messages"] == 2);
}

TEST_CASE("a push consumer delivers while somebody listens, and keeps what nobody heard") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.create_consumer("S", "c", R"("deliver_subject":"push","ack_policy":"none")");
  js.publish_many("s.a", 3);
  CHECK(js.consumer("S", "c")["delivered"]["consumer_seq"] == 0);
  CHECK_FALSE(js.consumer("S", "c").contains("push_bound"));
  const std::string sid = js.wire().subscribe("push");
  const std::vector<Heard> first = js.wire().await(sid, 3);
  CHECK(stream_seqs(first) == Seqs{1, 2, 3});
  CHECK(first[0].subject == "s.a");
  CHECK(js.consumer("S", "c")["push_bound"] == true);
  js.wire().unsubscribe(sid);
  node.world.run_for(10ms);
  js.publish_many("s.a", 2);
  const std::string again = js.wire().subscribe("push");
  CHECK(stream_seqs(js.wire().await(again, 2)) == Seqs{4, 5});
}

TEST_CASE("a push consumer turns pull requests away") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.create_consumer("S", "c", R"("deliver_subject":"push","ack_policy":"none")");
  CHECK(js.wire().request("$JS.API.CONSUMER.MSG.NEXT.S.c", "1")->status() == "409 Consumer is push based");
}

TEST_CASE("an idle consumer sends heartbeats, which a delivery puts off") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  const std::string sid = js.wire().subscribe("push");
  js.create_consumer("S", "c", R"("deliver_subject":"push","ack_policy":"none","idle_heartbeat":500000000)");
  node.world.run_for(450ms);
  CHECK(js.wire().take(sid).empty());
  js.publish("s.a", "x");
  node.world.run_for(450ms);
  CHECK(js.wire().take(sid).size() == 1);
  node.world.run_for(1s);
  const std::vector<Heard> beats = js.wire().take(sid);
  REQUIRE(beats.size() == 2);
  CHECK(beats[0].headers == "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 1\r\n\r\n");
  CHECK(beats[1].at - beats[0].at >= 500ms);
  CHECK(beats[1].at - beats[0].at < 510ms);
}

SCENARIO("flow control holds a consumer back until its receiver has caught up") {
  GIVEN("8 MiB of messages and a receiver that does not answer") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("S", R"("subjects":["s.>"])");
    const std::string payload(64 * 1024, 'x');
    for (int i = 0; i < 128; ++i) js.publish("s.a", payload);
    const std::string sid = js.wire().subscribe("push");
    js.create_consumer("S", "c", R"("deliver_subject":"push","ack_policy":"none","flow_control":true,"idle_heartbeat":1000000000)");
    node.world.run_for(500ms);
    std::vector<Heard> heard = js.wire().take(sid);
    std::string request;
    std::size_t before_request = 0;
    std::size_t delivered = 0;
    for (const Heard& h : heard) {
      if (h.status() == "100 FlowControl Request") {
        CHECK(request.empty());  // one at a time
        request = h.reply;
        before_request = delivered;
      } else if (h.status().empty()) {
        ++delivered;
      }
    }
    THEN("half of the window of 2 MiB draws a request, the whole of it stops deliveries") {
      CHECK(request.starts_with("$JS.FC.S.c."));
      CHECK(before_request == 16);  // 1 MiB, and the subjects besides
      CHECK(delivered == 32);
    }
    THEN("heartbeats name the request that is open") {
      node.world.run_for(1200ms);
      const std::vector<Heard> beats = js.wire().take(sid);
      REQUIRE_FALSE(beats.empty());
      CHECK(beats[0].headers.find("Nats-Consumer-Stalled: " + request + "\r\n") != std::string::npos);
    }
    WHEN("it answers a request that is not open") {
      js.wire().publish("$JS.FC.S.c.none", "");
      node.world.run_for(100ms);
      THEN("nothing moves") { CHECK(stream_seqs(js.wire().take(sid)).empty()); }
    }
    WHEN("it answers") {
      js.wire().publish(request, "");
      node.world.run_for(100ms);
      THEN("what it had when it was asked is credited, and the window doubles: 64 may be out, 16 were") {
        CHECK(stream_seqs(js.wire().take(sid)).size() == 48);
      }
    }
  }
}

// A client that comes back has a new inbox, and none of what went to the old one. As nats-server.
TEST_CASE("a new deliver subject gets at once what is pending, but for what ran out of deliveries") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  const std::string config = R"("ack_policy":"explicit","ack_wait":30000000000,"deliver_subject":)";
  const std::string old = js.wire().subscribe("old");
  js.create_consumer("S", "c", config + R"("old")");
  js.create_consumer("S", "once", R"("max_deliver":1,)" + config + R"("old.once")");
  const std::string once = js.wire().subscribe("old.once");
  js.publish_many("s.a", 4);
  const std::vector<Heard> first = js.wire().await(old, 4);
  REQUIRE(first.size() == 4);
  REQUIRE(js.wire().await(once, 4).size() == 4);
  CHECK(js.ack(first[1]));
  js.wire().unsubscribe(old);
  const std::string fresh = js.wire().subscribe("new");
  const std::string never = js.wire().subscribe("new.once");
  js.create_consumer("S", "c", config + R"("new")");
  js.create_consumer("S", "once", R"("max_deliver":1,)" + config + R"("new.once")");
  const std::vector<Heard> again = js.wire().await(fresh, 3, 1s);
  CHECK(stream_seqs(again) == Seqs{1, 3, 4});
  REQUIRE_FALSE(again.empty());
  CHECK(deliveries_of(again[0]) == 2);
  CHECK(js.wire().await(never, 1, 1s).empty());
}

TEST_CASE("a rate limit lets as much as one message may be go at once, and counts what is sent") {
  for (const bool headers_only : {false, true}) {
    CAPTURE(headers_only);
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("S", R"("subjects":["s"])");
    for (int i = 0; i < 20; ++i) js.publish("s", std::string(100'000, 'x'));
    const std::string sid = js.wire().subscribe("push");
    // 100 kB a second; a MiB may go at once.
    js.create_consumer("S", "c",
                       R"("deliver_subject":"push","ack_policy":"none","rate_limit_bps":800000)" +
                           std::string(headers_only ? R"(,"headers_only":true)" : ""));
    node.world.run_for(500ms);
    CHECK(js.wire().take(sid).size() == (headers_only ? 20 : 10));
  }
}

TEST_CASE("a rate limit spreads deliveries") {
  OneNode node;
  JetStreamClient& js = node.client();
  // A bucket of 1000 bytes, filled with 8000 bits = 1000 bytes a second.
  js.create_stream("S", R"("subjects":["s"],"max_msg_size":1000)");
  // With its subject and where it is to be acknowledged each has as many.
  for (int i = 0; i < 5; ++i) js.publish("s", std::string(960, 'x'));
  const std::string sid = js.wire().subscribe("push");
  js.create_consumer("S", "c", R"("deliver_subject":"push","ack_policy":"none","rate_limit_bps":8000)");
  const std::vector<Heard> heard = js.wire().await(sid, 5, 20s);
  REQUIRE(heard.size() == 5);
  for (std::size_t i = 1; i < 5; ++i) {
    CAPTURE(i);
    CHECK(heard[i].at - heard[i - 1].at >= 990ms);
    CHECK(heard[i].at - heard[i - 1].at < 1010ms);
  }
}

TEST_CASE("the original replay keeps the distances of what was there, and catches up at once") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  for (int i = 0; i < 3; ++i) {
    js.publish("s", "x");
    node.world.run_for(700ms);
  }
  const std::string sid = js.wire().subscribe("push");
  js.create_consumer("S", "c", R"("deliver_subject":"push","ack_policy":"none","replay_policy":"original")");
  const std::vector<Heard> heard = js.wire().await(sid, 3, 10s);
  REQUIRE(heard.size() == 3);
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(heard[i].at - heard[i - 1].at >= 700ms);
    CHECK(heard[i].at - heard[i - 1].at < 720ms);
  }
  js.publish("s", "x");
  CHECK(js.wire().await(sid, 1, 100ms).size() == 1);
}

SCENARIO("a consumer that nobody uses is deleted") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  GIVEN("an ephemeral pull consumer with a threshold of 2 s") {
    const std::string name =
        js.api("CONSUMER.CREATE.S", R"({"stream_name":"S","config":{"ack_policy":"explicit","inactive_threshold":2000000000}})")["name"];
    THEN("pulls keep it, and then it goes within 2 to 3 s") {
      for (int i = 0; i < 5; ++i) {
        node.world.run_for(1500ms);
        CHECK(js.fetch("S", name, 1).empty());
      }
      node.world.run_for(1900ms);
      CHECK(js.consumer("S", name)["name"] == name);
      node.world.run_for(1200ms);
      CHECK(error_of(js.consumer("S", name)) == 10014);
    }
    THEN("a request that waits keeps it, however long") {
      const std::string sid = js.pull("S", name, R"({"batch":1,"expires":20000000000})");
      node.world.run_for(19s);
      CHECK(js.consumer("S", name)["num_waiting"] == 1);
      node.world.run_for(5s);
      CHECK(error_of(js.consumer("S", name)) == 10014);
    }
  }
  GIVEN("an ephemeral push consumer with a threshold of 2 s") {
    const std::string sid = js.wire().subscribe("push");
    const std::string name =
        js.api("CONSUMER.CREATE.S",
               R"({"stream_name":"S","config":{"deliver_subject":"push","ack_policy":"none","inactive_threshold":2000000000}})")["name"];
    THEN("it stays while somebody listens, and goes 2 s after") {
      node.world.run_for(10s);
      CHECK(js.consumer("S", name)["name"] == name);
      js.wire().unsubscribe(sid);
      node.world.run_for(1900ms);
      CHECK(js.consumer("S", name)["name"] == name);
      node.world.run_for(200ms);
      CHECK(error_of(js.consumer("S", name)) == 10014);
    }
  }
  GIVEN("a durable consumer without a threshold") {
    js.create_consumer("S", "d", R"("ack_policy":"explicit")");
    node.world.run_for(10min);
    THEN("it stays") { CHECK(js.consumer("S", "d")["name"] == "d"); }
  }
}

TEST_CASE("the deliver subject may change while nobody listens to the old one") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  js.create_consumer("S", "c", R"("deliver_subject":"one","ack_policy":"none")");
  for (const char* listened : {"one", "*"}) {  // nothing is delivered to a pattern, but it counts
    const std::string one = js.wire().subscribe(listened);
    node.world.run_for(1ms);
    CHECK(error_of(js.create_consumer("S", "c", R"("deliver_subject":"two","ack_policy":"none")")) == 10013);
    js.wire().unsubscribe(one);
    node.world.run_for(1ms);
  }
  CHECK(error_of(js.create_consumer("S", "c", R"("deliver_subject":"two","ack_policy":"none")")) == 0);
  const std::string two = js.wire().subscribe("two");
  js.publish("s", "x");
  CHECK(stream_seqs(js.wire().await(two, 1)) == Seqs{1});
}

TEST_CASE("a consumer for a queue group waits for a member of it") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  node.client().create_consumer("S", "c", R"("ack_policy":"explicit","deliver_subject":"d","deliver_group":"g")");
  node.client().publish_many("s", 2);
  const std::string plain = node.client().wire().subscribe("d");
  node.client().wire().send("SUB d other 901\r\n");
  node.world.run_for(50ms);
  CHECK(node.client().wire().take(plain).empty());
  CHECK(node.client().consumer("S", "c")["num_pending"] == 2);
  node.client().wire().send("SUB d g 902\r\n");
  node.world.run_for(50ms);
  CHECK(stream_seqs(node.client().wire().take("902")) == Seqs{1, 2});
  CHECK(node.client().consumer("S", "c")["push_bound"] == true);
}

}  // namespace
}  // namespace windtunnel::tests
