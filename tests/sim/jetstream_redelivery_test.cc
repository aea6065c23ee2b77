// Deliveries that are not acknowledged, and every kind of acknowledgement (reference: streams C.3 and C.5).
#include <algorithm>

#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

struct Delivering : OneNode {
  explicit Delivering(int messages, const std::string& members = R"("ack_policy":"explicit","ack_wait":1000000000)",
                      std::optional<core::Defect> defect = {})
      : OneNode(core::Seed{1}, with_defect(defect)) {
    client().create_stream("S", R"("subjects":["s.>"])");
    client().create_consumer("S", "c", members);
    client().publish_many("s.a", messages);
  }
  std::vector<Heard> fetch(int batch) { return client().fetch("S", "c", batch); }
  Json info() { return client().consumer("S", "c"); }
  std::pair<std::uint64_t, std::uint64_t> floor() {
    const Json f = info()["ack_floor"];
    return {f["consumer_seq"].get<std::uint64_t>(), f["stream_seq"].get<std::uint64_t>()};
  }
};
using Floor = std::pair<std::uint64_t, std::uint64_t>;

TEST_CASE("what is not acknowledged is delivered again after ack_wait, in the order of its sequences, before anything new") {
  Delivering node{4};
  const std::vector<Heard> first = node.fetch(3);
  REQUIRE(first.size() == 3);
  CHECK(node.client().ack(first[1]));
  node.world.run_for(300ms);
  CHECK(stream_seqs(node.fetch(1)) == Seqs{4});  // nothing is due yet
  node.client().publish("s.a", "x");
  node.world.run_for(1s);
  const std::vector<Heard> again = node.fetch(5);
  CHECK(stream_seqs(again) == Seqs{1, 3, 4, 5});
  REQUIRE(again.size() == 4);
  CHECK(deliveries_of(again[0]) == 2);
  CHECK(consumer_seq_of(again[0]) == 5);  // a delivery has a sequence of its own
  CHECK(deliveries_of(again[3]) == 1);
  CHECK(node.info()["num_redelivered"] == 3);
}

TEST_CASE("a waiting request gets the redelivery when it is due, not earlier and not much later") {
  Delivering node{1};
  const std::vector<Heard> first = node.fetch(1);
  REQUIRE(first.size() == 1);
  const std::string sid = node.client().pull("S", "c", R"({"batch":1,"expires":5000000000})");
  const std::vector<Heard> again = node.client().wire().await(sid, 1);
  REQUIRE(again.size() == 1);
  CHECK(again[0].at - first[0].at >= 1s);
  CHECK(again[0].at - first[0].at < 1010ms);
}

TEST_CASE("backoff sets the wait before each redelivery, its last step for all further ones") {
  Delivering node{1, R"("ack_policy":"explicit","backoff":[100000000,400000000,1000000000],"max_deliver":6)"};
  const std::string sid = node.client().pull("S", "c", R"({"batch":6,"expires":20000000000})");
  const std::vector<Heard> all = node.client().wire().await(sid, 5, 10s);
  REQUIRE(all.size() == 5);
  const std::vector<core::Duration> waits{100ms, 400ms, 1s, 1s};
  for (std::size_t i = 0; i < waits.size(); ++i) {
    CAPTURE(i);
    const core::Duration waited = all[i + 1].at - all[i].at;
    CHECK(waited >= waits[i]);
    CHECK(waited < waits[i] + 10ms);
  }
}

SCENARIO("a message runs out of deliveries") {
  Delivering node{2, R"("ack_policy":"explicit","ack_wait":200000000,"max_deliver":2)"};
  const std::string advisories = node.client().wire().subscribe("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c");
  for (int i = 0; i < 2; ++i) {
    REQUIRE(stream_seqs(node.fetch(2)) == Seqs{1, 2});
    node.world.run_for(300ms);
  }
  CHECK(node.fetch(5).empty());
  THEN("it is told once, stays in the stream and is not delivered again") {
    node.world.run_for(5s);
    CHECK(node.fetch(5).empty());
    const std::vector<Heard> told = node.client().wire().take(advisories);
    REQUIRE(told.size() == 2);
    CHECK(Json::parse(told[0].payload)["stream_seq"] == 1);
    CHECK(Json::parse(told[0].payload)["deliveries"] == 2);
    CHECK(node.client().stream("S")["state"]["messages"] == 2);
    const Json info = node.info();
    CHECK(info["num_ack_pending"] == 0);
    CHECK(info["num_redelivered"] == 2);
  }
  THEN("the floor closes up when nothing is pending any more") {
    node.world.run_for(1s);
    CHECK(node.floor() == Floor{4, 2});
  }
  THEN("a late acknowledgement is answered and ends its record") {
    CHECK(node.client().ack(Heard{{}, {}, {}, {}, "$JS.ACK.S.c.2.1.3.0.0", {}, {}}));
    CHECK(node.info()["num_redelivered"] == 1);
  }
}

