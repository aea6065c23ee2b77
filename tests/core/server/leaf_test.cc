// Leaf connections between two and more of our servers, and against a peer that speaks the protocol byte by byte
// (reference: wire 13 to 15).
#include <nlohmann/json.hpp>

#include "tests/core/server/server_world.h"

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

ServerConfig node(std::string name, std::vector<std::string> remotes = {}, bool has_domain = true) {
  ServerConfig config = config_of(name);
  if (has_domain) config.domain = name;
  for (std::string& remote : remotes) config.remotes.push_back(LeafRemote{.address = {std::move(remote), 7422}});
  return config;
}

// Hub and leaf, connected.
struct LeafWorld : ServerWorld {
  explicit LeafWorld(Seed seed = Seed{1}) : ServerWorld(seed), hub(start(node("hub"))), leaf(start(node("leaf", {"hub"}))) {
    world.run_for(10ms);
  }
  Server& hub;
  Server& leaf;
};

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST_CASE("a message published at the leaf reaches the hub, and the other way round") {
  LeafWorld w;
  REQUIRE(w.leaf.leafs().size() == 1);
  CHECK(w.leaf.leafs()[0].is_connected);
  CHECK(w.leaf.leafs()[0].remote_name == "hub");
  REQUIRE(w.hub.leafs().size() == 1);
  CHECK(w.hub.leafs()[0].remote_name == "leaf");
  CHECK_FALSE(w.hub.leafs()[0].is_solicited);
  w.as_client([&] {
    tests::RawPeer at_hub = w.connect("hub");
    tests::RawPeer at_leaf = w.connect("leaf");
    CHECK(at_hub.ask("SUB a.* 1\r\n") == "");
    CHECK(at_leaf.ask("SUB b.> 2\r\nPUB a.x re.ply 2\r\nhi\r\nHPUB a.y 12 13\r\nNATS/1.0\r\n\r\n!\r\n") == "");
    CHECK(at_hub.hear() == "MSG a.x 1 re.ply 2\r\nhi\r\nHMSG a.y 1 12 13\r\nNATS/1.0\r\n\r\n!\r\n");
    at_hub.send("PUB b.1 3\r\nfoo\r\n");
    CHECK(at_leaf.hear() == "MSG b.1 2 3\r\nfoo\r\n");
  });
}

