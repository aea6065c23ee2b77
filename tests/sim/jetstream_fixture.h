// A node with JetStream, and a client that speaks its API.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/node_world.h"

namespace windtunnel::tests {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// The API as a client of one node sees it. An answer that does not come is an empty object.
class JetStreamClient {
 public:
  JetStreamClient(NodeWorld& world, const std::string& name, std::string_view at) : client_(world.connect(name, at)) {}

  [[nodiscard]] NodeClient& wire() { return client_; }

  Json api(const std::string& subject, const std::string& body = {}) { return parse(client_.ask("$JS.API." + subject, body)); }
  // `members`: of the configuration, besides the name.
  Json create_stream(const std::string& name, const std::string& members) {
    return api("STREAM.CREATE." + name, R"({"name":")" + name + "\"" + (members.empty() ? "" : "," + members) + "}");
  }
  Json create_consumer(const std::string& stream, const std::string& name, const std::string& members) {
    return api("CONSUMER.DURABLE.CREATE." + stream + "." + name,
               R"({"stream_name":")" + stream + R"(","config":{"durable_name":")" + name + "\"," + members + "}}");
  }
  Json stream(const std::string& name) { return api("STREAM.INFO." + name, R"({"deleted_details":true})"); }
  Json consumer(const std::string& stream, const std::string& name) { return api("CONSUMER.INFO." + stream + "." + name); }

  // The PubAck. `headers`: "Key: value\r\n..." or none.
  Json publish(const std::string& subject, const std::string& payload, const std::string& headers = {}) {
    return parse(client_.ask(subject, payload, headers.empty() ? "" : "NATS/1.0\r\n" + headers + "\r\n"));
  }
  void publish_many(const std::string& subject, int count) {
    for (int i = 0; i < count; ++i) publish(subject, std::to_string(i));
  }

  // A pull request with an inbox of its own; the sid to take what comes by.
  std::string pull(const std::string& stream, const std::string& consumer, const std::string& body) {
    const std::string inbox = "_PULL." + std::to_string(++pulls_);
    std::string sid = client_.subscribe(inbox);
    client_.publish("$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer, body, {}, inbox);
    return sid;
  }
  // What a pull that does not wait brings, without its status.
  std::vector<Heard> fetch(const std::string& stream, const std::string& consumer, int batch) {
    const std::string sid = pull(stream, consumer, R"({"no_wait":true,"batch":)" + std::to_string(batch) + "}");
    std::vector<Heard> heard = client_.await(sid, static_cast<std::size_t>(batch), 200ms);
    client_.unsubscribe(sid);
    if (!heard.empty() && !heard.back().status().empty()) heard.pop_back();
    return heard;
  }
  // Acknowledges and waits for the answer; false if none comes.
  bool ack(const Heard& message, const std::string& what = "+ACK") { return client_.request(message.reply, what, {}, 500ms).has_value(); }

 private:
  static Json parse(const std::string& text) {
    Json json = Json::parse(text, nullptr, false);
    return json.is_discarded() ? Json::object() : json;
  }
  NodeClient& client_;
  int pulls_ = 0;
};

// Exactly this defect; none without one.
inline core::Defects with_defect(std::optional<core::Defect> defect) {
  core::Defects defects;
  if (defect) defects.set(*defect);
  return defects;
}

// Starts a node of which one file takes half a second and more to be opened; everything else goes on meanwhile.
inline void start_reading_slowly(NodeWorld& world, const std::string& node, std::string_view name) {
  sim::SimDisk& disk = world.process(node).disk();
  bool is_reached = false;
  disk.set_listener([&](const sim::DiskEvent& event) {
    if (!event.path.ends_with(name) || event.is_done || is_reached) return false;
    is_reached = true;
    disk.set_slowdown(10'000);
    return false;
  });
  world.start(node);
  const core::Instant limit = core::after(world.kernel.now(), 10s);
  while (!is_reached && world.kernel.now() < limit) world.run_for(1us);
  REQUIRE(is_reached);
  disk.set_slowdown(1);
  disk.set_listener({});
}

struct OneNode {
  explicit OneNode(core::Seed seed = core::Seed{1}, core::Defects defects = {}) : world(seed) {
    world.add(node_config("hub"), defects);
    world.start("hub");
    js = std::make_unique<JetStreamClient>(world, "client", "hub");
  }
  // The node ends by this signal and starts again; the client connects anew.
  void restart(sim::Signal signal) {
    world.signal("hub", signal);
    const core::Instant limit = core::after(world.kernel.now(), 10s);
    while (world.process("hub").is_running() && world.kernel.now() < limit) world.run_for(1ms);
    CHECK_FALSE(world.process("hub").is_running());
    world.start("hub");
    js = std::make_unique<JetStreamClient>(world, "client" + std::to_string(++restarts), "hub");
  }
  JetStreamClient& client() { return *js; }

  NodeWorld world;
  std::unique_ptr<JetStreamClient> js;
  int restarts = 0;
};

inline std::uint64_t seq_of(const Json& ack) { return ack.value("seq", std::uint64_t{0}); }
inline int error_of(const Json& answer) { return answer.contains("error") ? answer["error"].value("err_code", 0) : 0; }

// Of a delivery: tokens of its ack subject.
inline std::uint64_t token(const Heard& message, std::size_t index) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < index; ++i) begin = message.reply.find('.', begin) + 1;
  return std::stoull(message.reply.substr(begin));
}
inline std::uint64_t deliveries_of(const Heard& message) { return token(message, 4); }
inline std::uint64_t stream_seq_of(const Heard& message) { return token(message, 5); }
inline std::uint64_t consumer_seq_of(const Heard& message) { return token(message, 6); }
inline std::uint64_t pending_of(const Heard& message) { return token(message, 8); }

inline std::vector<std::uint64_t> stream_seqs(const std::vector<Heard>& messages) {
  std::vector<std::uint64_t> out;
  for (const Heard& message : messages) {
    if (message.status().empty()) out.push_back(stream_seq_of(message));
  }
  return out;
}

using Seqs = std::vector<std::uint64_t>;

}  // namespace windtunnel::tests
