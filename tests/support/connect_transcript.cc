#include "tests/support/connect_transcript.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace windtunnel::tests {

std::map<int, std::vector<ConnectEntry>> read_connect_transcript(const std::string& path) {
  using Json = nlohmann::json;
  std::map<int, std::vector<ConnectEntry>> connections;
  std::ifstream file(path);
  REQUIRE(file.is_open());
  for (std::string text; std::getline(file, text);) {
    const Json json = Json::parse(text);
    if (json.contains("note")) continue;
    ConnectEntry entry;
    entry.is_server = json.at("side") == "S";
    entry.bytes = json.at("line");
    if (!entry.bytes.ends_with("\r\n")) entry.bytes += "\r\n";
    if (json.contains("body")) entry.bytes += json.value("hdr", "") + json.at("body").get<std::string>() + "\r\n";
    connections[json.at("conn").get<int>()].push_back(std::move(entry));
  }
  return connections;
}

std::string without_volatile_info(std::string text) {
  for (const char* const name : {"server_id", "xkey", "host", "go", "client_ip", "port", "client_id"}) {
    const std::string key = "\"" + std::string(name) + "\":";
    const std::size_t at = text.find(key);
    if (at == std::string::npos) continue;
    const std::size_t value = at + key.size();
    text.replace(value, text.find_first_of(",}", value) - value, std::string("<") + name + ">");
  }
  for (const char* const member : {"MSG work 3 3", "MSG work 4 3"}) {
    if (text.starts_with(member)) text.replace(0, 12, "MSG work <a member> 3");
  }
  return text;
}

}  // namespace windtunnel::tests