SCENARIO("a negative acknowledgement") {
  Delivering node{3};
  const std::vector<Heard> first = node.fetch(3);
  REQUIRE(first.size() == 3);
  WHEN("it says nothing more") {
    CHECK(node.client().ack(first[2], "-NAK"));
    CHECK(node.client().ack(first[0], "-NAK"));
    THEN("the messages come again at once, in the order of the naks") { CHECK(stream_seqs(node.fetch(5)) == Seqs{3, 1}); }
  }
  WHEN("it names a delay longer than ack_wait") {
    CHECK(node.client().ack(first[0], R"(-NAK {"delay": 3000000000})"));
    CHECK(node.client().ack(first[1]));
    CHECK(node.client().ack(first[2]));
    const std::string sid = node.client().pull("S", "c", R"({"batch":1,"expires":10000000000})");
    const std::vector<Heard> again = node.client().wire().await(sid, 1, 10s);
    THEN("the message comes when the delay is over") {
      REQUIRE(again.size() == 1);
      CHECK(again[0].at - first[0].at >= 3s);
      CHECK(again[0].at - first[0].at < 3100ms);
    }
  }
  WHEN("it names a delay shorter than ack_wait, in Go's form") {
    CHECK(node.client().ack(first[0], "-NAK 200ms"));
    THEN("the message comes before the others are due") {
      node.world.run_for(250ms);
      CHECK(stream_seqs(node.fetch(5)) == Seqs{1});
    }
  }
  WHEN("the delay cannot be read") {
    CHECK(node.client().ack(first[1], "-NAK soon"));
    THEN("it counts for none") { CHECK(stream_seqs(node.fetch(5)) == Seqs{2}); }
  }
  WHEN("the message is acknowledged already") {
    CHECK(node.client().ack(first[0]));
    CHECK(node.client().ack(first[0], "-NAK"));
    THEN("nothing happens") { CHECK(node.fetch(5).empty()); }
  }
}

TEST_CASE("work in progress puts the redelivery off") {
  Delivering node{2};
  const std::vector<Heard> first = node.fetch(2);
  REQUIRE(first.size() == 2);
  for (int i = 0; i < 4; ++i) {
    node.world.run_for(400ms);
    CHECK(node.client().ack(first[0], "+WPI"));
  }
  CHECK(stream_seqs(node.fetch(5)) == Seqs{2});
  node.world.run_for(1100ms);
  CHECK(stream_seqs(node.fetch(5)) == Seqs{1, 2});
}

TEST_CASE("a terminated message does not come again, and operators are told why") {
  Delivering node{1};
  const std::string advisories = node.client().wire().subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.c");
  const std::vector<Heard> first = node.fetch(1);
  REQUIRE(first.size() == 1);
  CHECK(node.client().ack(first[0], "+TERM no such customer"));
  node.world.run_for(3s);
  CHECK(node.fetch(5).empty());
  CHECK(node.floor() == Floor{1, 1});
  const std::vector<Heard> told = node.client().wire().take(advisories);
  REQUIRE(told.size() == 1);
  CHECK(Json::parse(told[0].payload)["reason"] == "no such customer");
}

TEST_CASE("+NXT acknowledges and pulls into the reply of the acknowledgement") {
  Delivering node{4};
  const std::vector<Heard> first = node.fetch(1);
  REQUIRE(first.size() == 1);
  const std::string sid = node.client().wire().subscribe("_NXT");
  node.client().wire().publish(first[0].reply, "+NXT 2", {}, "_NXT");
  node.world.run_for(50ms);
  CHECK(stream_seqs(node.client().wire().take(sid)) == Seqs{2, 3});
  CHECK(node.info()["num_ack_pending"] == 2);
}

TEST_CASE("+NXT pulls whether or not there is something to acknowledge") {
  Delivering node{3};
  for (const char* reply : {"$JS.ACK.S.c.1.3.3.0.0", "$JS.ACK.S.c.1.1.1.0.0"}) {  // not delivered yet; delivered by the first one
    const std::string sid = node.client().wire().subscribe("_NXT");
    node.client().wire().publish(reply, "+NXT", {}, "_NXT");
    node.world.run_for(50ms);
    CHECK(node.client().wire().take(sid).size() == 1);
  }
  CHECK(node.info()["num_ack_pending"] == 1);
  CHECK(node.floor() == Floor{1, 1});
}

