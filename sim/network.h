// SimNetwork: hosts, the links between them, and TCP-like connections over these.
//
// A connection carries ordered bytes in each direction. What is written becomes segments, each with a latency of its own
// (order is kept) and its share of the link's bandwidth. Faults act on a path, one direction of a link:
//   reset       what is on the way arrives up to a point that the seed decides, then the sender's end breaks; new
//               connections are refused. Cut both ways, both ends break at once.
//   black hole  nothing arrives and nothing is reported. The bytes are kept as TCP keeps them; after a heal they arrive at
//               the next retransmission (0.2 s after the first loss, then twice as late each time, at most 120 s apart), once
//               and in order. An end whose bytes stay unacknowledged for `give_up` breaks.
// A host may be off: nothing answers, as behind a black hole. A host that is on but has no such connection (any more)
// answers with a reset. No keep-alives: an idle end learns of nothing (as nats-server, which turns them off).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env/network.h"
#include "core/env/sync.h"
#include "core/env/tasks.h"
#include "sim/duration_range.h"
#include "sim/gate.h"
#include "sim/kernel.h"

namespace windtunnel::sim {

enum class HostId : std::uint32_t {};

struct LinkTraits {
  DurationRange latency{std::chrono::milliseconds{1}, std::chrono::milliseconds{1}};  // of each segment, each way
  core::Bytes bandwidth{0};        // a second, each way, shared by all connections; 0: no limit
  core::Bytes segment_max{65536};  // longer writes travel in so many pieces; >= 1
};

enum class Cut : std::uint8_t { reset, black_hole };

class SimNetwork {
 public:
  explicit SimNetwork(Kernel& kernel);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // ---- building ----
  HostId add_host(std::string name, NodeId node);
  // Requires: no link between the two yet. Every host has a link to itself from the start, 10 to 30 us.
  void link(HostId a, HostId b, LinkTraits traits);
  [[nodiscard]] std::optional<HostId> host_named(std::string_view name) const;
  [[nodiscard]] bool is_linked(HostId a, HostId b) const { return paths_.contains({a, b}); }
  // How long an end waits for acknowledgements before it breaks. Default: Linux's 15 retransmissions, 924.6 s.
  void set_give_up(core::Duration give_up) { give_up_ = give_up; }

  // The port of one incarnation; must not outlive the network, the gate or the tasks.
  [[nodiscard]] std::unique_ptr<core::Network> attach(HostId host, const Gate& gate, core::Tasks& tasks);

  // ---- how a process or a host ends; the incarnation's gate is closed ----
  // The process was killed: its system resets its connections, and listens no more. Of what it had written the seed decides
  // how much still leaves.
  void crash_process(HostId host);
  // The process returned: its system closes its connections in an orderly way.
  void exit_process(HostId host);
  // The host says nothing any more, until power_on. Of what it had written the seed decides how much still arrives.
  void power_off(HostId host);
  void power_on(HostId host);

  // ---- faults; each stays until it is changed. Requires: the two are linked ----
  void cut(HostId from, HostId to, Cut how);
  void cut_both(HostId a, HostId b, Cut how);
  // New connections from `from` to `to` are refused; those that are there stay.
  void set_refusing(HostId from, HostId to, bool is_refusing);
  void set_latency(HostId from, HostId to, DurationRange latency);
  void set_bandwidth(HostId from, HostId to, core::Bytes bandwidth);
  // Ends all of the above: the path is as it was built.
  void heal(HostId from, HostId to);
  void heal_both(HostId a, HostId b);

  // ---- the harness's view ----
  [[nodiscard]] std::size_t listener_count(HostId host) const;
  // Connections of which the host's process holds an end.
  [[nodiscard]] std::size_t connection_count(HostId host) const;

 private:
  class Port;
  class EndOfWire;   // the core::Connection
  class OpenSocket;  // the core::Listener
  class Wire;
  friend class Wire;

  // One direction of a link.
  struct Path {
    enum class State : std::uint8_t { open, reset, black_hole };
    HostId from{};
    HostId to{};
    LinkTraits traits;
    LinkTraits built;
    State state = State::open;
    bool is_refusing = false;
    core::Instant busy_until{};
    core::Random random;  // of handshakes, and the parent of each connection's

    [[nodiscard]] core::Duration latency(core::Random& by) const { return traits.latency.draw(by); }
    // How long the link is busy with so many bytes.
    [[nodiscard]] core::Duration transmission(std::uint64_t bytes) const;
  };
  struct Host {
    std::string name;
    NodeId node{};
    bool is_on = true;
    std::map<std::uint16_t, OpenSocket*> listeners;
    std::uint16_t next_port = 49152;  // for listeners and dialers that do not care
  };

  [[nodiscard]] Host& host(HostId id) { return hosts_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Host& host(HostId id) const { return hosts_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] Path& path(HostId from, HostId to);
  std::uint16_t take_port(Host& host);
  Wire& make_wire(HostId from, HostId to, core::Address from_address, core::Address to_address);
  // Both ends were let go.
  void bury(Wire& wire);
  void release_listeners(HostId host);
  void record(HostId host, core::EventName name, core::LogFields fields);
  void record_path(const Path& path, core::EventName name);
  // A state changed on which wires over this path, in either direction, depend.
  void refresh(const Path& path);
  // What waits for the path to be free goes on at its new speed, in the order in which it would have left.
  void requeue(Path& path);

  Kernel& kernel_;
  std::vector<Host> hosts_;
  std::map<std::pair<HostId, HostId>, Path> paths_;
  std::map<std::uint64_t, std::unique_ptr<Wire>> wires_;
  std::vector<std::unique_ptr<Wire>> buried_;  // freed when no stack can refer to them any more
  std::uint64_t last_wire_ = 0;
  core::Duration give_up_{std::chrono::milliseconds{924600}};
};

}  // namespace windtunnel::sim
