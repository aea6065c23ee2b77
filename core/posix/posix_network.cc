#include "core/posix/posix_network.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace windtunnel::core {
namespace {

// A reader that always finds bytes lets others run after so many reads.
constexpr unsigned kReadsMax = 16;
constexpr int kBacklog = 1024;

struct AddressList {
  addrinfo* first = nullptr;
  AddressList() = default;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
  AddressList(const AddressList&) = delete;
  AddressList& operator=(const AddressList&) = delete;
};

Status look_up(const std::string& host, std::uint16_t port, bool is_passive, AddressList& out) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (is_passive ? AI_PASSIVE : 0);
  const std::string service = std::to_string(port);
  const int failure = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &out.first);
  if (failure != 0) return error(Errc::not_found, "no host " + host + ": " + ::gai_strerror(failure));
  return {};
}

Address address_of(const sockaddr_storage& storage, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  Address out;
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host.data(), host.size(), service.data(), service.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return out;
  out.host = host.data();
  out.port = static_cast<std::uint16_t>(std::stoul(service.data()));
  return out;
}

Errc network_errc(int number) {
  switch (number) {
    case EADDRINUSE: return Errc::already_exists;
    case ECONNREFUSED:
    case EACCES: return Errc::refused;
    case ETIMEDOUT: return Errc::timeout;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL: return Errc::not_found;
    case ECONNRESET:
    case EPIPE: return Errc::reset;
    default: return Errc::io_error;
  }
}

Error network_error(int number, const std::string& what) {
  return error(network_errc(number), what + ": " + std::generic_category().message(number));
}

// A descriptor that the loop watches, and that may be closed while tasks wait for it.
class Socket {
 public:
  Socket(EventLoop& loop, Tasks& tasks, int fd) : loop_(loop), tasks_(tasks), watched_(fd) {}
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Status watch() { return loop_.watch(watched_); }
  [[nodiscard]] int fd() const { return watched_.fd; }
  [[nodiscard]] bool is_closed() const { return watched_.fd < 0; }
  [[nodiscard]] Tasks& tasks() { return tasks_; }
  Wake wait_readable(const char* why, Instant deadline) { return watched_.readers.wait(tasks_, why, deadline); }
  Wake wait_writable(const char* why, Instant deadline) { return watched_.writers.wait(tasks_, why, deadline); }
  void close() noexcept {
    if (is_closed()) return;
    loop_.unwatch(watched_);
    ::close(watched_.fd);
    watched_.fd = -1;
    watched_.readers.wake_all(tasks_);
    watched_.writers.wake_all(tasks_);
  }

 private:
  EventLoop& loop_;
  Tasks& tasks_;
  WatchedDescriptor watched_;
};

class PosixConnection final : public Connection {
 public:
  PosixConnection(EventLoop& loop, Tasks& tasks, int fd, Address peer) : socket_(loop, tasks, fd), peer_(std::move(peer)) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  Status watch() { return socket_.watch(); }
  Socket& socket() { return socket_; }

