// What streams and consumers keep over a restart (reference: streams B.6, C.9, F.1).
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

SCENARIO("a durable consumer keeps its position, what is pending and what was delivered how often") {
  GIVEN("a consumer that acknowledged one of three, one of which was redelivered") {
    OneNode node;
    node.client().create_stream("S", R"("subjects":["s"])");
    node.client().create_consumer("S", "c", R"("ack_policy":"explicit","ack_wait":5000000000,"description":"kept")");
    node.client().publish_many("s", 5);
    const std::vector<Heard> first = node.client().fetch("S", "c", 3);
    REQUIRE(first.size() == 3);
    REQUIRE(node.client().ack(first[0]));
    REQUIRE(node.client().ack(first[1], "-NAK"));
    REQUIRE(stream_seqs(node.client().fetch("S", "c", 1)) == Seqs{2});
    node.world.run_for(200ms);  // the state is on the disk within 100 ms
    for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill, sim::Signal::abrt}) {
      CAPTURE(sim::name_of(signal));
      node.restart(signal);
      const Json info = node.client().consumer("S", "c");
      CHECK(info["config"]["description"] == "kept");
      CHECK(info["delivered"]["consumer_seq"] == 4);
      CHECK(info["delivered"]["stream_seq"] == 3);
      CHECK(info["ack_floor"]["stream_seq"] == 1);
      CHECK(info["num_ack_pending"] == 2);
      CHECK(info["num_redelivered"] == 1);
      CHECK(info["num_pending"] == 2);
    }
    THEN("what is pending is due by its first delivery, not by the restart") {
      node.world.run_for(2s);
      CHECK(stream_seqs(node.client().fetch("S", "c", 5)) == Seqs{4, 5});
      node.world.run_for(3s);
      const std::vector<Heard> again = node.client().fetch("S", "c", 5);
      CHECK(stream_seqs(again) == Seqs{2, 3});
      REQUIRE(again.size() == 2);
      CHECK(deliveries_of(again[0]) == 3);
      CHECK(deliveries_of(again[1]) == 2);
      CHECK(consumer_seq_of(again[0]) == 7);
    }
  }
}

TEST_CASE("an update of a consumer is kept over a restart") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  node.client().create_consumer("S", "c", R"("ack_policy":"explicit","max_ack_pending":5)");
  CHECK(error_of(node.client().create_consumer("S", "c", R"("ack_policy":"explicit","max_ack_pending":7)")) == 0);
  node.restart(sim::Signal::kill);
  CHECK(node.client().consumer("S", "c")["config"]["max_ack_pending"] == 7);
}

TEST_CASE("an update of a stream is kept over a restart") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  CHECK(error_of(node.client().api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s","t"],"max_msgs":2})")) == 0);
  node.restart(sim::Signal::kill);
  node.client().publish_many("t", 3);
  const Json info = node.client().stream("S");
  CHECK(info["config"]["max_msgs"] == 2);
  CHECK(info["state"]["messages"] == 2);
}

TEST_CASE("what was deleted stays deleted over a restart, and its name is free") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  node.client().create_consumer("S", "c", R"("ack_policy":"explicit")");
  node.client().create_consumer("S", "d", R"("ack_policy":"explicit")");
  node.client().publish("s", "x");
  node.client().api("CONSUMER.DELETE.S.c");
  node.restart(sim::Signal::kill);
  CHECK(error_of(node.client().consumer("S", "c")) == 10014);
  CHECK(node.client().consumer("S", "d")["num_pending"] == 1);
  node.client().api("STREAM.DELETE.S");
  node.restart(sim::Signal::kill);
  CHECK(error_of(node.client().stream("S")) == 10059);
  CHECK(node.client().create_stream("S", R"("subjects":["s"])")["state"]["last_seq"] == 0);
  CHECK(error_of(node.client().consumer("S", "d")) == 10014);
}

