// Process: a node's identity: its host on the network, its disk, its wall clock, and one incarnation after the other of
// the program that runs there.
//
// How an incarnation ends (the order is the specification; reference: kernel notes 2): its gate closes, and no port call of
// it has an effect from then on; the disk and the network decide what becomes of what was under way; every task is
// unwound, in the order of their creation; the program is destroyed. Nothing that happens in the last two steps reaches the
// world, and both are asserted: trace, disk, listeners and connections are as the second step left them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/defects.h"
#include "core/env/env.h"
#include "sim/disk.h"
#include "sim/host_clock.h"
#include "sim/kernel.h"
#include "sim/network.h"

namespace windtunnel::sim {

enum class Signal : std::uint8_t {
  term,  // SIGTERM, asks for an orderly end
  usr2,  // SIGUSR2, nats-server's lame duck mode
  abrt,  // SIGABRT, SIGKILL and the OOM killer: a kill
  kill,
  oom,
};
[[nodiscard]] std::string_view name_of(Signal signal);  // "SIGTERM", ..., "OOM"

// What runs as a process: a server, a workload's client. It owns everything its tasks refer to, so that it can be
// destroyed after them. Its constructor only stores, and its destructor only releases memory.
class Program {
 public:
  virtual ~Program() = default;
  // The main task. When it returns, the process has ended in an orderly way: what is left of its tasks is unwound and its
  // connections are closed.
  virtual void run() = 0;
  // SIGTERM or SIGUSR2, in a task of its own. False: not handled, so the process is killed, as is the signal's default.
  virtual bool on_signal(Signal) { return false; }
};

class Process {
 public:
  struct Setup {
    std::string name;  // of the node and of its host
    NodeId node{};
    DiskTraits disk{};
  };
  // Makes the program of an incarnation; runs in the driver and must not suspend. The env lives as long as the program.
  using Factory = std::function<std::unique_ptr<Program>(core::Env&)>;
  enum class Ended : std::uint8_t { never_started, running, exited, killed, power_lost };

  Process(Kernel& kernel, SimNetwork& network, Setup setup);
  ~Process();  // kills what runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // ---- driver only ----
  // A new incarnation; the host has power again. Requires: nothing runs here.
  void start(const Factory& factory, core::Defects defects = {});
  // Does nothing if nothing runs here.
  void signal(Signal signal);
  void kill(Signal signal = Signal::kill);
  // Also when nothing runs: the disk loses what it had not made durable, and the host is silent until the next start.
  void lose_power(Keep keep);
  // The same, with exactly these survivors; `older` as DiskTree::lose_power has it. Requires: not Survivors::How::kill.
  void lose_power(const Survivors& how, const DiskTree* older);
  // SIGSTOP and SIGCONT: the tasks stand still, the system (connections, disk operations under way) does not.
  void pause();
  void resume();

  [[nodiscard]] bool is_running() const { return incarnation_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return is_paused_; }
  [[nodiscard]] Ended ended() const { return ended_; }
  // How many were started.
  [[nodiscard]] std::uint64_t incarnations() const { return incarnations_; }
  [[nodiscard]] const std::string& name() const { return setup_.name; }
  [[nodiscard]] NodeId node() const { return setup_.node; }
  [[nodiscard]] HostId host() const { return host_; }
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] const SimDisk& disk() const { return disk_; }
  // Of the running incarnation; nullptr if there is none. For what the harness has to ask of it.
  [[nodiscard]] Program* program();
  [[nodiscard]] core::TaskGroup* tasks();

  void step_clock(core::Duration by);
  void set_clock_drift(std::int32_t parts_per_million);
  [[nodiscard]] core::WallTime wall_now() const { return wall_clock_.at(kernel_.now()); }

 private:
  struct Incarnation;

  using LosePower = std::function<void()>;  // what becomes of the disk
  void lose_power(const LosePower& disk);
  void end(Ended how, std::string_view why, const LosePower& disk);
  void record(core::LogLevel level, core::EventName name, core::LogFields fields);

  Kernel& kernel_;
  SimNetwork& network_;
  Setup setup_;
  HostId host_;
  SimDisk disk_;
  WallClock wall_clock_;
  std::unique_ptr<Incarnation> incarnation_;
  std::uint64_t incarnations_ = 0;
  Ended ended_ = Ended::never_started;
  bool is_paused_ = false;
};

}  // namespace windtunnel::sim
