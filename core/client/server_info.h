// What a client reads of a server's INFO (reference: wire 2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace windtunnel::core {

struct ServerInfo {
  std::string server_name;
  std::string version;
  std::string domain;             // JetStream's; empty: none
  std::int64_t max_payload = -1;  // header and body; -1: no limit
  bool has_headers = false;
  bool has_jetstream = false;
  bool is_tls_required = false;
  bool is_lame_duck = false;  // it will end soon: connect elsewhere
};

// Fields that are missing have their defaults. Errors: corrupt (no JSON object, or a field of another type).
[[nodiscard]] Result<ServerInfo> parse_server_info(std::string_view json);

}  // namespace windtunnel::core