TEST_CASE("a consumer does not go on where a deleted one of its name stood, whatever a power loss has left of that") {
  for (const bool is_recreated : {false, true}) {
    CAPTURE(is_recreated);
    OneNode node;
    node.client().create_stream("S", R"("subjects":["s"])");
    node.client().create_consumer("S", "c", R"("ack_policy":"explicit")");
    node.client().publish_many("s", 3);
    CHECK(stream_seqs(node.client().fetch("S", "c", 3)) == Seqs{1, 2, 3});
    node.world.run_for(200ms);
    node.world.signal("hub", sim::Signal::kill);
    // A deletion of which the power loss has taken back a part: the state is there again, the configuration is not.
    for (const char* file : {"meta.inf", "meta.sum"}) {
      if (is_recreated) node.world.process("hub").disk().drop("jetstream/$G/streams/S/obs/c/" + std::string(file));
    }
    node.world.start("hub");
    node.js = std::make_unique<JetStreamClient>(node.world, "later", "hub");
    node.client().create_consumer("S", "c", R"("ack_policy":"explicit")");
    CHECK(stream_seqs(node.client().fetch("S", "c", 3)) == (is_recreated ? Seqs{1, 2, 3} : Seqs{}));
  }
}

TEST_CASE("a stream whose deletion was cut short leaves nothing to the next one of its name") {
  int cut_short = 0;
  for (std::uint64_t nth = 1; nth <= 30; ++nth) {
    CAPTURE(nth);
    OneNode node;
    node.client().create_stream("S", R"("subjects":["s"])");
    node.client().create_consumer("S", "c", R"("ack_policy":"explicit")");
    node.client().publish_many("s", 3);
    node.world.run_for(200ms);
    std::uint64_t count = 0;
    node.world.process("hub").disk().set_change_watch([&](std::uint64_t, const sim::DiskEvent&) {
      if (++count != nth) return false;
      node.world.kernel.post([&] { node.world.signal("hub", sim::Signal::kill); });
      return true;
    });
    node.client().api("STREAM.DELETE.S");
    node.world.process("hub").disk().set_change_watch({});
    if (node.world.process("hub").is_running()) break;
    ++cut_short;
    node.world.start("hub");
    node.js = std::make_unique<JetStreamClient>(node.world, "later", "hub");
    // It is whole or gone.
    const Json info = node.client().stream("S");
    if (error_of(info) == 0) {
      CHECK(info["state"]["messages"] == 3);
      continue;
    }
    const Json made = node.client().create_stream("S", R"("subjects":["s"])");
    CHECK(made["state"]["messages"] == 0);
    CHECK(made["state"]["last_seq"] == 0);
    CHECK_FALSE(node.world.process("hub").disk().tree().exists("jetstream/$G/streams/.S"));
  }
  CHECK(cut_short > 3);
}

TEST_CASE("streams and consumers in memory are gone after a restart, files stay") {
  OneNode node;
  node.client().create_stream("M", R"("subjects":["m"],"storage":"memory")");
  node.client().create_stream("F", R"("subjects":["f"])");
  node.client().create_consumer("F", "m", R"("ack_policy":"explicit","mem_storage":true)");
  node.client().create_consumer("F", "f", R"("ack_policy":"explicit")");
  node.client().publish("m", "x");
  node.restart(sim::Signal::term);
  CHECK(error_of(node.client().stream("M")) == 10059);
  CHECK(error_of(node.client().consumer("F", "m")) == 10014);
  CHECK(node.client().consumer("F", "f")["name"] == "f");
}

TEST_CASE("a name that was made up is not made up twice over a restart") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  std::vector<std::string> names;
  const auto create = [&] {
    const Json answer = node.client().api("CONSUMER.CREATE.S",
                                          R"({"stream_name":"S","config":{"ack_policy":"explicit","inactive_threshold":3600000000000}})");
    REQUIRE(error_of(answer) == 0);
    names.push_back(answer["name"]);
  };
  for (int i = 0; i < 3; ++i) create();
  node.restart(sim::Signal::kill);
  for (int i = 0; i < 3; ++i) create();
  CHECK(node.client().api("CONSUMER.NAMES.S")["total"] == 6);
}

