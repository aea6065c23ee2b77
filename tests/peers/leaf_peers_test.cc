// Leaf nodes of ours and real ones linked with each other: what crosses, what is copied, and what an outage does to it.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/peers/leaf_chain.h"
#include "tests/peers/leaf_steps.h"

using namespace windtunnel::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const ServerProgram kOurs{.kind = ServerProgram::Kind::windtunnel, .path = WT_BINARY};

// Ours below a real hub, and a real leaf below ours.
std::vector<std::vector<ServerProgram>> pairs_of(const ServerProgram& real) { return {{real, kOurs}, {kOurs, real}}; }

// The next message that is none of has_interest()'s.
std::optional<PeerClient::Message> hear(PeerClient& client) {
  std::optional<PeerClient::Message> message = client.next();
  while (message && message->payload == "probe") message = client.next();
  return message;
}

std::string api_of(std::size_t domain) { return "$JS.d" + std::to_string(domain) + ".API."; }

// Both ways between the two ends: plain messages, requests, queue groups, and interest that goes away.
void check_messages(LeafChain& chain, std::size_t from, std::size_t to) {
  CAPTURE(from);
  PeerClient& a = chain.client(from);
  PeerClient& b = chain.client(to);
  const std::string base = "t" + std::to_string(from);

  const std::string all = b.subscribe(base + ".*");
  REQUIRE(comes_true(10s, [&] { return has_interest(a, base + ".x"); }));
  a.publish(base + ".x", "plain", "re.ply");
  a.publish(base + ".y", "", {}, "NATS/1.0\r\nColour: red\r\n\r\n");
  const auto plain = hear(b);
  REQUIRE(plain);
  CHECK(plain->subject == base + ".x");
  CHECK(plain->payload == "plain");
  CHECK(plain->reply == "re.ply");
  const auto with_headers = hear(b);
  REQUIRE(with_headers);
  CHECK(with_headers->subject == base + ".y");
  CHECK(with_headers->headers == "NATS/1.0\r\nColour: red\r\n\r\n");

  a.publish(base + ".x", "?", a.inbox() + ".answer");
  const auto question = hear(b);
  REQUIRE(question);
  b.publish(question->reply, "!");
  const auto answer = a.next();
  REQUIRE(answer);
  CHECK(answer->payload == "!");
  b.unsubscribe(all);
  CHECK(comes_true(10s, [&] { return !has_interest(a, base + ".x"); }));

  // Two members there, and a third that goes: each message once.
  b.subscribe(base + ".work", "group");
  b.subscribe(base + ".work", "group");
  const std::string third = b.subscribe(base + ".work", "group");
  REQUIRE(comes_true(10s, [&] { return has_interest(a, base + ".work"); }));
  b.unsubscribe(third);
  std::multiset<std::string> wanted;
  for (int i = 0; i < 20; ++i) {
    a.publish(base + ".work", std::to_string(i));
    wanted.insert(std::to_string(i));
  }
  std::multiset<std::string> got;
  while (got.size() < wanted.size()) {
    const auto message = hear(b);
    REQUIRE(message);
    got.insert(message->payload);
  }
  CHECK(got == wanted);
  CHECK_FALSE(b.next(50ms));
}

