#include "tests/support/node_world.h"

#include <doctest/doctest.h>

#include <utility>

#include "core/env/clock.h"
#include "core/env/network.h"
#include "core/env/sync.h"
#include "core/nats/headers.h"
#include "core/nats/parser.h"

namespace windtunnel::tests {
namespace {

using namespace std::chrono_literals;

constexpr sim::DurationRange kClientLatency{10us, 10us};
constexpr core::Duration kStep = 50us;
constexpr std::uint16_t kClientPort = 4222;
constexpr std::size_t kOutboxMax = 1u << 20;

class NodeProgram final : public sim::Program {
 public:
  NodeProgram(core::Env& env, core::NodeConfig config) : node(env, std::move(config)), stopped_(env.tasks) {}
  void run() override {
    if (const core::Status started = node.start(); !started) return;
    stopped_.wait("a signal to stop");
  }
  bool on_signal(sim::Signal signal) override {
    if (signal == sim::Signal::usr2) {
      node.lame_duck();
    } else {
      node.stop();
    }
    stopped_.set();
    return true;
  }
  core::Node node;

 private:
  core::Event stopped_;
};

std::string line_of(const core::Operation& operation) {
  const auto word = [](std::string_view name, std::string_view text) { return std::string(name) + " " + std::string(text); };
  switch (operation.kind) {
    case core::OperationKind::info: return word("INFO", operation.text);
    case core::OperationKind::ping: return "PING";
    case core::OperationKind::pong: return "PONG";
    case core::OperationKind::ok: return "+OK";
    case core::OperationKind::err: return "-ERR '" + std::string(operation.text) + "'";
    default: break;
  }
  std::string line =
      std::string(operation.has_headers ? "HMSG " : "MSG ") + std::string(operation.subject) + " " + std::string(operation.sid);
  if (!operation.reply.empty()) line += " " + std::string(operation.reply);
  if (operation.has_headers) line += " " + std::to_string(operation.headers.size());
  return line + " " + std::to_string(operation.headers.size() + operation.payload.size());
}

}  // namespace

std::string Heard::status() const {
  const auto found = core::header_status(headers);
  if (!found) return {};
  std::string text = std::to_string(found->code);
  if (!found->description.empty()) text += " " + std::string(found->description);
  return text;
}

// Dials until it gets through, then reads to the end.
class ClientProgram final : public sim::Program {
 public:
  ClientProgram(core::Env& env, NodeClient& client, std::string at)
      : outbox(env.tasks, kOutboxMax), env_(env), client_(client), at_(std::move(at)) {}
  void run() override {
    std::unique_ptr<core::Connection> connection;
    while (!connection) {
      auto dialled = env_.network.connect(core::Address{at_, kClientPort}, core::after(env_.clock.now(), 1s));
      if (dialled) {
        connection = std::move(*dialled);
      } else {
        env_.tasks.sleep_until(core::after(env_.clock.now(), 10ms));
      }
    }
    env_.tasks.spawn("client writer", [this, to = connection.get()] {
      while (const std::optional<std::string> bytes = outbox.pop("something to send")) {
        if (!to->write(*bytes)) return;
      }
    });
    core::Parser parser{core::ParserRole::client};
    std::string buffer(65536, '\0');
    for (;;) {
      const auto got = connection->read(buffer);
      if (!got || *got == 0) break;
      parser.feed({buffer.data(), *got});
      core::Operation operation;
      while (parser.next(operation) == core::Parse::operation) hear(operation);
    }
    outbox.close();
    core::Event never{env_.tasks};
    never.wait("to be killed");  // the writer refers to the connection
  }

  core::Queue<std::string> outbox;

 private:
  void hear(const core::Operation& operation) {
    if (operation.kind == core::OperationKind::ping) outbox.try_push("PONG\r\n");
    Heard heard;
    heard.at = env_.clock.now();
    heard.line = line_of(operation);
    if (operation.kind == core::OperationKind::message) {
      heard.subject = operation.subject;
      heard.sid = operation.sid;
      heard.reply = operation.reply;
      heard.headers = operation.headers;
      heard.payload = operation.payload;
      client_.unread_[heard.sid].push_back(heard);
    }
    client_.heard_.push_back(std::move(heard));
  }