// The stream has lost its last five messages of ten, of which the consumer has seen all: as after a power loss that took what
// the stream had not synced, but not what the consumer had.
struct LostEnd : OneNode {
  explicit LostEnd(core::Defects defects = {}, const std::string& stream = R"("subjects":["s"])") : OneNode(core::Seed{1}, defects) {
    client().create_stream("S", stream);
    client().create_consumer("S", "c", R"("ack_policy":"explicit","ack_wait":1000000000)");
    client().publish_many("s", 5);
    const std::string file = "jetstream/$G/streams/S/msgs/1.blk";
    const std::string five = world.process("hub").disk().tree().content(file).value_or("");
    REQUIRE_FALSE(five.empty());
    client().publish_many("s", 5);
    const std::vector<Heard> heard = client().fetch("S", "c", 10);
    REQUIRE(heard.size() == 10);
    for (std::size_t i = 0; i < 10; ++i) {
      const bool is_acked = i == 2 || client().ack(heard[i]);
      REQUIRE(is_acked);
    }
    world.run_for(1s);
    world.signal("hub", sim::Signal::kill);
    world.process("hub").disk().put(file, five);
    world.start("hub");
    js = std::make_unique<JetStreamClient>(world, "later", "hub");
  }
};

core::Defects only(core::Defect defect) {
  core::Defects defects;
  defects.set(defect);
  return defects;
}

SCENARIO("a sequence that a consumer was delivered is not used again, whatever the stream has lost") {
  GIVEN("a consumer that has seen all of ten messages, of which the disk keeps five") {
    LostEnd node;
    THEN("the stream goes on where the consumer is, and what is pending below stays pending") {
      CHECK(node.client().stream("S")["state"]["last_seq"] == 10);
      CHECK(node.client().stream("S")["state"]["messages"] == 5);
      const Json info = node.client().consumer("S", "c");
      CHECK(info["delivered"]["stream_seq"] == 10);
      CHECK(info["num_ack_pending"] == 1);
      CHECK(info["num_pending"] == 0);
    }
    THEN("new messages are delivered, and nothing is taken back by the next crash") {
      CHECK(seq_of(node.client().publish("s", "new")) == 11);
      node.world.run_for(2s);
      CHECK(stream_seqs(node.client().fetch("S", "c", 10)) == Seqs{3, 11});
      node.restart(sim::Signal::kill);
      CHECK(node.client().stream("S")["state"]["last_seq"] == 11);
    }
  }
}

TEST_CASE("nats-7692: a consumer waits ahead of a stream that lost its end, and new messages pass it by") {
  for (const core::Defect defect : {core::Defect::nats_7692, core::Defect::nats_6881}) {
    CAPTURE(core::name_of(defect));
    LostEnd node{only(defect)};
    CHECK(node.client().stream("S")["state"]["last_seq"] == 5);
    CHECK(node.client().consumer("S", "c")["delivered"]["stream_seq"] == 10);
    node.client().publish_many("s", 3);
    node.world.run_for(2s);
    CHECK(stream_seqs(node.client().fetch("S", "c", 10)) == Seqs{3});
  }
}

TEST_CASE("a stream does not follow a consumer that was delivered nothing") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s"])");
  node.client().create_consumer("S", "c", R"("ack_policy":"explicit","deliver_policy":"by_start_sequence","opt_start_seq":900)");
  node.client().publish_many("s", 2);
  node.restart(sim::Signal::kill);
  CHECK(node.client().stream("S")["state"]["last_seq"] == 2);
}

TEST_CASE("nats-7691: a consumer whose state does not decode starts over instead of being missed") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    OneNode node{core::Seed{1}, with_defect ? only(core::Defect::nats_7691) : core::Defects{}};
    node.client().create_stream("S", R"("subjects":["s"])");
    node.client().create_consumer("S", "c", R"("ack_policy":"explicit")");
    node.client().publish_many("s", 3);
    const std::vector<Heard> heard = node.client().fetch("S", "c", 3);
    for (const Heard& message : heard) {
      const bool is_acked = node.client().ack(message);
      REQUIRE(is_acked);
    }
    node.world.run_for(1s);
    node.world.signal("hub", sim::Signal::kill);
    node.world.process("hub").disk().put("jetstream/$G/streams/S/obs/c/o.dat", std::string(12, '\0'));
    node.world.start("hub");
    node.js = std::make_unique<JetStreamClient>(node.world, "later", "hub");
    CHECK(error_of(node.client().consumer("S", "c")) == (with_defect ? 0 : 10014));
    CHECK(stream_seqs(node.client().fetch("S", "c", 3)) == (with_defect ? Seqs{1, 2, 3} : Seqs{}));
  }
}

}  // namespace
}  // namespace windtunnel::tests