// The JetStream of domain `to`, used by a client of node `from` through the links between.
void check_jetstream(LeafChain& chain, std::size_t from, std::size_t to) {
  CAPTURE(from);
  PeerClient& client = chain.client(from);
  const std::string stream = "FAR" + std::to_string(from);
  const std::string subject = "far" + std::to_string(from) + ".a";
  const std::string domain = "d" + std::to_string(to);
  const json config = {{"name", stream}, {"subjects", {"far" + std::to_string(from) + ".>"}}, {"allow_direct", true}};
  const json made = client.ask(api_of(to) + "STREAM.CREATE." + stream, config);
  REQUIRE_MESSAGE(made.contains("config"), made.dump());
  for (int i = 1; i <= 6; ++i) {
    const json ack = publish_acked(client, subject, std::to_string(i));
    CHECK(ack.value("stream", "") == stream);
    CHECK(ack.value("domain", "") == domain);
    CHECK(ack.value("seq", 0) == i);
  }
  // It is there and nowhere else.
  CHECK(client.ask("$JS.API.STREAM.INFO." + stream)["error"]["err_code"] == 10059);

  const json durable = {{"stream_name", stream}, {"config", {{"durable_name", "C"}, {"ack_policy", "explicit"}}}};
  REQUIRE(client.ask(api_of(to) + "CONSUMER.DURABLE.CREATE." + stream + ".C", durable).contains("config"));
  client.publish(api_of(to) + "CONSUMER.MSG.NEXT." + stream + ".C", R"({"batch":6,"expires":5000000000})", client.inbox() + ".pull");
  for (int i = 1; i <= 6; ++i) {
    const auto message = client.next();
    REQUIRE(message);
    CHECK(message->subject == subject);
    CHECK(message->payload == std::to_string(i));
    CHECK(message->reply.starts_with("$JS.ACK." + stream + ".C.1." + std::to_string(i) + "."));
    CHECK(message->reply.find('@') == std::string::npos);
    if (i < 6) {
      client.publish(message->reply, "+ACK");
    } else {
      CHECK(client.request(message->reply, "+ACK"));  // confirmed
    }
  }
  const json info = chain.client(to).ask("$JS.API.CONSUMER.INFO." + stream + ".C");
  CHECK(info["ack_floor"]["stream_seq"] == 6);
  CHECK(info["num_ack_pending"] == 0);

  // A push consumer shows the subject under which it was stored.
  client.subscribe("deliver." + stream);
  const json push = {{"stream_name", stream},
                     {"config", {{"durable_name", "P"}, {"ack_policy", "explicit"}, {"deliver_subject", "deliver." + stream}}}};
  REQUIRE(client.ask(api_of(to) + "CONSUMER.DURABLE.CREATE." + stream + ".P", push).contains("config"));
  const auto pushed = client.next(10s);
  REQUIRE(pushed);
  CHECK(pushed->subject == subject);
  CHECK(pushed->reply.starts_with("$JS.ACK." + stream + ".P.1.1.1."));

  const auto direct = client.request(api_of(to) + "DIRECT.GET." + stream, R"({"seq":3})");
  REQUIRE(direct);
  CHECK(direct->payload == "3");
  CHECK(direct->headers.find("Nats-Subject: " + subject) != std::string::npos);
}

// Nodes `a` and `b` each have an origin, a mirror of the other's, and a stream that sources the other's.
void create_copies(LeafChain& chain, std::size_t a, std::size_t b) {
  for (const std::size_t node : {a, b}) {
    const std::string number = std::to_string(node);
    create(chain, node, {{"name", "ORIGIN" + number}, {"subjects", {"origin" + number + ".>"}}, {"allow_direct", true}});
    REQUIRE(publish_many(chain.client(node), "origin" + number + ".x", 0, 5));
  }
  for (const std::size_t node : {a, b}) {
    const std::size_t far = node == a ? b : a;
    const std::string name = "ORIGIN" + std::to_string(far);
    create(chain, node, {{"name", "MIRROR"}, {"mirror", origin(name, far)}, {"allow_direct", true}});
    create(chain, node, {{"name", "ALL"}, {"sources", {origin(name, far)}}, {"allow_direct", true}});
  }
}

// The copies at both ends hold so many messages, those of the other's origin, in order and once.
bool are_level(LeafChain& chain, std::size_t a, std::size_t b, int count) {
  for (const std::size_t node : {a, b}) {
    if (messages_of(chain.client(node), "MIRROR") != count || messages_of(chain.client(node), "ALL") != count) return false;
  }
  return true;
}

void check_copies(LeafChain& chain, std::size_t a, std::size_t b, int count) {
  for (const std::size_t node : {a, b}) {
    CAPTURE(node);
    CHECK(contents(chain.client(node), "MIRROR") == numbers(count));
    CHECK(contents(chain.client(node), "ALL") == numbers(count));
  }
}

}  // namespace

TEST_CASE("messages, requests and JetStream cross a link between ours and a real server, whoever is the hub") {
  for (const ServerProgram& real : real_servers()) {
    for (const std::vector<ServerProgram>& programs : pairs_of(real)) {
      LeafChain chain{programs};
      const std::string text = chain.text() + " " + real.path;
      CAPTURE(text);
      check_messages(chain, 0, 1);
      check_messages(chain, 1, 0);
      check_jetstream(chain, 0, 1);
      check_jetstream(chain, 1, 0);
      CHECK(chain.complaints() == "");
    }
  }
}