TEST_CASE("a request across the leaf finds its way back; without interest it is refused at once") {
  LeafWorld w;
  w.as_client([&] {
    tests::RawPeer service = w.connect("hub");
    tests::RawPeer client = w.connect("leaf");
    service.send("SUB svc 1\r\n");
    service.hear();
    // Inbox and request in one go: interest travels before the message.
    client.send("SUB _INBOX.a.* 9\r\nPUB svc _INBOX.a.1 1\r\n?\r\n");
    CHECK(service.hear() == "MSG svc 1 _INBOX.a.1 1\r\n?\r\n");
    service.send("PUB _INBOX.a.1 2\r\nok\r\n");
    CHECK(client.hear() == "MSG _INBOX.a.1 9 2\r\nok\r\n");
    CHECK(client.ask("PUB nobody _INBOX.a.2 1\r\n?\r\n") == "HMSG _INBOX.a.2 9 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    // The interest is withdrawn with the subscription.
    service.send("UNSUB 1\r\n");
    service.hear();
    CHECK(client.ask("PUB svc _INBOX.a.3 1\r\n?\r\n") == "HMSG _INBOX.a.3 9 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
  });
}

TEST_CASE("a queue group over both sides takes each message once, at home if it can") {
  LeafWorld w;
  w.as_client([&] {
    tests::RawPeer at_hub = w.connect("hub");
    tests::RawPeer at_leaf = w.connect("leaf");
    at_hub.send("SUB work q 1\r\n");
    at_leaf.send("SUB work q 2\r\n");
    at_hub.hear();
    at_leaf.hear();
    for (int i = 0; i < 10; ++i) {
      CHECK(at_leaf.ask("PUB work 0\r\n\r\n") == "MSG work 2 0\r\n\r\n");
      CHECK(at_hub.hear() == "");
      CHECK(at_hub.ask("PUB work 0\r\n\r\n") == "MSG work 1 0\r\n\r\n");
      CHECK(at_leaf.hear() == "");
    }
    at_leaf.send("UNSUB 2\r\n");
    at_leaf.hear();
    at_leaf.send("PUB work 1\r\nx\r\n");
    CHECK(at_hub.hear() == "MSG work 1 1\r\nx\r\n");
  });
}

TEST_CASE("the API of a domain is reached across the leaf by its own name, and only so") {
  LeafWorld w;
  std::vector<std::string> at_hub;
  std::vector<std::string> at_leaf;
  const auto api_of = [](Server& server, std::vector<std::string>& seen) {
    server.subscribe("$JS.API.>", "", [&](const MessageView& message, bool from_leaf) {
      seen.push_back(std::string(message.subject) + (from_leaf ? " from leaf" : ""));
      server.publish(MessageView{message.reply, {}, {}, "answer of " + server.config().name});
    });
  };
  api_of(w.hub, at_hub);
  api_of(w.leaf, at_leaf);
  w.as_client([&] {
    tests::RawPeer client = w.connect("leaf");
    CHECK(client.ask("SUB box 1\r\nPUB $JS.hub.API.STREAM.INFO.S box 0\r\n\r\n") == "MSG box 1 13\r\nanswer of hub\r\n");
    CHECK(client.ask("PUB $JS.API.STREAM.INFO.S box 0\r\n\r\n") == "MSG box 1 14\r\nanswer of leaf\r\n");
    CHECK(client.ask("PUB $JS.leaf.API.INFO box 0\r\n\r\n") == "MSG box 1 14\r\nanswer of leaf\r\n");
    CHECK(client.ask("PUB $JS.other.API.INFO box 0\r\n\r\n") == "HMSG box 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    tests::RawPeer hub_client = w.connect("hub");
    CHECK(hub_client.ask("SUB box2 1\r\nPUB $JS.leaf.API.INFO box2 0\r\n\r\n") == "MSG box2 1 14\r\nanswer of leaf\r\n");
  });
  CHECK(at_hub == std::vector<std::string>{"$JS.API.STREAM.INFO.S from leaf"});
  CHECK(at_leaf == std::vector<std::string>{"$JS.API.STREAM.INFO.S", "$JS.API.INFO", "$JS.API.INFO from leaf"});
}

TEST_CASE("a denied subject does not cross and counts as not delivered") {
  LeafWorld w;
  w.as_client([&] {
    tests::RawPeer everything = w.connect("hub");
    tests::RawPeer client = w.connect("leaf");
    everything.send("SUB > 1\r\n");
    everything.hear();
    for (const char* subject : {"$JS.API.INFO", "$KV.b.k", "$OBJ.b.x", "$JS.leaf.API.INFO", "$JS.leaf.API.NOT.MAPPED"}) {
      CAPTURE(subject);
      CHECK(client.ask("SUB box 1\r\nPUB " + std::string(subject) + " box 0\r\n\r\n") == "HMSG box 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
      CHECK(everything.hear() == "");
    }
    CHECK(client.ask("PUB $JS.ACK.x box 1\r\nx\r\n") == "");
    CHECK(everything.hear() == "MSG $JS.ACK.x 1 box 1\r\nx\r\n");
  });
  CHECK_FALSE(w.leaf.publish(MessageView{"$KV.b.k", {}, {}, {}}));
  CHECK_FALSE(w.leaf.has_interest("$KV.b.k"));
  w.world.run_for(1ms);
  CHECK_FALSE(w.leaf.publish(MessageView{"b.k", {}, {}, {}}));  // the client, and its SUB >, have gone
}

TEST_CASE("a key-value subject reaches the other domain by the domain's prefix") {
  LeafWorld w;
  std::vector<std::string> seen;
  w.hub.subscribe("$KV.b.>", "", [&](const MessageView& message, bool) { seen.emplace_back(message.subject); });
  w.as_client([&] {
    tests::RawPeer client = w.connect("leaf");
    CHECK(client.ask("PUB $JS.hub.API.$KV.b.k 1\r\nv\r\n") == "");
  });
  CHECK(seen == std::vector<std::string>{"$KV.b.k"});
}

TEST_CASE("a mapped request from a leaf is given to one member of a queue group that it could not name") {
  LeafWorld w;
  int served = 0;
  for (int i = 0; i < 3; ++i) {
    w.hub.subscribe("$JS.API.DIRECT.GET.S", "_sys_", [&](const MessageView&, bool) { ++served; });
  }
  w.as_client([&] { w.connect("leaf").ask("PUB $JS.hub.API.DIRECT.GET.S 0\r\n\r\n"); });
  CHECK(served == 1);
}

TEST_CASE("a redirected delivery shows the stored subject on both sides of the leaf") {
  LeafWorld w;
  const std::string ack = "$JS.ACK.ORDERS.C1.1.10.7.1712345678901234567.3";
  w.as_client([&] {
    tests::RawPeer at_hub = w.connect("hub");
    tests::RawPeer at_leaf = w.connect("leaf");
    at_hub.send("SUB deliver.box 1\r\n");
    at_leaf.send("SUB deliver.box 2\r\n");
    at_hub.hear();
    at_leaf.hear();
    CHECK(w.hub.publish(MessageView{"deliver.box", ack, {}, "hello", "orders@eu.new"}));
    CHECK(at_hub.hear() == "MSG orders@eu.new 1 " + ack + " 5\r\nhello\r\n");
    CHECK(at_leaf.hear() == "MSG orders@eu.new 2 " + ack + " 5\r\nhello\r\n");
    // Heartbeats have no reply and show their own subject.
    CHECK(w.hub.publish(MessageView{"deliver.box", {}, {}, "", "orders.new"}));
    CHECK(at_leaf.hear() == "MSG deliver.box 2 0\r\n\r\n");
  });
}

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

TEST_CASE("leaf credentials are checked") {
  ServerWorld w;
  ServerConfig hub = node("hub");
  hub.leaf_credentials = {"leaf", "secret"};
  w.start(hub);
  ServerConfig wrong = node("wrong", {"hub"});
  wrong.remotes[0].credentials = {"leaf", "nope"};
  w.start(wrong);
  ServerConfig right = node("right", {"hub"});
  right.remotes[0].credentials = {"leaf", "secret"};
  w.start(right);
  w.world.run_for(500ms);
  CHECK_FALSE(w.servers["wrong"]->leafs()[0].is_connected);
  CHECK(w.servers["right"]->leafs()[0].is_connected);
  CHECK(w.world.host("wrong").logged("leaf.remote_error").find("text=Authorization Violation") != std::string::npos);
}

TEST_CASE("deny rules of a remote keep subjects in and out") {
  ServerWorld w;
  w.start(node("hub"));
  ServerConfig config = node("leaf", {"hub"});
  config.remotes[0].deny_exports = {"secret.>"};
  config.remotes[0].deny_imports = {"noise.>"};
  w.start(config);
  w.world.run_for(10ms);
  w.as_client([&] {
    tests::RawPeer hub = w.connect("hub");
    tests::RawPeer leaf = w.connect("leaf");
    hub.send("SUB > 1\r\n");
    leaf.send("SUB > 1\r\n");
    hub.hear();
    leaf.hear();
    leaf.send("PUB secret.x 0\r\n\r\nPUB open.x 0\r\n\r\n");
    CHECK(hub.hear() == "MSG open.x 1 0\r\n\r\n");
    leaf.hear();
    hub.send("PUB noise.x 0\r\n\r\nPUB open.y 0\r\n\r\n");
    CHECK(leaf.hear() == "MSG open.y 1 0\r\n\r\n");
  });
}

TEST_CASE("the remote may be the spoke: then roles swap, and traffic flows the same") {
  ServerWorld w;
  w.start(node("hub"));
  ServerConfig config = node("leaf", {"hub"});
  config.remotes[0].is_hub = true;
  w.start(config);
  w.world.run_for(10ms);
  w.as_client([&] {
    tests::RawPeer hub = w.connect("hub");
    tests::RawPeer leaf = w.connect("leaf");
    hub.send("SUB a 1\r\n");
    hub.hear();
    leaf.send("PUB a 0\r\n\r\n");
    CHECK(hub.hear() == "MSG a 1 0\r\n\r\n");
  });
  CHECK(w.world.host("leaf").logged("leaf.connected").find("spoke=0") != std::string::npos);
  CHECK(w.world.host("hub").logged("leaf.connected").find("spoke=1") != std::string::npos);
}

// --- against a peer that is not ours ---

// The acceptor's side, byte by byte: what a real nats-server soliciting us would see.
TEST_CASE("the handshake of the accepting side") {
  ServerWorld w;
  Server& hub = w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer peer = w.dial("hub", 7422);
    const std::string line = peer.line();
    REQUIRE(line.starts_with("INFO {"));
    CHECK(line.ends_with("} "));
    const Json info = Json::parse(line.substr(5));
    CHECK(info.at("server_id") == hub.id());
    CHECK(info.at("server_name") == "hub");
    CHECK(info.at("version") == "2.10.27");
    CHECK(info.at("proto") == 1);
    CHECK(info.at("headers") == true);
    CHECK(info.at("auth_required") == true);
    CHECK(info.at("jetstream") == true);
    CHECK(info.at("domain") == "hub");
    CHECK(info.at("client_id").get<int>() > 0);
    CHECK(info.at("nonce").get<std::string>().size() == 15);
    CHECK(info.at("leafnode_urls") == Json::array({"hub:7422"}));
    CHECK(info.at("info_on_connect") == true);
    CHECK_FALSE(info.contains("compression"));
    CHECK_FALSE(info.contains("connect_info"));
    CHECK_FALSE(info.contains("cluster"));
    peer.send(
        "CONNECT "
        "{\"version\":\"2.10.27\",\"name\":\"go\",\"cluster\":\"go\",\"domain\":\"go\",\"headers\":true,\"jetstream\":true,\"remote_"
        "account\":\"$G\"}\r\n");
    const Json second = Json::parse(peer.line().substr(5));
    CHECK(second.at("connect_info") == true);
    CHECK(second.at("remote_account") == "$G");
    CHECK(second.at("nonce") == info.at("nonce"));
    // A hub announces the API and its mappings whatever is denied, and the subject that finds loops.
    std::string interest;
    for (std::string more = peer.line(100ms); !more.empty(); more = peer.line(100ms)) interest += more + "\n";
    CHECK(interest.starts_with(
        "LS+ $JS.API.>\nLS+ $JS.hub.API.$KV.>\nLS+ $JS.hub.API.$OBJ.>\nLS+ $JS.hub.API.ACCOUNT.>\nLS+ $JS.hub.API.CONSUMER.>\nLS+ "
        "$JS.hub.API.DIRECT.>\n"
        "LS+ $JS.hub.API.INFO\nLS+ $JS.hub.API.META.>\nLS+ $JS.hub.API.SERVER.>\nLS+ $JS.hub.API.STREAM.>\nLS+ $LDS."));
    CHECK(count_of(interest, "\n") == 11);
    CHECK(interest.size() == interest.find("$LDS.") + 5 + 22 + 1);
  });
}

TEST_CASE("who may not connect as a leaf is told so") {
  struct Row {
    const char* what;
    const char* sent;
    const char* answer;
  };
  const Row rows[] = {
      {"a client", "CONNECT {\"lang\":\"go\",\"verbose\":false}\r\n", "-ERR 'attempted to connect to leaf node port'\r\n"},
      {"a cluster name with a blank", "CONNECT {\"cluster\":\"a b\"}\r\n", "-ERR 'cluster name cannot contain spaces or new lines'\r\n"},
      {"no CONNECT first", "PING\r\n", "-ERR 'Authorization Violation'\r\n"},
      {"bad JSON", "CONNECT {\r\n", ""},
  };
  ServerWorld w;
  w.start(node("hub"));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    w.as_client([&] {
      tests::RawPeer peer = w.dial("hub", 7422);
      peer.line();
      CHECK(peer.ask(row.sent) == row.answer);
      CHECK(peer.is_closed());
    });
  }
  w.as_client([&] {
    tests::RawPeer peer = w.dial("hub", 7422);
    peer.line();
    const Instant start = w.world.now();
    CHECK(peer.line(10s) == "-ERR 'Authentication Timeout'");
    CHECK(w.world.now() - start == 2s);
  });
}

// A raw spoke that is past the handshake and the hub's first burst.
tests::RawPeer raw_spoke(ServerWorld& w, const std::string& name) {
  tests::RawPeer peer = w.dial("hub", 7422);
  peer.line();
  peer.send("CONNECT {\"version\":\"2.10.27\",\"name\":\"" + name + "\",\"cluster\":\"" + name + "\",\"domain\":\"" + name +
            "\",\"headers\":true,\"jetstream\":true,\"remote_account\":\"$G\"}\r\n");
  peer.hear();
  return peer;
}

TEST_CASE("interest is announced with counts, queues with weights") {
  ServerWorld w;
  w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer spoke = raw_spoke(w, "go");
    tests::RawPeer client = w.connect("hub");
    client.send("SUB a 1\r\nSUB a 2\r\n");
    CHECK(spoke.hear() == "LS+ a\r\n");
    client.send("UNSUB 1\r\n");
    CHECK(spoke.hear() == "");
    client.send("UNSUB 2\r\n");
    CHECK(spoke.hear() == "LS- a\r\n");
    client.send("SUB w q 1\r\nSUB w q 2\r\nUNSUB 1\r\nUNSUB 2\r\n");
    CHECK(spoke.hear() == "LS+ w q 1\r\nLS+ w q 2\r\nLS+ w q 1\r\nLS- w q\r\n");
    client.send("SUB $KV.b.k 3\r\nSUB $JS.API.X 4\r\nSUB $KV.> 5\r\nSUB $JS.> 6\r\n");
    CHECK(spoke.hear() == "LS+ $JS.>\r\n");  // wider than what is denied
  });
}

