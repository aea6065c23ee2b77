// Streams with sources: what they copy, from where they go on, and what they survive (reference: streams E).
#include "sim/survivors.h"
#include "tests/sim/hub_and_edges.h"

namespace windtunnel::tests {
namespace {

constexpr std::uint64_t kRandomSeeds = 300;

SCENARIO("a stream has what its sources have, each message once, with a header that says where it is from") {
  HubAndEdges w{2};
  w.create_origin(1);
  w.create_origin(2);
  w.publish(1, 3);
  w.create_all(HubAndEdges::source(1) + "," + HubAndEdges::source(2));
  w.publish(2, 2);
  w.publish(1, 2);
  w.world.run_for(3s);
  CHECK(w.count() == 7);
  std::map<std::string, int> last;
  for (std::uint64_t seq = 1; seq <= 7; ++seq) {
    const Json message = w.message(seq);
    const std::string subject = message["subject"];
    const std::string number = std::to_string(++last[subject]);
    CHECK(payload_of(message) == number);
    const std::string origin = subject == "e1.a" ? "EDGE_1:k6gjV4f2 " : "EDGE_2:csx5kttf ";
    CHECK(headers_of(message) == "NATS/1.0\r\nNats-Stream-Source: " + origin + number + " > >\r\n\r\n");
  }
  CHECK(w.status()["lag"] == 0);
  CHECK(w.status()["name"] == "EDGE_1");
  CHECK(w.status()["external"] == Json::parse(R"({"api":"$JS.e1.API","deliver":""})"));
  CHECK(w.status()["active"].get<std::int64_t>() < 2'000'000'000);
  CHECK_FALSE(w.status().contains("error"));
  CHECK(w.running().attempts() == 1);
}

SCENARIO("a source goes on where it was") {
  for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill}) {
    HubAndEdges w{2};
    w.create_origin(1);
    w.create_origin(2);
    w.create_all(HubAndEdges::source(1) + "," + HubAndEdges::source(2));
    w.publish(1, 5);
    w.publish(2, 5);
    CHECK(w.until_count(10) < 5s);
    w.world.cut("hub", "e1", sim::Cut::reset);
    w.publish(1, 5);
    w.world.run_for(1min);
    w.restart_hub(signal);
    w.publish(2, 5);
    CHECK(w.until_count(15) < 6s);
    w.world.heal("hub", "e1");
    CHECK(w.until_count(20) < 6s);
    w.restart_edge(1, signal);
    w.publish(1, 5);
    CHECK(w.until_count(25) < 6s);
    w.world.run_for(5s);
    CHECK(w.count() == 25);
    std::map<std::string, int> last;
    for (std::uint64_t seq = 1; seq <= 25; ++seq) {
      const Json message = w.message(seq);
      const std::string subject = message["subject"];
      CHECK(payload_of(message) == std::to_string(++last[subject]));
    }
  }
}

SCENARIO("filters, transforms and a start decide what a source brings") {
  HubAndEdges w{1};
  w.create_origin(1);
  for (int i = 0; i < 3; ++i) {
    w.edge[1]->publish("e1.a", "a");
    w.edge[1]->publish("e1.b", "b");
  }
  WHEN("it has a filter") {
    w.create_all(HubAndEdges::source(1, R"(,"filter_subject":"e1.b")"));
    w.world.run_for(2s);
    THEN("only what matches comes, and its header names the filter") {
      CHECK(w.count() == 3);
      CHECK(headers_of(w.message(2)) == "NATS/1.0\r\nNats-Stream-Source: EDGE_1:k6gjV4f2 4 e1.b >\r\n\r\n");
      CHECK(w.status()["filter_subject"] == "e1.b");
    }
  }
  WHEN("two sources of one origin overlap") {
    w.create_all(HubAndEdges::source(1, R"(,"filter_subject":"e1.b")") + "," + HubAndEdges::source(1));
    w.world.run_for(2s);
    THEN("what both match is there for each of them") { CHECK(w.count() == 9); }
    THEN("each goes on by itself over a restart") {
      w.restart_hub(sim::Signal::kill);
      w.edge[1]->publish("e1.b", "b");
      CHECK(w.until_count(11) < 6s);
      w.world.run_for(3s);
      CHECK(w.count() == 11);
    }
  }
  WHEN("it rewrites subjects") {
    w.create_all(HubAndEdges::source(1, R"(,"subject_transforms":[{"src":"e1.a","dest":"x.a"},{"src":"e1.b","dest":"x.b"}])"));
    w.world.run_for(2s);
    THEN("they are stored under the new ones") {
      CHECK(w.count() == 6);
      CHECK(w.message(1)["subject"] == "x.a");
      CHECK(headers_of(w.message(2)) == "NATS/1.0\r\nNats-Stream-Source: EDGE_1:k6gjV4f2 2 e1.a\fe1.b x.a\fx.b\r\n\r\n");
    }
  }
  WHEN("it begins at a sequence") {
    w.create_all(HubAndEdges::source(1, R"(,"opt_start_seq":5)"));
    w.world.run_for(2s);
    THEN("what is before is not brought") { CHECK(w.count() == 2); }
  }
}

TEST_CASE("what a message expects is the origin's affair, and only the last hop is named") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1));
  w.edge[1]->publish("e1.a", "x", "Nats-Expected-Stream: EDGE_1\r\nNats-Stream-Source: OTHER 7 > >\r\nOwn: kept\r\nNats-Msg-Id: m\r\n");
  CHECK(w.until_count(1) < 5s);
  CHECK(headers_of(w.message(1)) == "NATS/1.0\r\nOwn: kept\r\nNats-Msg-Id: m\r\nNats-Stream-Source: EDGE_1:k6gjV4f2 1 > >\r\n\r\n");
}

