#include "sim/process.h"

#include <array>
#include <utility>

#include "core/base/assert.h"
#include "core/env/clock.h"
#include "core/env/log.h"

namespace windtunnel::sim {
namespace {

class NodeClock final : public core::Clock {
 public:
  NodeClock(const Kernel& kernel, const WallClock& wall) : kernel_(kernel), wall_(wall) {}
  [[nodiscard]] core::Instant now() const override { return kernel_.now(); }
  [[nodiscard]] core::WallTime wall_now() const override { return wall_.at(kernel_.now()); }

 private:
  const Kernel& kernel_;
  const WallClock& wall_;
};

class NodeLog final : public core::Log {
 public:
  NodeLog(Kernel& kernel, NodeId node, const Gate& gate) : kernel_(kernel), node_(node), gate_(gate) {}
  void event(core::LogLevel level, core::EventName name, core::LogFields fields) noexcept override {
    if (gate_.is_open()) kernel_.trace().record(kernel_.now(), node_, level, name, fields);
  }

 private:
  Kernel& kernel_;
  NodeId node_;
  const Gate& gate_;
};

}  // namespace

std::string_view name_of(Signal signal) {
  static constexpr std::array<std::string_view, 5> kNames{"SIGTERM", "SIGUSR2", "SIGABRT", "SIGKILL", "OOM"};
  return kNames[static_cast<std::size_t>(signal)];
}

// The order of the members is the reverse of the order in which they must go.
struct Process::Incarnation {
  Gate gate;
  core::TaskGroup tasks;
  std::unique_ptr<core::Disk> disk;
  std::unique_ptr<core::Network> network;
  NodeClock clock;
  NodeLog log;
  core::Defects defects;
  core::Env env;
  std::unique_ptr<Program> program;

  Incarnation(Process& process, std::uint64_t number, core::Defects d)
      : tasks(process.kernel_.runtime(), process.setup_.name),
        disk(process.disk_.mount(gate, tasks)),
        network(process.network_.attach(process.host_, gate, tasks)),
        clock(process.kernel_, process.wall_clock_),
        log(process.kernel_, process.setup_.node, gate),
        defects(d),
        env{clock,  *disk, *network, tasks, log, process.kernel_.random("node/" + process.setup_.name).child(std::to_string(number)),
            defects} {}
};

Process::Process(Kernel& kernel, SimNetwork& network, Setup setup)
    : kernel_(kernel),
      network_(network),
      setup_(std::move(setup)),
      host_(network.add_host(setup_.name, setup_.node)),
      disk_(kernel, setup_.node, setup_.name, setup_.disk) {}

Process::~Process() {
  if (is_running()) end(Ended::killed, "end of the world", {});
}

void Process::start(const Factory& factory, core::Defects defects) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  WT_ASSERT(!is_running());
  const std::uint64_t number = ++incarnations_;
  network_.power_on(host_);
  record(core::LogLevel::info, "process.start", {{"incarnation", number}});
  incarnation_ = std::make_unique<Incarnation>(*this, number, defects);
  ended_ = Ended::running;
  is_paused_ = false;
  Incarnation& self = *incarnation_;
  self.program = factory(self.env);
  self.tasks.spawn("main", [this, number, &self] {
    self.program->run();
    kernel_.post([this, number] {
      if (is_running() && incarnations_ == number) end(Ended::exited, "returned", {});
    });
    self.env.tasks.park("exit");
  });
}

Program* Process::program() { return incarnation_ ? incarnation_->program.get() : nullptr; }
core::TaskGroup* Process::tasks() { return incarnation_ ? &incarnation_->tasks : nullptr; }

void Process::signal(Signal signal) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  if (!is_running()) return;
  if (signal != Signal::term && signal != Signal::usr2) return kill(signal);
  record(core::LogLevel::info, "process.signal", {{"signal", name_of(signal)}});
  const std::uint64_t number = incarnations_;
  Incarnation& self = *incarnation_;
  self.tasks.spawn("signal", [this, number, signal, &self] {
    if (self.program->on_signal(signal)) return;
    kernel_.post([this, number, signal] {
      if (is_running() && incarnations_ == number) kill(signal);
    });
    self.env.tasks.park("default action of a signal");
  });
}

void Process::kill(Signal signal) {
  if (is_running()) end(Ended::killed, name_of(signal), {});
}

void Process::lose_power(Keep keep) {
  lose_power([this, keep] { disk_.lose_power(keep); });
}

void Process::lose_power(const Survivors& how, const DiskTree* older) {
  lose_power([this, &how, older] { disk_.lose_power(how, older); });
}

void Process::lose_power(const LosePower& disk) {
  if (is_running()) return end(Ended::power_lost, "power loss", disk);
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  record(core::LogLevel::info, "process.end", {{"why", "power loss"}});
  disk();
  network_.power_off(host_);
}

void Process::end(Ended how, std::string_view why, const LosePower& disk) {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  Incarnation& self = *incarnation_;
  record(core::LogLevel::info, "process.end", {{"why", why}, {"incarnation", incarnations_}});
  self.gate.close();
  if (how == Ended::power_lost) {
    disk();
    network_.power_off(host_);
  } else {
    disk_.crash_process();
    if (how == Ended::exited) {
      network_.exit_process(host_);
    } else {
      network_.crash_process(host_);
    }
  }
  const std::uint64_t disk_changes = disk_.tree().changes();
  const std::uint64_t trace_events = kernel_.trace().count();
  self.tasks.kill();
  WT_ASSERT(self.tasks.size() == 0);
  self.program.reset();
  incarnation_.reset();
  ended_ = how;
  is_paused_ = false;
  WT_ASSERT(disk_.tree().changes() == disk_changes);
  WT_ASSERT(kernel_.trace().count() == trace_events);
  WT_ASSERT(network_.listener_count(host_) == 0);
  WT_ASSERT(network_.connection_count(host_) == 0);
}

void Process::pause() {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  if (!is_running() || is_paused_) return;
  record(core::LogLevel::info, "process.pause", {});
  incarnation_->tasks.pause();
  is_paused_ = true;
}

void Process::resume() {
  WT_ASSERT(!kernel_.runtime().is_in_fiber());
  if (!is_running() || !is_paused_) return;
  record(core::LogLevel::info, "process.resume", {});
  is_paused_ = false;
  incarnation_->tasks.resume();
}

void Process::step_clock(core::Duration by) {
  record(core::LogLevel::info, "clock.step", {{"by_ns", by.count()}});
  wall_clock_.step(kernel_.now(), by);
}

void Process::set_clock_drift(std::int32_t parts_per_million) {
  record(core::LogLevel::info, "clock.drift", {{"ppm", parts_per_million}});
  wall_clock_.set_drift(kernel_.now(), parts_per_million);
}

void Process::record(core::LogLevel level, core::EventName name, core::LogFields fields) {
  kernel_.trace().record(kernel_.now(), setup_.node, level, name, fields);
}

}  // namespace windtunnel::sim
