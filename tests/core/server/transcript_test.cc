// Replays what a client and a real server said to each other, and compares what our server says.
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/nats/parser.h"
#include "tests/core/server/server_world.h"

namespace windtunnel::core {
namespace {

using Json = nlohmann::json;

// One line of the transcript: who said what.
struct Entry {
  bool is_server = false;
  std::string bytes;
};

// By connection. Notes are left out.
std::map<int, std::vector<Entry>> read_transcript(const std::string& path) {
  std::map<int, std::vector<Entry>> connections;
  std::ifstream file(path);
  REQUIRE(file.is_open());
  for (std::string text; std::getline(file, text);) {
    const Json json = Json::parse(text);
    if (json.contains("note")) continue;
    Entry entry;
    entry.is_server = json.at("side") == "S";
    entry.bytes = json.at("line");
    if (!entry.bytes.ends_with("\r\n")) entry.bytes += "\r\n";
    if (json.contains("body")) entry.bytes += json.value("hdr", "") + json.at("body").get<std::string>() + "\r\n";
    connections[json.at("conn").get<int>()].push_back(std::move(entry));
  }
  return connections;
}

// Replaces what differs from run to run by its name.
std::string without_volatile_fields(std::string text) {
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

// Reads as much as `expected` has, or until nothing more comes.
std::string hear(tests::RawPeer& peer, std::string& heard, std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    if (heard.find("\r\n") == std::string::npos) {
      const std::string line = peer.line();
      if (line.empty() && peer.is_closed()) break;
      heard += line + "\r\n";
    }
    const std::size_t end = heard.find("\r\n") + 2;
    text += heard.substr(0, end);
    heard.erase(0, end);
  }
  return text;
}

TEST_CASE("the server answers a client as nats-server 2.10.27 did") {
  const auto connections = read_transcript(WT_FIXTURES "/transcripts/2.10.27/connect.jsonl");
  CHECK(connections.size() == 15);
  ServerWorld w;
  w.start(config_of("srv"));
  std::size_t compared = 0;
  for (const auto& connection : connections) {
    const std::vector<Entry>& said = connection.second;
    CAPTURE(connection.first);
    w.as_client([&] {
      tests::RawPeer peer = w.dial("srv");
      std::string rest;
      for (const Entry& entry : said) {
        CAPTURE(entry.bytes);
        if (!entry.is_server) {
          peer.send(entry.bytes);
          continue;
        }
        const auto lines = static_cast<std::size_t>(std::count(entry.bytes.begin(), entry.bytes.end(), '\n'));
        CHECK(without_volatile_fields(hear(peer, rest, lines)) == without_volatile_fields(entry.bytes));
        ++compared;
      }
      CHECK(peer.hear() == "");
    });
  }
  CHECK(compared == 63);
}

}  // namespace
}  // namespace windtunnel::core
