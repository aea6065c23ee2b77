// A chain of servers, ours and real ones, each a leaf node of the one before it. Node i is named "n<i>" and has the domain "d<i>".
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/peers/live_server.h"
#include "tests/peers/peer_client.h"
#include "tests/support/temporary_directory.h"

namespace windtunnel::tests {

class LeafChain {
 public:
  // From the hub down. Returns when each end reaches the other's JetStream.
  explicit LeafChain(const std::vector<ServerProgram>& programs);
  LeafChain(const LeafChain&) = delete;
  LeafChain& operator=(const LeafChain&) = delete;

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] bool is_ours(std::size_t node) const { return nodes_[node].program.kind == ServerProgram::Kind::windtunnel; }
  // A client of that node; another one after each start of the node.
  PeerClient& client(std::size_t node);
  void kill(std::size_t node);
  // Its JetStream's directory.
  [[nodiscard]] std::string store(std::size_t node) const { return nodes_[node].scratch + "/store"; }
  // On the same ports and files.
  void start(std::size_t node);
  // What the logs have that nobody wants to see: errors, warnings, loops, permissions, slow consumers, connections closed for
  // a reason other than that their peer was killed. Empty: nothing.
  [[nodiscard]] std::string complaints() const;
  // "real 0, ours 1": for messages.
  [[nodiscard]] std::string text() const;

 private:
  struct Node {
    ServerProgram program;
    LeafSettings settings;
    std::string scratch;
    std::uint16_t port = 0;
    std::unique_ptr<LiveServer> server;
    std::unique_ptr<PeerClient> client;
  };
  TemporaryDirectory directory_;
  std::vector<Node> nodes_;
};

// Calls `is_so` again and again until it holds; false after `limit`.
template <typename Claim>
bool comes_true(std::chrono::seconds limit, Claim is_so) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return true;
}

// That a message to `subject` published by `from` would be taken by somebody. What it asks with has the payload "probe".
[[nodiscard]] bool has_interest(PeerClient& from, const std::string& subject);

}  // namespace windtunnel::tests
