// How sources went wrong in releases of nats-server, and how ours do when they are broken on purpose (reference: streams E,
// defect corpus).
#include "tests/sim/hub_and_edges.h"

namespace windtunnel::tests {
namespace {

TEST_CASE("nats-8387: a source without a position passes over what an edge stored before our last message") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndEdges w{2, with_defect(is_broken ? std::optional{core::Defect::nats_8387} : std::nullopt)};
    w.create_origin(1);
    w.create_origin(2);
    w.create_all(HubAndEdges::source(2), R"(,"max_msgs":2)");
    w.publish(1, 3);
    w.world.run_for(1s);
    w.publish(2, 4);
    w.world.run_for(2s);
    CHECK(w.state()["first_seq"] == 3);
    w.hub->api("STREAM.UPDATE.ALL",
               R"({"name":"ALL","max_msgs":100,"sources":[)" + HubAndEdges::source(1) + "," + HubAndEdges::source(2) + "]}");
    w.world.run_for(3s);
    CHECK(brought(w, "e1.a") == (is_broken ? std::vector<int>{} : numbers(1, 3)));
  }
}

TEST_CASE("nats-6206: an origin that was made anew begins anew") {
  for (const bool is_broken : {false, true}) {
    for (const bool is_away : {false, true}) {
      CAPTURE(is_broken);
      CAPTURE(is_away);
      HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_6206} : std::nullopt)};
      w.create_origin(1);
      w.create_all(HubAndEdges::source(1));
      w.publish(1, 10);
      CHECK(w.until_count(10) < 5s);
      if (is_away) {  // over a restart, too
        w.world.run_for(2s);
        w.world.signal("hub", sim::Signal::kill);
        w.world.run_for(1s);
      } else {
        w.world.cut("hub", "e1", sim::Cut::reset);
      }
      recreate(w, 1);
      w.publish(1, 5);
      if (is_away) {
        w.world.start("hub");
        w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_again", "hub");
      } else {
        w.world.heal("hub", "e1");
      }
      w.world.run_for(10s);
      CHECK(brought(w, "e1.a") == numbers(1, is_broken ? 10 : 15));
      w.publish(1, 3);
      w.world.run_for(5s);
      CHECK(w.count() == (is_broken ? 13 : 18));
    }
  }
}

TEST_CASE("nats-7896: a message whose id is known is passed over; in a release it blocks its source until the id is forgotten") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndEdges w{2, with_defect(is_broken ? std::optional{core::Defect::nats_7896} : std::nullopt)};
    w.create_origin(1);
    w.create_origin(2);
    w.create_all(HubAndEdges::source(1) + "," + HubAndEdges::source(2));
    w.publish(1, 1, "Nats-Msg-Id: same\r\n");
    w.publish(2, 1);
    CHECK(w.until_count(2) < 5s);
    w.publish(2, 1, "Nats-Msg-Id: same\r\n");
    w.publish(2, 2);
    w.world.run_for(20s);
    CHECK(brought(w, "e2.a") == (is_broken ? numbers(1, 1) : std::vector<int>{1, 3, 4}));
    CHECK((w.running(1).attempts() > 5) == is_broken);
    w.world.run_for(3min);
    // When the id is forgotten the release stores the message after all.
    CHECK(brought(w, "e2.a") == (is_broken ? numbers(1, 4) : std::vector<int>{1, 3, 4}));
    if (is_broken) continue;
    w.restart_hub(sim::Signal::kill);
    w.world.run_for(5s);
    CHECK(brought(w, "e2.a") == std::vector<int>{1, 3, 4});
  }
}

