// ClientInfo: who sent a message, as JetStream's audit names them (reference: jetstream-api 13).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

struct ClientInfo {
  WallTime start;  // of the connection
  std::string host;
  std::uint64_t id = 0;
  std::string name;
  std::string lang;
  std::string version;
  Duration rtt{0};               // 0: not known
  std::string server;            // that it stands for, another one's requests being passed on; empty: the one that answers
  std::string cluster;           // of a leaf link; may be empty
  std::string_view kind;         // "Client", "Leafnode"
  std::string_view client_type;  // "nats"; empty for what is no client
};

}  // namespace windtunnel::core
