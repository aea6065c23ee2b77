// What releases get wrong about mirrors, and ours does not (reference: streams D).
#include <map>

#include "sim/survivors.h"
#include "tests/sim/hub_and_leaf.h"

namespace windtunnel::tests {
namespace {

SCENARIO("nats-8152: a mirror never follows an origin that is not the one it copied") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndLeaf w{with_defect(is_broken ? std::optional{core::Defect::nats_8152} : std::nullopt)};
    w.create_origin();
    w.create_mirror();
    w.hub->publish_many("o.a", 10);
    CHECK(w.until_last(10) < 5s);
    w.world.run_for(2s);
    WHEN("it is made anew, and comes to have more messages") {
      w.world.cut("hub", "leaf", sim::Cut::reset);
      w.hub->api("STREAM.DELETE.O");
      w.create_origin();
      for (int i = 0; i < 4; ++i) w.hub->publish("o.new", "new");
      w.world.heal("hub", "leaf");
      w.world.run_for(10s);
      for (int i = 0; i < 10; ++i) w.hub->publish("o.new", "new");
      w.world.signal("leaf", sim::Signal::kill);
      w.world.run_for(1s);
      w.world.start("leaf");
      w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_again", "leaf");
      w.world.run_for(10s);
      if (is_broken) {
        CHECK(w.leaf->api("STREAM.MSG.GET.M", R"({"seq":6})")["message"]["subject"] == "o.new");
      } else {
        CHECK(w.last() == 10);
        CHECK(w.status()["error"]["description"].get<std::string>().starts_with("origin was created at "));
      }
    }
    WHEN("a power loss takes it back, and it gives the sequences again before it is seen") {
      w.world.cut("hub", "leaf", sim::Cut::reset);
      w.world.process("hub").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
      w.world.run_for(1s);
      w.world.start("hub");
      w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_again", "hub");
      if (w.origin().is_null()) w.create_origin();
      REQUIRE(w.origin()["last_seq"] < 10);
      for (int i = 0; i < 14; ++i) w.hub->publish("o.new", "new");
      w.world.heal("hub", "leaf");
      w.world.run_for(10s);
      if (!is_broken) {
        CHECK(w.last() == 10);
        CHECK(w.status().contains("error"));
      } else {
        CHECK(w.last() == 14);
      }
    }
  }
}

// Subject and payload (in base64) of each sequence that a stream has, up to `last`.
std::map<std::uint64_t, std::string> contents(JetStreamClient& client, const std::string& stream, std::uint64_t last) {
  std::map<std::uint64_t, std::string> out;
  for (std::uint64_t seq = 1; seq <= last; ++seq) {
    const Json message = client.api("STREAM.MSG.GET." + stream, R"({"seq":)" + std::to_string(seq) + "}");
    if (message.contains("message"))
      out[seq] = message["message"]["subject"].get<std::string>() + " " + message["message"]["data"].get<std::string>();
  }
  return out;
}

