// A real nats-server as a child process: on the loopback, a port of its own choosing, files in a directory of the test's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace windtunnel::tests {

class NatsServer {
 public:
  // Starts `program` on `store` (what its configuration calls store_dir) and waits until it answers. `scratch`: an empty
  // directory for its configuration, log and port. Fails the test if it does not come up.
  static std::unique_ptr<NatsServer> start(const std::string& program, const std::string& store, const std::string& scratch);
  ~NatsServer();  // kills it if it still runs
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // SIGINT, and waits for its end.
  void stop();
  [[nodiscard]] std::string log() const;

 private:
  NatsServer() = default;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string log_file_;
};

// Just enough of a client for the JetStream API: one request at a time, blocking, with a time limit of some seconds.
class NatsClient {
 public:
  explicit NatsClient(std::uint16_t port);
  ~NatsClient();
  NatsClient(const NatsClient&) = delete;
  NatsClient& operator=(const NatsClient&) = delete;

  // The payload of the first reply; fails the test if there is none.
  std::string request(const std::string& subject, const std::string& payload);
  // Publishes `count` messages to `subject`, each awaiting its ack by the server; `window` of them may be outstanding.
  void publish(const std::string& subject, const std::string& payload, std::uint64_t count, std::uint64_t window);
  // Sends the request `count` times, `window` of them outstanding; `payload(i)` is that of the i-th.
  void request_many(const std::string& subject, const std::function<std::string(std::uint64_t i)>& payload, std::uint64_t count,
                    std::uint64_t window);
  // Pulls `count` messages of a consumer in batches and acknowledges each.
  void drain(const std::string& stream, const std::string& consumer, std::uint64_t count, std::uint64_t batch);

 private:
  void send(const std::string& bytes);
  struct Message {
    std::string subject;
    std::string reply;
    std::string payload;
  };
  // The next message; answers pings on the way.
  Message next_message();
  std::string read_line();
  void fill();
  int socket_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace windtunnel::tests
