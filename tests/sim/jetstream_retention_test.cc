// What leaves a stream when it was acknowledged (reference: streams B).
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

TEST_CASE("an acknowledged job is gone from a work queue before its acknowledgement is answered") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("Q",
                   R"("subjects":["q.>"],"retention":"workqueue","max_msgs_per_subject":1,"discard":"new","discard_new_per_subject":true)");
  js.create_consumer("Q", "w", R"("ack_policy":"explicit","filter_subject":"q.1")");
  js.create_consumer("Q", "other", R"("ack_policy":"explicit","filter_subject":"q.2")");
  REQUIRE(seq_of(js.publish("q.1", "a")) == 1);
  // Seen from inside, at the moment at which the answer is routed.
  std::vector<std::uint64_t> left;
  node.world.node("hub")->server().subscribe(
      "_ACKED", "", [&](const core::MessageView&, bool) { left.push_back(node.world.stream("hub", "Q")->store().state().messages); });
  for (std::uint64_t i = 1; i <= 20; ++i) {
    const std::vector<Heard> job = js.fetch("Q", "w", 1);
    REQUIRE(job.size() == 1);
    CHECK(error_of(js.publish("q.1", "too early")) == 10077);
    js.wire().publish(job[0].reply, "+ACK", {}, "_ACKED");
    node.world.run_for(10ms);
    CHECK(seq_of(js.publish("q.1", "again")) == i + 1);
  }
  CHECK(left == std::vector<std::uint64_t>(20, 0));
  CHECK(js.stream("Q")["state"]["messages"] == 1);
}

TEST_CASE("a job that ran out of deliveries stays in a work queue until it is acknowledged late, or deleted") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("Q", R"("subjects":["q"],"retention":"workqueue")");
  js.create_consumer("Q", "w", R"("ack_policy":"explicit","ack_wait":100000000,"max_deliver":1)");
  js.publish_many("q", 2);
  const std::vector<Heard> jobs = js.fetch("Q", "w", 2);
  REQUIRE(jobs.size() == 2);
  node.world.run_for(500ms);
  CHECK(js.fetch("Q", "w", 2).empty());
  CHECK(js.stream("Q")["state"]["messages"] == 2);
  CHECK(js.ack(jobs[0]));
  CHECK(js.stream("Q")["state"]["messages"] == 1);
}

SCENARIO("an interest stream keeps what somebody still wants") {
  GIVEN("an interest stream with two consumers, one of them for a part only") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("I", R"("subjects":["i.>"],"retention":"interest")");
    js.create_consumer("I", "all", R"("ack_policy":"explicit")");
    js.create_consumer("I", "part", R"("ack_policy":"explicit","filter_subject":"i.a")");
    for (const char* subject : {"i.a", "i.b", "i.a"}) js.publish(subject, "x");
    const std::vector<Heard> all = js.fetch("I", "all", 5);
    REQUIRE(all.size() == 3);
    WHEN("one has acknowledged") {
      for (const Heard& message : all) CHECK(js.ack(message));
      THEN("what the other wants stays") {
        CHECK(js.stream("I")["state"]["messages"] == 2);
        const std::vector<Heard> part = js.fetch("I", "part", 5);
        REQUIRE(stream_seqs(part) == Seqs{1, 3});
        CHECK(js.ack(part[0]));
        CHECK(js.stream("I")["state"]["first_seq"] == 3);
        CHECK(js.ack(part[1]));
        CHECK(js.stream("I")["state"]["messages"] == 0);
      }
      THEN("it goes with the other") {
        js.api("CONSUMER.DELETE.I.part");
        CHECK(js.stream("I")["state"]["messages"] == 0);
      }
      THEN("it goes when the other no longer wants it") {
        js.create_consumer("I", "part", R"("ack_policy":"explicit","filter_subject":"i.c")");
        CHECK(js.stream("I")["state"]["messages"] == 0);
      }
    }
    WHEN("both are deleted") {
      js.api("CONSUMER.DELETE.I.part");
      CHECK(js.stream("I")["state"]["messages"] == 3);
      js.api("CONSUMER.DELETE.I.all");
      THEN("everything goes") { CHECK(js.stream("I")["state"]["messages"] == 0); }
    }
  }
  GIVEN("an interest stream without consumers") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("I", R"("subjects":["i.>"],"retention":"interest")");
    THEN("a publish is acknowledged, uses up a sequence, and is not kept") {
      CHECK(seq_of(js.publish("i.a", "x")) == 1);
      CHECK(seq_of(js.publish("i.a", "x", "Nats-Msg-Id: a\r\n")) == 2);
      CHECK(js.publish("i.a", "x", "Nats-Msg-Id: a\r\n").value("duplicate", false));
      const Json state = js.stream("I")["state"];
      CHECK(state["messages"] == 0);
      CHECK(state["last_seq"] == 2);
      js.create_consumer("I", "c", R"("ack_policy":"explicit","filter_subject":"i.a")");
      CHECK(seq_of(js.publish("i.b", "nobody's")) == 3);
      CHECK(seq_of(js.publish("i.a", "x")) == 4);
      CHECK(stream_seqs(js.fetch("I", "c", 5)) == Seqs{4});
    }
  }
  GIVEN("a consumer that acknowledges nothing") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("I", R"("subjects":["i.>"],"retention":"interest")");
    js.create_consumer("I", "c", R"("ack_policy":"none")");
    js.publish_many("i.a", 3);
    THEN("delivered is done with") {
      CHECK(js.fetch("I", "c", 2).size() == 2);
      node.world.run_for(50ms);
      CHECK(js.stream("I")["state"]["first_seq"] == 3);
    }
  }
  GIVEN("a consumer with ack policy all") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("I", R"("subjects":["i.>"],"retention":"interest")");
    js.create_consumer("I", "c", R"("ack_policy":"all")");
    js.publish_many("i.a", 5);
    const std::vector<Heard> heard = js.fetch("I", "c", 5);
    REQUIRE(heard.size() == 5);
    CHECK(js.ack(heard[3]));
    THEN("everything up to the acknowledged one goes, and nothing above") {
      const Json state = js.stream("I")["state"];
      CHECK(state["messages"] == 1);
      CHECK(state["first_seq"] == 5);
    }
  }
}

