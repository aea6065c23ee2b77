// Streams with sources: what they copy, from where they go on, and what they survive (reference: streams E).
#include <algorithm>
#include <map>
#include <set>

#include "core/jetstream/source_set.h"
#include "sim/survivors.h"
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

constexpr std::uint64_t kRandomSeeds = 300;

// A hub that sums up what its edges have, each in a domain of its own.
struct HubAndEdges {
  explicit HubAndEdges(int edges, core::Defects defects = {}, core::Seed seed = core::Seed{1}) : world(seed), defects_(defects) {
    world.add(node_config("hub", "hub"), defects);
    for (int i = 1; i <= edges; ++i) {
      const std::string name = "e" + std::to_string(i);
      world.add(node_config(name, name, "hub"), defects);
      world.link("hub", name, {5ms, 40ms});
    }
    world.start("hub");
    hub = std::make_unique<JetStreamClient>(world, "at_hub", "hub");
    for (int i = 1; i <= edges; ++i) {
      const std::string name = "e" + std::to_string(i);
      world.start(name);
      edge[i] = std::make_unique<JetStreamClient>(world, "at_" + name, name);
    }
    world.run_for(3s);
  }
  static std::string source(int i, const std::string& members = {}) {
    const std::string number = std::to_string(i);
    return R"({"name":"EDGE_)" + number + R"(","external":{"api":"$JS.e)" + number + R"(.API","deliver":""})" + members + "}";
  }
  void create_origin(int i, const std::string& members = {}) {
    const std::string number = std::to_string(i);
    REQUIRE(error_of(edge[i]->create_stream("EDGE_" + number, R"("subjects":["e)" + number + R"(.>"])" + members)) == 0);
  }
  void create_all(const std::string& sources, const std::string& members = {}) {
    REQUIRE(error_of(hub->create_stream("ALL", R"("sources":[)" + sources + "]" + members)) == 0);
  }
  void publish(int i, int count, const std::string& headers = {}) {
    for (int n = 0; n < count; ++n) {
      const int number = ++published[i];
      CHECK(seq_of(edge[i]->publish("e" + std::to_string(i) + ".a", std::to_string(number), headers)) > 0);
    }
  }
  Json state() { return hub->stream("ALL")["state"]; }
  Json status(std::size_t i = 0) { return hub->stream("ALL")["sources"][i]; }
  Json message(std::uint64_t seq) { return hub->api("STREAM.MSG.GET.ALL", R"({"seq":)" + std::to_string(seq) + "}")["message"]; }
  const core::Source& running(std::size_t i = 0) { return *world.stream("hub", "ALL")->sources()->all()[i]; }
  std::uint64_t count() { return world.stream("hub", "ALL")->store().state().messages; }
  // How long until the stream has so many messages; 10 min if it never does.
  core::Duration until_count(std::uint64_t messages) {
    const core::Instant begin = world.kernel.now();
    while (count() < messages && world.kernel.now() - begin < 10min) world.run_for(10ms);
    return world.kernel.now() - begin;
  }
  void restart_hub(sim::Signal how, core::Duration down = 2s) {
    world.signal("hub", how);
    world.run_for(down);
    world.start("hub");
    hub = std::make_unique<JetStreamClient>(world, "at_hub" + std::to_string(++clients), "hub");
  }
  void restart_edge(int i, sim::Signal how, core::Duration down = 2s) {
    const std::string name = "e" + std::to_string(i);
    world.signal(name, how);
    world.run_for(down);
    world.start(name);
    edge[i] = std::make_unique<JetStreamClient>(world, "at_" + name + "_" + std::to_string(++clients), name);
  }

  NodeWorld world;
  core::Defects defects_;
  std::unique_ptr<JetStreamClient> hub;
  std::map<int, std::unique_ptr<JetStreamClient>> edge;
  std::map<int, int> published;
  int clients = 0;
};

// The value of a message's header, out of what STREAM.MSG.GET answers.
std::string decode64(const std::string& text) {
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 0xff);
  }
  return out;
}
std::string headers_of(const Json& message) { return decode64(message.value("hdrs", "")); }
std::string payload_of(const Json& message) { return decode64(message.value("data", "")); }

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

// Deletes the stream of an edge and makes it anew.
void recreate(HubAndEdges& w, int i) {
  const std::string name = "EDGE_" + std::to_string(i);
  REQUIRE(w.edge[i]->api("STREAM.DELETE." + name)["success"] == true);
  w.create_origin(i);
}

// What an edge's subject brought, in the order of the hub's sequences.
std::vector<int> brought(HubAndEdges& w, const std::string& subject) {
  std::vector<int> out;
  core::StreamStore& store = w.world.stream("hub", "ALL")->store();
  const core::StreamState state = store.state();
  for (std::uint64_t seq = std::max<std::uint64_t>(1, state.first_seq.value); seq <= state.last_seq.value; ++seq) {
    const Json message = w.message(seq);
    if (!message.is_null() && message["subject"] == subject) out.push_back(std::stoi(payload_of(message)));
  }
  return out;
}

std::vector<int> numbers(int from, int through) {
  std::vector<int> out;
  for (int n = from; n <= through; ++n) out.push_back(n);
  return out;
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