SCENARIO("sources come and go while the stream runs") {
  HubAndEdges w{2};
  w.create_origin(1);
  w.create_origin(2);
  w.create_all(HubAndEdges::source(1));
  w.publish(1, 3);
  w.publish(2, 3);
  CHECK(w.until_count(3) < 5s);
  const auto update = [&](const std::string& sources) {
    return w.hub->api("STREAM.UPDATE.ALL", R"({"name":"ALL","sources":[)" + sources + "]}");
  };
  CHECK(error_of(update(HubAndEdges::source(1) + "," + HubAndEdges::source(2))) == 0);
  CHECK(w.until_count(6) < 5s);
  CHECK(w.running(0).attempts() == 1);  // the first one reads on
  CHECK(error_of(update(HubAndEdges::source(2))) == 0);
  w.publish(1, 3);
  w.publish(2, 3);
  CHECK(w.until_count(9) < 5s);
  w.world.run_for(3s);
  CHECK(w.count() == 9);
  CHECK(error_of(update(HubAndEdges::source(2) + "," + HubAndEdges::source(1))) == 0);
  CHECK(w.until_count(12) < 5s);
  w.world.run_for(3s);
  CHECK(brought(w, "e1.a") == numbers(1, 6));
  CHECK(brought(w, "e2.a") == numbers(1, 6));
}

SCENARIO("where a source goes on does not depend on the messages that are still there") {
  struct Row {
    const char* what;
    const char* members;
    const char* api;
  };
  const Row rows[] = {{"purged", "", "STREAM.PURGE.ALL"}, {"a stream of one message", R"(,"max_msgs":1)", nullptr}};
  for (const Row& row : rows) {
    for (const sim::Signal signal : {sim::Signal::term, sim::Signal::kill}) {
      CAPTURE(row.what);
      HubAndEdges w{2};
      w.create_origin(1);
      w.create_origin(2);
      w.create_all(HubAndEdges::source(1) + "," + HubAndEdges::source(2), row.members);
      w.publish(1, 4);
      w.world.run_for(2s);
      w.world.cut("hub", "e1", sim::Cut::reset);
      w.publish(1, 2);  // from before what comes now
      w.publish(2, 3);
      w.world.run_for(2s);
      if (row.api != nullptr) CHECK(w.hub->api(row.api)["success"] == true);
      w.restart_hub(signal, 1s);
      w.world.run_for(5s);
      const std::uint64_t before = w.state()["last_seq"];
      CHECK(before == 7);
      w.world.heal("hub", "e1");
      w.world.run_for(6s);
      CHECK(w.state()["last_seq"] == before + 2);
    }
  }
}

