// Streams with sources: what they copy, from where they go on, and what they survive (reference: streams E).
#include <algorithm>
#include <map>
#include <set>

#include "core/jetstream/source_set.h"
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

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

}  // namespace
}  // namespace windtunnel::tests
