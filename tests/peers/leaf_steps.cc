#include "tests/peers/leaf_steps.h"

#include <doctest/doctest.h>

namespace windtunnel::tests {

using namespace std::chrono_literals;
using nlohmann::json;

std::vector<ServerProgram> real_servers() {
  std::vector<ServerProgram> out;
  for (const char* variable : {"WINDTUNNEL_NATS_SERVER", "WINDTUNNEL_NATS_SERVER_NEXT"}) {
    if (const auto program = ServerProgram::or_skipped(variable)) out.push_back(*program);
  }
  return out;
}

json publish_acked(PeerClient& client, const std::string& subject, const std::string& payload) {
  json ack;
  static_cast<void>(comes_true(10s, [&] {
    const auto answer = client.request(subject, payload);
    if (!answer || answer->headers.find(" 503") != std::string::npos) return !answer;
    ack = json::parse(answer->payload, nullptr, false);
    return true;
  }));
  return ack;
}

bool publish_many(PeerClient& client, const std::string& subject, int from, int count) {
  for (int i = from; i < from + count; ++i) {
    if (!publish_acked(client, subject, std::to_string(i)).contains("seq")) return false;
  }
  return true;
}

void create(LeafChain& chain, std::size_t node, json config) {
  const json made = chain.client(node).ask("$JS.API.STREAM.CREATE." + config["name"].get<std::string>(), config);
  REQUIRE_MESSAGE(made.contains("config"), made.dump());
}

json origin(const std::string& name, std::size_t domain) {
  return {{"name", name}, {"external", {{"api", "$JS.d" + std::to_string(domain) + ".API"}, {"deliver", ""}}}};
}

std::vector<std::string> contents(PeerClient& client, const std::string& stream) {
  const json info = client.ask("$JS.API.STREAM.INFO." + stream);
  std::vector<std::string> out;
  for (int seq = 1; seq <= info["state"].value("last_seq", 0); ++seq) {
    const auto message = client.request("$JS.API.DIRECT.GET." + stream, R"({"seq":)" + std::to_string(seq) + "}");
    out.push_back(message ? message->payload : "");
  }
  return out;
}

int messages_of(PeerClient& client, const std::string& stream) {
  const json info = client.ask("$JS.API.STREAM.INFO." + stream, nullptr, 2s);
  return info.is_object() && info.contains("state") ? info["state"].value("messages", -1) : -1;
}

std::vector<std::string> numbers(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
  return out;
}

}  // namespace windtunnel::tests
