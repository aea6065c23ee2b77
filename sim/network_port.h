// What an incarnation holds of a SimNetwork: its port, its listeners and its ends of connections.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "sim/network_wire.h"

namespace windtunnel::sim {

class SimNetwork::EndOfWire final : public core::Connection {
 public:
  EndOfWire(Wire& wire, Wire::Side side, const Gate& gate, core::Tasks& tasks) : wire_(wire), side_(side), gate_(gate) {
    wire.hold(side, tasks);
  }
  // Behind the closed gate the system has already ended the connection.
  ~EndOfWire() override {
    EndOfWire::close();
    wire_.let_go(side_);
  }

  core::Result<std::size_t> read(std::span<char> into, core::Instant deadline) override { return wire_.read(side_, gate_, into, deadline); }
  core::Status put(std::string_view data, core::Instant deadline, std::size_t& taken) override {
    return wire_.write(side_, gate_, data, deadline, taken);
  }
  void close() noexcept override {
    if (gate_.is_open()) wire_.close(side_);
  }
  [[nodiscard]] const core::Address& peer() const override { return wire_.peer(side_); }
  [[nodiscard]] Wire::State state() const { return wire_.state(side_); }

 private:
  Wire& wire_;
  Wire::Side side_;
  const Gate& gate_;
};

class SimNetwork::OpenSocket final : public core::Listener {
 public:
  static constexpr std::size_t kBacklogMax = 128;

  OpenSocket(SimNetwork& network, HostId host, std::uint16_t port, const Gate& gate, core::Tasks& tasks);
  ~OpenSocket() override { OpenSocket::close(); }

  core::Result<std::unique_ptr<core::Connection>> accept() override;
  void close() noexcept override;
  [[nodiscard]] const core::Address& address() const override { return address_; }

  // For dialers: the handshake's arrival. Does not suspend. False if the backlog is full.
  [[nodiscard]] bool has_room() const { return backlog_.size() < kBacklogMax; }
  void offer(Wire& wire);

 private:
  SimNetwork& network_;
  HostId host_;
  core::Address address_;
  const Gate& gate_;
  core::Tasks& tasks_;
  std::deque<std::unique_ptr<EndOfWire>> backlog_;
  core::WaitList acceptors_;
  bool is_closed_ = false;
};

class SimNetwork::Port final : public core::Network {
 public:
  Port(SimNetwork& network, HostId host, const Gate& gate, core::Tasks& tasks)
      : network_(network), host_(host), gate_(gate), tasks_(tasks) {}

  core::Result<std::unique_ptr<core::Listener>> listen(std::uint16_t port) override;
  core::Result<std::unique_ptr<core::Connection>> connect(const core::Address& to, core::Instant deadline) override;

 private:
  // False at the deadline.
  bool sleep(core::Duration time, core::Instant deadline);
  core::Result<std::unique_ptr<core::Connection>> finish_handshake(std::unique_ptr<EndOfWire> end, Path& back, const core::Address& to,
                                                                   core::Instant deadline);

  SimNetwork& network_;
  HostId host_;
  const Gate& gate_;
  core::Tasks& tasks_;
};

}  // namespace windtunnel::sim