TEST_CASE("messages go out once for a leaf, naming the queues that it must serve, and come in the same way") {
  ServerWorld w;
  w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer spoke = raw_spoke(w, "go");
    tests::RawPeer client = w.connect("hub");
    client.send("PING\r\n");
    client.line();
    spoke.send("LS+ a\r\nLS+ a.>\r\nLS+ * q1 2\r\nLS+ a q2 1\r\n");
    spoke.hear();
    client.send("PUB a r 1\r\nx\r\nPUB a.b 1\r\ny\r\nPUB b r 1\r\nz\r\nPUB c 1\r\nw\r\n");
    CHECK(spoke.hear() == "LMSG a + r q1 q2 1\r\nx\r\nLMSG a.b 1\r\ny\r\nLMSG b + r q1 1\r\nz\r\nLMSG c | q1 1\r\nw\r\n");
    // Inbound: named groups only, plain ones always, and never back.
    client.send("SUB in 1\r\nSUB in q1 2\r\nSUB in q2 3\r\n");
    client.hear();
    spoke.hear();
    spoke.send("LMSG in 1\r\na\r\nLMSG in + re q1 1\r\nb\r\nLMSG in | q2 q3 1\r\nc\r\n");
    CHECK(client.hear() == "MSG in 1 1\r\na\r\nMSG in 1 re 1\r\nb\r\nMSG in 2 re 1\r\nb\r\nMSG in 1 1\r\nc\r\nMSG in 3 1\r\nc\r\n");
    CHECK(spoke.hear() == "");
  });
}

