// LeafSolicitor: dials one leaf remote, again and again, for as long as the server runs (reference: wire 13.7).
#pragma once

#include <deque>
#include <memory>

#include "core/base/random.h"
#include "core/server/server_config.h"

namespace windtunnel::core {

class LeafLink;
class ServerCore;

class LeafSolicitor {
 public:
  // `remote` is borrowed for the solicitor's life.
  LeafSolicitor(ServerCore& core, const LeafRemote& remote, Random random);
  ~LeafSolicitor();

  // The body of its task. Suspends; returns when the server stops.
  void run();

  [[nodiscard]] LeafStatus status() const;

 private:
  // Dials once and keeps the connection until it ends; how long to wait before the next dial.
  Duration connect_once();
  void take_announced_addresses(const LeafLink& link);

  ServerCore& core_;
  const LeafRemote& remote_;
  Random random_;
  std::deque<Address> addresses_;   // the one to dial next in front
  std::shared_ptr<LeafLink> link_;  // while connected; owned by its tasks too
  std::string remote_name_;
  Instant lost_at_{};
  std::uint32_t attempts_ = 0;
};

}  // namespace windtunnel::core
