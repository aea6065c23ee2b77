#include "core/client/server_info.h"

#include <nlohmann/json.hpp>

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

// False if the field is there and of another type.
bool take(const Json& json, const char* key, std::string& into) {
  const auto found = json.find(key);
  if (found == json.end()) return true;
  if (!found->is_string()) return false;
  into = found->get<std::string>();
  return true;
}
bool take(const Json& json, const char* key, bool& into) {
  const auto found = json.find(key);
  if (found == json.end()) return true;
  if (!found->is_boolean()) return false;
  into = found->get<bool>();
  return true;
}

}  // namespace

Result<ServerInfo> parse_server_info(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return error(Errc::corrupt, "INFO is no JSON object");
  ServerInfo info;
  bool is_good = take(json, "server_name", info.server_name);
  is_good = take(json, "version", info.version) && is_good;
  is_good = take(json, "domain", info.domain) && is_good;
  is_good = take(json, "headers", info.has_headers) && is_good;
  is_good = take(json, "jetstream", info.has_jetstream) && is_good;
  is_good = take(json, "tls_required", info.is_tls_required) && is_good;
  is_good = take(json, "ldm", info.is_lame_duck) && is_good;
  if (const auto max = json.find("max_payload"); max != json.end()) {
    if (max->is_number_integer()) {
      info.max_payload = max->get<std::int64_t>();
    } else {
      is_good = false;
    }
  }
  if (!is_good) return error(Errc::corrupt, "INFO has a field of the wrong type");
  return info;
}

}  // namespace windtunnel::core
