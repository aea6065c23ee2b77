// What a client is told, byte for byte (reference: wire 2 to 9, 11).
#include "tests/core/server/server_world.h"

namespace windtunnel::core {
namespace {

TEST_CASE("a client is greeted by INFO and its PING answered before it has said anything") {
  ServerWorld w;
  ServerConfig config = config_of("srv");
  config.domain = "hub";
  Server& server = w.start(config);
  w.as_client([&] {
    tests::RawPeer peer = w.dial("srv");
    const std::string info = peer.line();
    CHECK(info.starts_with("INFO {\"server_id\":\"" + server.id() +
                           "\",\"server_name\":\"srv\",\"version\":\"2.10.27\",\"proto\":1,\"go\":"));
    CHECK(info.find("\"host\":\"0.0.0.0\",\"port\":4222,\"headers\":true,\"max_payload\":1048576,\"jetstream\":true,\"client_id\":4,"
                    "\"client_ip\":\"client\",\"domain\":\"hub\",\"xkey\":\"X") != std::string::npos);
    CHECK(info.ends_with("\"} "));
    CHECK(peer.ask("PING\r\n") == "PONG\r\n");
    CHECK(server.client_count() == 1);
    peer.close();
  });
  w.world.run_for(1ms);
  CHECK(server.client_count() == 0);
}

TEST_CASE("messages reach plain subscriptions in order, with reply and headers") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.connect("srv");
    CHECK(peer.ask("SUB foo.* 1\r\nPUB foo.bar 5\r\nhello\r\nPUB foo.bar my.reply 2\r\nhi\r\nHPUB foo.bar 17 "
                   "17\r\nNATS/1.0\r\nK:v\r\n\r\n\r\nPUB foo 0\r\n\r\n") ==
          "MSG foo.bar 1 5\r\nhello\r\nMSG foo.bar 1 my.reply 2\r\nhi\r\nHMSG foo.bar 1 17 17\r\nNATS/1.0\r\nK:v\r\n\r\n\r\n");
  });
}

TEST_CASE("a client without header support gets the message without its headers") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer plain = w.connect("srv", "\"headers\":false");
    tests::RawPeer rich = w.connect("srv");
    CHECK(plain.ask("SUB foo 1\r\n") == "");
    rich.send("HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    CHECK(plain.hear() == "MSG foo 1 2\r\nhi\r\n");
    CHECK(plain.ask("HPUB foo 12 14\r\n") == "");
    CHECK(plain.is_closed());
  });
}

TEST_CASE("verbose clients get +OK before what their operation causes") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.dial("srv");
    peer.line();
    CHECK(peer.ask("CONNECT {}\r\n") == "+OK\r\n");
    CHECK(peer.ask("SUB a.b 1\r\n") == "+OK\r\n");
    CHECK(peer.ask("SUB a.b 1\r\n") == "+OK\r\n");
    CHECK(peer.ask("PUB a.b 2\r\nhi\r\n") == "+OK\r\nMSG a.b 1 2\r\nhi\r\n");
    CHECK(peer.ask("PUB a..b 2\r\nhi\r\n") == "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
    CHECK(peer.ask("PUB a.* 2\r\nhi\r\n") == "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
    CHECK(peer.ask("SUB a..b 2\r\n") == "-ERR 'Invalid Subject'\r\n");
    CHECK(peer.ask("SUB a.b _sys_ 2\r\n") == "-ERR 'Permissions Violation for Subscription to \"a.b\" using queue \"_sys_\"'\r\n");
    CHECK(peer.ask("PUB a.b $JS.ACK.x 0\r\n\r\n") == "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.x\"'\r\n");
    CHECK(peer.ask("PUB _GR_.b 0\r\n\r\n") == "-ERR 'Permissions Violation for Publish to \"_GR_.b\"'\r\n");
    CHECK(peer.ask("UNSUB 99\r\n") == "+OK\r\n");
    CHECK_FALSE(peer.is_closed());
  });
}

TEST_CASE("a client that says nothing is verbose, pedantic, hears itself, and has no headers") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.dial("srv");
    peer.line();
    CHECK(peer.ask("SUB a 1\r\nPUB a 0\r\n\r\n") == "+OK\r\n+OK\r\nMSG a 1 0\r\n\r\n");
    CHECK(peer.ask("PUB a.> 0\r\n\r\n") == "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
    CHECK(peer.ask("HPUB a 12 12\r\n") == "");
    CHECK(peer.is_closed());
  });
}