SCENARIO("acknowledgements and removals over a restart") {
  GIVEN("a work queue with three jobs, of which one was acknowledged") {
    OneNode node;
    node.client().create_stream("Q", R"("subjects":["q"],"retention":"workqueue")");
    node.client().create_consumer("Q", "w", R"("ack_policy":"explicit","ack_wait":1000000000)");
    node.client().publish_many("q", 3);
    const std::vector<Heard> jobs = node.client().fetch("Q", "w", 2);
    REQUIRE(jobs.size() == 2);
    REQUIRE(node.client().ack(jobs[0]));
    for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill}) {
      CAPTURE(sim::name_of(signal));
      node.restart(signal);
      CHECK(node.client().stream("Q")["state"]["messages"] == 2);
      node.world.run_for(3s);
      CHECK(stream_seqs(node.client().fetch("Q", "w", 5)) == Seqs{2, 3});
      CHECK(node.client().consumer("Q", "w")["ack_floor"]["stream_seq"] == 1);
    }
  }
  GIVEN("a job whose acknowledgement reached the disk and whose removal did not") {
    OneNode node;
    node.client().create_stream("Q", R"("subjects":["q.>"],"retention":"workqueue")");
    node.client().create_consumer("Q", "w", R"("ack_policy":"explicit","filter_subject":"q.1")");
    for (const char* subject : {"q.1", "q.1", "q.2"}) node.client().publish(subject, "x");
    const std::vector<Heard> jobs = node.client().fetch("Q", "w", 2);
    REQUIRE(jobs.size() == 2);
    const std::string file = "jetstream/$G/streams/Q/msgs/1.blk";
    const std::string before = node.world.process("hub").disk().tree().content(file).value_or("");
    REQUIRE(node.client().ack(jobs[0]));
    node.world.run_for(200ms);
    node.world.signal("hub", sim::Signal::kill);
    node.world.process("hub").disk().put(file, before);
    node.world.start("hub");
    node.js = std::make_unique<JetStreamClient>(node.world, "later", "hub");
    THEN("the next start removes it, and nothing that is pending or nobody's yet") {
      const Json state = node.client().stream("Q")["state"];
      CHECK(state["messages"] == 2);
      CHECK(state["first_seq"] == 2);
      CHECK(node.client().consumer("Q", "w")["num_ack_pending"] == 1);
    }
  }
}

TEST_CASE("a stream that turns to interest lets go at once of what nobody wants any more") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  js.create_consumer("S", "c", R"("ack_policy":"explicit")");
  js.publish_many("s", 3);
  const std::vector<Heard> heard = js.fetch("S", "c", 2);
  REQUIRE(heard.size() == 2);
  CHECK(js.ack(heard[0]));
  CHECK(js.stream("S")["state"]["messages"] == 3);
  CHECK(error_of(js.api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s"],"retention":"interest"})")) == 0);
  CHECK(js.stream("S")["state"]["first_seq"] == 2);
  CHECK(js.ack(heard[1]));
  CHECK(js.stream("S")["state"]["first_seq"] == 3);
}

TEST_CASE("a made-up acknowledgement removes nothing that was not delivered") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("Q", R"("subjects":["q.>"],"retention":"workqueue")");
  js.create_consumer("Q", "w", R"("ack_policy":"explicit","filter_subject":"q.1")");
  for (const char* subject : {"q.2", "q.1"}) js.publish(subject, "x");
  REQUIRE(js.fetch("Q", "w", 1).size() == 1);
  CHECK(js.wire().request("$JS.ACK.Q.w.1.1.1.0.0", "+ACK", {}, 300ms).has_value());  // q.2, below the consumer's position
  CHECK(js.stream("Q")["state"]["messages"] == 2);
}

SCENARIO("who may consume from a work queue") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("Q", R"("subjects":["q.>"],"retention":"workqueue","max_consumers":2)");
  CHECK(error_of(js.create_consumer("Q", "a", R"("deliver_subject":"x","ack_policy":"all")")) == 10098);
  CHECK(error_of(js.create_consumer("Q", "a", R"("ack_policy":"explicit","filter_subject":"q.*.x")")) == 0);
  CHECK(error_of(js.create_consumer("Q", "b", R"("ack_policy":"explicit","filter_subject":"q.1.*")")) == 10100);
  CHECK(error_of(js.create_consumer("Q", "b", R"("ack_policy":"explicit")")) == 10099);
  CHECK(error_of(js.create_consumer("Q", "b", R"("ack_policy":"explicit","filter_subject":"q.1.y")")) == 0);
  CHECK(error_of(js.create_consumer("Q", "b", R"("ack_policy":"explicit","filter_subject":"q.*.x")")) == 10100);  // an update
  CHECK(error_of(js.create_consumer("Q", "c", R"("ack_policy":"explicit","filter_subject":"z")")) == 10026);
}

}  // namespace
}  // namespace windtunnel::tests
