#include "tests/support/tcp_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace windtunnel::tests {
namespace {

using Clock = std::chrono::steady_clock;

bool is_ready(int fd, short events, TcpPeer::Milliseconds patience) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(std::max<TcpPeer::Milliseconds::rep>(0, patience.count()))) == 1;
}

TcpPeer::Milliseconds until(Clock::time_point limit) { return std::chrono::duration_cast<TcpPeer::Milliseconds>(limit - Clock::now()); }

}  // namespace

TcpPeer::TcpPeer(std::uint16_t port, int receive_buffer) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) throw std::runtime_error("no socket");
  if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(std::exchange(fd_, -1));
    throw std::runtime_error("no connection to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

TcpPeer::~TcpPeer() { close(); }

TcpPeer::TcpPeer(TcpPeer&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)), is_closed_(other.is_closed_) {}

void TcpPeer::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  is_closed_ = true;
}

void TcpPeer::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  if (fd_ >= 0) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

std::size_t TcpPeer::send_some(std::string_view bytes) {
  if (is_closed_ || bytes.empty()) return 0;
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno != EAGAIN && errno != EINTR) is_closed_ = true;
  return 0;
}

bool TcpPeer::send(std::string_view bytes, Milliseconds patience) {
  const Clock::time_point limit = Clock::now() + patience;
  while (!bytes.empty() && !is_closed_) {
    const std::size_t sent = send_some(bytes);
    bytes.remove_prefix(sent);
    if (sent == 0 && !is_closed_ && (Clock::now() >= limit || !is_ready(fd_, POLLOUT, until(limit)))) return false;
  }
  return bytes.empty();
}

bool TcpPeer::receive(Milliseconds patience) {
  if (fd_ < 0 || !is_ready(fd_, POLLIN, patience)) return false;
  bool has_some = false;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) is_closed_ = true;
      return has_some;
    }
    received_.append(buffer, static_cast<std::size_t>(got));
    has_some = true;
    if (static_cast<std::size_t>(got) < sizeof buffer) return true;
  }
}

std::string TcpPeer::hear(Milliseconds quiet) {
  while (receive(quiet)) {
  }
  return std::exchange(received_, {});
}

std::string TcpPeer::ask(std::string_view bytes) {
  send(bytes);
  return hear();
}

std::string TcpPeer::line(Milliseconds patience) {
  std::string text = wait_for("\n", patience);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string TcpPeer::wait_for(std::string_view words, Milliseconds patience) {
  const Clock::time_point limit = Clock::now() + patience;
  std::size_t from = 0;
  for (;;) {
    const std::size_t at = received_.find(words, from);
    if (at != std::string::npos) {
      std::string text = received_.substr(0, at + words.size());
      received_.erase(0, at + words.size());
      return text;
    }
    from = received_.size() - std::min(received_.size(), words.size());
    if (!receive(until(limit)) && (is_closed_ || Clock::now() >= limit)) return {};
  }
}

}  // namespace windtunnel::tests
