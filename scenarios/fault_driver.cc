#include "scenarios/fault_driver.h"

#include <algorithm>
#include <set>
#include <variant>

#include "core/base/assert.h"

namespace windtunnel::scenarios {
namespace {

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

FaultDriver::FaultDriver(World& world)
    : world_(world), timeline_(world.scenario().timeline(), world.kernel().random("faults")), disk_faults_(world) {
  std::set<std::string> listened;
  for (std::size_t i = 0; i < timeline_.entries().size(); ++i) {
    const faults::TimelineEntry& entry = timeline_.entries()[i];
    disk_faults_.prepare(entry);
    if (const faults::OpTrigger* trigger = entry.fault.trigger()) {
      watched_[i] = {};
      listened.insert(trigger->node);
    }
    if (entry.at || entry.armed_at) schedule(i);
  }
  for (const std::string& node : disk_faults_.listened_nodes()) listened.insert(node);
  for (const std::string& node : listened) {
    world_.node(node).process->disk().set_listener([this, node](const sim::DiskEvent& event) { return on_operation(node, event); });
  }
}

std::optional<core::Instant> FaultDriver::last_fault() const {
  const std::optional<core::Instant> last = timeline_.last_fault();
  return last ? std::optional{in_kernel_time(*last)} : std::nullopt;
}

std::vector<std::string> FaultDriver::missed() const {
  std::vector<std::string> out;
  for (const auto& [index, watched] : watched_) {
    if (!timeline_.entries()[index].at) out.push_back(faults::to_text(timeline_.entries()[index].fault));
  }
  return out;
}

void FaultDriver::schedule(std::size_t index) {
  const faults::TimelineEntry& entry = timeline_.entries()[index];
  if (entry.fault.trigger() == nullptr) {
    world_.kernel().at(in_kernel_time(*entry.at), [this, index] { strike(index); });
  } else if (*entry.armed_at == core::Instant{}) {
    watched_.at(index).is_armed = true;
  } else {
    world_.kernel().at(in_kernel_time(*entry.armed_at), [this, index] { watched_.at(index).is_armed = true; });
  }
}

// The task that does the operation stands still while the driver strikes: before it, nothing of it has happened; after it,
// its caller does not know yet.
bool FaultDriver::on_operation(const std::string& node, const sim::DiskEvent& event) {
  disk_faults_.on_operation(node, event);
  bool is_due = false;
  for (auto& [index, watched] : watched_) {
    const faults::TimelineEntry& entry = timeline_.entries()[index];
    const faults::OpTrigger& wanted = *entry.fault.trigger();
    if (!watched.is_armed || wanted.node != node || operation_of(wanted.op) != event.operation ||
        (wanted.moment == faults::Moment::after) != event.is_done || !faults::path_matches(wanted.path, event.path))
      continue;
    ++watched.seen;
    if (entry.has_odds()) {
      if (world_.kernel().now() > in_kernel_time(*entry.at)) continue;
      core::Random coin = entry.random.child("op " + std::to_string(watched.seen));
      if (!coin.chance({1, wanted.odds})) continue;
    } else if (entry.at || watched.seen != wanted.occurrence) {
      continue;
    }
    is_due = true;
    world_.kernel().post([this, index = index] {
      if (!timeline_.entries()[index].has_odds()) {
        for (const std::size_t following : timeline_.struck(index, core::Instant{world_.kernel().now() - kTimeZero})) schedule(following);
      }
      strike(index);
    });
  }
  return is_due;
}

void FaultDriver::strike(std::size_t index) {
  const faults::TimelineEntry& entry = timeline_.entries()[index];
  const faults::Action& action = entry.fault.action;
  const std::string text = faults::describe(action);
  struck_.emplace_back(world_.kernel().now(), text);
  world_.record(sim::NodeId::world, core::LogLevel::warn, "fault", {{"what", text}});
  if (!disk_faults_.apply(entry, struck_.size())) apply(action);
}

std::pair<sim::HostId, sim::HostId> FaultDriver::hosts(const faults::LinkEnds& link) {
  return {world_.node(link.a).process->host(), world_.node(link.b).process->host()};
}

void FaultDriver::apply_signal(const faults::SendSignal& action) {
  World::NodePlace& place = world_.node(action.node);
  const bool is_kill = action.name == faults::SignalName::abrt || action.name == faults::SignalName::kill;
  if (is_kill && place.process->is_running()) world_.history().crashed({world_.kernel().now(), place.process->node(), false});
  place.is_ending = !is_kill && place.process->is_running();
  if (place.is_ending) world_.history().stopped(world_.kernel().now(), place.process->node());
  place.process->signal(signal_of(action.name));
}

void FaultDriver::apply_power_loss(const faults::PowerLoss& action) {
  World::NodePlace& place = world_.node(action.node);
  world_.history().crashed({world_.kernel().now(), place.process->node(), true});
  world_.note_power_loss(action.node);
  place.is_ending = false;
  place.process->lose_power(keep_of(action.keep));
}

void FaultDriver::apply_cut(const faults::Cut& action) {
  const auto [a, b] = hosts(action.link);
  // A reset of one direction breaks the sender's end alone: the other stays half-open.
  const bool is_told = action.how == faults::CutHow::reset && action.direction == faults::Direction::both;
  const auto told = is_told ? DisturbanceLog::Told::yes : DisturbanceLog::Told::no;
  world_.disturbances().began(told, action.link.a, action.link.b, world_.kernel().now());
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
    world_.disturbances().began(DisturbanceLog::Told::no, pause->node, pause->node, world_.kernel().now());
    world_.node(pause->node).process->pause();
  } else if (const auto* resume = std::get_if<faults::Resume>(&action)) {
    world_.disturbances().over(resume->node, resume->node, world_.kernel().now());
    world_.node(resume->node).process->resume();
  } else if (const auto* cut = std::get_if<faults::Cut>(&action)) {
    apply_cut(*cut);
  } else if (const auto* heal = std::get_if<faults::Heal>(&action)) {
    const auto [a, b] = hosts(heal->link);
    world_.disturbances().over(heal->link.a, heal->link.b, world_.kernel().now());
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
