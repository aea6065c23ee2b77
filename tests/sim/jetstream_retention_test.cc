// What leaves a stream when it was acknowledged (reference: streams B).
#include <map>

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

TEST_CASE("an acknowledgement whose job could not leave its work queue is not answered") {
  for (const bool is_failing : {false, true}) {
    CAPTURE(is_failing);
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("Q", R"("subjects":["q"],"retention":"workqueue")");
    js.create_consumer("Q", "w", R"("ack_policy":"explicit")");
    js.publish_many("q", 2);
    const std::vector<Heard> jobs = js.fetch("Q", "w", 2);
    REQUIRE(jobs.size() == 2);
    if (is_failing) node.world.process("hub").disk().fail({.operation = sim::DiskOperation::write, .pattern = "**/msgs/*.blk"});
    CHECK(js.ack(jobs[0]) == !is_failing);
    CHECK(js.stream("Q")["state"]["messages"] == (is_failing ? 2 : 1));
    CHECK(js.ack(jobs[0]) == !is_failing);  // whoever asks again is told the same
    node.world.process("hub").disk().heal();
    CHECK(js.ack(jobs[0]));
    CHECK(js.stream("Q")["state"]["messages"] == 1);
  }
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
  GIVEN("a consumer with ack policy all, and a message that ran out of deliveries") {
    OneNode node;
    JetStreamClient& js = node.client();
    js.create_stream("I", R"("subjects":["i.>"],"retention":"interest")");
    js.create_consumer("I", "c", R"("ack_policy":"all","max_deliver":1)");
    js.publish_many("i.a", 4);
    const std::vector<Heard> heard = js.fetch("I", "c", 3);
    REQUIRE(heard.size() == 3);
    CHECK(js.ack(heard[0], "-NAK"));
    CHECK(js.fetch("I", "c", 1).size() == 1);  // that one is passed over
    CHECK(js.stream("I")["state"]["messages"] == 4);
    CHECK(js.ack(heard[1]));
    THEN("it goes with what is acknowledged behind it, as with 2.10.27") {
      CHECK(js.stream("I")["state"]["first_seq"] == 3);
      CHECK(js.consumer("I", "c")["num_redelivered"] == 0);
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

TEST_CASE("nats-5702b: an acknowledgement is answered while its message still fills its place") {
  for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_5702b}}) {
    CAPTURE(defect.has_value());
    OneNode node{core::Seed{1}, with_defect(defect)};
    JetStreamClient& js = node.client();
    js.create_stream(
        "Q", R"("subjects":["q.>"],"retention":"workqueue","max_msgs_per_subject":1,"discard":"new","discard_new_per_subject":true)");
    js.create_consumer("Q", "w", R"("ack_policy":"explicit")");
    js.publish("q.1", "job");
    // Whoever has the answer publishes at once, from beside the server.
    NodeClient& next = node.world.connect("next", "hub");
    const std::string answers = next.subscribe("_NEXT");
    node.world.run_for(10ms);
    node.world.node("hub")->server().subscribe("_ACKED", "", [&](const core::MessageView&, bool) {
      node.world.node("hub")->server().publish(core::MessageView{.subject = "q.1", .reply = "_NEXT", .headers = {}, .payload = "again"});
    });
    int refused = 0;
    for (int i = 0; i < 20; ++i) {
      const std::vector<Heard> job = js.fetch("Q", "w", 1);
      REQUIRE(job.size() == 1);
      js.wire().publish(job[0].reply, i % 2 == 0 ? "+ACK" : "+TERM", {}, "_ACKED");
      const std::vector<Heard> heard = next.await(answers, 1);
      REQUIRE(heard.size() == 1);
      const Json ack = Json::parse(heard[0].payload);
      if (error_of(ack) == 0) continue;
      CHECK(ack["error"]["description"] == "maximum messages per subject exceeded");
      ++refused;
      node.world.run_for(10ms);
      js.publish("q.1", "again");
    }
    CHECK((refused > 0) == defect.has_value());
  }
}

TEST_CASE("nats-5697: the sweep at start lets one consumer's floor speak for the messages of others") {
  for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_5697}}) {
    CAPTURE(defect.has_value());
    OneNode node{core::Seed{1}, with_defect(defect)};
    node.client().create_stream("Q", R"("subjects":["q.>"],"retention":"workqueue")");
    node.client().create_consumer("Q", "fifth", R"("ack_policy":"explicit","filter_subject":"q.5")");
    for (int i = 0; i < 20; ++i) {
      for (int subject = 1; subject <= 5; ++subject) node.client().publish("q." + std::to_string(subject), "x");
    }
    for (const Heard& job : node.client().fetch("Q", "fifth", 20)) node.client().ack(job);
    CHECK(node.client().stream("Q")["state"]["messages"] == 80);
    node.restart(sim::Signal::term);
    CHECK(node.client().stream("Q")["state"]["messages"] == (defect ? 0 : 80));
  }
}