TEST_CASE("the weights of a leaf's queue count when a member is drawn") {
  ServerWorld w;
  w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer heavy = raw_spoke(w, "heavy");
    tests::RawPeer light = raw_spoke(w, "light");
    heavy.send("LS+ a q 9\r\n");
    light.send("LS+ a q 1\r\n");
    heavy.hear();
    light.hear();
    tests::RawPeer client = w.connect("hub");
    std::string pubs;
    for (int i = 0; i < 200; ++i) pubs += "PUB a 0\r\n\r\n";
    client.send(pubs);
    const std::size_t to_heavy = count_of(heavy.hear(), "LMSG");
    const std::size_t to_light = count_of(light.hear(), "LMSG");
    CHECK(to_heavy + to_light == 200);
    CHECK(to_light >= 5);
    CHECK(to_light <= 40);
  });
}

TEST_CASE("a spoke that announces a literal subject that it may not have is closed; a wildcard is tolerated") {
  ServerWorld w;
  w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer good = raw_spoke(w, "good");
    CHECK(good.ask("LS+ $JS.API.>\r\nLS+ $KV.>\r\nPING\r\n") == "PONG\r\n");
    tests::RawPeer bad = raw_spoke(w, "bad");
    CHECK(bad.ask("LS+ $KV.b.k\r\n") == "-ERR 'Permissions Violation for Subscription to \"$KV.b.k\"'\r\n");
    CHECK(bad.is_closed());
    tests::RawPeer odd = raw_spoke(w, "odd");
    CHECK(odd.ask("LS+ a..b\r\nPING\r\n") == "-ERR 'Invalid Subscription'\r\nPONG\r\n");
    CHECK(odd.ask("LS+ a q\r\n") == "");
    CHECK(odd.is_closed());
  });
}

