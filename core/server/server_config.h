// What a node's messaging is told: who it is, where it listens, which leaf remotes it dials, its limits and timings.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "core/env/network.h"

namespace windtunnel::core {

struct Credentials {
  std::string user;  // empty: none
  std::string password;
  [[nodiscard]] bool is_none() const { return user.empty(); }
};

// A leaf node connection that this node dials, again and again (reference: wire 13.7).
struct LeafRemote {
  Address address;
  Credentials credentials = {};
  // The one that dials is the spoke, unless this is set (wire 13.1).
  bool is_hub = false;
  std::vector<std::string> deny_imports = {};  // subjects that must not come in over this connection
  std::vector<std::string> deny_exports = {};  // subjects that must not go out over it
};

// The defaults are nats-server 2.10.27's (wire 12, 16).
struct ServerConfig {
  std::string name;              // not empty, no white space
  std::string host = "0.0.0.0";  // what INFO says; 0.0.0.0 stands for any
  std::uint16_t client_port = 4222;
  std::uint16_t leaf_port = 7422;
  bool accepts_leafs = true;  // listen on leaf_port
  std::vector<LeafRemote> remotes;

  bool jetstream = true;
  std::string domain;  // of JetStream; may be empty. No ".", "*", ">" or white space

  Credentials credentials;       // clients must give these, if there are any
  Credentials leaf_credentials;  // leaf nodes that dial us must

  Bytes max_payload{1024 * 1024};
  Bytes max_control_line{4096};
  Bytes max_pending{64 * 1024 * 1024};  // of output to one client
  std::uint32_t max_connections = 65'536;
  std::uint32_t max_subscriptions = 0;  // of one client; 0: no limit

  Duration ping_interval = std::chrono::minutes(2);
  std::uint32_t ping_max = 2;
  Duration write_deadline = std::chrono::seconds(10);
  Duration auth_timeout = std::chrono::seconds(2);
  Duration leaf_reconnect = std::chrono::seconds(1);
  Duration leaf_dial_timeout = std::chrono::seconds(1);
  Duration leaf_first_info_timeout = std::chrono::seconds(1);
  Duration leaf_second_info_timeout = std::chrono::seconds(2);
  Duration leaf_penalty = std::chrono::seconds(30);  // after a loop, or the same cluster name
  Duration lame_duck_grace = std::chrono::seconds(10);
  Duration lame_duck_duration = std::chrono::minutes(2);
};

// The state of one leaf connection, for reports.
struct LeafStatus {
  std::string remote_name;  // server name of the other side; empty as long as it has not been heard of
  Address address;          // the remote that is dialled, or the peer that dialled us
  bool is_solicited = false;
  bool is_connected = false;
  Instant since;               // when it was connected, or lost (the start, if it never was connected)
  std::uint32_t attempts = 0;  // dials since then that failed, or led to no leaf connection
};

}  // namespace windtunnel::core
