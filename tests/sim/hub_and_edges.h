// A hub with a stream that sums up what its edges have, each in a domain of its own.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/jetstream/source_set.h"
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {

struct HubAndEdges {
  // `denied`: subjects that the edges do not let in over their links.
  explicit HubAndEdges(int edges, core::Defects defects = {}, core::Seed seed = core::Seed{1}, const std::vector<std::string>& denied = {})
      : world(seed), defects_(defects) {
    world.add(node_config("hub", "hub"), defects);
    for (int i = 1; i <= edges; ++i) {
      const std::string name = "e" + std::to_string(i);
      core::NodeConfig config = node_config(name, name, "hub");
      config.server.remotes[0].deny_imports = denied;
      world.add(std::move(config), defects);
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
inline std::string decode64(const std::string& text) {
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
inline std::string headers_of(const Json& message) { return decode64(message.value("hdrs", "")); }
inline std::string payload_of(const Json& message) { return decode64(message.value("data", "")); }

// Deletes the stream of an edge and makes it anew.
inline void recreate(HubAndEdges& w, int i) {
  const std::string name = "EDGE_" + std::to_string(i);
  REQUIRE(w.edge[i]->api("STREAM.DELETE." + name)["success"] == true);
  w.create_origin(i);
}

// What an edge's subject brought, in the order of the hub's sequences.
inline std::vector<int> brought(HubAndEdges& w, const std::string& subject) {
  std::vector<int> out;
  core::StreamStore& store = w.world.stream("hub", "ALL")->store();
  const core::StreamState state = store.state();
  for (std::uint64_t seq = std::max<std::uint64_t>(1, state.first_seq.value); seq <= state.last_seq.value; ++seq) {
    const Json message = w.message(seq);
    if (!message.is_null() && message["subject"] == subject) out.push_back(std::stoi(payload_of(message)));
  }
  return out;
}

inline std::vector<int> numbers(int from, int through) {
  std::vector<int> out;
  for (int n = from; n <= through; ++n) out.push_back(n);
  return out;
}

}  // namespace windtunnel::tests