TEST_CASE("what was not delivered cannot be acknowledged, and is not answered") {
  Delivering node{3};
  REQUIRE(node.fetch(1).size() == 1);
  CHECK_FALSE(node.client().wire().request("$JS.ACK.S.c.1.2.2.0.0", "+ACK", {}, 300ms));
  CHECK(node.info()["num_ack_pending"] == 1);
  CHECK(node.floor() == Floor{0, 0});
}

TEST_CASE("the ack floor stands just below the lowest message that is pending") {
  Delivering node{5};
  const std::vector<Heard> all = node.fetch(5);
  REQUIRE(all.size() == 5);
  CHECK(node.client().ack(all[1]));
  CHECK(node.floor() == Floor{0, 0});
  CHECK(node.client().ack(all[0]));
  CHECK(node.floor() == Floor{2, 2});
  CHECK(node.client().ack(all[3]));
  CHECK(node.floor() == Floor{2, 2});
  CHECK(node.client().ack(all[2]));
  CHECK(node.floor() == Floor{4, 4});
  CHECK(node.client().ack(all[4]));
  CHECK(node.floor() == Floor{5, 5});
  CHECK(node.client().ack(all[4]));  // again: answered, nothing changes
  CHECK(node.floor() == Floor{5, 5});
}

TEST_CASE("a redelivery is acknowledged by its stream sequence, the floor moves by its first delivery") {
  Delivering node{2};
  REQUIRE(node.fetch(2).size() == 2);
  node.world.run_for(1100ms);
  const std::vector<Heard> again = node.fetch(2);
  REQUIRE(again.size() == 2);
  CHECK(consumer_seq_of(again[0]) == 3);
  CHECK(node.client().ack(again[0]));
  CHECK(node.floor() == Floor{1, 1});
  CHECK(node.client().ack(again[1]));
  CHECK(node.floor() == Floor{4, 2});
}

TEST_CASE("with ack policy all one acknowledgement covers everything below") {
  Delivering node{5, R"("ack_policy":"all","ack_wait":1000000000)"};
  const std::vector<Heard> all = node.fetch(5);
  REQUIRE(all.size() == 5);
  CHECK(node.client().ack(all[2]));
  CHECK(node.floor() == Floor{3, 3});
  CHECK(node.info()["num_ack_pending"] == 2);
  CHECK(node.client().ack(all[0]));  // below the floor: answered, nothing changes
  CHECK(node.floor() == Floor{3, 3});
  node.world.run_for(1100ms);
  CHECK(stream_seqs(node.fetch(5)) == Seqs{4, 5});
}

// As nats-server 2.10.27: it goes to the end of the queue.
TEST_CASE("a redelivery that is too large for those who ask keeps nobody from the others") {
  Delivering node{0};
  node.client().publish("s.a", std::string(6000, 'x'));
  node.client().publish_many("s.a", 2);
  REQUIRE(node.fetch(3).size() == 3);
  node.world.run_for(1100ms);
  const auto pull = [&] {
    return stream_seqs(node.client().wire().await(node.client().pull("S", "c", R"({"batch":2,"max_bytes":200,"no_wait":true})"), 2, 100ms));
  };
  CHECK(pull().empty());
  CHECK(pull() == Seqs{2, 3});
  CHECK(stream_seqs(node.fetch(3)) == Seqs{1});
}

TEST_CASE("a delay that is longer than ack_wait outlives a restart; a clock that was set back does not make one of it") {
  for (const bool is_set_back : {false, true}) {
    CAPTURE(is_set_back);
    Delivering node{1};
    const std::vector<Heard> first = node.fetch(1);
    REQUIRE(first.size() == 1);
    CHECK(node.client().ack(first[0], R"(-NAK {"delay": 60000000000})"));
    node.world.run_for(2s);
    if (is_set_back) node.world.process("hub").step_clock(-1h);
    node.restart(sim::Signal::term);
    const std::string sid = node.client().pull("S", "c", R"({"batch":1,"expires":100000000000})");
    const std::vector<Heard> again = node.client().wire().await(sid, 1, 90s);
    REQUIRE(again.size() == 1);
    if (is_set_back) {
      CHECK(again[0].at - first[0].at < 6s);
    } else {
      CHECK(again[0].at - first[0].at >= 59s);  // the file keeps whole seconds
      CHECK(again[0].at - first[0].at < 62s);
    }
  }
}