  Result<std::size_t> read(std::span<char> into, Instant deadline) override {
    if (++reads_ >= kReadsMax) {
      reads_ = 0;
      socket_.tasks().yield();
    }
    for (;;) {
      if (socket_.is_closed()) return error(Errc::closed, "connection to " + peer_.text());
      const ssize_t got = ::recv(socket_.fd(), into.data(), into.size(), 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return network_error(errno, "read from " + peer_.text());
      reads_ = 0;
      if (socket_.wait_readable("network read", deadline) == Wake::timed_out) return error(Errc::timeout, "read from " + peer_.text());
    }
  }

  Status put(std::string_view data, Instant deadline, std::size_t& taken) override {
    taken = 0;
    while (!data.empty()) {
      if (socket_.is_closed()) return error(Errc::closed, "connection to " + peer_.text());
      const ssize_t sent = ::send(socket_.fd(), data.data(), data.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        data.remove_prefix(static_cast<std::size_t>(sent));
        taken += static_cast<std::size_t>(sent);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return network_error(errno, "write to " + peer_.text());
      if (socket_.wait_writable("network write", deadline) == Wake::timed_out) return error(Errc::timeout, "write to " + peer_.text());
    }
    return {};
  }

  void close() noexcept override { socket_.close(); }
  [[nodiscard]] const Address& peer() const override { return peer_; }

 private:
  Socket socket_;
  Address peer_;
  unsigned reads_ = 0;  // since it last suspended
};

class PosixListener final : public Listener {
 public:
  PosixListener(EventLoop& loop, Tasks& tasks, int fd, Address address)
      : loop_(loop), socket_(loop, tasks, fd), address_(std::move(address)) {}
  Status watch() { return socket_.watch(); }

  Result<std::unique_ptr<Connection>> accept() override {
    for (;;) {
      if (socket_.is_closed()) return error(Errc::closed, "listener " + address_.text());
      sockaddr_storage peer{};
      socklen_t size = sizeof peer;
      const int fd = ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        auto connection = std::make_unique<PosixConnection>(loop_, socket_.tasks(), fd, address_of(peer, size));
        WT_CHECK(connection->watch());
        return std::unique_ptr<Connection>(std::move(connection));
      }
      // A dialler that has gone already, or too many descriptors: the next one may do better.
      if (errno == EINTR || errno == ECONNABORTED) continue;
      const bool is_short = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (errno != EAGAIN && errno != EWOULDBLOCK && !is_short) return network_error(errno, "accept at " + address_.text());
      const Instant again = is_short ? after(RealClock{}.now(), std::chrono::milliseconds{100}) : kForever;
      static_cast<void>(socket_.wait_readable("network accept", again));
    }
  }

  void close() noexcept override { socket_.close(); }
  [[nodiscard]] const Address& address() const override { return address_; }

 private:
  EventLoop& loop_;
  Socket socket_;
  Address address_;
};

}  // namespace

Result<std::unique_ptr<Listener>> PosixNetwork::listen(std::uint16_t port) {
  AddressList found;
  WT_CHECK(look_up(host_, port, true, found));
  const addrinfo& where = *found.first;
  const std::string what = "listen on " + Address{host_, port}.text();
  const int fd = ::socket(where.ai_family, where.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, where.ai_protocol);
  if (fd < 0) return network_error(errno, what);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::bind(fd, where.ai_addr, where.ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    const int number = errno;
    ::close(fd);
    return network_error(number, what);
  }
  auto listener = std::make_unique<PosixListener>(loop_, tasks_, fd, address_of(bound, size));
  WT_CHECK(listener->watch());
  return std::unique_ptr<Listener>(std::move(listener));
}

Result<std::unique_ptr<Connection>> PosixNetwork::connect(const Address& to, Instant deadline) {
  AddressList found;
  WT_CHECK(look_up(to.host, to.port, false, found));
  Error last = error(Errc::not_found, "no host " + to.host);
  for (const addrinfo* where = found.first; where != nullptr; where = where->ai_next) {
    const int fd = ::socket(where->ai_family, where->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, where->ai_protocol);
    if (fd < 0) {
      last = network_error(errno, "connect " + to.text());
      continue;
    }
    auto connection = std::make_unique<PosixConnection>(loop_, tasks_, fd, to);
    int failure = ::connect(fd, where->ai_addr, where->ai_addrlen) == 0 ? 0 : errno;
    // Not before: a socket that is not even connecting counts as hung up.
    WT_CHECK(connection->watch());
    if (failure == EINPROGRESS) {
      if (connection->socket().wait_writable("network connect", deadline) == Wake::timed_out)
        return error(Errc::timeout, "connect " + to.text());
      socklen_t size = sizeof failure;
      if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
    }
    if (failure == 0) return std::unique_ptr<Connection>(std::move(connection));
    last = network_error(failure, "connect " + to.text());
  }
  return last;
}

}  // namespace windtunnel::core
