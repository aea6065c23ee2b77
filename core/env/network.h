// The port through which the core talks to other processes: listening, dialling, and ordered byte streams.
// All calls may suspend the calling task, except those marked otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::core {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
  friend bool operator==(const Address&, const Address&) = default;
};

// One end of a TCP-like connection. One task may read while another writes. Bytes arrive in order and once, or the
// connection breaks; a broken connection stays broken.
class Connection {
 public:
  virtual ~Connection() = default;  // as close()

  // Suspends until at least one byte is there; returns how many were read into `into` (not empty), 0 when the peer has
  // closed its side and everything was read. Errors: reset; timeout at `deadline`; closed after our own close().
  virtual Result<std::size_t> read(std::span<char> into, Instant deadline = kForever) = 0;
  // Takes all of `data` into the send buffer, suspending while that is full. A success says nothing about arrival.
  // Errors: reset; timeout at `deadline` (then a prefix may have been taken: close the connection); closed.
  Status write(std::string_view data, Instant deadline = kForever) {
    std::size_t taken = 0;
    return put(data, deadline, taken);
  }
  // The same, for who goes on after a timeout: `taken` is how many bytes were taken, all of them unless it fails.
  virtual Status put(std::string_view data, Instant deadline, std::size_t& taken) = 0;
  // Closes both directions. What was written before is still delivered if the link holds. Wakes readers and writers
  // with `closed`. Does not suspend; may be called twice.
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual const Address& peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // as close()
  // Errors: closed after close().
  virtual Result<std::unique_ptr<Connection>> accept() = 0;
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual const Address& address() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // Listens on this node. Port 0 picks one. Errors: already_exists (the port is in use).
  virtual Result<std::unique_ptr<Listener>> listen(std::uint16_t port) = 0;
  // Errors: refused (nobody listens, or the host is down but its network answers); timeout at `deadline`; not_found (no
  // such host).
  virtual Result<std::unique_ptr<Connection>> connect(const Address& to, Instant deadline) = 0;
};

}  // namespace windtunnel::core
