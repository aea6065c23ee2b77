// Mirrors across domains: what they copy, how they find what they missed, and how they resume (reference: streams D).

#include "sim/survivors.h"
#include "tests/sim/hub_and_leaf.h"

namespace windtunnel::tests {
namespace {

SCENARIO("a mirror is its origin, sequence for sequence") {
  GIVEN("an origin with headers, ids said twice, roll-ups and holes") {
    HubAndLeaf w;
    w.create_origin(R"("subjects":["o.>"],"allow_rollup_hdrs":true,"duplicate_window":200000000)");
    w.hub->publish_many("o.a", 5);
    w.hub->api("STREAM.MSG.DELETE.O", R"({"seq":2})");
    w.hub->api("STREAM.MSG.DELETE.O", R"({"seq":3})");
    w.hub->publish("o.b", "x", "Nats-Msg-Id: a\r\nOwn: header\r\n");
    w.world.run_for(300ms);
    w.hub->publish("o.b", "y", "Nats-Msg-Id: a\r\nNats-Expected-Last-Sequence: 6\r\n");
    w.hub->publish("o.c", "z", "Nats-Rollup: sub\r\n");
    w.create_mirror();
    w.world.run_for(3s);
    THEN("the mirror has the same messages with the same times, and holes where the origin has them") {
      const Json origin = w.origin();
      const Json mirror = w.mirror();
      for (const char* member :
           {"messages", "bytes", "first_seq", "last_seq", "first_ts", "last_ts", "num_deleted", "deleted", "num_subjects"}) {
        CAPTURE(member);
        CHECK(mirror[member] == origin[member]);
      }
      for (const int seq : {1, 4, 5, 6, 7, 8}) {
        CAPTURE(seq);
        const std::string body = R"({"seq":)" + std::to_string(seq) + "}";
        CHECK(w.leaf->api("STREAM.MSG.GET.M", body)["message"] == w.hub->api("STREAM.MSG.GET.O", body)["message"]);
      }
    }
    THEN("what comes later follows, and the lag is what was pending") {
      w.hub->publish_many("o.a", 20);
      w.world.run_for(1s);
      CHECK(w.last() == 28);
      CHECK(w.status()["lag"] == 0);
      CHECK(w.status()["active"].get<std::int64_t>() < 2'000'000'000);
      CHECK_FALSE(w.status().contains("error"));
    }
    THEN("nobody can publish to it") {
      CHECK(w.leaf->wire().request("o.a", "x", {}, 1s).value_or(Heard{}).payload.find("\"M\"") == std::string::npos);
    }
  }
}

SCENARIO("what happens at the origin") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.hub->publish_many("o.a", 10);
  w.world.run_for(2s);
  REQUIRE(w.last() == 10);
  WHEN("messages are deleted there after they were copied") {
    w.hub->api("STREAM.MSG.DELETE.O", R"({"seq":5})");
    w.world.run_for(1s);
    THEN("they stay in the mirror") { CHECK(w.mirror()["messages"] == 10); }
  }
  WHEN("it is purged and gets more") {
    w.hub->api("STREAM.PURGE.O");
    w.hub->publish_many("o.a", 2);
    w.world.run_for(1s);
    THEN("nothing is removed from the mirror, which goes on") {
      CHECK(w.mirror()["messages"] == 12);
      CHECK(w.last() == 12);
    }
  }
  WHEN("it moves on while the mirror cannot see it, and forgets what came first") {
    w.world.cut("hub", "leaf", sim::Cut::reset);
    w.world.run_for(5s);
    w.hub->publish_many("o.a", 10);
    w.hub->api("STREAM.PURGE.O", R"({"seq":16})");
    w.world.heal("hub", "leaf");
    THEN("the mirror skips what is gone") {
      CHECK(w.until_last(20) < 10s);
      const Json mirror = w.mirror();
      CHECK(mirror["messages"] == 15);
      CHECK(mirror["deleted"] == Json::array({11, 12, 13, 14, 15}));
    }
  }
  WHEN("it is deleted") {
    w.hub->api("STREAM.DELETE.O");
    w.world.run_for(25s);
    THEN("the mirror says so and keeps what it has") {
      CHECK(w.status()["error"]["err_code"] == 10059);
      CHECK(w.mirror()["messages"] == 10);
    }
    THEN("an origin made anew that begins behind it is a successor, and is followed") {
      w.create_origin(R"("subjects":["o.>"],"first_seq":13)");
      for (int i = 0; i < 4; ++i) w.hub->publish("o.new", "new");
      w.world.run_for(3min);
      CHECK(w.last() == 16);
      CHECK(w.mirror()["messages"] == 14);
      CHECK_FALSE(w.status().contains("error"));
      w.world.signal("leaf", sim::Signal::kill);
      w.world.run_for(1s);
      w.world.start("leaf");
      w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_again", "leaf");
      w.hub->publish("o.new", "new");
      w.world.run_for(10s);
      CHECK(w.last() == 17);
      CHECK_FALSE(w.status().contains("error"));
    }
    THEN("an origin made anew with fewer messages is an error, and overwrites nothing") {
      w.create_origin();
      for (int i = 0; i < 4; ++i) w.hub->publish("o.new", "new");
      w.world.run_for(3min);
      CHECK(w.last() == 10);
      CHECK(w.mirror()["messages"] == 10);
      REQUIRE(w.status().contains("error"));
      CHECK(w.status()["error"]["description"] == "origin's last sequence 4 is lower than the mirror's 10");
      CHECK(w.leaf->api("STREAM.MSG.GET.M", R"({"seq":3})")["message"]["subject"] == "o.a");
    }
  }
  WHEN("it is full of messages that the mirror may not take") {
    // The mirror's own limit refuses what the origin accepted: it stops there and tries again.
    w.leaf->api("STREAM.UPDATE.M",
                R"({"name":"M","mirror":{"name":"O","external":{"api":"$JS.hub.API","deliver":""}},"max_msgs":12,"discard":"new"})");
    w.hub->publish_many("o.a", 5);
    w.world.run_for(20s);
    THEN("it says why, and loses no sequence") {
      CHECK(w.last() == 12);
      CHECK(w.status()["error"]["err_code"] == 10077);
      CHECK(w.attempts() < 15);
    }
    THEN("it goes on when there is room again") {
      w.leaf->api("STREAM.UPDATE.M", R"({"name":"M","mirror":{"name":"O","external":{"api":"$JS.hub.API","deliver":""}},"max_msgs":100})");
      CHECK(w.until_last(15) < 10s);
      w.world.run_for(1s);
      CHECK_FALSE(w.status().contains("error"));
      CHECK(w.mirror()["messages"] == 15);
    }
  }
}

SCENARIO("a mirror resumes when the way to its origin is back") {
  struct Row {
    const char* what;
    sim::Signal signal;
    core::Duration down;
  };
  const Row rows[] = {
      {"a short kill", sim::Signal::kill, 1s},
      {"a kill longer than the origin's threshold", sim::Signal::kill, 15s},
      {"a long kill", sim::Signal::abrt, 10min},
      {"an orderly restart", sim::Signal::term, 5s},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    HubAndLeaf w;
    w.create_origin();
    w.create_mirror();
    w.hub->publish_many("o.a", 10);
    w.world.run_for(2s);
    REQUIRE(w.last() == 10);
    w.restart_hub(row.signal, row.down);
    w.hub->publish_many("o.a", 10);
    CHECK(w.until_last(20) < 6s);
    CHECK(w.mirror()["messages"] == 20);
  }
  SUBCASE("also when only the link was cut, for any time") {
    for (const core::Duration down : {core::Duration{500ms}, core::Duration{3s}, core::Duration{12s}, core::Duration{4min}}) {
      CAPTURE(down.count());
      HubAndLeaf w;
      w.create_origin();
      w.create_mirror();
      w.world.run_for(2s);
      w.world.cut("hub", "leaf", sim::Cut::reset);
      w.hub->publish_many("o.a", 10);
      w.world.run_for(down);
      CHECK(w.last() == 0);
      w.world.heal("hub", "leaf");
      CHECK(w.until_last(10) < 6s);
      CHECK(w.mirror()["messages"] == 10);
    }
  }
  SUBCASE("with nats-6981 only by its slow schedule") {
    core::Defects defects;
    defects.set(core::Defect::nats_6981);
    HubAndLeaf w{defects};
    w.create_origin();
    w.create_mirror();
    w.world.run_for(2s);
    w.world.cut("hub", "leaf", sim::Cut::reset);
    w.world.run_for(10min);
    w.hub->publish_many("o.a", 10);
    w.world.heal("hub", "leaf");
    const core::Duration late = w.until_last(10);
    CHECK(late > 10s);
    CHECK(late < 3min);
    CHECK(w.mirror()["messages"] == 10);
  }
}

TEST_CASE("a mirror that restarts goes on where it was") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.hub->publish_many("o.a", 10);
  w.world.run_for(2s);
  for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill}) {
    w.world.signal("leaf", signal);
    w.world.run_for(2s);
    w.hub->publish_many("o.a", 10);
    w.world.start("leaf");
    w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf" + std::to_string(++w.clients), "leaf");
    const std::uint64_t expected = w.origin()["last_seq"].get<std::uint64_t>();
    CHECK(w.until_last(expected) < 6s);
  }
  CHECK(w.mirror()["messages"] == 30);
}

