// Leaf connections in a loopback world: nodes that dial each other, and a raw spoke (reference: wire 13 to 15).
#pragma once

#include "tests/core/server/server_world.h"

namespace windtunnel::core {

inline ServerConfig node(std::string name, std::vector<std::string> remotes = {}, bool has_domain = true) {
  ServerConfig config = config_of(name);
  if (has_domain) config.domain = name;
  for (std::string& remote : remotes) config.remotes.push_back(LeafRemote{.address = {std::move(remote), 7422}});
  return config;
}

// Hub and leaf, connected.
struct LeafWorld : ServerWorld {
  explicit LeafWorld(Seed seed = Seed{1}) : ServerWorld(seed), hub(start(node("hub"))), leaf(start(node("leaf", {"hub"}))) {
    world.run_for(10ms);
  }
  Server& hub;
  Server& leaf;
};

inline std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

// A raw spoke that is past the handshake and the hub's first burst.
inline tests::RawPeer raw_spoke(ServerWorld& w, const std::string& name) {
  tests::RawPeer peer = w.dial("hub", 7422);
  peer.line();
  peer.send("CONNECT {\"version\":\"2.10.27\",\"name\":\"" + name + "\",\"cluster\":\"" + name + "\",\"domain\":\"" + name +
            "\",\"headers\":true,\"jetstream\":true,\"remote_account\":\"$G\"}\r\n");
  peer.hear();
  return peer;
}

}  // namespace windtunnel::core