TEST_CASE("the same leaf over a new connection evicts the old one") {
  ServerWorld w;
  Server& hub = w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer old = raw_spoke(w, "go");
    old.send("LS+ a\r\n");
    old.hear();
    CHECK(hub.has_interest("a"));
    tests::RawPeer other = raw_spoke(w, "other");
    tests::RawPeer young = raw_spoke(w, "go");
    CHECK(old.hear().ends_with("-ERR 'Duplicate Remote LeafNode Connection'\r\n"));
    CHECK(old.is_closed());
    CHECK_FALSE(hub.has_interest("a"));
    CHECK_FALSE(young.is_closed());
    CHECK(hub.leafs().size() == 2);
  });
}

TEST_CASE("its own loop subject coming back makes a hub say so and close") {
  ServerWorld w;
  w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer peer = w.dial("hub", 7422);
    peer.line();
    peer.send("CONNECT {\"name\":\"go\",\"cluster\":\"go\",\"headers\":true,\"remote_account\":\"$G\"}\r\n");
    const std::string burst = peer.hear();
    const std::size_t at = burst.find("$LDS.");
    REQUIRE(at != std::string::npos);
    CHECK(peer.ask("LS+ " + burst.substr(at, 27) + "\r\n") ==
          "-ERR 'Loop detected for leafnode account=\"$G\". Delaying attempt to reconnect for 30s'\r\n");
    CHECK(peer.is_closed());
  });
}