TEST_CASE("auto-unsubscribe counts from the subscription, not from the UNSUB") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.connect("srv");
    const std::string pub = "PUB a 1\r\nx\r\n";
    const std::string msg = "MSG a 1 1\r\nx\r\n";
    CHECK(peer.ask("SUB a 1\r\nUNSUB 1 2\r\n" + pub + pub + pub) == msg + msg);
    CHECK(peer.ask("SUB a 1\r\n" + pub + pub + "UNSUB 1 2\r\n" + pub) == msg + msg);
    CHECK(peer.ask("SUB a 1\r\n" + pub + "UNSUB 1 3\r\n" + pub + pub + pub) == msg + msg + msg);
    CHECK(peer.ask("SUB a 1\r\nUNSUB 1 x\r\n" + pub) == "");
    CHECK(peer.ask("SUB a 1\r\nUNSUB 1\r\n" + pub) == "");
  });
}

TEST_CASE("echo off keeps a client's own messages from it, and from being counted as taken") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer deaf = w.connect("srv", "\"echo\":false,\"headers\":true,\"no_responders\":true");
    tests::RawPeer other = w.connect("srv");
    CHECK(deaf.ask("SUB a 1\r\nSUB box.> 2\r\nPUB a box.1 1\r\nx\r\n") == "HMSG box.1 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    other.send("PUB a 1\r\ny\r\n");
    CHECK(deaf.hear() == "MSG a 1 1\r\ny\r\n");
  });
}

TEST_CASE("no responders: 503 to a plain subscription of the same connection, or nothing") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.connect("srv");
    tests::RawPeer other = w.connect("srv");
    tests::RawPeer old = w.connect("srv", "\"headers\":true");
    CHECK(peer.ask("SUB box.* 5\r\nPUB nobody box.1 1\r\n?\r\n") == "HMSG box.1 5 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
    CHECK(peer.ask("PUB nobody 1\r\n?\r\n") == "");
    CHECK(other.ask("PUB nobody box.1 1\r\n?\r\n") == "");
    CHECK(other.ask("SUB mine q 1\r\nPUB nobody mine 1\r\n?\r\n") == "");
    CHECK(old.ask("SUB mine 1\r\nPUB nobody mine 1\r\n?\r\n") == "");
    CHECK(peer.hear() == "");
  });
}

TEST_CASE("a queue group takes each message once, by a member drawn from the seed") {
  const auto members_of = [](std::uint64_t seed) {
    ServerWorld w{Seed{seed}};
    w.start(config_of("srv"));
    std::string members;
    w.as_client([&] {
      tests::RawPeer peer = w.connect("srv");
      peer.send("SUB work grp 1\r\nSUB work grp 2\r\nSUB work grp 3\r\nSUB work other 4\r\n");
      for (int i = 0; i < 60; ++i) {
        peer.send("PUB work 0\r\n\r\n");
        const std::string heard = peer.hear(1ms);
        const std::size_t other = heard.find("MSG work 4 0");
        CHECK(other != std::string::npos);
        CHECK(std::count(heard.begin(), heard.end(), 'M') == 2);
        members.push_back(other == 0 ? heard[heard.size() - 7] : heard[9]);
      }
    });
    return members;
  };
  const std::string first = members_of(1);
  for (const char member : {'1', '2', '3'}) CHECK(std::count(first.begin(), first.end(), member) >= 10);
  CHECK(members_of(1) == first);
  CHECK(members_of(2) != first);
}

TEST_CASE("errors of CONNECT") {
  struct Row {
    const char* what;
    const char* connect;
    const char* answer;
  };
  const Row rows[] = {
      {"bad JSON", "CONNECT {bad\r\n", ""},
      {"no object", "CONNECT []\r\n", ""},
      {"wrong type", "CONNECT {\"verbose\":1}\r\n", ""},
      {"protocol", "CONNECT {\"protocol\":2}\r\n", "-ERR 'invalid client protocol'\r\n"},
      {"no responders without headers", "CONNECT {\"no_responders\":true}\r\n", "-ERR 'no responders requires headers support'\r\n"},
      {"another account", "CONNECT {\"account\":\"X\"}\r\n", "-ERR 'Authorization Violation'\r\n"},
      {"a client's -ERR", "-ERR 'x'\r\n", ""},
  };
  ServerWorld w;
  w.start(config_of("srv"));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    w.as_client([&] {
      tests::RawPeer peer = w.dial("srv");
      peer.line();
      CHECK(peer.ask(row.connect) == row.answer);
      CHECK(peer.is_closed());
    });
  }
  CHECK(w.world.host("srv").logged("client.refused").find("accounts other than $G are not supported") != std::string::npos);
}

