// NetworkWorld: two hosts, a link, a server on the right that keeps what it gets, and calls at the left whose outcome is kept.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/network.h"

namespace windtunnel::sim {

using namespace std::chrono_literals;
using core::Address;
using core::Bytes;
using core::Connection;
using core::Duration;
using core::Errc;
using core::Instant;
using core::kForever;
using core::Seed;

inline constexpr std::uint16_t kPort = 4222;

// One incarnation on a host. Calls that may suspend stay out of CHECK, which would swallow TaskKilled.
struct NetworkNode {
  SimNetwork& network;
  HostId host;
  Gate gate;
  core::TaskGroup group;
  std::unique_ptr<core::Network> port;
  std::function<void()> destroy_objects;

  NetworkNode(Kernel& kernel, SimNetwork& n, HostId h)
      : network(n), host(h), group(kernel.runtime(), "node"), port(n.attach(h, gate, group)) {}
  ~NetworkNode() { crash(); }
  void crash() {
    end([&] { network.crash_process(host); });
  }
  void power_off() {
    end([&] { network.power_off(host); });
  }
  void end(const std::function<void()>& how) {
    if (group.is_killed()) return;
    gate.close();
    how();
    group.kill();
    if (destroy_objects) destroy_objects();
    CHECK(network.listener_count(host) == 0);
    CHECK(network.connection_count(host) == 0);
  }
};

struct Read {
  Instant at;
  std::string data;
};

struct NetworkWorld {
  Kernel kernel;
  SimNetwork network{kernel};
  HostId a = network.add_host("a", NodeId{1});
  HostId b = network.add_host("b", NodeId{2});
  std::optional<NetworkNode> left;
  std::optional<NetworkNode> right;
  // What the right side's server got on its latest connection, and how that ended.
  std::string got;
  std::vector<Read> reads;
  std::string ended;
  std::unique_ptr<Connection> served;
  std::unique_ptr<Connection> dialled;
  std::unique_ptr<core::Listener> listener;

  explicit NetworkWorld(LinkTraits traits = {}, std::uint64_t seed = 1) : kernel(Seed{seed}) {
    network.link(a, b, traits);
    left.emplace(kernel, network, a);
    left->destroy_objects = [this] { dialled.reset(); };
    start_right();
    serve();
  }
  ~NetworkWorld() {
    left->crash();
    right->crash();
  }
  void start_right() {
    right.emplace(kernel, network, b);
    right->destroy_objects = [this] {
      served.reset();
      listener.reset();
    };
  }
  void serve(bool is_reading = true) {
    right->group.spawn("server", [this, is_reading] {
      auto opened = right->port->listen(kPort);
      if (!opened) return;
      listener = std::move(*opened);
      for (;;) {
        auto accepted = listener->accept();
        if (!accepted) return;
        served = std::move(*accepted);
        ended.clear();
        std::string buffer(100000, '\0');
        while (is_reading) {
          const auto count = served->read(buffer, kForever);
          if (!count || *count == 0) {
            ended = count ? "end" : core::name_of(count.error().code);
            break;
          }
          got.append(buffer, 0, *count);
          reads.push_back({kernel.now(), buffer.substr(0, *count)});
        }
      }
    });
  }
  void dial() {
    left->group.spawn("dialer", [this] {
      auto made = left->port->connect({"b", kPort}, kForever);
      CHECK(made.has_value());
      if (made) dialled = std::move(*made);
    });
    kernel.run_until(kernel.now() + 100ms);
  }
  // Outcome of a call at the left, when it returns.
  struct Outcome {
    bool is_done = false;
    std::string text;
    Duration took{};
  };
  std::shared_ptr<Outcome> write(std::string data, Duration patience = Duration::max()) {
    auto outcome = std::make_shared<Outcome>();  // owned by the test and the task that may outlive it
    left->group.spawn("writer", [this, outcome, data = std::move(data), patience] {
      const Instant before = kernel.now();
      const auto status = dialled->write(data, patience == Duration::max() ? kForever : before + patience);
      *outcome = {true, status ? "ok" : std::string(core::name_of(status.error().code)), kernel.now() - before};
    });
    return outcome;
  }
  std::shared_ptr<Outcome> read(Duration patience = Duration::max()) {
    auto outcome = std::make_shared<Outcome>();
    left->group.spawn("reader", [this, outcome, patience] {
      const Instant before = kernel.now();
      std::string buffer(1000, '\0');
      const auto count = dialled->read(buffer, patience == Duration::max() ? kForever : before + patience);
      *outcome = {true, count ? buffer.substr(0, *count) : std::string(core::name_of(count.error().code)), kernel.now() - before};
    });
    return outcome;
  }
  std::shared_ptr<Outcome> try_connect(Address to, Duration patience = 1000s) {
    auto outcome = std::make_shared<Outcome>();
    left->group.spawn("dialer", [this, outcome, to, patience] {
      const Instant before = kernel.now();
      const auto made = left->port->connect(to, before + patience);
      *outcome = {true, made ? "ok" : std::string(core::name_of(made.error().code)), kernel.now() - before};
    });
    return outcome;
  }
  void answer(std::string data) {
    right->group.spawn("answer", [this, data = std::move(data)] { (void)served->write(data, kForever); });
  }
  void run(Duration time) { kernel.run_until(kernel.now() + time); }
};

inline const LinkTraits k5ms{.latency = {5ms, 5ms}};

}  // namespace windtunnel::sim
