#include "scenarios/fault_driver.h"

#include <algorithm>
#include <variant>

#include "core/base/assert.h"

namespace windtunnel::scenarios {
namespace {

sim::DiskOperation operation_of(faults::DiskOp op) {
  switch (op) {
    case faults::DiskOp::create: return sim::DiskOperation::create;
    case faults::DiskOp::write: return sim::DiskOperation::write;
    case faults::DiskOp::fsync: return sim::DiskOperation::sync;
    case faults::DiskOp::truncate: return sim::DiskOperation::truncate;
    case faults::DiskOp::rename: return sim::DiskOperation::rename;
    case faults::DiskOp::remove: return sim::DiskOperation::remove;
    case faults::DiskOp::mkdir: return sim::DiskOperation::make_directory;
    case faults::DiskOp::fsync_directory: return sim::DiskOperation::sync_directory;
  }
  WT_ASSERT(!"an operation without a counterpart");
  return sim::DiskOperation::write;
}

sim::Keep keep_of(faults::Keep keep) {
  switch (keep) {
    case faults::Keep::none: return sim::Keep::none;
    case faults::Keep::all: return sim::Keep::all;
    case faults::Keep::any: return sim::Keep::any;
    case faults::Keep::ordered: return sim::Keep::ordered;
  }
  WT_ASSERT(!"a keep without a counterpart");
  return sim::Keep::any;
}

sim::Signal signal_of(faults::SignalName signal) {
  switch (signal) {
    case faults::SignalName::term: return sim::Signal::term;
    case faults::SignalName::usr2: return sim::Signal::usr2;
    case faults::SignalName::abrt: return sim::Signal::abrt;
    case faults::SignalName::kill: return sim::Signal::kill;
  }
  WT_ASSERT(!"a signal without a counterpart");
  return sim::Signal::kill;
}

core::Instant in_kernel_time(core::Instant scenario_time) { return core::after(kTimeZero, scenario_time - core::Instant{}); }

}  // namespace

FaultDriver::FaultDriver(World& world) : world_(world), timeline_(world.scenario().timeline(), world.kernel().random("faults")) {
  seen_.resize(timeline_.entries().size());
  for (std::size_t i = 0; i < timeline_.entries().size(); ++i) {
    const faults::TimelineEntry& entry = timeline_.entries()[i];
    if (entry.at) {
      schedule(i);
    } else if (std::holds_alternative<faults::OpTrigger>(entry.fault.when)) {
      watch(i);
    }
  }
}

std::optional<core::Instant> FaultDriver::last_fault() const {
  const std::optional<core::Instant> last = timeline_.last_fault();
  return last ? std::optional{in_kernel_time(*last)} : std::nullopt;
}

std::vector<std::string> FaultDriver::missed() const {
  std::vector<std::string> out;
  for (const std::size_t index : watched_) {
    if (!timeline_.entries()[index].at) out.push_back(faults::to_text(timeline_.entries()[index].fault));
  }
  return out;
}

void FaultDriver::schedule(std::size_t index) {
  world_.kernel().at(in_kernel_time(*timeline_.entries()[index].at), [this, index] { strike(index); });
}

// Strikes as the operation begins: nothing of it has happened yet. The task that does it stands still meanwhile.
void FaultDriver::watch(std::size_t index) {
  watched_.push_back(index);
  const auto& trigger = std::get<faults::OpTrigger>(timeline_.entries()[index].fault.when);
  sim::SimDisk& disk = world_.node(trigger.node).process->disk();
  disk.set_listener([this, node = trigger.node](const sim::DiskEvent& event) {
    if (event.is_done) return false;
    bool is_due = false;
    for (const std::size_t watched : watched_) {
      const faults::TimelineEntry& entry = timeline_.entries()[watched];
      const auto& wanted = std::get<faults::OpTrigger>(entry.fault.when);
      if (entry.at || wanted.node != node || operation_of(wanted.op) != event.operation || !faults::path_matches(wanted.path, event.path))
        continue;
      if (++seen_[watched] != wanted.occurrence) continue;
      is_due = true;
      world_.kernel().post([this, watched] {
        for (const std::size_t following : timeline_.struck(watched, core::Instant{world_.kernel().now() - kTimeZero})) schedule(following);
        strike(watched);
      });
    }
    return is_due;
  });
}

void FaultDriver::strike(std::size_t index) {
  const faults::Action& action = timeline_.entries()[index].fault.action;
  const std::string text = faults::describe(action);
  struck_.emplace_back(world_.kernel().now(), text);
  world_.record(sim::NodeId::world, core::LogLevel::warn, "fault", {{"what", text}});
  apply(action);
}

std::pair<sim::HostId, sim::HostId> FaultDriver::hosts(const faults::LinkEnds& link) {
  return {world_.node(link.a).process->host(), world_.node(link.b).process->host()};
}

void FaultDriver::apply_signal(const faults::SendSignal& action) {
  World::NodePlace& place = world_.node(action.node);
  const bool is_kill = action.name == faults::SignalName::abrt || action.name == faults::SignalName::kill;
  if (is_kill && place.process->is_running()) world_.history().crashed({world_.kernel().now(), place.process->node(), false});
  place.process->signal(signal_of(action.name));
}

void FaultDriver::apply_power_loss(const faults::PowerLoss& action) {
  World::NodePlace& place = world_.node(action.node);
  world_.history().crashed({world_.kernel().now(), place.process->node(), true});
  place.process->lose_power(keep_of(action.keep));
}

void FaultDriver::apply_cut(const faults::Cut& action) {
  const auto [a, b] = hosts(action.link);
  const sim::Cut how = action.how == faults::CutHow::reset ? sim::Cut::reset : sim::Cut::black_hole;
  if (action.direction == faults::Direction::a_to_b) {
    world_.network().cut(a, b, how);
  } else {
    world_.network().cut_both(a, b, how);
  }
}

void FaultDriver::apply(const faults::Action& action) {
  sim::SimNetwork& network = world_.network();
  if (const auto* signal = std::get_if<faults::SendSignal>(&action)) {
    apply_signal(*signal);
  } else if (const auto* loss = std::get_if<faults::PowerLoss>(&action)) {
    apply_power_loss(*loss);
  } else if (const auto* start = std::get_if<faults::Start>(&action)) {
    world_.start(world_.node(start->node));
  } else if (const auto* pause = std::get_if<faults::Pause>(&action)) {
    world_.node(pause->node).process->pause();
  } else if (const auto* resume = std::get_if<faults::Resume>(&action)) {
    world_.node(resume->node).process->resume();
  } else if (const auto* cut = std::get_if<faults::Cut>(&action)) {
    apply_cut(*cut);
  } else if (const auto* heal = std::get_if<faults::Heal>(&action)) {
    const auto [a, b] = hosts(heal->link);
    network.heal_both(a, b);
  } else if (const auto* delay = std::get_if<faults::Delay>(&action)) {
    const auto [a, b] = hosts(delay->link);
    const sim::DurationRange latency{delay->latency.low, delay->latency.high};
    network.set_latency(a, b, latency);
    network.set_latency(b, a, latency);
  } else if (const auto* throttle = std::get_if<faults::Throttle>(&action)) {
    const auto [a, b] = hosts(throttle->link);
    network.set_bandwidth(a, b, throttle->bandwidth);
    network.set_bandwidth(b, a, throttle->bandwidth);
  } else if (const auto* step = std::get_if<faults::ClockStep>(&action)) {
    world_.node(step->node).process->step_clock(step->by);
  }
}

}  // namespace windtunnel::scenarios