TEST_CASE("credentials are demanded, first, and in time") {
  ServerWorld w;
  ServerConfig config = config_of("srv");
  config.credentials = {"joe", "secret"};
  w.start(config);
  w.as_client([&] {
    tests::RawPeer good = w.dial("srv");
    CHECK(good.line().find("\"auth_required\":true") != std::string::npos);
    CHECK(good.ask("CONNECT {\"verbose\":false,\"user\":\"joe\",\"pass\":\"secret\"}\r\nPING\r\n") == "PONG\r\n");
    for (const char* wrong :
         {"CONNECT {\"user\":\"joe\",\"pass\":\"x\"}\r\n", "CONNECT {}\r\n", "PING\r\n", "CONNECT {\"jwt\":\"x\"}\r\n"}) {
      CAPTURE(wrong);
      tests::RawPeer bad = w.dial("srv");
      bad.line();
      CHECK(bad.ask(wrong) == "-ERR 'Authorization Violation'\r\n");
      CHECK(bad.is_closed());
    }
    tests::RawPeer late = w.dial("srv");
    late.line();
    const Instant start = w.world.now();
    CHECK(late.line(10s) == "-ERR 'Authentication Timeout'");
    CHECK(w.world.now() - start == 2s);
  });
}

TEST_CASE("a silent client is pinged after about 2 s, then at the interval, and closed as stale") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.connect("srv");
    const Instant start = w.world.now();
    CHECK(peer.line(10min) == "PING");
    const Duration first = w.world.now() - start;
    CHECK(first >= 2s);
    CHECK(first <= 2s + 400ms);
    CHECK(peer.line(10min) == "PING");
    CHECK(w.world.now() - start == first + 2min);
    CHECK(peer.line(10min) == "-ERR 'Stale Connection'");
    CHECK(w.world.now() - start == first + 4min);
    CHECK(peer.line() == "");
    CHECK(peer.is_closed());
  });
}

TEST_CASE("a client that has been heard of is spared the PING once its round trip is known") {
  ServerWorld w;
  w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.connect("srv");
    CHECK(peer.line(10s) == "PING");
    peer.send("PONG\r\n");
    const Instant start = w.world.now();
    w.world.host("client").tasks().sleep_until(start + 1min);
    CHECK(peer.ask("PUB a 0\r\n\r\n") == "");
    CHECK(peer.line(10min) == "PING");
    CHECK(w.world.now() - start == 4min);  // the tick at 2 min was skipped
  });
}

