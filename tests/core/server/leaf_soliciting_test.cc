// The soliciting side of a leaf connection, byte by byte: the test is the hub (reference: wire 13.2, 13.6, 13.7).
#include <nlohmann/json.hpp>

#include "tests/core/server/leaf_world.h"

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

// The soliciting side: the test is the acceptor.
struct RawHub {
  explicit RawHub(tests::LoopbackWorld& w, std::uint16_t p = 7422) : world(w), port(p) {}

  // Accepts one connection and greets it.
  void accept_once(const std::string& info) {
    if (listener == nullptr) {
      Result<std::unique_ptr<Listener>> opened = world.host("rawhub").env().network.listen(port);
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
  std::uint16_t port;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> connection;
  std::vector<Instant> at;  // when it was dialled
  bool is_closed = false;
};

const std::string kHubInfo =
    "INFO "
    "{\"server_id\":\"NX\",\"server_name\":\"go-hub\",\"version\":\"2.10.27\",\"proto\":1,\"headers\":true,\"auth_required\":true,\"max_"
    "payload\":1048576,\"jetstream\":true,"
    "\"client_id\":7,\"nonce\":\"abc\",\"domain\":\"hub\",\"compression\":\"s2_auto\",\"leafnode_urls\":[\"rawhub:7422\"],\"info_on_"
    "connect\":true} \r\n";
const std::string kConnectInfo =
    "INFO "
    "{\"server_id\":\"NX\",\"server_name\":\"go-hub\",\"client_id\":7,\"connect_info\":true,\"remote_account\":\"$G\",\"leafnode_urls\":["
    "\"rawhub:7422\"]} \r\n";

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

TEST_CASE("one that takes connections and is no hub does not keep a leaf from the others that were announced") {
  ServerWorld w;
  RawHub first{w.world};
  RawHub second{w.world, 7423};
  const std::string info = "INFO {\"client_id\":7,\"leafnode_urls\":[\"rawhub:7422\",\"rawhub:7423\"]} \r\n";
  CHECK(w.world.run("rawhub", [&] {
    w.world.host("leaf").tasks().spawn("start", [&w] { CHECK(w.add(node("leaf", {"rawhub"})).start().has_value()); });
    first.accept_once(info);
    first.say("-ERR 'Authorization Violation'\r\n");
    first.connection->close();
    second.accept_once(info);
    CHECK(second.at[0] - first.at[0] <= 1s + 10ms);
    second.connection->close();
    first.accept_once(info);
    CHECK(first.at[1] - second.at[0] <= 1s + 10ms);
  }));
}

TEST_CASE("a hub that announces more addresses than are kept, and not its own, does not confuse a leaf") {
  ServerWorld w;
  RawHub hub{w.world};
  std::string urls = "\"rawhub:7423\"";
  for (int i = 0; i < 100; ++i) urls += ",\"10.0.0.1:" + std::to_string(8000 + i) + "\"";
  RawHub second{w.world, 7423};
  CHECK(w.world.run("rawhub", [&] {
    w.world.host("leaf").tasks().spawn("start", [&w] { CHECK(w.add(node("leaf", {"rawhub"})).start().has_value()); });
    hub.accept_once("INFO {\"client_id\":7,\"leafnode_urls\":[" + urls + "]} \r\n");
    hub.connection->close();
    second.accept_once(kHubInfo);
    CHECK(second.at[0] - hub.at[0] <= 1s + 10ms);
  }));
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
