// The accepting side of a leaf connection, byte by byte (reference: wire 13.2 to 13.6).
#include <nlohmann/json.hpp>

#include "tests/core/server/leaf_world.h"

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

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

TEST_CASE("what a leaf no longer wants goes in any order, and the rest of it with its link; the other leafs hear of both") {
  ServerWorld w;
  w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer spoke = raw_spoke(w, "go");
    tests::RawPeer other = raw_spoke(w, "other");
    spoke.send("LS+ a\r\nLS+ b\r\nLS+ c\r\nLS+ d\r\nLS+ d q 3\r\n");
    CHECK(other.hear() == "LS+ a\r\nLS+ b\r\nLS+ c\r\nLS+ d\r\nLS+ d q 3\r\n");
    spoke.send("LS- b\r\nLS- d q\r\nLS- b\r\nLS- x\r\nLS- a\r\nLS+ a\r\n");
    CHECK(other.hear() == "LS- b\r\nLS- d q\r\nLS- a\r\nLS+ a\r\n");
    spoke.close();
    CHECK(other.hear() == "LS- c\r\nLS- d\r\nLS- a\r\n");
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

TEST_CASE("where to answer is said to who is asked, and to who comes while the answer is awaited, and to nobody else") {
  ServerWorld w;
  Server& hub = w.start(node("hub"));
  w.as_client([&] {
    tests::RawPeer asked = raw_spoke(w, "asked");
    tests::RawPeer other = raw_spoke(w, "other");
    CHECK(asked.ask("LS+ question\r\n") == "");
    CHECK(other.ask("LS+ news\r\n") == "LS+ question\r\n");
    CHECK(asked.hear() == "LS+ news\r\n");
    std::string answer;
    const SubscriptionId id = hub.subscribe_reply("box", [&](const MessageView& message, bool) { answer = message.payload; });
    REQUIRE(id != SubscriptionId::none);
    CHECK(hub.subscribe_reply("no..subject", [](const MessageView&, bool) {}) == SubscriptionId::none);
    CHECK(asked.hear() + other.hear() == "");
    for (const char* before : {"LS+ box\r\n", ""}) {  // said once
      CHECK(hub.publish(MessageView{"question", "box", {}, "?"}));
      CHECK(asked.hear() == std::string{before} + "LMSG question box 1\r\n?\r\n");
    }
    CHECK(hub.publish(MessageView{"news", "elsewhere", {}, "!"}));
    CHECK(other.hear() == "LMSG news elsewhere 1\r\n!\r\n");
    tests::RawPeer late = w.dial("hub", 7422);
    late.line();
    late.send("CONNECT {\"name\":\"late\",\"cluster\":\"late\",\"headers\":true,\"remote_account\":\"$G\"}\r\n");
    CHECK(count_of(late.hear(), "LS+ box\r\n") == 1);
    CHECK(asked.ask("LMSG box 2\r\nok\r\n") == "");
    CHECK(answer == "ok");
    hub.unsubscribe(id);
    CHECK(asked.hear() == "LS- box\r\n");
    CHECK(late.hear() == "LS- box\r\n");
    CHECK(other.hear() == "");
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

}  // namespace
}  // namespace windtunnel::core
