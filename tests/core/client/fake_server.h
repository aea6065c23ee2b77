// A NATS server that does what a test tells it, on the simulated network, and a client process to talk to it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/client/client.h"
#include "core/env/clock.h"
#include "core/nats/headers.h"
#include "core/nats/parser.h"
#include "core/nats/subject.h"
#include "core/nats/writer.h"
#include "sim/process.h"

namespace windtunnel::tests {

using Lines = std::vector<std::string>;

struct FakePeer {
  std::unique_ptr<core::Connection> connection;
  std::map<std::string, std::string> subscriptions;  // sid to subject

  // To every subscription that matches; false if there is none.
  bool route(const core::MessageView& message) {
    std::string out;
    for (const auto& [sid, subject] : subscriptions) {
      if (core::matches(message.subject, subject)) core::append_message(out, sid, message);
    }
    if (!out.empty()) (void)connection->write(out, core::kForever);
    return !out.empty();
  }
  void answer(std::string_view reply, std::string_view payload, std::string_view headers = {}) {
    (void)route({.subject = reply, .reply = {}, .headers = headers, .payload = payload});
  }
};

// What outlives the server's incarnations: the script, and what was seen.
struct FakeScript {
  std::string info =
      R"({"server_id":"N","server_name":"fake","version":"2.10.27","proto":1,"headers":true,"max_payload":1048576,"jetstream":true,"domain":"hub"})";
  bool answers_pings = true;
  bool reads = true;
  // Called for each PUB and HPUB. Without it: routed to the publisher's own subscriptions, or 503 if there is a reply.
  std::function<void(FakePeer&, const core::Operation&)> on_publish;
  std::function<void(FakePeer&, const core::Operation&)> on_connect;
  Lines seen;  // "CONNECT {...}", "PUB subject reply payload", "SUB subject queue sid", "UNSUB sid", "PING"
  int pings = 0;

  [[nodiscard]] std::size_t count(std::string_view start) const {
    std::size_t n = 0;
    for (const std::string& line : seen) n += line.substr(0, start.size()) == start ? 1 : 0;
    return n;
  }
};

class FakeServer final : public sim::Program {
 public:
  FakeServer(core::Env& env, FakeScript& script) : env_(env), script_(script) {}

  void run() override {
    auto opened = env_.network.listen(4222);
    if (!opened) return;
    listener_ = std::move(*opened);
    for (;;) {
      auto accepted = listener_->accept();
      if (!accepted) return;
      peers_.push_back(std::make_unique<FakePeer>());
      FakePeer& peer = *peers_.back();
      peer.connection = std::move(*accepted);
      env_.tasks.spawn("peer", [this, &peer] { serve(peer); });
    }
  }
  std::vector<std::unique_ptr<FakePeer>>& peers() { return peers_; }

 private:
  void serve(FakePeer& peer) {
    std::string hello;
    core::append_info(hello, script_.info);
    (void)peer.connection->write(hello, core::kForever);
    core::Parser parser(core::ParserRole::server_of_client);
    std::string buffer(65536, '\0');
    while (!script_.reads) env_.tasks.sleep_until(env_.clock.now() + std::chrono::seconds{1});
    for (;;) {
      const auto count = peer.connection->read(buffer, core::kForever);
      if (!count || *count == 0) break;
      parser.feed(std::string_view(buffer).substr(0, *count));
      core::Operation operation;
      for (core::Parse parse = parser.next(operation); parse != core::Parse::need_more; parse = parser.next(operation)) {
        if (parse == core::Parse::violation) {
          script_.seen.emplace_back("VIOLATION");
          peer.connection->close();
          return;
        }
        handle(peer, operation);
      }
    }
    peer.connection->close();
  }

  void handle(FakePeer& peer, const core::Operation& o) {
    using Kind = core::OperationKind;
    const auto note = [&](std::initializer_list<std::string_view> words) {
      std::string line;
      for (const std::string_view word : words) line.append(line.empty() ? "" : " ").append(word);
      script_.seen.push_back(line);
    };
    if (o.kind == Kind::connect) {
      note({"CONNECT", o.text});
      if (script_.on_connect) script_.on_connect(peer, o);
    } else if (o.kind == Kind::ping) {
      ++script_.pings;
      if (script_.answers_pings) (void)peer.connection->write("PONG\r\n", core::kForever);
    } else if (o.kind == Kind::subscribe) {
      note({"SUB", o.subject, o.queue, o.sid});
      peer.subscriptions[std::string(o.sid)] = o.subject;
    } else if (o.kind == Kind::unsubscribe) {
      note({"UNSUB", o.sid});
      peer.subscriptions.erase(std::string(o.sid));
    } else if (o.kind == Kind::publish) {
      note({"PUB", o.subject, o.payload});
      if (script_.on_publish) return script_.on_publish(peer, o);
      const bool is_taken = peer.route({.subject = o.subject, .reply = o.reply, .headers = o.headers, .payload = o.payload});
      if (!is_taken && !o.reply.empty()) peer.answer(o.reply, "", core::status_block(503));
    }
  }

  core::Env& env_;
  FakeScript& script_;
  std::unique_ptr<core::Listener> listener_;
  std::vector<std::unique_ptr<FakePeer>> peers_;
};

// A client and what the test does with it.
class ClientProgram final : public sim::Program {
 public:
  using Body = std::function<void(core::Client&, core::Env&)>;
  ClientProgram(core::Env& env, core::ClientOptions options, Body body)
      : env_(env), client_(env, std::move(options)), body_(std::move(body)) {}
  void run() override { body_(client_, env_); }

 private:
  core::Env& env_;
  core::Client client_;
  Body body_;
};

struct ClientWorld {
  FakeScript script;
  sim::Kernel kernel;
  sim::SimNetwork network{kernel};
  sim::Process server{kernel, network, {.name = "hub", .node = sim::NodeId{1}}};
  sim::Process client{kernel, network, {.name = "app", .node = sim::NodeId{2}}};
  bool has_ended = false;  // the client's body

  explicit ClientWorld(std::uint64_t seed = 1) : kernel(core::Seed{seed}) {
    network.link(server.host(), client.host(), {.latency = {std::chrono::microseconds{100}, std::chrono::microseconds{200}}});
    start_server();
  }
  void start_server() {
    server.start([this](core::Env& env) { return std::make_unique<FakeServer>(env, script); });
  }
  static core::ClientOptions options() { return {.servers = {{"hub", 4222}}, .name = "app", .user = {}, .password = {}}; }
  // Runs a body in the client process; it ends with the body unless that never returns.
  void start_client(ClientProgram::Body body, core::ClientOptions with = options()) {
    client.start([this, body = std::move(body), with](core::Env& env) {
      return std::make_unique<ClientProgram>(env, with, [this, body](core::Client& c, core::Env& e) {
        body(c, e);
        c.close();
        has_ended = true;
      });
    });
  }
  void run(core::Duration time) { kernel.run_until(kernel.now() + time); }
};

inline core::Instant in(core::Env& env, core::Duration time) { return core::after(env.clock.now(), time); }
inline std::string outcome(const core::Status& status) { return status ? "ok" : std::string(core::name_of(status.error().code)); }

}  // namespace windtunnel::tests