TEST_CASE("nats-8040: a roll-up that the stream does not permit is stored as any message; a release refuses it for ever") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_8040} : std::nullopt)};
    w.create_origin(1, R"(,"allow_rollup_hdrs":true)");
    w.create_all(HubAndEdges::source(1));
    w.publish(1, 2);
    CHECK(w.until_count(2) < 5s);
    w.publish(1, 1, "Nats-Rollup: sub\r\n");
    w.publish(1, 2);
    w.world.run_for(30s);
    CHECK(brought(w, "e1.a") == numbers(1, is_broken ? 2 : 5));
    CHECK((w.running().attempts() > 5) == is_broken);
  }
  SUBCASE("where it is permitted it takes effect") {
    HubAndEdges w{1};
    w.create_origin(1, R"(,"allow_rollup_hdrs":true)");
    w.create_all(HubAndEdges::source(1), R"(,"allow_rollup_hdrs":true)");
    w.publish(1, 2);
    CHECK(w.until_count(2) < 5s);
    w.publish(1, 1, "Nats-Rollup: sub\r\n");
    w.world.run_for(2s);
    CHECK(brought(w, "e1.a") == numbers(3, 3));
  }
}

TEST_CASE("nats-8069: a link that breaks before the first message costs none") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_8069} : std::nullopt)};
    w.create_origin(1);
    w.publish(1, 5);
    w.edge[1]->api("STREAM.PURGE.EDGE_1");
    w.create_all(HubAndEdges::source(1));  // its consumer begins behind what is gone
    w.world.run_for(3s);
    w.world.cut("hub", "e1", sim::Cut::reset);
    w.publish(1, 3);
    w.world.run_for(20s);
    w.world.heal("hub", "e1");
    w.world.run_for(10s);
    CHECK(brought(w, "e1.a") == numbers(is_broken ? 7 : 6, 8));
  }
}

TEST_CASE("nats-7530: a source whose requests nobody answers says so; a release does not") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_7530} : std::nullopt)};
    w.create_origin(1);
    w.create_all(R"({"name":"EDGE_1","external":{"api":"$JS.nowhere.API","deliver":""}})");
    w.world.run_for(5s);
    CHECK(w.status()["active"] == -1);
    CHECK(w.status().contains("error") == !is_broken);
    if (!is_broken) CHECK(w.status()["error"]["description"] == "no answer to $JS.nowhere.API.CONSUMER.CREATE.EDGE_1");
  }
}

TEST_CASE("nats-6468: a source copies the stream of the domain that it names, whatever its own server has of that name") {
  for (const bool is_broken : {false, true}) {
    for (const bool is_at_home : {false, true}) {
      CAPTURE(is_broken);
      CAPTURE(is_at_home);
      HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_6468} : std::nullopt)};
      w.create_origin(1);
      if (is_at_home) CHECK(error_of(w.hub->create_stream("EDGE_1", R"("subjects":["home"])")) == 0);
      w.create_all(HubAndEdges::source(1));
      w.publish(1, 3);
      if (is_at_home) w.hub->publish("home", "99");
      w.world.run_for(5s);
      CHECK(brought(w, "e1.a") == numbers(1, is_broken ? 0 : 3));
      CHECK(brought(w, "home").size() == (is_broken && is_at_home ? 1 : 0));
      CHECK_FALSE(w.status().contains("error"));  // least of all where there is one
    }
  }
}

TEST_CASE("nats-4148: a leaf whose hub is away has no answer for what is published to the hub's streams") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_4148} : std::nullopt)};
    w.create_origin(1);
    CHECK(error_of(w.hub->create_stream("ORDERS", R"("subjects":["orders"])")) == 0);
    w.world.run_for(1s);
    CHECK(seq_of(w.edge[1]->publish("orders", "1")) == 1);
    w.world.cut("hub", "e1", sim::Cut::reset);
    w.world.run_for(1s);
    const auto answer = w.edge[1]->wire().request("orders", "2");
    REQUIRE(answer.has_value());
    CHECK((answer->status() == "503") == !is_broken);
    CHECK((answer->payload.find(R"("domain":"hub")") != std::string::npos) == is_broken);
    CHECK(seq_of(w.edge[1]->publish("e1.a", "1")) == 1);  // what is stored here is
    CHECK(w.edge[1]->wire().request("$JS.hub.API.INFO", "")->status() == "503");
    w.world.heal("hub", "e1");
    w.world.run_for(10s);
    CHECK(w.hub->stream("ORDERS")["state"]["messages"] == 1);
    CHECK(seq_of(w.edge[1]->publish("orders", "3")) == 2);
  }
}

