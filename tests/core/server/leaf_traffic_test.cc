// What crosses a leaf connection, and what does not (reference: wire 13.4, 13.5, 14, 15).
#include <algorithm>

#include "tests/core/server/leaf_world.h"

namespace windtunnel::core {
namespace {

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

TEST_CASE("a leaf connection outlives a slow reader as long as it takes something; one that takes nothing is closed, and so is a client") {
  struct Row {
    const char* what;
    std::uint16_t port;
    std::size_t taken;  // each 5 s
    bool is_kept;
  };
  const Row rows[] = {{"a leaf that reads slowly", 7422, 1000, true},
                      {"a leaf that does not read", 7422, 0, false},
                      {"a client that reads slowly", 4222, 1000, false}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ServerWorld w;
    Server& hub = w.start(node("hub"));
    w.as_client([&] {
      Result<std::unique_ptr<Connection>> dialled = w.world.host("client").env().network.connect(Address{"hub", row.port}, kForever);
      REQUIRE(dialled.has_value());
      Connection& peer = **dialled;
      const bool is_leaf = row.port == 7422;
      CHECK(peer.write(is_leaf ? "CONNECT {\"name\":\"slow\",\"remote_account\":\"$G\"}\r\nLS+ a\r\n"
                               : "CONNECT {\"verbose\":false}\r\nSUB a 1\r\n")
                .has_value());
      w.world.host("client").tasks().sleep_until(w.world.now() + 10ms);
      w.world.send_buffer = 4096;
      std::string payload(30'000, '~');
      CHECK(hub.publish(MessageView{"a", {}, {}, payload}));
      std::string heard;
      for (int i = 0; i < 12; ++i) {
        std::vector<char> buffer(std::max<std::size_t>(row.taken, 1));
        if (row.taken > 0) {
          const Result<std::size_t> got = peer.read(buffer, after(w.world.now(), 1ms));
          if (got) heard.append(buffer.data(), *got);
        }
        w.world.host("client").tasks().sleep_until(w.world.now() + 5s);
      }
      CHECK((is_leaf ? !hub.leafs().empty() : hub.client_count() == 1) == row.is_kept);
      if (!row.is_kept) return;
      CHECK(w.world.host("hub").logged("leaf.slow_consumer").find("remote=slow") != std::string::npos);
      // Nothing of it is lost or sent twice.
      for (;;) {
        char buffer[4096];
        const Result<std::size_t> got = peer.read(buffer, after(w.world.now(), 10ms));
        if (!got || *got == 0) break;
        heard.append(buffer, *got);
      }
      CHECK(heard.find("LMSG a 30000\r\n" + payload + "\r\n") != std::string::npos);
      CHECK(count_of(heard, "~") == 30'000);
    });
  }
}

TEST_CASE("a spoke passes over literal interest of its hub that it may not serve, also for its own spokes") {
  ServerWorld w;
  w.start(node("hub"));
  ServerConfig region = node("region", {"hub"});
  region.remotes[0].deny_exports = {"secret.>"};
  Server& middle = w.start(region);
  Server& edge = w.start(node("edge", {"region"}));
  w.world.run_for(2s);
  w.as_client([&] {
    tests::RawPeer at_hub = w.connect("hub");
    at_hub.ask("SUB secret.a 1\r\nSUB open.a 2\r\nSUB secret.* 3\r\n");
    CHECK(middle.has_interest("open.a"));
    CHECK(edge.has_interest("open.a"));
    CHECK_FALSE(middle.has_interest("secret.a"));
    // A wildcard is passed on: its messages are held back where the rule is.
    CHECK(edge.has_interest("secret.a"));
    CHECK(edge.publish(MessageView{"secret.a", {}, {}, "x"}));
    CHECK(edge.publish(MessageView{"open.a", {}, {}, "y"}));
    CHECK(at_hub.hear() == "MSG open.a 2 1\r\ny\r\n");
  });
}

}  // namespace
}  // namespace windtunnel::core