TEST_CASE("a mirror whose last messages are gone still knows what it copied: an origin that lost that, and grew again, is another one") {
  enum class Gone { purged, purged_of_subject, deleted, too_old };
  struct Row {
    Gone gone;
    bool is_killed;
    bool is_restarted;  // before they go
  };
  for (const Row& row : {Row{Gone::purged, true, false}, Row{Gone::purged, false, false}, Row{Gone::purged_of_subject, true, false},
                         Row{Gone::deleted, true, false}, Row{Gone::deleted, true, true}, Row{Gone::too_old, true, false}}) {
    CAPTURE(row.gone);
    CAPTURE(row.is_killed);
    HubAndLeaf w;
    const auto start_leaf = [&] {
      w.world.start("leaf");
      w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_" + std::to_string(++w.clients), "leaf");
    };
    w.create_origin();
    w.create_mirror({}, row.gone == Gone::too_old ? R"(,"max_age":8000000000)" : "");
    w.hub->publish_many("o.a", 5);
    w.world.run_for(3min);  // synced
    w.hub->publish_many("o.b", 5);
    CHECK(w.until_last(10) < 5s);
    if (row.is_restarted) {
      w.world.signal("leaf", sim::Signal::kill);
      start_leaf();
      w.world.run_for(10s);
    }
    switch (row.gone) {
      case Gone::purged: CHECK(w.leaf->api("STREAM.PURGE.M")["purged"] == 10); break;
      case Gone::purged_of_subject: CHECK(w.leaf->api("STREAM.PURGE.M", R"({"filter":"o.b"})")["purged"] == 5); break;
      case Gone::deleted:
        for (int seq = 10; seq > 5; --seq)
          CHECK(w.leaf->api("STREAM.MSG.DELETE.M", R"({"seq":)" + std::to_string(seq) + "}")["success"] == true);
        break;
      case Gone::too_old: w.world.run_for(15s); break;
    }
    if (row.is_killed) w.world.signal("leaf", sim::Signal::kill);
    w.world.process("hub").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
    w.world.run_for(2s);
    w.world.start("hub");
    w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_again", "hub");
    REQUIRE(w.origin()["last_seq"] == 5);
    w.hub->publish_many("o.new", 10);
    if (row.is_killed) start_leaf();
    w.world.run_for(15s);
    CHECK(w.last() == 10);
    CHECK(w.status()["error"]["description"] == "origin has another message than the mirror's last one at its sequence");
  }
}

