// Node: a whole nats-server: messaging and JetStream, and the order in which they begin and end (reference: streams F).
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/env/env.h"
#include "core/jetstream/jetstream.h"
#include "core/server/server.h"
#include "core/server/server_config.h"
#include "core/store/store_options.h"

namespace windtunnel::core {

struct NodeConfig {
  ServerConfig server;
  StoreSettings store{.opens_early = true};
  StoreMax max = {};  // what all streams may hold
};

class Node {
 public:
  // Only stores. `env` must outlive the node.
  Node(Env& env, NodeConfig config);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Recovers streams and consumers from the disk, then opens the ports. Suspends.
  Status start();
  // SIGTERM: JetStream first, so that stores are written out, then the connections. Suspends.
  void stop();
  // SIGUSR2: JetStream first as well; then clients are sent away one by one. Suspends as long as that takes.
  void lame_duck();

  [[nodiscard]] Server& server() { return *server_; }
  [[nodiscard]] JetStream& jetstream() { return *jetstream_; }
  [[nodiscard]] bool is_started() const { return is_started_; }

 private:
  void stop_jetstream();

  Env& env_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<JetStream> jetstream_;  // after the server, whose bus it uses, and so destroyed before it
  bool is_started_ = false;
};

}  // namespace windtunnel::core
