// Whole nodes (messaging and JetStream) in the simulated world, and client connections that a test drives from outside
// every fiber: it sends, lets time pass, and looks at what came.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jetstream/jetstream.h"
#include "core/server/node.h"
#include "sim/kernel.h"
#include "sim/network.h"
#include "sim/process.h"

namespace windtunnel::tests {

class NodeWorld;

// One thing that a server sent.
struct Heard {
  core::Instant at;
  std::string line;     // the protocol line without CR LF: "MSG a.b 1 5"
  std::string subject;  // of MSG and HMSG, as the following
  std::string sid;
  std::string reply;
  std::string headers;
  std::string payload;
  [[nodiscard]] bool is_message() const { return !sid.empty(); }
  // "404 No Messages"; empty if it has no status.
  [[nodiscard]] std::string status() const;
};

// A client's connection that answers PING by itself. All calls are the driver's.
class NodeClient {
 public:
  NodeClient(NodeWorld& world, std::string name, std::string at);

  // Puts bytes on the wire as they are; time has to pass before anything happens.
  void send(std::string bytes);
  void publish(std::string_view subject, std::string_view payload, std::string_view headers = {}, std::string_view reply = {});
  // Returns the sid.
  std::string subscribe(std::string_view subject);
  void unsubscribe(std::string_view sid) { send("UNSUB " + std::string(sid) + "\r\n"); }

  // Publishes and lets the world run until the reply is there; nullopt if none is after `patience`.
  std::optional<Heard> request(std::string_view subject, std::string_view payload, std::string_view headers = {},
                               core::Duration patience = std::chrono::seconds(5));
  // The payload of request()'s reply; "" without one.
  std::string ask(std::string_view subject, std::string_view payload = {}, std::string_view headers = {});
  // What came for this sid since the last take.
  std::vector<Heard> take(std::string_view sid);
  // Lets the world run until `count` messages came for this sid, or `patience` has passed, and takes them.
  std::vector<Heard> await(std::string_view sid, std::size_t count, core::Duration patience = std::chrono::seconds(5));
  // Everything, in order, from the connection's start.
  [[nodiscard]] const std::vector<Heard>& heard() const { return heard_; }
  // Ends the connection, as a client that dies.
  void kill();

 private:
  friend class ClientProgram;
  NodeWorld& world_;
  std::unique_ptr<sim::Process> process_;
  class ClientProgram* program_ = nullptr;  // the process's, while it runs
  std::vector<Heard> heard_;
  std::map<std::string, std::deque<Heard>, std::less<>> unread_;  // by sid
  std::uint64_t last_sid_ = 0;
  std::uint64_t last_inbox_ = 0;
  std::string inbox_;
};

class NodeWorld {
 public:
  explicit NodeWorld(core::Seed seed = core::Seed{1});
  ~NodeWorld();
  NodeWorld(const NodeWorld&) = delete;
  NodeWorld& operator=(const NodeWorld&) = delete;

  // A node named `config.server.name`. Nothing runs before start().
  void add(core::NodeConfig config, core::Defects defects = {}, sim::DiskTraits disk = {});
  void link(std::string_view a, std::string_view b, sim::DurationRange latency);
  // Starts it and lets the world run until it serves; a failed CHECK after 10 s.
  void start(std::string_view name);
  void signal(std::string_view name, sim::Signal signal);
  void cut(std::string_view a, std::string_view b, sim::Cut how);
  void heal(std::string_view a, std::string_view b);
  void run_for(core::Duration time) { kernel.run_until(kernel.now() + time); }

  [[nodiscard]] sim::Process& process(std::string_view name);
  // nullptr while it is down.
  [[nodiscard]] core::Node* node(std::string_view name);
  [[nodiscard]] core::Stream* stream(std::string_view node, std::string_view stream);
  // A client on a host of its own beside the node, which says nothing until it is told to.
  NodeClient& dial(const std::string& name, std::string_view at);
  // dial, and CONNECT with headers and no_responders. Lets the world run until that is answered.
  NodeClient& connect(const std::string& name, std::string_view at);

  sim::Kernel kernel;
  sim::SimNetwork network{kernel};

 private:
  friend class NodeClient;
  struct Place {
    core::NodeConfig config;
    core::Defects defects;
    std::unique_ptr<sim::Process> process;
  };
  sim::NodeId take_id() { return static_cast<sim::NodeId>(++last_id_); }

  std::uint32_t last_id_ = 0;
  std::map<std::string, Place, std::less<>> places_;
  std::vector<std::unique_ptr<NodeClient>> clients_;
};

// A node of this name and domain; a leaf of `hub` if one is given.
[[nodiscard]] core::NodeConfig node_config(std::string name, std::string domain = {}, std::string hub = {});

}  // namespace windtunnel::tests