TEST_CASE("a mirror that is purged, or stopped, before it has read its notes keeps what they say") {
  for (const bool is_purged : {true, false}) {
    CAPTURE(is_purged);
    HubAndLeaf w;
    w.create_origin();
    w.create_mirror();
    w.hub->publish_many("o.a", 5);
    w.world.run_for(3min);  // synced
    w.hub->publish_many("o.a", 5);
    CHECK(w.until_last(10) < 5s);
    w.world.process("hub").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
    w.restart_hub(sim::Signal::kill, 2s);
    w.world.run_for(15s);
    REQUIRE(w.status()["error"]["description"] == "origin's last sequence 5 is lower than the mirror's 10");
    w.hub->publish_many("o.new", 20);
    w.world.signal("leaf", sim::Signal::kill);
    CHECK(w.hub->api("STREAM.MSG.DELETE.O", R"({"seq":10})")["success"] == true);
    start_reading_slowly(w.world, "leaf", "/copies.json");
    if (is_purged) {
      w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_early", "leaf");
      CHECK(w.leaf->api("STREAM.PURGE.M")["purged"] == 10);
    } else {
      w.world.signal("leaf", sim::Signal::term);
      w.world.run_for(10s);
      w.world.start("leaf");
      w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_again", "leaf");
    }
    w.world.run_for(15s);
    CHECK(w.last() == 10);
    CHECK(w.status()["error"]["description"] == "origin once had fewer messages than the mirror, and has given their sequences to others");
  }
}