TEST_CASE("an origin that a power loss took back gives its sequences to other messages, and they are copied") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1));
  w.publish(1, 5);
  w.world.run_for(3min);  // synced
  w.publish(1, 5);
  CHECK(w.until_count(10) < 5s);
  w.world.cut("hub", "e1", sim::Cut::reset);
  w.world.process("e1").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
  w.world.run_for(5s);
  w.world.start("e1");
  w.edge[1] = std::make_unique<JetStreamClient>(w.world, "at_e1_again", "e1");
  const Json origin = w.edge[1]->stream("EDGE_1")["state"];
  REQUIRE(origin["last_seq"] < 10);
  w.publish(1, 8);  // beyond where it was
  w.world.heal("hub", "e1");
  w.world.run_for(10s);
  CHECK(brought(w, "e1.a") == numbers(1, 18));
}

TEST_CASE("an origin that has less than a source without notes knows of goes on where it is: what comes is new") {
  for (const int kept : {0, 3}) {
    CAPTURE(kept);
    HubAndEdges w{1};
    w.create_origin(1);
    w.create_all(HubAndEdges::source(1));
    w.publish(1, kept);
    w.world.run_for(3min);  // synced
    w.publish(1, 10 - kept);
    CHECK(w.until_count(10) < 5s);
    w.world.signal("hub", sim::Signal::kill);
    w.world.process("hub").disk().drop("jetstream/$G/streams/ALL/copies.json");
    w.world.process("e1").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
    w.world.run_for(5s);
    w.world.start("e1");
    w.edge[1] = std::make_unique<JetStreamClient>(w.world, "at_e1_again", "e1");
    REQUIRE(w.edge[1]->stream("EDGE_1")["state"]["last_seq"] == kept);
    w.world.start("hub");
    w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_again", "hub");
    w.world.run_for(15s);  // it has asked
    w.publish(1, 15);
    w.world.run_for(30s);
    CHECK(brought(w, "e1.a") == numbers(1, 25));
    CHECK(w.status()["error"].is_null());
  }
}

TEST_CASE("a source that the stream cannot take says why, tries again within bounds, and goes on when it can") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1), R"(,"max_msgs":3,"discard":"new")");
  w.publish(1, 6);
  w.world.run_for(20s);
  CHECK(w.count() == 3);
  CHECK(w.status()["error"]["err_code"] == 10077);
  CHECK(w.running().attempts() < 15);
  w.hub->api("STREAM.PURGE.ALL", R"({"keep":1})");
  CHECK(w.until_count(3) < 10s);
  w.hub->api("STREAM.UPDATE.ALL", R"({"name":"ALL","max_msgs":100,"sources":[)" + HubAndEdges::source(1) + "]}");
  w.world.run_for(5s);
  CHECK(brought(w, "e1.a") == numbers(3, 6));
  CHECK_FALSE(w.status().contains("error"));
}

TEST_CASE("a stream that keeps what somebody is interested in takes the rest of its sources for done") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1), R"(,"retention":"interest")");
  w.publish(1, 4);
  w.world.run_for(5s);
  CHECK(w.count() == 0);
  CHECK(w.state()["last_seq"] == 4);
  w.hub->create_consumer("ALL", "c", R"("ack_policy":"explicit")");
  w.restart_hub(sim::Signal::kill);
  w.publish(1, 2);
  w.world.run_for(5s);
  CHECK(brought(w, "e1.a") == numbers(5, 6));
}

