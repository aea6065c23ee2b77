// Servers in a loopback world, and clients that speak raw protocol to them.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "core/server/server.h"
#include "tests/support/loopback.h"

namespace windtunnel::core {

using namespace std::chrono_literals;

struct ServerWorld {
  explicit ServerWorld(Seed seed = Seed{1}) : world(seed) {}
  ~ServerWorld() {
    // As when a node is killed: first its tasks, then what they used.
    for (const auto& [name, server] : servers) world.host(name).tasks().kill();
  }

  // Makes a server on the host of its name; start() it in a task.
  Server& add(ServerConfig config) {
    const std::string name = config.name;
    return *(servers[name] = std::make_unique<Server>(world.host(name).env(), std::move(config)));
  }
  Server& start(ServerConfig config) {
    const std::string name = config.name;
    Server& server = add(std::move(config));
    bool is_started = false;
    CHECK(world.run(name, [&] { is_started = server.start().has_value(); }));
    CHECK(is_started);
    return server;
  }
  void stop(const std::string& name) {
    CHECK(world.run(name, [&] { servers[name]->shutdown(); }));
    servers.erase(name);
  }
  // Runs as a client's task, on a host of its own.
  void as_client(std::function<void()> body) { CHECK(world.run("client", std::move(body))); }
  tests::RawPeer dial(const std::string& name, std::uint16_t port = 4222) {
    return tests::RawPeer{world.host("client"), Address{name, port}};
  }
  // A client that is past INFO and CONNECT.
  tests::RawPeer connect(const std::string& name, std::string_view options = "\"no_responders\":true,\"headers\":true") {
    tests::RawPeer peer = dial(name);
    const std::string info = peer.line();
    CHECK(info.starts_with("INFO {"));
    peer.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1," + std::string(options) + "}\r\nPING\r\n");
    CHECK(peer.line() == "PONG");
    return peer;
  }

  tests::LoopbackWorld world;
  std::map<std::string, std::unique_ptr<Server>> servers;
};

inline ServerConfig config_of(std::string name) {
  ServerConfig config;
  config.name = std::move(name);
  return config;
}

}  // namespace windtunnel::core