TEST_CASE("a link that flaps for minutes costs a bounded number of attempts, and nothing") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.world.run_for(2s);
  const std::uint64_t before = w.attempts();
  int published = 0;
  for (int i = 0; i < 60; ++i) {
    w.world.cut("hub", "leaf", sim::Cut::reset);
    w.world.run_for(500ms);
    w.world.heal("hub", "leaf");
    w.world.run_for(1500ms);
    w.hub->publish_many("o.a", 3);
    published += 3;
  }
  CHECK(w.attempts() - before <= 62);  // two minutes, two seconds apart
  CHECK(w.until_last(static_cast<std::uint64_t>(published)) < 10s);
  CHECK(w.mirror()["messages"] == published);
}

TEST_CASE("an origin that falls silent is asked again, one that speaks again is heard again") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.hub->publish_many("o.a", 5);
  w.world.run_for(2s);
  REQUIRE(w.attempts() == 1);
  w.world.cut("hub", "leaf", sim::Cut::black_hole);
  w.world.run_for(9s);
  CHECK(w.attempts() == 1);
  w.world.run_for(13s);
  CHECK(w.attempts() == 2);
  CHECK(w.status()["active"].get<std::int64_t>() > 10'000'000'000);
  w.hub->publish_many("o.a", 5);
  w.world.heal("hub", "leaf");
  CHECK(w.until_last(10) < 2min);  // what TCP's retransmissions and one answer that was missed may cost
  CHECK(w.mirror()["messages"] == 10);
}

