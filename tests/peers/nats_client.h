// A blocking client for the JetStream API over TCP, for tests and benchmarks that want nothing between them and the wire.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace windtunnel::tests {

// Just enough of a client for the JetStream API: one request at a time, blocking, with a time limit of some seconds.
class NatsClient {
 public:
  explicit NatsClient(std::uint16_t port);
  ~NatsClient();
  NatsClient(const NatsClient&) = delete;
  NatsClient& operator=(const NatsClient&) = delete;

  // The payload of the first reply; fails the test if there is none. `headers`: "Key: value\r\n...", or none.
  std::string request(const std::string& subject, const std::string& payload, const std::string& headers = {});
  // Publishes `count` messages to `subject`, each awaiting its ack by the server; `window` of them may be outstanding.
  void publish(const std::string& subject, const std::string& payload, std::uint64_t count, std::uint64_t window);
  // The same, each to a subject of its own: `prefix` and its number from 0.
  void publish_each(const std::string& prefix, const std::string& payload, std::uint64_t count, std::uint64_t window);
  // Sends the request `count` times, `window` of them outstanding; `payload(i)` is that of the i-th.
  void request_many(const std::string& subject, const std::function<std::string(std::uint64_t i)>& payload, std::uint64_t count,
                    std::uint64_t window);
  // Pulls `count` messages of a consumer in batches and acknowledges each.
  void drain(const std::string& stream, const std::string& consumer, std::uint64_t count, std::uint64_t batch);
  // The work queue loop: pulls `count` messages in batches, awaits the confirmation of each ack, then publishes the message to its
  // subject again and awaits that ack.
  void republish(const std::string& stream, const std::string& consumer, std::uint64_t count, std::uint64_t batch);

 private:
  void send(const std::string& bytes);
  void publish_all(const std::function<std::string(std::uint64_t i)>& subject, const std::string& payload, std::uint64_t count,
                   std::uint64_t window);
  struct Message {
    std::string subject;
    std::string reply;
    std::string payload;
  };
  // The next message; answers pings on the way.
  Message next_message();
  std::string read_line();
  // Nothing more has come than what was given out.
  [[nodiscard]] bool is_drained() const { return at_ == buffer_.size(); }
  void fill();
  int socket_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t requests_ = 0;
  std::map<std::string, std::string> payload_of_;  // by subject, of what is being republished
};

}  // namespace windtunnel::tests
