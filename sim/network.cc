#include "sim/network.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/network_port.h"
#include "sim/network_wire.h"

namespace windtunnel::sim {

using core::Bytes;
using core::Duration;

core::Duration SimNetwork::Path::transmission(std::uint64_t bytes) const {
  return Duration{static_cast<std::int64_t>(core::Uint128{bytes} * 1'000'000'000u / traits.bandwidth.value)};
}

SimNetwork::SimNetwork(Kernel& kernel) : kernel_(kernel) {}

SimNetwork::~SimNetwork() { WT_ASSERT(wires_.empty()); }

// ---- building ----

HostId SimNetwork::add_host(std::string name, NodeId node) {
  WT_ASSERT(!host_named(name));
  const HostId id{static_cast<std::uint32_t>(hosts_.size())};
  Host host;
  host.name = std::move(name);
  host.node = node;
  hosts_.push_back(std::move(host));
  link(id, id, {.latency = {std::chrono::microseconds{10}, std::chrono::microseconds{30}}});
  return id;
}

void SimNetwork::link(HostId a, HostId b, LinkTraits traits) {
  WT_ASSERT(!is_linked(a, b));
  WT_ASSERT(traits.segment_max.value >= 1);
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    const core::Random random = kernel_.random("link/" + host(from).name + "/" + host(to).name);
    paths_.try_emplace({from, to}, Path{.from = from, .to = to, .traits = traits, .built = traits, .random = random});
  }
}

std::optional<HostId> SimNetwork::host_named(std::string_view name) const {
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (hosts_[i].name == name) return HostId{static_cast<std::uint32_t>(i)};
  }
  return std::nullopt;
}

SimNetwork::Path& SimNetwork::path(HostId from, HostId to) {
  const auto found = paths_.find({from, to});
  WT_ASSERT(found != paths_.end());
  return found->second;
}

std::unique_ptr<core::Network> SimNetwork::attach(HostId host, const Gate& gate, core::Tasks& tasks) {
  return std::make_unique<Port>(*this, host, gate, tasks);
}

std::uint16_t SimNetwork::take_port(Host& host) {
  for (;;) {
    const std::uint16_t port = host.next_port;
    host.next_port = port == 65535 ? std::uint16_t{49152} : static_cast<std::uint16_t>(port + 1);
    if (!host.listeners.contains(port)) return port;
  }
}

SimNetwork::Wire& SimNetwork::make_wire(HostId from, HostId to, core::Address from_address, core::Address to_address) {
  buried_.clear();  // a task runs, so no stack is being unwound
  const std::uint64_t id = ++last_wire_;
  auto wire = std::make_unique<Wire>(*this, id, path(from, to), path(to, from), std::move(from_address), std::move(to_address));
  Wire& made = *wire;
  wires_.emplace(id, std::move(wire));
  record(to, "net.accept", {{"wire", id}, {"from", host(from).name}});
  return made;
}

void SimNetwork::bury(Wire& wire) {
  const auto found = wires_.find(wire.id());
  WT_ASSERT(found != wires_.end());
  buried_.push_back(std::move(found->second));
  wires_.erase(found);
}

// ---- how a process or a host ends ----

// Their objects are destroyed later, behind the closed gate.
void SimNetwork::release_listeners(HostId id) { host(id).listeners.clear(); }

void SimNetwork::crash_process(HostId id) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  release_listeners(id);
  for (const auto& [number, wire] : wires_) wire->crash_ends_at(id, false);
}

void SimNetwork::exit_process(HostId id) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  release_listeners(id);
  for (const auto& [number, wire] : wires_) wire->close_ends_at(id);
}

void SimNetwork::power_off(HostId id) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  release_listeners(id);
  host(id).is_on = false;
  for (const auto& [number, wire] : wires_) {
    if (!wire->touches(id)) continue;
    wire->crash_ends_at(id, true);
    wire->refresh();
  }
}