  core::Env& env_;
  NodeClient& client_;
  std::string at_;
};

NodeClient::NodeClient(NodeWorld& world, std::string name, std::string at)
    : world_(world),
      process_(std::make_unique<sim::Process>(world.kernel, world.network, sim::Process::Setup{name, world.take_id(), {}})),
      inbox_("_INBOX." + name) {
  sim::LinkTraits traits;
  traits.latency = kClientLatency;
  world.network.link(process_->host(), world.process(at).host(), traits);
  process_->start([this, at](core::Env& env) {
    auto program = std::make_unique<ClientProgram>(env, *this, at);
    program_ = program.get();
    return program;
  });
}

void NodeClient::kill() {
  program_ = nullptr;
  process_->kill();
}

void NodeClient::send(std::string bytes) {
  if (program_ != nullptr) program_->outbox.try_push(std::move(bytes));
}

void NodeClient::publish(std::string_view subject, std::string_view payload, std::string_view headers, std::string_view reply) {
  std::string bytes = (headers.empty() ? "PUB " : "HPUB ") + std::string(subject) + " ";
  if (!reply.empty()) bytes += std::string(reply) + " ";
  if (!headers.empty()) bytes += std::to_string(headers.size()) + " ";
  bytes += std::to_string(headers.size() + payload.size()) + "\r\n";
  bytes.append(headers).append(payload).append("\r\n");
  send(std::move(bytes));
}

std::string NodeClient::subscribe(std::string_view subject) {
  const std::string sid = std::to_string(++last_sid_);
  send("SUB " + std::string(subject) + " " + sid + "\r\n");
  return sid;
}

std::optional<Heard> NodeClient::request(std::string_view subject, std::string_view payload, std::string_view headers,
                                         core::Duration patience) {
  const std::string inbox = inbox_ + "." + std::to_string(++last_inbox_);
  const std::string sid = subscribe(inbox);
  publish(subject, payload, headers, inbox);
  std::vector<Heard> replies = await(sid, 1, patience);
  unsubscribe(sid);
  if (replies.empty()) return std::nullopt;
  return std::move(replies.front());
}

std::string NodeClient::ask(std::string_view subject, std::string_view payload, std::string_view headers) {
  const std::optional<Heard> reply = request(subject, payload, headers);
  return reply ? reply->payload : std::string{};
}

std::vector<Heard> NodeClient::take(std::string_view sid) {
  const auto it = unread_.find(sid);
  if (it == unread_.end()) return {};
  std::vector<Heard> out{std::make_move_iterator(it->second.begin()), std::make_move_iterator(it->second.end())};
  unread_.erase(it);
  return out;
}

std::vector<Heard> NodeClient::await(std::string_view sid, std::size_t count, core::Duration patience) {
  const core::Instant limit = core::after(world_.kernel.now(), patience);
  const auto has_enough = [&] {
    const auto it = unread_.find(sid);
    return it != unread_.end() && it->second.size() >= count;
  };
  while (!has_enough() && world_.kernel.now() < limit) world_.run_for(kStep);
  return take(sid);
}

NodeWorld::NodeWorld(core::Seed seed) : kernel(seed) {}

NodeWorld::~NodeWorld() {
  clients_.clear();
  places_.clear();
}

void NodeWorld::add(core::NodeConfig config, core::Defects defects, sim::DiskTraits disk) {
  const std::string name = config.server.name;
  Place place{std::move(config), defects, std::make_unique<sim::Process>(kernel, network, sim::Process::Setup{name, take_id(), disk})};
  places_.emplace(name, std::move(place));
}

void NodeWorld::link(std::string_view a, std::string_view b, sim::DurationRange latency) {
  sim::LinkTraits traits;
  traits.latency = latency;
  network.link(process(a).host(), process(b).host(), traits);
}

sim::Process& NodeWorld::process(std::string_view name) {
  const auto it = places_.find(name);
  REQUIRE(it != places_.end());
  return *it->second.process;
}

void NodeWorld::start(std::string_view name) {
  const auto it = places_.find(name);
  REQUIRE(it != places_.end());
  Place& place = it->second;
  place.process->start([&place](core::Env& env) { return std::make_unique<NodeProgram>(env, place.config); }, place.defects);
  const core::Instant limit = core::after(kernel.now(), 10s);
  while (node(name) == nullptr && kernel.now() < limit) run_for(1ms);
  CHECK(node(name) != nullptr);
}

void NodeWorld::signal(std::string_view name, sim::Signal signal) { process(name).signal(signal); }

void NodeWorld::cut(std::string_view a, std::string_view b, sim::Cut how) { network.cut_both(process(a).host(), process(b).host(), how); }

void NodeWorld::heal(std::string_view a, std::string_view b) { network.heal_both(process(a).host(), process(b).host()); }

core::Node* NodeWorld::node(std::string_view name) {
  sim::Process& place = process(name);
  if (!place.is_running()) return nullptr;
  core::Node& found = static_cast<NodeProgram*>(place.program())->node;
  return found.is_started() ? &found : nullptr;
}

core::Stream* NodeWorld::stream(std::string_view on, std::string_view name) {
  core::Node* found = node(on);
  return found == nullptr ? nullptr : found->jetstream().stream(name);
}

NodeClient& NodeWorld::dial(const std::string& name, std::string_view at) {
  clients_.push_back(std::make_unique<NodeClient>(*this, name, std::string(at)));
  return *clients_.back();
}

NodeClient& NodeWorld::connect(const std::string& name, std::string_view at) {
  NodeClient& client = dial(name, at);
  client.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"protocol\":1}\r\nPING\r\n");
  const core::Instant limit = core::after(kernel.now(), 10s);
  const auto is_ready = [&] { return !client.heard().empty() && client.heard().back().line == "PONG"; };
  while (!is_ready() && kernel.now() < limit) run_for(kStep);
  CHECK(is_ready());
  return client;
}

core::NodeConfig node_config(std::string name, std::string domain, std::string hub) {
  core::NodeConfig config;
  config.server.name = std::move(name);
  config.server.domain = std::move(domain);
  if (!hub.empty()) {
    core::LeafRemote remote;
    remote.address = core::Address{std::move(hub), config.server.leaf_port};
    config.server.remotes.push_back(std::move(remote));
  }
  return config;
}

}  // namespace windtunnel::tests
