// A peer over TCP that speaks raw protocol: what a test says, and what it hears. Nothing is answered for it, not even PING.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace windtunnel::tests {

class TcpPeer {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // Connects to the loopback; throws std::runtime_error if nobody listens. `receive_buffer`: of the socket, in bytes; 0: the system's
  // choice.
  explicit TcpPeer(std::uint16_t port, int receive_buffer = 0);
  ~TcpPeer();
  TcpPeer(TcpPeer&& other) noexcept;
  TcpPeer& operator=(TcpPeer&&) = delete;

  // Waits while the server does not read, at most for `patience`. False if not all of it went out: it has closed, or does not read.
  bool send(std::string_view bytes, Milliseconds patience = std::chrono::seconds{10});
  // As much as goes out without waiting; how much that was.
  std::size_t send_some(std::string_view bytes);
  // Takes what has come, after waiting for something at most `patience`. False if nothing came.
  bool receive(Milliseconds patience = Milliseconds{0});
  // Everything that comes until the peer has been silent for `quiet`, or has closed.
  std::string hear(Milliseconds quiet = Milliseconds{20});
  // send, then hear.
  std::string ask(std::string_view bytes);
  // The next line, without CR LF; "" at the end of the stream or after `patience`.
  std::string line(Milliseconds patience = std::chrono::seconds{10});
  // Everything up to `words`; empty, and nothing is taken, if they do not come within `patience`.
  std::string wait_for(std::string_view words, Milliseconds patience = std::chrono::seconds{20});

  // What was received and not yet taken.
  [[nodiscard]] std::string& received() { return received_; }
  [[nodiscard]] bool is_closed() const { return is_closed_; }  // by the server, or after close()
  [[nodiscard]] int descriptor() const { return fd_; }
  void close();
  void reset();  // closes without the usual good-bye: the server's next read fails

 private:
  int fd_ = -1;
  std::string received_;
  bool is_closed_ = false;
};

}  // namespace windtunnel::tests
