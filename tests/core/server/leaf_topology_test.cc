// Leaf connections that come and go, in chains, stars and loops (reference: wire 13.1, 13.6, 13.7).
#include <algorithm>

#include "tests/core/server/leaf_world.h"

namespace windtunnel::core {
namespace {

TEST_CASE("when the hub goes, its interest goes with it; the leaf dials again and all is as before") {
  LeafWorld w;
  int connected = 0;
  int changed = 0;
  const SubscriptionId watch = w.leaf.watch_leafs([&] { ++connected; });
  w.leaf.watch_interest("a.x", [&] { ++changed; });
  w.as_client([&] {
    tests::RawPeer client = w.connect("leaf");
    {
      tests::RawPeer at_hub = w.connect("hub");
      at_hub.send("SUB a.* 1\r\n");
      at_hub.hear();
      CHECK(changed == 1);
      CHECK(w.leaf.has_interest("a.x"));
      w.world.set_refusing("hub", true);
      w.world.cut("leaf", "hub");
      w.world.host("client").tasks().sleep_until(w.world.now() + 1ms);
      CHECK(changed == 2);
      CHECK_FALSE(w.leaf.has_interest("a.x"));
      CHECK(client.ask("SUB box 1\r\nPUB a.x box 1\r\nx\r\n") == "HMSG box 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
      CHECK_FALSE(w.leaf.leafs()[0].is_connected);
      w.world.host("client").tasks().sleep_until(w.world.now() + 10s);
      CHECK(w.leaf.leafs()[0].attempts >= 4);
      CHECK(w.leaf.leafs()[0].attempts <= 10);
      w.world.set_refusing("hub", false);
      w.world.host("client").tasks().sleep_until(w.world.now() + 2s + 10ms);
      CHECK(connected == 1);
      CHECK(w.leaf.leafs()[0].is_connected);
      CHECK(w.leaf.leafs()[0].attempts == 0);
      CHECK(client.hear() == "PING\r\n");
      CHECK(at_hub.hear() == "PING\r\n");
      CHECK(client.ask("PUB a.x box 1\r\nx\r\n") == "");
      CHECK(at_hub.hear() == "MSG a.x 1 box 1\r\nx\r\n");
    }
  });
  w.leaf.unsubscribe(watch);
  w.world.cut("leaf", "hub");
  w.world.run_for(5s);
  CHECK(connected == 1);
  CHECK(w.leaf.leafs()[0].is_connected);
}

TEST_CASE("the hub restarts: the leaf finds the new one") {
  LeafWorld w;
  w.stop("hub");
  w.world.run_for(30s);
  CHECK_FALSE(w.leaf.leafs()[0].is_connected);
  CHECK(w.leaf.has_leafs());
  CHECK(w.world.host("leaf").logged("leaf.closed").find("reason=Client Closed") != std::string::npos);
  CHECK(w.world.host("leaf").logged("leaf.dial_failed").find("why=refused") != std::string::npos);
  w.start(node("hub"));
  w.world.run_for(2s + 10ms);
  CHECK(w.leaf.leafs()[0].is_connected);
}

TEST_CASE("a dead link swallows messages until pings find it dead, then everything is refused") {
  LeafWorld w;
  w.as_client([&] {
    tests::RawPeer service = w.connect("hub");
    service.send("SUB svc 1\r\n");
    service.hear();
    tests::RawPeer client = w.connect("leaf");
    client.ask("SUB box 1\r\n");
    w.world.set_black_hole("leaf", "hub", true);
    const Instant start = w.world.now();
    CHECK(client.ask("PUB svc box 1\r\n?\r\n") == "");  // neither an answer nor a 503
    Instant lost{};
    while (w.leaf.leafs()[0].is_connected && w.world.now() - start < 20min) w.world.host("client").tasks().sleep_until(w.world.now() + 1s);
    lost = w.world.now();
    CHECK(lost - start >= 4min);
    CHECK(lost - start <= 6min + 2s);
  });
}

TEST_CASE("chain: interest and messages pass through the middle, from edge to hub and back") {
  ServerWorld w;
  w.start(node("hub"));
  w.start(node("region", {"hub"}));
  w.start(node("edge", {"region"}));
  w.world.run_for(2s);
  w.as_client([&] {
    tests::RawPeer at_hub = w.connect("hub");
    tests::RawPeer at_edge = w.connect("edge");
    at_hub.send("SUB up 1\r\nSUB svc q 3\r\n");
    at_edge.send("SUB down 2\r\n");
    at_hub.hear();
    at_edge.hear();
    at_edge.send("PUB up 1\r\nu\r\nPUB svc 1\r\ns\r\n");
    CHECK(at_hub.hear() == "MSG up 1 1\r\nu\r\nMSG svc 3 1\r\ns\r\n");
    at_hub.send("PUB down 1\r\nd\r\n");
    CHECK(at_edge.hear() == "MSG down 2 1\r\nd\r\n");
    // The encoded subject of a redirected delivery survives two hops.
    w.servers["hub"]->publish(MessageView{"down", "$JS.ACK.S.C.1.1.1.1.0", {}, "x", "shown"});
    CHECK(at_edge.hear() == "MSG shown 2 $JS.ACK.S.C.1.1.1.1.0 1\r\nx\r\n");
    // And the API of the far domain is reached by its name through the middle.
    w.servers["hub"]->subscribe("$JS.API.INFO", "", [&](const MessageView& m, bool) {
      w.servers["hub"]->publish({m.reply, {}, {}, "hub"});
    });
    CHECK(at_edge.ask("SUB box 7\r\nPUB $JS.hub.API.INFO box 0\r\n\r\n") == "MSG box 7 3\r\nhub\r\n");
  });
}

TEST_CASE("two spokes of one hub reach each other through it, each message once") {
  ServerWorld w;
  w.start(node("hub"));
  w.start(node("one", {"hub"}));
  w.start(node("two", {"hub"}));
  w.world.run_for(100ms);
  w.as_client([&] {
    tests::RawPeer one = w.connect("one");
    tests::RawPeer two = w.connect("two");
    tests::RawPeer hub = w.connect("hub");
    one.send("SUB a 1\r\n");
    two.send("SUB a 2\r\n");
    hub.send("SUB a 3\r\n");
    one.hear();
    two.hear();
    hub.hear();
    CHECK(one.ask("PUB a 1\r\nx\r\n") == "MSG a 1 1\r\nx\r\n");
    CHECK(two.hear() == "MSG a 2 1\r\nx\r\n");
    CHECK(hub.hear() == "MSG a 3 1\r\nx\r\n");
    CHECK(one.hear() == "");
  });
}

TEST_CASE("a spoke of two hubs passes its own interest to both, and neither's to the other") {
  ServerWorld w;
  Server& one = w.start(node("one"));
  Server& two = w.start(node("two"));
  Server& leaf = w.start(node("leaf", {"one", "two"}));
  w.world.run_for(100ms);
  REQUIRE(leaf.leafs().size() == 2);
  one.subscribe("at.one", "", [](const MessageView&, bool) {});
  leaf.subscribe("at.leaf", "", [](const MessageView&, bool) {});
  w.world.run_for(100ms);
  CHECK(leaf.has_interest("at.one"));
  CHECK_FALSE(two.has_interest("at.one"));
  CHECK(one.has_interest("at.leaf"));
  CHECK(two.has_interest("at.leaf"));
}

TEST_CASE("a loop of leaf connections is found and broken for 30 s at a time") {
  ServerWorld w;
  w.start(node("a", {"b"}));
  w.start(node("b", {"c"}));
  w.start(node("c", {"a"}));
  w.world.run_for(100s);
  std::size_t loops = 0;
  std::size_t closed = 0;
  for (const char* name : {"a", "b", "c"}) {
    for (const std::string& line : w.world.host(name).log()) {
      loops += line.starts_with("leaf.loop") ? 1u : 0u;
      closed += line.starts_with("leaf.closed") ? 1u : 0u;
    }
  }
  CHECK(loops >= 3);
  CHECK(loops <= 12);
  CHECK(closed <= 24);
}

TEST_CASE("a server may not be its own leaf's cluster, and waits 30 s before it tries again") {
  ServerWorld w;
  ServerConfig twin = node("same", {"elsewhere"});
  w.start(twin);
  // Another host, the same server name: on the wire the two are one.
  ServerConfig other = node("same", {"same"});
  w.servers["other"] = std::make_unique<Server>(w.world.host("other").env(), other);
  CHECK(w.world.run("other", [&] { CHECK(w.servers["other"]->start().has_value()); }));
  w.world.run_for(29s);
  CHECK(count_of(w.world.host("same").logged("leaf.refused"), "remote leafnode has same cluster name") == 1);
  std::size_t refused = 0;
  w.world.run_for(10s);
  for (const std::string& line : w.world.host("same").log()) refused += line.starts_with("leaf.refused") ? 1u : 0u;
  CHECK(refused == 2);
}

TEST_CASE("a hub in lame duck mode keeps its leaf nodes, lets them come back, and closes them last") {
  LeafWorld w;
  w.as_client([&] {
    tests::RawPeer at_hub = w.connect("hub");
    tests::RawPeer at_leaf = w.connect("leaf");
    at_hub.ask("SUB a 1\r\n");
    w.world.host("hub").tasks().spawn("signal", [&] { w.hub.lame_duck(); });
    CHECK(at_hub.line().find("\"ldm\":true") != std::string::npos);
    w.world.cut("leaf", "hub");
    w.world.host("client").tasks().sleep_until(w.world.now() + 2s);
    CHECK(w.leaf.leafs()[0].is_connected);
    at_hub.hear();
    at_leaf.send("PUB a 1\r\nx\r\n");
    CHECK(at_hub.hear() == "MSG a 1 1\r\nx\r\n");
    at_hub.hear(10s);
    CHECK(at_hub.is_closed());
  });
  w.world.run_for(100ms);
  CHECK_FALSE(w.hub.is_running());
  CHECK_FALSE(w.leaf.leafs()[0].is_connected);
}

TEST_CASE("who dials the leaf node that dials it is told of a loop, by whichever of them sees it first") {
  ServerWorld w;
  Server& a = w.start(node("a", {"b"}));
  Server& b = w.start(node("b", {"a"}));
  w.world.run_for(20s);
  const auto connected = [](const Server& server) {
    const std::vector<LeafStatus> leafs = server.leafs();
    return std::count_if(leafs.begin(), leafs.end(), [](const LeafStatus& leaf) { return leaf.is_connected; });
  };
  CHECK(connected(a) <= 1);
  CHECK(connected(b) <= 1);
  const auto saw = [&](const char* host) { return !w.world.host(host).logged("leaf.loop").empty(); };
  const bool is_found = saw("a") || saw("b");
  CHECK(is_found);
}

TEST_CASE("a node in a chain goes on announcing its API when its hub, which announces the same, has gone") {
  ServerWorld w;
  w.start(node("hub"));
  Server& region = w.start(node("region", {"hub"}));
  Server& edge = w.start(node("edge", {"region"}));
  w.world.run_for(2s);
  const auto knows_api = [&] {
    const InterestReading reading = edge.read_interest();
    return std::any_of(reading.held.begin(), reading.held.end(), [](const auto& held) { return held.subject == "$JS.API.>"; });
  };
  CHECK(knows_api());
  w.stop("hub");
  w.world.run_for(2s);
  CHECK_FALSE(region.leafs()[0].is_connected);
  CHECK(knows_api());
}

}  // namespace
}  // namespace windtunnel::core
