// PosixNetwork: the port core/env/network.h on TCP.
#pragma once

#include <string>

#include "core/env/network.h"
#include "core/posix/event_loop.h"

namespace windtunnel::core {

class PosixNetwork final : public Network {
 public:
  // `host`: the address to listen on, numeric or a name. Both references must outlive every socket.
  PosixNetwork(EventLoop& loop, Tasks& tasks, std::string host) : loop_(loop), tasks_(tasks), host_(std::move(host)) {}

  // Errors: already_exists, not_found (no such host), refused (not permitted), io_error.
  Result<std::unique_ptr<Listener>> listen(std::uint16_t port) override;
  // A name is looked up by the system, which blocks the thread.
  Result<std::unique_ptr<Connection>> connect(const Address& to, Instant deadline) override;

 private:
  EventLoop& loop_;
  Tasks& tasks_;
  std::string host_;
};

}  // namespace windtunnel::core