SCENARIO("nats-6383: a message id that comes again after the origin's window") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndLeaf w{with_defect(is_broken ? std::optional{core::Defect::nats_6383} : std::nullopt)};
    w.create_origin(R"("subjects":["cfg.>"],"allow_rollup_hdrs":true,"duplicate_window":2000000000)");
    w.create_mirror({}, R"(,"allow_rollup_hdrs":true,"duplicate_window":600000000000)");
    w.world.run_for(2s);
    const std::string k = "Nats-Msg-Id: K\r\nNats-Rollup: sub\r\n";
    CHECK(seq_of(w.hub->publish("cfg.a", "v1", k)) == 1);
    w.world.run_for(1s);
    const Json again = w.hub->publish("cfg.a", "v2", k);  // M1: the id is the object's, not the version's
    CHECK(seq_of(again) == 1);
    CHECK(again["duplicate"] == true);
    w.world.run_for(3s);
    CHECK(seq_of(w.hub->publish("cfg.a", "v3", k)) == 2);
    w.world.run_for(1s);
    CHECK(seq_of(w.hub->publish("cfg.b", "w1", "Nats-Msg-Id: J\r\nNats-Rollup: sub\r\n")) == 3);
    w.world.run_for(1s);
    using Contents = std::map<std::uint64_t, std::string>;
    const Contents right{{2, "cfg.a djM="}, {3, "cfg.b dzE="}};
    CHECK(contents(*w.hub, "O", 3) == right);
    // M2: the mirror keeps the old value, and what follows is one lower.
    CHECK(contents(*w.leaf, "M", 4) == (is_broken ? Contents{{1, "cfg.a djE="}, {2, "cfg.b dzE="}} : right));
    w.world.cut("hub", "leaf", sim::Cut::reset);
    w.world.run_for(15s);
    w.world.heal("hub", "leaf");
    w.world.run_for(5s);
    const std::uint64_t before = w.attempts();
    w.hub->publish("cfg.c", "z");
    w.world.run_for(30s);
    CHECK(w.last() == (is_broken ? 2 : 4));
    CHECK((w.attempts() > before + 5) == is_broken);
    w.world.signal("leaf", sim::Signal::term);
    w.world.run_for(2s);
    w.world.start("leaf");
    w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_again", "leaf");
    w.world.run_for(5s);
    const Contents after = contents(*w.leaf, "M", 6);
    CHECK(after.at(3) == "cfg.b dzE=");
    CHECK(after.at(4) == "cfg.c eg==");
    CHECK(after.contains(1) == is_broken);
  }
}

SCENARIO("nats-8040: a roll-up that the mirror does not permit") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndLeaf w{with_defect(is_broken ? std::optional{core::Defect::nats_8040} : std::nullopt)};
    w.create_origin(R"("subjects":["o.>"],"allow_rollup_hdrs":true)");
    w.create_mirror();
    w.world.run_for(2s);
    w.hub->publish("o.a", "v1");
    w.world.run_for(1s);
    w.hub->publish("o.a", "v2", "Nats-Rollup: sub\r\n");
    w.world.run_for(1s);
    w.hub->publish("o.b", "w");
    w.world.run_for(1s);
    using Contents = std::map<std::uint64_t, std::string>;
    // Stored verbatim, and without an effect on the others: the mirror does not permit that.
    const Contents right{{1, "o.a djE="}, {2, "o.a djI="}, {3, "o.b dw=="}};
    CHECK(contents(*w.leaf, "M", 4) == (is_broken ? Contents{{1, "o.a djE="}, {2, "o.b dw=="}} : right));
  }
}

TEST_CASE("nats-3207: a mirror of a work queue has what the link lost") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndLeaf w{with_defect(is_broken ? std::optional{core::Defect::nats_3207} : std::nullopt)};
    w.create_origin(R"("subjects":["o.>"],"retention":"workqueue")");
    w.create_mirror();
    w.world.run_for(2s);
    w.hub->publish_many("o.a", 5);
    CHECK(w.until_last(5) < 5s);
    w.world.cut("hub", "leaf", sim::Cut::black_hole);
    w.hub->publish_many("o.a", 5);
    w.world.run_for(2s);
    w.world.signal("leaf", sim::Signal::kill);
    w.world.run_for(30s);
    w.hub->publish_many("o.a", 2);
    w.world.heal("hub", "leaf");
    w.world.start("leaf");
    w.leaf = std::make_unique<JetStreamClient>(w.world, "at_leaf_again", "leaf");
    w.world.run_for(30s);
    CHECK((w.mirror()["messages"] == 12) == !is_broken);
    CHECK(w.last() == 12);
  }
}

TEST_CASE("what nobody answers shows in a mirror's status") {
  for (const bool is_broken : {false, true}) {
    CAPTURE(is_broken);
    HubAndLeaf w{with_defect(is_broken ? std::optional{core::Defect::nats_7530} : std::nullopt)};
    REQUIRE(error_of(w.leaf->create_stream("M", R"("mirror":{"name":"O","external":{"api":"$JS.nowhere.API","deliver":""}})")) == 0);
    w.world.run_for(5s);
    CHECK(w.status().contains("error") == !is_broken);
  }
}

}  // namespace
}  // namespace windtunnel::tests
