#include "tests/peers/leaf_chain.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <stdexcept>

namespace windtunnel::tests {
namespace {

using namespace std::chrono_literals;

constexpr auto kLinkMax = 20s;

// Of a line of either server's log.
bool is_complaint(const std::string& line) {
  constexpr std::array kBad = {"[ERR]", "[WRN]", "[FTL]", "Slow Consumer", "iolation", "[error]", "[warning]"};
  // What a peer that is killed, or not there yet, has for a consequence.
  constexpr std::array kExcused = {
      "Error trying to connect as leafnode", "leaf.dial_failed", "mirror.stalled", "source.stalled", "mirror.failed", "source.failed"};
  // Newer servers say so after each kill, whoever their peer is; and they ask for a consumer of theirs in a way that 2.10 refuses, too.
  constexpr std::array kExcusedNext = {"Sourcing state is outdated", "deliver policy can not be updated (10012)"};
  const auto has = [&](const char* part) { return line.find(part) != std::string::npos; };
  return std::any_of(kBad.begin(), kBad.end(), has) && std::none_of(kExcused.begin(), kExcused.end(), has) &&
         std::none_of(kExcusedNext.begin(), kExcusedNext.end(), has);
}

bool reaches(PeerClient& client, const std::string& domain) {
  return client.ask("$JS." + domain + ".API.INFO", nullptr, 500ms).is_object();
}

}  // namespace

LeafChain::LeafChain(const std::vector<ServerProgram>& programs) {
  for (const ServerProgram& program : programs) {
    const std::string number = std::to_string(nodes_.size());
    Node node;
    node.program = program;
    node.scratch = directory_.path() + "/n" + number;
    std::filesystem::create_directories(node.scratch);
    node.settings.name = "n" + number;
    node.settings.domain = "d" + number;
    if (nodes_.size() + 1 < programs.size()) node.settings.port = std::uint16_t{0};
    if (!nodes_.empty()) node.settings.remotes.push_back(nodes_.back().server->leaf_port());
    nodes_.push_back(std::move(node));
    start(nodes_.size() - 1);
  }
  const std::size_t last = nodes_.size() - 1;
  const bool is_linked = comes_true(
      kLinkMax, [&] { return reaches(client(0), nodes_[last].settings.domain) && reaches(client(last), nodes_[0].settings.domain); });
  if (!is_linked) throw std::runtime_error("the chain is not linked: " + text());
}

PeerClient& LeafChain::client(std::size_t node) {
  Node& place = nodes_[node];
  if (place.client == nullptr) place.client = std::make_unique<PeerClient>(place.port);
  return *place.client;
}

void LeafChain::kill(std::size_t node) {
  nodes_[node].client.reset();
  nodes_[node].server->kill();
}

void LeafChain::start(std::size_t node) {
  Node& place = nodes_[node];
  place.server = LiveServer::start(place.program, store(node), place.scratch, place.port, place.settings);
  place.port = place.server->port();
  if (place.settings.port) place.settings.port = place.server->leaf_port();
}

std::string LeafChain::complaints() const {
  std::string out;
  for (const Node& node : nodes_) {
    std::istringstream in{node.server->log()};
    for (std::string line; std::getline(in, line);) {
      if (is_complaint(line)) out += node.settings.name + ": " + line + "\n";
    }
  }
  return out;
}

std::string LeafChain::text() const {
  std::string out;
  for (std::size_t i = 0; i < nodes_.size(); ++i) out += (i == 0 ? "" : " <- ") + std::string{is_ours(i) ? "ours" : "nats-server"};
  return out;
}

bool has_interest(PeerClient& from, const std::string& subject) {
  const auto answer = from.request(subject, "probe", 100ms);
  return !answer || answer->headers.find(" 503") == std::string::npos;
}

}  // namespace windtunnel::tests
