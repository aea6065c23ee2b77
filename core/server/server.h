// Server: a node's messaging. Clients connect to it by TCP, other servers as leaf nodes, and the node's own JetStream by
// Bus (reference: wire.md). One account, $G.
//
// Routing a message is synchronous: it ends in the output buffers of connections and in the handlers of internal
// subscriptions. Only reading, writing, dialling and sleeping suspend, in tasks of the server's own: a reader and a
// writer for each connection, one for each listener, one for each leaf remote.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/env/env.h"
#include "core/nats/bus.h"
#include "core/server/interest_reading.h"
#include "core/server/route_watcher.h"
#include "core/server/server_config.h"

namespace windtunnel::core {

inline constexpr std::string_view kServerVersion = "2.10.27";

class ServerCore;

class Server final : public Bus {
 public:
  // `env` must outlive the server, and the server its tasks: it may be destroyed when shutdown() has returned, or when
  // the node was killed and its tasks are unwound.
  Server(Env& env, ServerConfig config);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens, and starts to dial the leaf remotes. May suspend. Errors: invalid_argument (the configuration makes no
  // sense), already_exists (a port is in use).
  Status start();

  // SIGTERM: closes the listeners and every connection, and waits until the tasks have ended. Suspends.
  void shutdown();

  // SIGUSR2: no new connections; clients are told by INFO, after the grace period closed one by one, at most a second
  // apart, then shutdown(). Leaf nodes stay until then. Suspends for as long as that takes.
  void lame_duck();

  [[nodiscard]] bool is_running() const;
  [[nodiscard]] const ServerConfig& config() const;
  [[nodiscard]] const std::string& id() const;  // "N" and 55 letters and digits, another one for each start
  [[nodiscard]] std::uint16_t client_port() const;
  [[nodiscard]] std::uint16_t leaf_port() const;  // 0 if it does not accept leaf nodes
  [[nodiscard]] std::size_t client_count() const;
  // The remotes in the order of the configuration, then accepted leaf nodes by connection id.
  [[nodiscard]] std::vector<LeafStatus> leafs() const;

  // For a harness. The watcher is borrowed, and must outlive the server; nullptr: nobody watches.
  void watch_routes(RouteWatcher* watcher);
  [[nodiscard]] InterestReading read_interest() const;
  [[nodiscard]] std::uint64_t interest_version() const;  // InterestReading::version

  // Bus. May be used from construction on, before start() and by code that runs inside a handler.
  SubscriptionId subscribe(std::string_view subject, std::string_view queue, Handler handler) override;
  void unsubscribe(SubscriptionId id) noexcept override;
  SubscriptionId subscribe_reply(std::string_view subject, Handler handler) override;
  bool publish(const MessageView& message) override;
  [[nodiscard]] std::optional<ClientInfo> publisher() const override;
  [[nodiscard]] bool has_interest(std::string_view subject, std::string_view queue = {}) const override;
  [[nodiscard]] bool has_subscription(std::string_view subject, std::string_view queue = {}) const override;
  SubscriptionId watch_interest(std::string_view subject, std::function<void()> changed) override;
  SubscriptionId watch_leafs(std::function<void()> connected) override;
  [[nodiscard]] bool has_leafs() const override;

 private:
  std::unique_ptr<ServerCore> core_;
};

}  // namespace windtunnel::core