TEST_CASE("a chain of ours, a real server and ours, and the reverse: the ends reach each other and copy each other") {
  const std::vector<ServerProgram> reals = real_servers();
  if (reals.empty()) return;
  const ServerProgram& real = reals.front();
  for (const std::vector<ServerProgram>& programs : std::vector<std::vector<ServerProgram>>{{kOurs, real, kOurs}, {real, kOurs, real}}) {
    LeafChain chain{programs};
    CAPTURE(chain.text());
    check_messages(chain, 0, 2);
    check_messages(chain, 2, 0);
    check_jetstream(chain, 0, 2);
    check_jetstream(chain, 2, 0);
    create_copies(chain, 0, 2);
    CHECK(comes_true(20s, [&] { return are_level(chain, 0, 2, 5); }));
    check_copies(chain, 0, 2, 5);
    CHECK(chain.complaints() == "");
  }
}

TEST_CASE("a loop of ours and a real server is found, and nothing goes round") {
  const std::vector<ServerProgram> reals = real_servers();
  if (reals.empty()) return;
  const TemporaryDirectory directory;
  const auto start = [&](const ServerProgram& program, const std::string& name, std::uint16_t port, const LeafSettings& settings) {
    const std::string scratch = directory.path() + "/" + name;
    std::filesystem::create_directories(scratch);
    return LiveServer::start(program, scratch + "/store", scratch, port, settings);
  };
  LeafSettings first{.name = "first", .domain = "first", .port = std::uint16_t{0}};
  std::unique_ptr<LiveServer> ours = start(kOurs, "first", 0, first);
  const std::unique_ptr<LiveServer> real =
      start(reals.front(), "second", 0, {.name = "second", .domain = "second", .port = std::uint16_t{0}, .remotes = {ours->leaf_port()}});
  // Now that the ports are known, ours dials who dials it.
  first.port = ours->leaf_port();
  first.remotes = {real->leaf_port()};
  const std::uint16_t port = ours->port();
  ours->kill();
  ours = start(kOurs, "first", port, first);
  CHECK(comes_true(
      10s, [&] { return real->log().find("Loop detected") != std::string::npos || ours->log().find("leaf.loop") != std::string::npos; }));
  PeerClient a{ours->port()};
  PeerClient b{real->port()};
  a.subscribe("round.*");
  b.subscribe("round.*");
  // Who dials again is refused for 30 s; the one connection that is left, if any, carries each message once.
  for (int i = 0; i < 20; ++i) a.publish("round.a", "a" + std::to_string(i));
  for (int i = 0; i < 20; ++i) b.publish("round.b", "b" + std::to_string(i));
  for (PeerClient* client : {&a, &b}) {
    std::map<std::string, int> own;
    while (const auto message = client->next(500ms)) ++own[message->payload];
    CHECK(own.size() >= 20);
    for (const auto& each : own) {
      CAPTURE(each.first);
      CHECK(each.second == 1);
    }
  }
}

TEST_CASE("mirrors and sources between ours and a real server catch up after either was killed") {
  // All at once: a real 2.10 that starts as a hub asks before its leaf is there again, and waits 40 s before it asks once more.
  struct Outage {
    std::unique_ptr<LeafChain> chain;
    std::size_t victim;
    bool is_level = false;
  };
  std::vector<Outage> outages;
  for (const ServerProgram& real : real_servers()) {
    for (const std::vector<ServerProgram>& programs : pairs_of(real)) {
      for (const std::size_t victim : {std::size_t{0}, std::size_t{1}}) {
        outages.push_back({std::make_unique<LeafChain>(programs), victim});
        create_copies(*outages.back().chain, 0, 1);
      }
    }
  }
  for (Outage& outage : outages) CHECK(comes_true(20s, [&] { return are_level(*outage.chain, 0, 1, 5); }));
  for (Outage& outage : outages) outage.chain->kill(outage.victim);
  for (Outage& outage : outages) {
    const std::size_t other = 1 - outage.victim;
    CHECK(publish_many(outage.chain->client(other), "origin" + std::to_string(other) + ".x", 5, 5));
  }
  for (Outage& outage : outages) outage.chain->start(outage.victim);
  for (Outage& outage : outages)
    CHECK(publish_many(outage.chain->client(outage.victim), "origin" + std::to_string(outage.victim) + ".x", 5, 5));
  CHECK(comes_true(70s, [&] {
    bool are_all = true;
    for (Outage& outage : outages) {
      outage.is_level = outage.is_level || are_level(*outage.chain, 0, 1, 10);
      are_all = are_all && outage.is_level;
    }
    return are_all;
  }));
  for (Outage& outage : outages) {
    CAPTURE(outage.chain->text());
    CAPTURE(outage.victim);
    CHECK(outage.is_level);
    check_copies(*outage.chain, 0, 1, 10);
    CHECK(outage.chain->complaints() == "");
  }
}
