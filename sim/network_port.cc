#include "sim/network_port.h"

#include <algorithm>

#include "core/base/assert.h"

namespace windtunnel::sim {

using core::Errc;
using core::error;
using core::Instant;

namespace {

// As Linux dials: the first repetition after a second, each next one twice as late, and no more than six.
constexpr int kDialAttempts = 7;
constexpr core::Duration kDialPause = std::chrono::seconds{1};

}  // namespace

// ---- listeners ----

SimNetwork::OpenSocket::OpenSocket(SimNetwork& network, HostId host, std::uint16_t port, const Gate& gate, core::Tasks& tasks)
    : network_(network), host_(host), address_{network.host(host).name, port}, gate_(gate), tasks_(tasks) {
  network.host(host).listeners.emplace(port, this);
}

core::Result<std::unique_ptr<core::Connection>> SimNetwork::OpenSocket::accept() {
  for (;;) {
    gate_.pass();
    if (is_closed_) return error(Errc::closed, "listener " + address_.text() + " was closed");
    if (!backlog_.empty()) {
      std::unique_ptr<core::Connection> connection = std::move(backlog_.front());
      backlog_.pop_front();
      return connection;
    }
    acceptors_.wait(tasks_, "network accept");
  }
}

void SimNetwork::OpenSocket::close() noexcept {
  if (is_closed_ || !gate_.is_open()) return;
  is_closed_ = true;
  network_.host(host_).listeners.erase(address_.port);
  backlog_.clear();
  acceptors_.wake_all(tasks_);
}

void SimNetwork::OpenSocket::offer(Wire& wire) {
  backlog_.push_back(std::make_unique<EndOfWire>(wire, Wire::Side::acceptor, gate_, tasks_));
  acceptors_.wake_one(tasks_);
}

// ---- the port ----

core::Result<std::unique_ptr<core::Listener>> SimNetwork::Port::listen(std::uint16_t port) {
  gate_.pass();
  Host& host = network_.host(host_);
  if (port == 0) port = network_.take_port(host);
  if (host.listeners.contains(port)) return error(Errc::already_exists, host.name + ":" + std::to_string(port) + " is in use");
  network_.record(host_, "net.listen", {{"port", port}});
  return std::unique_ptr<core::Listener>(std::make_unique<OpenSocket>(network_, host_, port, gate_, tasks_));
}

bool SimNetwork::Port::sleep(core::Duration time, Instant deadline) {
  const Instant until = core::after(network_.kernel_.now(), time);
  tasks_.sleep_until(std::min(until, deadline));
  gate_.pass();
  return until <= deadline;
}

core::Result<std::unique_ptr<core::Connection>> SimNetwork::Port::connect(const core::Address& to, Instant deadline) {
  gate_.pass();
  const std::optional<HostId> target = network_.host_named(to.host);
  if (!target) return error(Errc::not_found, "no host " + to.host);
  if (!network_.is_linked(host_, *target)) return error(Errc::not_found, "no link from " + network_.host(host_).name + " to " + to.host);
  Path& there = network_.path(host_, *target);
  Path& back = network_.path(*target, host_);
  network_.record(host_, "net.connect", {{"to", to.host}, {"port", to.port}});
  const core::Error refused = error(Errc::refused, "connect " + to.text());
  const core::Error timeout = error(Errc::timeout, "connect " + to.text());

  core::Duration pause = kDialPause;
  for (int attempt = 0; attempt < kDialAttempts; ++attempt, pause *= 2) {
    const Instant started = network_.kernel_.now();
    if (!sleep(there.latency(there.random), deadline)) return timeout;
    const bool is_answered = there.state != Path::State::black_hole && back.state == Path::State::open && network_.host(*target).is_on;
    if (is_answered) {
      const auto& listeners = network_.host(*target).listeners;
      const auto listener = listeners.find(to.port);
      if (there.state == Path::State::reset || there.is_refusing || listener == listeners.end()) {
        if (!sleep(back.latency(back.random), deadline)) return timeout;
        return refused;
      }
      if (listener->second->has_room()) {
        Host& self = network_.host(host_);
        Wire& wire = network_.make_wire(host_, *target, {self.name, network_.take_port(self)}, to);
        auto end = std::make_unique<EndOfWire>(wire, Wire::Side::dialer, gate_, tasks_);
        listener->second->offer(wire);
        return finish_handshake(std::move(end), back, to, deadline);
      }
    } else if (there.state == Path::State::reset) {  // the answer to a cut both ways comes from this side of it
      return refused;
    }
    const core::Duration waited = network_.kernel_.now() - started;
    if (!sleep(std::max(pause - waited, core::Duration{1}), deadline)) return timeout;
  }
  return timeout;
}

// The acceptor has the connection already; its answer is on the way back.
core::Result<std::unique_ptr<core::Connection>> SimNetwork::Port::finish_handshake(std::unique_ptr<EndOfWire> end, Path& back,
                                                                                   const core::Address& to, Instant deadline) {
  const core::Error timeout = error(Errc::timeout, "connect " + to.text());
  if (!sleep(back.latency(back.random), deadline)) return timeout;
  core::Duration pause = kDialPause;
  for (int attempt = 1; attempt < kDialAttempts && back.state == Path::State::black_hole; ++attempt, pause *= 2) {
    if (!sleep(pause, deadline)) return timeout;
  }
  if (back.state == Path::State::black_hole) return timeout;
  if (end->state() != Wire::State::open) return error(Errc::refused, "connect " + to.text() + ": reset");
  network_.record(host_, "net.connected", {{"to", to.host}, {"port", to.port}});
  return std::unique_ptr<core::Connection>(std::move(end));
}

}  // namespace windtunnel::sim
