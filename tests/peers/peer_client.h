// A blocking client that subscribes, publishes and asks, for tests in which several clients speak through servers that are
// linked: its inboxes are its own everywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace windtunnel::tests {

class PeerClient {
 public:
  using Patience = std::chrono::milliseconds;

  struct Message {
    std::string subject;
    std::string reply;
    std::string headers;
    std::string payload;
  };

  // Throws std::runtime_error if nobody answers there; so do the others when the connection breaks or the server says -ERR.
  explicit PeerClient(std::uint16_t port);
  ~PeerClient();
  PeerClient(const PeerClient&) = delete;
  PeerClient& operator=(const PeerClient&) = delete;

  // The subscription's id. When it returns the server has it.
  std::string subscribe(const std::string& subject, const std::string& queue = {});
  void unsubscribe(const std::string& sid);
  void publish(const std::string& subject, const std::string& payload, const std::string& reply = {}, const std::string& headers = {});
  // When it returns the server has all that was sent before.
  void flush();

  // The next message that is no answer to request().
  std::optional<Message> next(Patience patience = std::chrono::seconds{5});
  // The first answer; nullopt: there was none. What else comes meanwhile is kept for next().
  std::optional<Message> request(const std::string& subject, const std::string& payload = {}, Patience patience = std::chrono::seconds{5});
  // The same for what speaks JSON; null if there was no answer, or one that is none.
  nlohmann::json ask(const std::string& subject, const nlohmann::json& body = nullptr, Patience patience = std::chrono::seconds{5});
  // A subject below which every answer comes to this client alone.
  [[nodiscard]] const std::string& inbox() const { return inbox_; }

 private:
  using Clock = std::chrono::steady_clock;
  void send(const std::string& bytes);
  bool fill(Clock::time_point limit);  // false: nothing came
  std::optional<std::string> read_line(Clock::time_point limit);
  // Handles one line; true if it was `word`.
  bool take(const std::string& line, const std::string& word);
  std::optional<Message> pop(const std::string& subject);

  int socket_ = -1;
  std::string inbox_;
  std::uint64_t asked_ = 0;
  std::uint64_t subscribed_ = 0;
  std::string buffer_;
  std::deque<Message> messages_;
};

}  // namespace windtunnel::tests
