// What a publish meets: ids, expectations, roll-ups and limits, also over a restart (reference: streams A).
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

SCENARIO("a message id is remembered for its window, over a restart too") {
  GIVEN("a stream with a window of 10 s and a message with an id") {
    OneNode node;
    node.client().create_stream("S", R"("subjects":["s"],"duplicate_window":10000000000)");
    REQUIRE(seq_of(node.client().publish("s", "one", "Nats-Msg-Id: a\r\n")) == 1);
    for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill}) {
      CAPTURE(sim::name_of(signal));
      node.restart(signal);
      const Json again = node.client().publish("s", "one", "Nats-Msg-Id: a\r\n");
      CHECK(seq_of(again) == 1);
      CHECK(again.value("duplicate", false));
    }
    WHEN("the window has passed") {
      node.world.run_for(10s);
      THEN("it is a new message") {
        const Json later = node.client().publish("s", "one", "Nats-Msg-Id: a\r\n");
        CHECK(seq_of(later) == 2);
        CHECK_FALSE(later.contains("duplicate"));
      }
    }
    WHEN("its message is deleted") {
      node.client().api("STREAM.MSG.DELETE.S", R"({"seq":1})");
      THEN("the id is still known") { CHECK(node.client().publish("s", "one", "Nats-Msg-Id: a\r\n").value("duplicate", false)); }
      THEN("it is forgotten over a restart, as nats-server does, for it lies in the message alone") {
        node.restart(sim::Signal::term);
        CHECK(seq_of(node.client().publish("s", "one", "Nats-Msg-Id: a\r\n")) == 2);
      }
    }
  }
}

SCENARIO("a duplicate is told before any expectation, a refused message is not remembered") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  REQUIRE(seq_of(js.publish("s.a", "1", "Nats-Msg-Id: a\r\n")) == 1);
  const Json twice = js.publish("s.a", "1", "Nats-Msg-Id: a\r\nNats-Expected-Last-Sequence: 99\r\n");
  CHECK(twice.value("duplicate", false));
  CHECK(error_of(js.publish("s.a", "2", "Nats-Msg-Id: b\r\nNats-Expected-Last-Sequence: 99\r\n")) == 10071);
  const Json retried = js.publish("s.a", "2", "Nats-Msg-Id: b\r\nNats-Expected-Last-Sequence: 1\r\n");
  CHECK(seq_of(retried) == 2);
  CHECK_FALSE(retried.contains("duplicate"));
}

SCENARIO("of many writers with the same expectation one wins") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  REQUIRE(seq_of(js.publish("s.a", "0")) == 1);
  std::vector<std::string> sids;
  for (int i = 0; i < 20; ++i) {
    const std::string inbox = "_CAS." + std::to_string(i);
    sids.push_back(js.wire().subscribe(inbox));
    js.wire().publish("s.a", "x", "NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 1\r\n\r\n", inbox);
  }
  node.world.run_for(100ms);
  int won = 0;
  int lost = 0;
  for (const std::string& sid : sids) {
    for (const Heard& ack : js.wire().take(sid)) {
      const Json json = Json::parse(ack.payload);
      won += seq_of(json) == 2 ? 1 : 0;
      lost += error_of(json) == 10071 ? 1 : 0;
    }
  }
  CHECK(won == 1);
  CHECK(lost == 19);
  CHECK(js.stream("S")["state"]["messages"] == 2);
  CHECK(js.stream("S")["state"]["last_seq"] == 2);
}

TEST_CASE("the last message id is known over a restart") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  node.client().publish("s", "1", "Nats-Msg-Id: a\r\n");
  node.restart(sim::Signal::kill);
  CHECK(error_of(node.client().publish("s", "2", "Nats-Expected-Last-Msg-Id: b\r\n")) == 10070);
  CHECK(seq_of(node.client().publish("s", "2", "Nats-Expected-Last-Msg-Id: a\r\n")) == 2);
}