SCENARIO("nats-3207: what a work queue or an interest stream hands to a source is not lost with the link") {
  for (const bool is_broken : {false, true}) {
    for (const char* retention : {"workqueue", "interest"}) {
      CAPTURE(is_broken);
      CAPTURE(retention);
      HubAndEdges w{1, with_defect(is_broken ? std::optional{core::Defect::nats_3207} : std::nullopt)};
      w.create_origin(1, R"(,"retention":")" + std::string(retention) + "\"");
      w.create_all(HubAndEdges::source(1));
      w.world.run_for(2s);
      w.publish(1, 5);
      CHECK(w.until_count(5) < 5s);
      w.world.run_for(1s);
      CHECK(w.edge[1]->stream("EDGE_1")["state"]["messages"] == 0);
      w.world.cut("hub", "e1", sim::Cut::black_hole);
      w.publish(1, 5);
      w.world.run_for(2s);
      // The edge's connection dies, and what lay in it.
      w.world.signal("hub", sim::Signal::kill);
      w.world.run_for(30s);
      w.publish(1, 5);
      w.world.heal("hub", "e1");
      w.world.start("hub");
      w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_again", "hub");
      w.world.run_for(30s);
      const std::vector<int> got = brought(w, "e1.a");
      if (is_broken) {
        CHECK(got.size() < 15);
      } else {
        CHECK(got == numbers(1, 15));
        CHECK(w.edge[1]->stream("EDGE_1")["state"]["messages"] == 0);
      }
    }
  }
}

SCENARIO("nats-8111, nats-7796: a link that flaps does not disturb the sources of others") {
  struct Row {
    std::optional<core::Defect> defect;
    bool disturbs_healthy;
    bool piles_up;
  };
  const Row rows[] = {{std::nullopt, false, false}, {core::Defect::nats_7796, true, false}, {core::Defect::nats_8111, false, true}};
  for (const Row& row : rows) {
    CAPTURE(row.defect.has_value());
    HubAndEdges w{3, with_defect(row.defect)};
    for (int i = 1; i <= 3; ++i) w.create_origin(i);
    w.create_all(HubAndEdges::source(1) + "," + HubAndEdges::source(2) + "," + HubAndEdges::source(3));
    w.world.run_for(2s);
    CHECK(w.running(0).attempts() == 1);
    w.world.cut("hub", "e3", sim::Cut::black_hole);  // one that is in setup all the time
    w.world.run_for(25s);
    const std::uint64_t before = w.running(2).attempts();
    std::uint64_t outstanding = 0;
    for (int i = 0; i < 8; ++i) {
      w.world.cut("hub", "e2", sim::Cut::reset);
      w.world.run_for(300ms);
      w.world.heal("hub", "e2");
      for (int n = 0; n < 10; ++n) {
        w.world.run_for(150ms);
        outstanding = std::max(outstanding, w.running(2).outstanding());
      }
    }
    CHECK((w.running(0).attempts() > 2) == row.disturbs_healthy);
    CHECK((outstanding > 1) == row.piles_up);
    CHECK((w.running(2).attempts() - before > 4) == row.piles_up);
  }
}

TEST_CASE("sources that were broken on purpose lose, double, and stay away") {
  struct Row {
    core::Defect defect;
    std::size_t messages;
    bool resumes;
  };
  const Row rows[] = {{core::Defect::break_source_skips, 59, true},
                      {core::Defect::break_source_duplicates, 61, true},
                      {core::Defect::break_source_never_resumes, 60, false}};
  for (const Row& row : rows) {
    CAPTURE(core::name_of(row.defect));
    HubAndEdges w{1, with_defect(row.defect)};
    w.create_origin(1);
    w.create_all(HubAndEdges::source(1));
    w.publish(1, 60);
    w.world.run_for(3s);
    CHECK(brought(w, "e1.a").size() == row.messages);
    w.world.cut("hub", "e1", sim::Cut::reset);
    w.world.run_for(20s);
    w.world.heal("hub", "e1");
    w.publish(1, 1);
    w.world.run_for(10s);
    CHECK((brought(w, "e1.a").back() == 61) == row.resumes);
  }
}

}  // namespace
}  // namespace windtunnel::tests