SCENARIO("a mirror begins where it was told to, and copies what it was told to") {
  HubAndLeaf w;
  w.create_origin();
  for (int i = 0; i < 5; ++i) {
    w.hub->publish("o.a", "a");
    w.hub->publish("o.b", "b");
  }
  WHEN("it begins at a sequence") {
    w.create_mirror(R"(,"opt_start_seq":7)");
    w.world.run_for(2s);
    THEN("the first sequence is that") {
      const Json mirror = w.mirror();
      CHECK(mirror["first_seq"] == 7);
      CHECK(mirror["messages"] == 4);
      CHECK(mirror["last_seq"] == 10);
    }
    THEN("the start counts once: a later setup goes on from what is there") {
      w.restart_hub(sim::Signal::kill, 20s);
      w.hub->publish_many("o.a", 2);
      CHECK(w.until_last(12) < 6s);
      CHECK(w.mirror()["messages"] == 6);
    }
  }
  WHEN("it has a filter") {
    w.create_mirror(R"(,"filter_subject":"o.b")");
    w.world.run_for(2s);
    THEN("the rest are holes") {
      const Json mirror = w.mirror();
      CHECK(mirror["messages"] == 5);
      CHECK(mirror["last_seq"] == 10);
      CHECK(mirror["num_subjects"] == 1);
      CHECK(w.status()["filter_subject"] == "o.b");
    }
    THEN("it goes on over an outage in which nothing that matches came") {
      w.world.cut("hub", "leaf", sim::Cut::reset);
      w.hub->publish_many("o.a", 3);
      w.world.run_for(20s);
      w.world.heal("hub", "leaf");
      w.hub->publish("o.b", "b");
      CHECK(w.until_last(14) < 6s);
      CHECK(w.mirror()["messages"] == 6);
    }
  }
}

TEST_CASE("a mirror of a mirror has what the first origin has") {
  NodeWorld world;
  world.add(node_config("hub", "hub"));
  world.add(node_config("region", "region", "hub"));
  world.add(node_config("edge", "edge", "region"));
  world.link("hub", "region", {5ms, 40ms});
  world.link("region", "edge", {5ms, 40ms});
  for (const char* name : {"hub", "region", "edge"}) world.start(name);
  JetStreamClient hub{world, "at_hub", "hub"};
  JetStreamClient region{world, "at_region", "region"};
  JetStreamClient edge{world, "at_edge", "edge"};
  world.run_for(3s);
  hub.create_stream("O", R"("subjects":["o.>"])");
  region.create_stream("M", R"("mirror":{"name":"O","external":{"api":"$JS.hub.API","deliver":""}})");
  edge.create_stream("E", R"("mirror":{"name":"M","external":{"api":"$JS.region.API","deliver":""}})");
  hub.publish_many("o.a", 10);
  hub.api("STREAM.MSG.DELETE.O", R"({"seq":10})");
  world.signal("region", sim::Signal::kill);
  hub.publish_many("o.a", 10);
  world.run_for(15s);
  world.start("region");
  world.run_for(15s);
  CHECK(edge.stream("E")["state"]["last_seq"] == 20);
  const Json first = hub.api("STREAM.MSG.GET.O", R"({"seq":15})");
  CHECK(edge.api("STREAM.MSG.GET.E", R"({"seq":15})")["message"] == first["message"]);
}

TEST_CASE("a mirror takes verbatim what only looks like a control message") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.world.run_for(1s);
  w.hub->wire().request("o.a", "", "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n");
  w.hub->publish("o.a", "next");
  w.world.run_for(1s);
  CHECK(w.last() == 2);
  CHECK(w.mirror()["messages"] == 2);
  CHECK(w.attempts() == 1);
}

TEST_CASE("a mirror that may roll up does, in the origin's spelling") {
  HubAndLeaf w;
  w.create_origin(R"("subjects":["o.>"],"allow_rollup_hdrs":true)");
  w.create_mirror({}, R"(,"allow_rollup_hdrs":true)");
  w.hub->publish_many("o.a", 3);
  w.hub->publish_many("o.b", 3);
  w.world.run_for(2s);
  REQUIRE(w.last() == 6);
  w.hub->publish("o.a", "x", "Nats-Rollup: SUB\r\n");
  w.world.run_for(1s);
  CHECK(w.mirror()["messages"] == 4);
  w.hub->publish("o.a", "x", "Nats-Rollup: ALL\r\n");
  w.world.run_for(1s);
  CHECK(w.mirror()["messages"] == 1);
  CHECK(w.last() == 8);
}