// The directories of a work queue with a consumer that acknowledges everything below: what a later release than 2.10 has made.
// The API refuses it but for the switch.
std::map<std::string, std::string> ack_all_queue() {
  OneNode node{core::Seed{1}, with_defect(core::Defect::nats_8423)};
  node.client().create_stream("Q", R"("subjects":["x.>"],"retention":"workqueue")");
  REQUIRE(error_of(node.client().create_consumer("Q", "w", R"("ack_policy":"all","filter_subject":"x.target")")) == 0);
  for (const char* subject : {"x.target", "x.other", "x.other", "x.other", "x.target"}) node.client().publish(subject, "x");
  node.world.signal("hub", sim::Signal::term);
  node.world.run_for(5s);
  std::map<std::string, std::string> files;
  for (const char* file : {"meta.inf", "meta.sum", "msgs/1.blk", "msgs/index.db", "obs/w/meta.inf", "obs/w/meta.sum", "obs/w/o.dat"}) {
    const auto content = node.world.process("hub").disk().tree().content("jetstream/$G/streams/Q/" + std::string(file));
    REQUIRE_MESSAGE(content.has_value(), file);
    files[file] = *content;
  }
  return files;
}

TEST_CASE("nats-8423: an acknowledgement of everything below takes what was never delivered") {
  const std::map<std::string, std::string> files = ack_all_queue();
  for (const std::optional<core::Defect> defect : {std::optional<core::Defect>{}, std::optional{core::Defect::nats_8423}}) {
    CAPTURE(defect.has_value());
    OneNode node{core::Seed{1}, with_defect(defect)};
    node.client().create_stream("Q", R"("subjects":["x.>"],"retention":"workqueue")");
    node.client().create_consumer("Q", "w", R"("ack_policy":"explicit","filter_subject":"x.target")");
    node.world.signal("hub", sim::Signal::term);
    node.world.run_for(5s);
    for (const auto& [file, content] : files) node.world.process("hub").disk().put("jetstream/$G/streams/Q/" + file, content);
    node.world.start("hub");
    node.js = std::make_unique<JetStreamClient>(node.world, "later", "hub");
    const std::vector<Heard> targets = node.client().fetch("Q", "w", 5);
    REQUIRE(stream_seqs(targets) == Seqs{1, 5});
    CHECK(node.client().ack(targets[1]));
    CHECK(node.client().stream("Q")["state"]["messages"] == (defect ? 0 : 3));
  }
}

TEST_CASE("what a consumer of a work queue passed over with its old filter is not taken for acknowledged at the next start") {
  OneNode node;
  node.client().create_stream("Q", R"("subjects":["q.>"],"retention":"workqueue")");
  node.client().create_consumer("Q", "w", R"("ack_policy":"explicit","filter_subject":"q.1")");
  for (const char* subject : {"q.2", "q.1", "q.2"}) node.client().publish(subject, "x");
  const std::vector<Heard> jobs = node.client().fetch("Q", "w", 1);
  REQUIRE(jobs.size() == 1);
  CHECK(node.client().ack(jobs[0]));
  CHECK(error_of(node.client().create_consumer("Q", "w", R"("ack_policy":"explicit","filter_subject":"q.2")")) == 0);
  for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill}) {
    node.restart(signal);
    CHECK(node.client().stream("Q")["state"]["messages"] == 2);
  }
  CHECK(stream_seqs(node.client().fetch("Q", "w", 5)) == Seqs{3});
}

TEST_CASE("a job that ran out of deliveries stays in its work queue over restarts, and may be acknowledged after them") {
  for (const int max_deliver : {1, 2}) {
    CAPTURE(max_deliver);
    OneNode node;
    node.client().create_stream("Q", R"("subjects":["q"],"retention":"workqueue")");
    node.client().create_consumer("Q", "w", R"("ack_policy":"explicit","ack_wait":100000000,"max_deliver":)" + std::to_string(max_deliver));
    node.client().publish_many("q", 3);
    std::vector<Heard> jobs;
    for (int i = 0; i < max_deliver; ++i) {
      jobs = node.client().fetch("Q", "w", 3);
      REQUIRE(jobs.size() == 3);
      node.world.run_for(300ms);
    }
    CHECK(node.client().fetch("Q", "w", 3).empty());
    node.world.run_for(1s);
    CHECK(node.client().consumer("Q", "w")["num_ack_pending"] == 0);
    for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill, sim::Signal::kill}) {
      node.restart(signal);
      CHECK(node.client().stream("Q")["state"]["messages"] == 3);
      CHECK(node.client().consumer("Q", "w")["num_redelivered"] == 3);
    }
    CHECK(node.client().ack(jobs[2]));
    CHECK(node.client().stream("Q")["state"]["messages"] == 2);
  }
}

TEST_CASE("two workers with parts of a work queue of their own drain it together, each job once") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("Q", R"("subjects":["q.>"],"retention":"workqueue")");
  js.create_consumer("Q", "even", R"("ack_policy":"explicit","filter_subjects":["q.0","q.2"])");
  js.create_consumer("Q", "odd", R"("ack_policy":"explicit","filter_subject":"q.1")");
  for (int i = 0; i < 30; ++i) js.publish("q." + std::to_string(i % 4), "x");  // q.3 is nobody's
  std::map<std::uint64_t, int> seen;
  for (int round = 0; round < 8; ++round) {
    for (const char* name : {"even", "odd"}) {
      for (const Heard& job : js.fetch("Q", name, 3)) {
        ++seen[stream_seq_of(job)];
        CHECK(js.ack(job));
      }
    }
  }
  CHECK(seen.size() == 23);
  for (const auto& job : seen) {
    CAPTURE(job.first);
    CHECK(job.second == 1);
    CHECK((job.first - 1) % 4 != 3);
  }
  CHECK(js.stream("Q")["state"]["messages"] == 7);
  js.create_consumer("Q", "rest", R"("ack_policy":"explicit","filter_subject":"q.3")");
  CHECK(js.fetch("Q", "rest", 9).size() == 7);
}

}  // namespace
}  // namespace windtunnel::tests