TEST_CASE("a source that goes takes its consumer on a work queue with it") {
  HubAndEdges w{1};
  w.create_origin(1, R"(,"retention":"workqueue")");
  w.create_all(HubAndEdges::source(1));
  w.world.run_for(2s);
  CHECK(w.edge[1]->stream("EDGE_1")["state"]["consumer_count"] == 1);
  w.restart_hub(sim::Signal::kill);
  w.world.run_for(5s);
  CHECK(w.edge[1]->stream("EDGE_1")["state"]["consumer_count"] == 1);
  CHECK(w.hub->api("STREAM.DELETE.ALL")["success"] == true);
  w.world.run_for(2s);
  CHECK(w.edge[1]->stream("EDGE_1")["state"]["consumer_count"] == 0);
}

TEST_CASE("sourced streams that lead back are refused where they can be seen") {
  OneNode w;
  CHECK(error_of(w.client().create_stream("A", R"("subjects":["a"])")) == 0);
  CHECK(error_of(w.client().create_stream("B", R"("subjects":["b"],"sources":[{"name":"A"}])")) == 0);
  const Json answer = w.client().api("STREAM.UPDATE.A", R"({"name":"A","subjects":["a"],"sources":[{"name":"B"}]})");
  CHECK(answer["error"]["description"] == "detected cycle");
  w.client().publish_many("a", 3);
  w.client().publish_many("b", 2);
  w.world.run_for(2s);
  CHECK(w.client().stream("B")["state"]["messages"] == 5);
}

// Any order of cuts (seen at once, or not), kills and restarts of the hub and its edges.
TEST_CASE("whatever happens to nodes and links, each message arrives once, in its origin's order") {
  constexpr int kEdges = 3;
  std::uint64_t trouble = 0;
  for (std::uint64_t seed = 1; seed <= kRandomSeeds; ++seed) {
    CAPTURE(seed);
    HubAndEdges w{kEdges, {}, core::Seed{seed}};
    core::Random random = core::Random{core::Seed{seed}}.child("what happens");
    const char* retentions[] = {"limits", "workqueue", "interest"};
    std::string sources;
    for (int i = 1; i <= kEdges; ++i) {
      w.create_origin(i, R"(,"retention":")" + std::string(retentions[(seed + static_cast<std::uint64_t>(i)) % 3]) + "\"");
      sources += (i > 1 ? "," : "") + HubAndEdges::source(i);
    }
    w.create_all(sources);
    w.world.run_for(3s);  // an interest stream keeps nothing before somebody is interested
    for (int step = 0; step < 12; ++step) {
      const int i = static_cast<int>(1 + random.below(kEdges));
      const std::string edge = "e" + std::to_string(i);
      const bool is_kill = random.below(2) == 0;
      const core::Duration down = random.between(core::Duration{100ms}, core::Duration{15s});
      const std::uint64_t what = random.below(7);
      ++trouble;
      if (what < 2) {
        w.world.cut("hub", edge, what == 0 ? sim::Cut::reset : sim::Cut::black_hole);
        w.publish(i, 3);
        w.world.run_for(down);
        w.world.heal("hub", edge);
      } else if (what == 2) {
        w.restart_hub(is_kill ? sim::Signal::kill : sim::Signal::term, down);
      } else if (what == 3) {
        w.restart_edge(i, is_kill ? sim::Signal::kill : sim::Signal::term, down);
      } else {
        w.publish(i, static_cast<int>(1 + random.below(8)));
        w.world.run_for(random.between(core::Duration{1ms}, core::Duration{900ms}));
      }
    }
    std::uint64_t total = 0;
    for (const auto& [i, count] : w.published) total += static_cast<std::uint64_t>(count);
    w.until_count(total);
    w.world.run_for(3s);
    for (int i = 1; i <= kEdges; ++i) CHECK(brought(w, "e" + std::to_string(i) + ".a") == numbers(1, w.published[i]));
  }
  CHECK(trouble == 12 * kRandomSeeds);
}

}  // namespace
}  // namespace windtunnel::tests