TEST_CASE("a mirror's deletion ends its consumer at the origin, and a new one of the same name begins anew") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.hub->publish_many("o.a", 3);
  w.world.run_for(2s);
  CHECK(w.leaf->api("STREAM.DELETE.M")["success"] == true);
  w.create_mirror();
  w.world.run_for(2s);
  CHECK(w.mirror()["messages"] == 3);
}

// What the deleted one asked for stays at the origin for ten seconds more.
TEST_CASE("a mirror that is deleted and made anew at once begins anew, also with a consumer of a name of its own") {
  HubAndLeaf w;
  w.create_origin();
  const std::string filter = R"(,"filter_subject":"o.>")";
  w.create_mirror(filter);
  w.hub->publish_many("o.a", 3);
  w.world.run_for(2s);
  REQUIRE(w.mirror()["messages"] == 3);
  for (int i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(w.leaf->api("STREAM.DELETE.M")["success"] == true);
    w.create_mirror(filter);
    w.world.run_for(2s);
    CHECK(w.mirror()["messages"] == 3);
    CHECK_FALSE(w.status().contains("error"));
  }
}

// Of a record's sequence two bits are marks: what came under such a number would be lost at the next start.
TEST_CASE("an origin that names an impossible sequence is not followed") {
  for (const std::string seq : {"9223372036854775807", "18446744073709551615"}) {
    CAPTURE(seq);
    OneNode node;
    JetStreamClient& js = node.client();
    const std::string sid = js.wire().subscribe("FAKE.CONSUMER.CREATE.O");
    js.create_stream("M", R"("mirror":{"name":"O","external":{"api":"FAKE","deliver":""}})");
    const std::vector<Heard> asked = js.wire().await(sid, 1, 30s);
    REQUIRE(asked.size() == 1);
    js.wire().publish(asked[0].reply, R"({"name":"c","delivered":{"consumer_seq":0,"stream_seq":)" + seq + "}}");
    node.world.run_for(1s);
    const Json stream = js.stream("M");
    CHECK(stream["state"]["last_seq"] == 0);
    CHECK(stream["mirror"]["error"]["description"] == "the origin's answer names no consumer, or an impossible sequence");
  }
}

TEST_CASE("a mirror that becomes an ordinary stream goes on from its last sequence; nothing else of it may change") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  w.hub->publish_many("o.a", 5);
  CHECK(w.until_last(5) < 5s);
  const Json refused =
      w.leaf->api("STREAM.UPDATE.M", R"({"name":"M","mirror":{"name":"OTHER","external":{"api":"$JS.hub.API","deliver":""}}})");
  CHECK(error_of(refused) == 10055);
  const Json promoted = w.leaf->api("STREAM.UPDATE.M", R"({"name":"M","subjects":["p.>"]})");
  CHECK(error_of(promoted) == 0);
  CHECK_FALSE(promoted.contains("mirror"));
  w.hub->publish_many("o.a", 3);
  CHECK(seq_of(w.leaf->publish("p.a", "x", "Nats-Msg-Id: one\r\n")) == 6);
  CHECK(w.leaf->publish("p.a", "x", "Nats-Msg-Id: one\r\n")["duplicate"] == true);
  w.world.run_for(5s);
  CHECK(w.last() == 6);
  w.world.signal("leaf", sim::Signal::kill);
  w.world.run_for(1s);
  w.world.start("leaf");
  w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_again", "leaf");
  CHECK(seq_of(w.leaf->publish("p.a", "y")) == 7);
  CHECK(error_of(w.leaf->api("STREAM.UPDATE.M", R"({"name":"M","mirror":{"name":"O","external":{"api":"$JS.hub.API","deliver":""}}})")) ==
        10055);
}

}  // namespace
}  // namespace windtunnel::tests