// The soliciting side: the test is the acceptor.
struct RawHub {
  explicit RawHub(tests::LoopbackWorld& w) : world(w) {}

  // Accepts one connection and greets it.
  void accept_once(const std::string& info) {
    if (listener == nullptr) {
      Result<std::unique_ptr<Listener>> opened = world.host("rawhub").env().network.listen(7422);
      REQUIRE(opened.has_value());
      listener = std::move(*opened);
    }
    Result<std::unique_ptr<Connection>> accepted = listener->accept();
    REQUIRE(accepted.has_value());
    connection = std::move(*accepted);
    at.push_back(world.now());
    say(info);
  }
  void say(const std::string& text) { CHECK(connection->write(text).has_value()); }
  std::string hear(Duration quiet = 5ms) {
    char buffer[4096];
    std::string heard;
    for (;;) {
      const Result<std::size_t> got = connection->read(buffer, after(world.now(), quiet));
      if (!got || *got == 0) {
        is_closed = got.has_value() || got.error().code != Errc::timeout;
        return heard;
      }
      heard.append(buffer, *got);
    }
  }

  tests::LoopbackWorld& world;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> connection;
  std::vector<Instant> at;  // when it was dialled
  bool is_closed = false;
};

const std::string kHubInfo =
    "INFO "
    "{\"server_id\":\"NX\",\"server_name\":\"go-hub\",\"version\":\"2.10.27\",\"proto\":1,\"headers\":true,\"auth_required\":true,\"max_"
    "payload\":1048576,\"jetstream\":true,"
    "\"client_id\":7,\"nonce\":\"abc\",\"domain\":\"hub\",\"compression\":\"s2_auto\",\"leafnode_urls\":[\"127.0.0.1:7422\"],\"info_on_"
    "connect\":true} \r\n";
const std::string kConnectInfo =
    "INFO "
    "{\"server_id\":\"NX\",\"server_name\":\"go-hub\",\"client_id\":7,\"connect_info\":true,\"remote_account\":\"$G\",\"leafnode_urls\":["
    "\"127.0.0.1:7422\"]} \r\n";