TEST_CASE("a client that does not read is closed when too much is pending, and nobody else is hurt") {
  ServerWorld w;
  ServerConfig config = config_of("srv");
  config.max_pending = Bytes{10'000};
  Server& server = w.start(config);
  w.world.send_buffer = 1'000;
  w.as_client([&] {
    tests::RawPeer slow = w.connect("srv");
    tests::RawPeer quick = w.connect("srv");
    tests::RawPeer publisher = w.connect("srv");
    slow.send("SUB a 1\r\nPING\r\n");
    CHECK(slow.line() == "PONG");
    quick.send("SUB a 1\r\nPING\r\n");
    CHECK(quick.line() == "PONG");
    const std::string pub = "PUB a 500\r\n" + std::string(500, 'x') + "\r\n";
    std::size_t heard = 0;
    for (int i = 0; i < 40; ++i) {
      publisher.send(pub);
      heard += quick.hear(1ms).size();
    }
    heard += quick.hear().size();
    CHECK(heard == 40 * std::string("MSG a 1 500\r\n\r\n").size() + 40 * 500);
    CHECK(server.client_count() == 2);
    CHECK(slow.hear().size() < 11'000);
    CHECK(slow.is_closed());
  });
  CHECK(w.world.host("srv").logged("client.closed").find("Slow Consumer (Pending Bytes)") != std::string::npos);
}

TEST_CASE("a client whose connection takes nothing for the write deadline is closed") {
  ServerWorld w;
  Server& server = w.start(config_of("srv"));
  w.world.send_buffer = 1'000;
  w.as_client([&] {
    tests::RawPeer slow = w.connect("srv");
    slow.send("SUB a 1\r\n");
    tests::RawPeer publisher = w.connect("srv");
    publisher.send("PUB a 5000\r\n" + std::string(5000, 'x') + "\r\n");
    const Instant start = w.world.now();
    w.world.host("client").tasks().sleep_until(start + 9s + 900ms);
    CHECK(server.client_count() == 2);
    w.world.host("client").tasks().sleep_until(start + 10s + 100ms);
    CHECK(server.client_count() == 1);
  });
}

TEST_CASE("limits on connections and subscriptions") {
  ServerWorld w;
  ServerConfig config = config_of("srv");
  config.max_connections = 1;
  config.max_subscriptions = 1;
  w.start(config);
  w.as_client([&] {
    tests::RawPeer first = w.connect("srv");
    CHECK(first.ask("SUB a 1\r\nSUB b 2\r\n") == "-ERR 'maximum subscriptions exceeded'\r\n");
    tests::RawPeer second = w.dial("srv");
    second.line();
    CHECK(second.hear() == "-ERR 'maximum connections exceeded'\r\n");
    CHECK(second.is_closed());
  });
}

TEST_CASE("shutdown closes every connection and ends every task; lame duck says so first") {
  ServerWorld w;
  Server& server = w.start(config_of("srv"));
  w.as_client([&] {
    tests::RawPeer peer = w.connect("srv");
    tests::RawPeer other = w.connect("srv");
    const Instant start = w.world.now();
    w.world.host("srv").tasks().spawn("signal", [&] { server.lame_duck(); });
    CHECK(peer.line().find("\"ldm\":true") != std::string::npos);
    CHECK(peer.line(30s).starts_with("PING"));
    CHECK(peer.hear(30s) == "");
    CHECK(peer.is_closed());
    other.hear(4min);
    CHECK(other.is_closed());
    CHECK(w.world.now() - start >= 10s + 500ms);
    CHECK(w.world.now() - start <= 11s + 10ms);
  });
  w.world.run_for(4min);
  CHECK_FALSE(server.is_running());
  CHECK(w.world.host("srv").tasks().size() == 0);
  CHECK(w.world.host("srv").log().back() == "server.stopped name=srv");
}

TEST_CASE("a node can be killed in the middle of everything") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ServerWorld w{Seed{seed}};
    ServerConfig leaf = config_of("leaf");
    leaf.remotes.push_back(LeafRemote{.address = {"srv", 7422}});
    w.start(config_of("srv"));
    w.start(leaf);
    std::unique_ptr<tests::RawPeer> peer;  // connected until the kill
    w.as_client([&] {
      peer = std::make_unique<tests::RawPeer>(w.connect("leaf"));
      peer->send("SUB > 1\r\nPUB a 1000\r\n" + std::string(1000, 'x'));
      Random random = w.world.random("when");
      w.world.host("client").tasks().sleep_until(w.world.now() + random.between(Duration{0}, Duration{3s}));
      CHECK(peer->hear(Duration{0}).find("-ERR") == std::string::npos);
      CHECK_FALSE(peer->is_closed());
    });
    for (const char* name : {"srv", "leaf"}) {
      CHECK(w.servers.at(name)->is_running());
      CHECK(w.world.host(name).tasks().size() > 0);
      w.world.host(name).tasks().kill();
      CHECK(w.world.host(name).tasks().size() == 0);
    }
    // ~ServerWorld destroys the servers.
  }
}

TEST_CASE("a configuration that makes no sense is refused, and a port in use") {
  ServerWorld w;
  w.start(config_of("srv"));
  const auto start_of = [&](ServerConfig config) {
    Errc code = Errc::timeout;
    CHECK(w.world.run("srv", [&] {
      Server server{w.world.host("srv").env(), std::move(config)};
      const Status started = server.start();
      if (!started) code = started.error().code;
    }));
    return code;
  };
  CHECK(start_of(config_of("srv")) == Errc::already_exists);
  CHECK(start_of(config_of("")) == Errc::invalid_argument);
  ServerConfig config = config_of("x");
  config.domain = "a.b";
  CHECK(start_of(config) == Errc::invalid_argument);
  config.domain = "ok";
  config.remotes.push_back(LeafRemote{.address = {"", 0}});
  CHECK(start_of(config) == Errc::invalid_argument);
}

}  // namespace
}  // namespace windtunnel::core