SCENARIO("a roll-up keeps the message that carries it") {
  GIVEN("three messages on each of two subjects, and a consumer that has seen two") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("S", R"("subjects":["s.>"],"allow_rollup_hdrs":true)");
    js.create_consumer("S", "c", R"("ack_policy":"explicit")");
    for (int i = 0; i < 3; ++i) {
      js.publish("s.a", "a");
      js.publish("s.b", "b");
    }
    REQUIRE(js.fetch("S", "c", 2).size() == 2);
    WHEN("its subject is rolled up") {
      CHECK(seq_of(js.publish("s.a", "all of a", "Nats-Rollup: SUB\r\n")) == 7);
      THEN("the others of the subject are gone, the other subject's stay") {
        const Json state = js.stream("S")["state"];
        CHECK(state["messages"] == 4);
        CHECK(state["first_seq"] == 2);
        CHECK(state["deleted"] == Json::array({3, 5}));
      }
      THEN("the consumer's figures follow") {
        const Json info = js.consumer("S", "c");
        CHECK(info["num_pending"] == 3);  // 4, 6 and 7
        CHECK(info["num_ack_pending"] == 1);
        CHECK(stream_seqs(js.fetch("S", "c", 10)) == Seqs{4, 6, 7});
      }
    }
    WHEN("the stream is rolled up") {
      CHECK(seq_of(js.publish("s.a", "all", "Nats-Rollup: all\r\n")) == 7);
      THEN("it is alone") {
        const Json state = js.stream("S")["state"];
        CHECK(state["messages"] == 1);
        CHECK(state["first_seq"] == 7);
        CHECK(js.consumer("S", "c")["num_ack_pending"] == 0);
        CHECK(js.consumer("S", "c")["delivered"]["stream_seq"] == 6);
        CHECK(js.consumer("S", "c")["ack_floor"]["stream_seq"] == 6);
        CHECK(js.consumer("S", "c")["num_pending"] == 1);
      }
    }
    WHEN("the value is none that is known") {
      THEN("nobody answers and nothing is stored") {
        CHECK(js.publish("s.a", "x", "Nats-Rollup: everything\r\n").empty());
        CHECK(js.stream("S")["state"]["last_seq"] == 6);
      }
    }
  }
}

SCENARIO("limits refuse or remove, as the discard policy says") {
  OneNode node;
  JetStreamClient& js = node.client();
  GIVEN("a stream that discards old messages") {
    js.create_stream("S", R"("subjects":["s.>"],"max_msgs":3,"max_msgs_per_subject":2)");
    for (const char* subject : {"s.a", "s.a", "s.a", "s.b", "s.c"}) js.publish(subject, "x");
    THEN("the oldest of a subject go, then the oldest") {
      const Json state = js.stream("S")["state"];
      CHECK(state["messages"] == 3);
      CHECK(state["first_seq"] == 3);
      CHECK(state["last_seq"] == 5);
    }
  }
  GIVEN("a stream that refuses new ones") {
    js.create_stream("S", R"("subjects":["s.>"],"max_msgs":2,"discard":"new")");
    js.publish_many("s.a", 2);
    THEN("what is over the limit is refused and takes no sequence") {
      const Json refused = js.publish("s.a", "x");
      CHECK(error_of(refused) == 10077);
      CHECK(refused["error"]["code"] == 503);
      CHECK(js.stream("S")["state"]["last_seq"] == 2);
      js.api("STREAM.MSG.DELETE.S", R"({"seq":1})");
      CHECK(seq_of(js.publish("s.a", "x")) == 3);
    }
  }
  GIVEN("a stream whose limit is lowered") {
    js.create_stream("S", R"("subjects":["s.>"])");
    js.publish_many("s.a", 5);
    js.api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s.>"],"max_msgs":2})");
    THEN("it trims at once") { CHECK(js.stream("S")["state"]["first_seq"] == 4); }
  }
  GIVEN("a stream whose subjects change") {
    js.create_stream("S", R"("subjects":["s.>"])");
    js.publish("s.a", "x");
    js.api("STREAM.UPDATE.S", R"({"name":"S","subjects":["t"]})");
    THEN("the old ones have no responder any more, what is stored stays") {
      CHECK(js.wire().request("s.a", "x")->status() == "503");
      CHECK(seq_of(js.publish("t", "x")) == 2);
    }
  }
  GIVEN("a sealed stream") {
    js.create_stream("S", R"("subjects":["s.>"])");
    js.publish("s.a", "x");
    js.api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s.>"],"sealed":true})");
    THEN("nothing comes in and nothing goes") {
      CHECK(error_of(js.publish("s.a", "x")) == 10109);
      CHECK(error_of(js.api("STREAM.PURGE.S")) == 10109);
      CHECK(error_of(js.api("STREAM.MSG.DELETE.S", R"({"seq":1})")) == 10109);
      CHECK(js.stream("S")["config"]["deny_purge"] == true);
    }
  }
}

TEST_CASE("a stream that does not acknowledge answers nobody, not even a refusal") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"],"no_ack":true,"max_msg_size":3)");
  CHECK(js.publish("s", "abc").empty());
  CHECK(js.publish("s", "abcd").empty());
  CHECK(js.stream("S")["state"]["messages"] == 1);
}

TEST_CASE("a stream in a domain names it in its acks, but not in refusals") {
  NodeWorld world;
  world.add(node_config("hub", "east"));
  world.start("hub");
  JetStreamClient js{world, "client", "hub"};
  js.create_stream("S", R"("subjects":["s"],"max_msg_size":3)");
  CHECK(js.wire().ask("s", "abc") == R"({"stream":"S", "domain":"east", "seq":1})");
  CHECK(js.publish("s", "abcd").contains("domain") == false);
  CHECK(js.stream("S")["domain"] == "east");
  CHECK(js.api("INFO")["domain"] == "east");
}

}  // namespace
}  // namespace windtunnel::tests