TEST_CASE("the handshake of the soliciting side, and nothing before the second INFO") {
  ServerWorld w;
  RawHub hub{w.world};
  CHECK(w.world.run("rawhub", [&] {
    ServerConfig config = node("leaf", {"rawhub"});
    w.world.host("leaf").tasks().spawn("start", [&w, config] { CHECK(w.add(config).start().has_value()); });
    hub.accept_once(kHubInfo);
    const std::string connect = hub.hear();
    REQUIRE(connect.starts_with("CONNECT {"));
    REQUIRE(connect.ends_with("}\r\n"));
    const Json json = Json::parse(connect.substr(8));
    CHECK(json.at("version") == "2.10.27");
    CHECK(json.at("name") == "leaf");
    CHECK(json.at("cluster") == "leaf");
    CHECK(json.at("domain") == "leaf");
    CHECK(json.at("headers") == true);
    CHECK(json.at("jetstream") == true);
    CHECK(json.at("remote_account") == "$G");
    CHECK_FALSE(json.contains("lang"));
    CHECK_FALSE(json.contains("compress_mode"));
    CHECK_FALSE(json.contains("is_hub"));
    hub.say(kConnectInfo);
    const std::string interest = hub.hear();
    // A spoke keeps back what is denied: no $JS.API.>.
    CHECK(interest.starts_with("LS+ $JS.leaf.API.$KV.>\r\n"));
    CHECK(count_of(interest, "LS+") == 10);
    CHECK(count_of(interest, "LS+ $LDS.") == 1);
    hub.say("LS+ svc\r\nPING\r\n");
    CHECK(hub.hear() == "PONG\r\n");
    CHECK(w.servers["leaf"]->publish(MessageView{"svc", "r", {}, "x"}));
    CHECK(hub.hear() == "LMSG svc r 1\r\nx\r\n");
    // A spoke always pings.
    CHECK(hub.hear(1200ms) == "PING\r\n");
    hub.connection->close();
  }));
}

TEST_CASE("how long a solicitor waits before it dials again") {
  struct Row {
    const char* what;
    std::string first;
    std::string then;
    Duration at_least;
    Duration at_most;
  };
  const Row rows[] = {
      {"closed by the hub", kHubInfo, "", 1s, 1s + 10ms},
      {"loop", kHubInfo, "-ERR 'Loop detected for leafnode account=\"$G\". Delaying attempt to reconnect for 30s'\r\n", 31s, 31s + 20ms},
      {"same cluster", kHubInfo, "-ERR 'remote leafnode has same cluster name'\r\n", 31s, 31s + 20ms},
      {"another error", kHubInfo, "-ERR 'Authorization Violation'\r\n", 1s, 1s + 20ms},
      {"wrong port", "INFO {\"server_id\":\"NX\",\"client_id\":7} \r\n", "", 1s, 1s + 10ms},
      {"TLS", "INFO {\"client_id\":7,\"leafnode_urls\":[],\"tls_required\":true} \r\n", "", 1s, 1s + 10ms},
      {"bad INFO", "INFO {\r\n", "", 1s, 1s + 10ms},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ServerWorld w;
    RawHub hub{w.world};
    CHECK(w.world.run("rawhub", [&] {
      w.world.host("leaf").tasks().spawn("start", [&w] { CHECK(w.add(node("leaf", {"rawhub"})).start().has_value()); });
      hub.accept_once(row.first);
      hub.hear();
      if (!row.then.empty()) {
        hub.say(row.then);
        hub.hear();
      }
      hub.connection->close();
      hub.accept_once(kHubInfo);
      CHECK(hub.at[1] - hub.at[0] >= row.at_least);
      CHECK(hub.at[1] - hub.at[0] <= row.at_most);
    }));
  }
}

TEST_CASE("a hub that says nothing, or no second time, is given up") {
  ServerWorld w;
  RawHub hub{w.world};
  CHECK(w.world.run("rawhub", [&] {
    w.world.host("leaf").tasks().spawn("start", [&w] { CHECK(w.add(node("leaf", {"rawhub"})).start().has_value()); });
    hub.accept_once("");
    Instant start = w.world.now();
    CHECK(hub.hear(10s) == "-ERR 'Stale Leaf Node Connection - Closing'\r\n");
    CHECK(hub.is_closed);
    CHECK(w.world.now() - start == 1s);
    hub.connection->close();
    hub.accept_once(kHubInfo);
    start = w.world.now();
    CHECK(hub.hear(10s).ends_with("-ERR 'Stale Leaf Node Connection - Closing'\r\n"));
    CHECK(w.world.now() - start == 2s);
  }));
}

TEST_CASE("an older hub that does not answer CONNECT is believed at once") {
  ServerWorld w;
  RawHub hub{w.world};
  CHECK(w.world.run("rawhub", [&] {
    w.world.host("leaf").tasks().spawn("start", [&w] { CHECK(w.add(node("leaf", {"rawhub"})).start().has_value()); });
    hub.accept_once("INFO {\"client_id\":7,\"server_name\":\"old\",\"leafnode_urls\":[]} \r\n");
    CHECK(count_of(hub.hear(), "LS+ $LDS.") == 1);
  }));
}

}  // namespace
}  // namespace windtunnel::core
