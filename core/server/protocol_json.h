// The JSON of INFO and CONNECT (reference: wire 2, 3, 13.2). What comes from a peer is validated here: a field of the
// wrong type is an error, an unknown one is ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/server/leaf_permissions.h"

namespace windtunnel::core {

// INFO as this server sends it, to clients and to leaf nodes; fields in nats-server's order.
struct InfoFields {
  std::string_view server_id;
  std::string_view server_name;
  std::string_view host;
  std::uint16_t port = 0;
  bool auth_required = false;
  Bytes max_payload;
  bool jetstream = false;
  std::string ip;  // leaf only
  std::uint64_t client_id = 0;
  std::string_view client_ip;  // client only
  std::string_view nonce;      // leaf only
  std::string_view cluster;
  std::string_view domain;
  bool is_lame_duck = false;
  bool is_leaf = false;          // adds info_on_connect
  bool is_connect_info = false;  // the answer to a leaf's CONNECT: adds connect_info and remote_account
  std::vector<std::string> leaf_urls;
  std::string_view xkey;  // client only
};
[[nodiscard]] std::string info_json(const InfoFields& fields);

// What a client's CONNECT says, with nats-server's defaults.
struct ClientConnect {
  bool is_verbose = true;
  bool is_pedantic = true;
  bool wants_echo = true;
  bool has_headers = false;
  bool wants_no_responders = false;
  std::int64_t protocol = 0;
  std::string name;
  std::string lang;
  std::string version;
  std::string user;
  std::string password;
  std::string account;                   // `account` or `new_account`
  bool has_foreign_credentials = false;  // token, nkey, jwt or signature
};
// Updates `connect`: a repeated CONNECT changes what it names. Errors: protocol.
[[nodiscard]] Status parse_client_connect(std::string_view json, ClientConnect& connect);

// What the soliciting side of a leaf connection says.
struct LeafConnect {
  std::string version;
  std::string user;
  std::string password;
  std::string server_id;
  std::string domain;
  std::string name;
  bool is_hub = false;
  std::string cluster;
  bool has_headers = false;
  bool has_jetstream = false;
  std::vector<std::string> deny_pub;
  std::string remote_account;
  std::string lang;  // only a client has it
};
[[nodiscard]] std::string leaf_connect_json(const LeafConnect& connect);
// Errors: protocol.
[[nodiscard]] Result<LeafConnect> parse_leaf_connect(std::string_view json);

// What the accepting side says, as far as a solicitor cares.
struct LeafInfo {
  std::string server_name;
  std::string domain;
  std::string cluster;
  std::uint64_t client_id = 0;
  bool has_headers = false;
  bool is_tls_required = false;
  bool is_info_on_connect = false;
  bool is_connect_info = false;
  std::string remote_account;
  std::optional<std::vector<std::string>> leaf_urls;
  LeafSubjects import_rules;  // what we may subscribe to
  LeafSubjects export_rules;  // what we may publish
};
// Errors: protocol.
[[nodiscard]] Result<LeafInfo> parse_leaf_info(std::string_view json);

}  // namespace windtunnel::core