TEST_CASE("times beyond all times are as long as there are") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.create_consumer("S", "c", R"("ack_policy":"explicit","ack_wait":1000000000,"inactive_threshold":9223372036854775807)");
  js.publish_many("s.a", 1);
  const std::vector<Heard> first = js.fetch("S", "c", 1);
  REQUIRE(first.size() == 1);
  CHECK(js.ack(first[0], R"(-NAK {"delay": 9223372036854775807})"));
  node.world.run_for(1min);
  CHECK(js.consumer("S", "c")["num_ack_pending"] == 1);
  CHECK(js.fetch("S", "c", 1).empty());
  node.restart(sim::Signal::term);
  CHECK(node.client().consumer("S", "c")["num_ack_pending"] == 1);
}

TEST_CASE("deleting a message that is pending ends its wait and moves the floor") {
  Delivering node{3, R"("ack_policy":"explicit","max_ack_pending":2,"ack_wait":1000000000)"};
  REQUIRE(stream_seqs(node.fetch(3)) == Seqs{1, 2});
  node.client().api("STREAM.MSG.DELETE.S", R"({"seq":1})");
  CHECK(node.floor() == Floor{1, 1});
  CHECK(stream_seqs(node.fetch(3)) == Seqs{3});  // and frees a place below max_ack_pending
  node.world.run_for(1100ms);
  CHECK(stream_seqs(node.fetch(5)) == Seqs{2, 3});
}

TEST_CASE("a shorter ack_wait holds for what is pending already") {
  Delivering node{1, R"("ack_policy":"explicit","ack_wait":30000000000)"};
  REQUIRE(node.fetch(1).size() == 1);
  CHECK(error_of(node.client().create_consumer("S", "c", R"("ack_policy":"explicit","ack_wait":500000000)")) == 0);
  node.world.run_for(600ms);
  CHECK(stream_seqs(node.fetch(1)) == Seqs{1});
}

TEST_CASE("sampled acknowledgements tell how long the message was on its way") {
  Delivering node{1, R"("ack_policy":"explicit","sample_freq":"100%")"};
  const std::string metrics = node.client().wire().subscribe("$JS.EVENT.METRIC.CONSUMER.ACK.S.c");
  const std::vector<Heard> first = node.fetch(1);
  REQUIRE(first.size() == 1);
  node.world.run_for(2s);
  CHECK(node.client().ack(first[0]));
  const std::vector<Heard> told = node.client().wire().take(metrics);
  REQUIRE(told.size() == 1);
  const Json metric = Json::parse(told[0].payload);
  CHECK(metric["type"] == "io.nats.jetstream.metric.v1.consumer_ack");
  CHECK(metric["ack_time"].get<std::int64_t>() >= 2'000'000'000);
  CHECK(metric["ack_time"].get<std::int64_t>() < 2'300'000'000);
}

TEST_CASE("nats-5227: the repair of the floor takes the lowest pending message for acknowledged") {
  for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_5227}}) {
    CAPTURE(defect.has_value());
    Delivering node{10, R"("ack_policy":"explicit","ack_wait":1000000000)", defect};
    const std::vector<Heard> heard = node.fetch(10);
    REQUIRE(heard.size() == 10);
    CHECK(node.client().ack(heard[0]));
    CHECK(node.client().api("STREAM.PURGE.S", R"({"seq":8})")["purged"] == 7);
    CHECK(node.floor() == (defect ? Floor{8, 8} : Floor{7, 7}));
    node.world.run_for(2s);
    CHECK(stream_seqs(node.fetch(10)) == (defect ? Seqs{9, 10} : Seqs{8, 9, 10}));
  }
}

TEST_CASE("nats-5305: a redelivery that nobody takes moves the position back, and another message comes again as if new") {
  for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_5305}}) {
    CAPTURE(defect.has_value());
    Delivering node{3, R"("ack_policy":"explicit","ack_wait":1000000000)", defect};
    REQUIRE(node.fetch(3).size() == 3);
    const std::string sid = node.client().pull("S", "c", R"({"batch":5,"expires":60000000000})");
    node.world.run_for(10ms);
    node.client().wire().unsubscribe(sid);
    node.world.run_for(1500ms);  // due again, and nobody listens
    CHECK(node.client().wire().take(sid).empty());
    const std::vector<Heard> again = node.fetch(5);
    std::vector<std::uint64_t> counts;
    for (const Heard& message : again) counts.push_back(deliveries_of(message));
    if (defect) {
      CHECK(std::count(counts.begin(), counts.end(), 1) > 0);
    } else {
      Seqs seqs = stream_seqs(again);
      std::sort(seqs.begin(), seqs.end());  // the one that was tried went to the end of the queue
      CHECK(seqs == Seqs{1, 2, 3});
      CHECK(counts == Seqs{2, 2, 2});
    }
  }
}