void SimNetwork::power_on(HostId id) {
  host(id).is_on = true;
  for (const auto& [number, wire] : wires_) {
    if (wire->touches(id)) wire->refresh();
  }
}

// ---- faults ----

void SimNetwork::refresh(const Path& path) {
  for (const auto& [number, wire] : wires_) {
    if (wire->uses(path)) wire->refresh();
  }
}

void SimNetwork::cut(HostId from, HostId to, Cut how) {
  Path& path = this->path(from, to);
  path.state = how == Cut::reset ? Path::State::reset : Path::State::black_hole;
  record_path(path, "net.cut");
  if (how == Cut::reset) {
    for (const auto& [number, wire] : wires_) {
      if (wire->uses(path)) wire->cut(from, from == to);
    }
  }
  refresh(path);
}

void SimNetwork::cut_both(HostId a, HostId b, Cut how) {
  Path& there = path(a, b);
  Path& back = path(b, a);
  there.state = back.state = how == Cut::reset ? Path::State::reset : Path::State::black_hole;
  record_path(there, "net.cut");
  record_path(back, "net.cut");
  if (how == Cut::reset) {
    for (const auto& [number, wire] : wires_) {
      if (wire->uses(there)) wire->cut(a, true);
    }
  }
  refresh(there);
}

void SimNetwork::heal(HostId from, HostId to) {
  Path& path = this->path(from, to);
  path.state = Path::State::open;
  path.is_refusing = false;
  const Bytes bandwidth = path.traits.bandwidth;
  path.traits = path.built;
  record_path(path, "net.heal");
  if (path.traits.bandwidth != bandwidth) requeue(path);
  refresh(path);
}

void SimNetwork::heal_both(HostId a, HostId b) {
  heal(a, b);
  if (a != b) heal(b, a);
}

void SimNetwork::set_refusing(HostId from, HostId to, bool is_refusing) {
  path(from, to).is_refusing = is_refusing;
  record_path(path(from, to), "net.refuse");
}

void SimNetwork::set_latency(HostId from, HostId to, DurationRange latency) {
  path(from, to).traits.latency = latency;
  record_path(path(from, to), "net.latency");
}

void SimNetwork::set_bandwidth(HostId from, HostId to, core::Bytes bandwidth) {
  Path& path = this->path(from, to);
  path.traits.bandwidth = bandwidth;
  record_path(path, "net.bandwidth");
  requeue(path);
  refresh(path);
}

void SimNetwork::requeue(Path& path) {
  path.busy_until = kernel_.now();
  std::vector<Wire::Waiting> waiting;
  for (const auto& [number, wire] : wires_) wire->unschedule(path, waiting);
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const Wire::Waiting& one, const Wire::Waiting& other) { return one.departure < other.departure; });
  for (const Wire::Waiting& each : waiting) each.wire->schedule_again(each);
}

// ---- the harness's view ----

std::size_t SimNetwork::listener_count(HostId id) const { return host(id).listeners.size(); }

std::size_t SimNetwork::connection_count(HostId id) const {
  std::size_t count = 0;
  for (const auto& [number, wire] : wires_) count += wire->is_held_by(id) ? 1 : 0;
  return count;
}

void SimNetwork::record(HostId id, core::EventName name, core::LogFields fields) {
  kernel_.trace().record(kernel_.now(), host(id).node, core::LogLevel::trace, name, fields);
}

void SimNetwork::record_path(const Path& path, core::EventName name) {
  kernel_.trace().record(kernel_.now(), NodeId::world, core::LogLevel::debug, name,
                         {{"from", host(path.from).name},
                          {"to", host(path.to).name},
                          {"state", static_cast<int>(path.state)},
                          {"is_refusing", path.is_refusing},
                          {"latency_ns", path.traits.latency.high.count()},
                          {"bandwidth", path.traits.bandwidth.value}});
}

}  // namespace windtunnel::sim