TEST_CASE("nats-6343: an acknowledgement out of order is counted as a message less to come") {
  for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_6343}}) {
    CAPTURE(defect.has_value());
    OneNode node{core::Seed{1}, with_defect(defect)};
    node.client().create_stream("Q", R"("subjects":["q"],"retention":"workqueue")");
    node.client().create_consumer("Q", "w", R"("ack_policy":"explicit")");
    node.client().publish_many("q", 3);
    const std::vector<Heard> heard = node.client().fetch("Q", "w", 2);
    REQUIRE(heard.size() == 2);
    CHECK(node.client().ack(heard[1]));
    CHECK(node.client().consumer("Q", "w")["num_pending"] == (defect ? 0 : 1));
    CHECK(node.client().ack(heard[0]));
    CHECK(node.client().stream("Q")["state"]["messages"] == 1);
  }
}

TEST_CASE("nats-8168: the acknowledgement of a message that ran out of deliveries is forgotten by the next restart") {
  // With one delivery the file still has it as pending, and hears of the acknowledgement (2.10.27 as well: "once_acked_late").
  for (const std::uint64_t max_deliver : {1U, 2U, 3U}) {
    for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_8168}}) {
      CAPTURE(max_deliver);
      CAPTURE(defect.has_value());
      Delivering node{2, R"("ack_policy":"explicit","ack_wait":200000000,"max_deliver":)" + std::to_string(max_deliver), defect};
      std::vector<Heard> heard;
      for (std::uint64_t i = 0; i < max_deliver; ++i) {
        heard = node.fetch(1);
        REQUIRE(heard.size() == 1);
        CHECK(stream_seqs(heard) == Seqs{1});
        node.world.run_for(300ms);
      }
      // Where there are two it leaves what is pending when its turn comes again.
      const std::size_t others = max_deliver > 1 ? 1 : 0;
      if (others > 0) REQUIRE(node.fetch(1).size() == others);
      node.world.run_for(100ms);
      CHECK(node.info()["num_redelivered"] == 1);
      CHECK(node.client().ack(heard[0]));
      CHECK(node.info()["num_redelivered"] == 0);
      node.world.run_for(50ms);
      node.restart(sim::Signal::kill);
      CHECK(node.info()["num_redelivered"] == (defect && max_deliver > 1 ? 1 : 0));
    }
  }
}

TEST_CASE("a pending message that leaves its stream is told of, unless a purge took it") {
  Delivering node{4};
  REQUIRE(node.fetch(3).size() == 3);
  const std::string told = node.client().wire().subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.c");
  CHECK(node.client().api("STREAM.MSG.DELETE.S", R"({"seq":2})")["success"] == true);
  node.world.run_for(10ms);
  const std::vector<Heard> heard = node.client().wire().take(told);
  REQUIRE(heard.size() == 1);
  CHECK(Json::parse(heard[0].payload)["reason"] == "Unacknowledged message was deleted");
  CHECK(Json::parse(heard[0].payload)["stream_seq"] == 2);
  CHECK(node.client().api("STREAM.PURGE.S")["purged"] == 3);
  node.world.run_for(10ms);
  CHECK(node.client().wire().take(told).empty());
  CHECK(node.info()["num_ack_pending"] == 0);
}

TEST_CASE("a message that was delivered once too often leaves what is pending without anybody asking for it") {
  Delivering node{2, R"("ack_policy":"explicit","ack_wait":200000000,"max_deliver":1)"};
  const std::string told = node.client().wire().subscribe("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c");
  REQUIRE(node.fetch(2).size() == 2);
  node.world.run_for(300ms);
  CHECK(node.client().wire().take(told).size() == 2);
  CHECK(node.info()["num_ack_pending"] == 0);
  CHECK(node.floor() == Floor{2, 2});
  node.world.run_for(2s);
  CHECK(node.client().wire().take(told).empty());  // once
}

}  // namespace
}  // namespace windtunnel::tests
