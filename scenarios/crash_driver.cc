#include "scenarios/crash_driver.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/disk_tree.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// From a crash to the next start: a supervisor's restart.
constexpr core::Duration kDownFor = 100ms;

// What the crash wants of the disk and the disk does not have; nullopt if it has it. `earlier`: states of it that are still known.
std::optional<std::string> missing_unit(const CrashAt& crash, const sim::DiskTree& disk, std::size_t earlier) {
  using How = sim::Survivors::How;
  const std::uint64_t which = crash.keep.which;
  const std::string asked = "`--crash-at " + place_text(crash) + " --keep " + to_text(crash.keep) + "`: ";
  switch (crash.keep.how) {
    case How::kill:
    case How::none:
    case How::all:
    case How::sizes: return std::nullopt;
    case How::prefix:
      if (which > 0 && which <= earlier) return std::nullopt;
      return asked + "one can go back 1 to " + std::to_string(earlier) + " operations there";
    default: break;
  }
  const std::vector<sim::VolatileUnit> units = disk.volatile_units();
  const bool needs_sector = crash.keep.how == How::torn || crash.keep.how == How::hole;
  if (which >= units.size()) {
    return asked + (units.empty() ? std::string{"everything is synced there, and no unit is left to keep or lose"}
                                  : "there are " + std::to_string(units.size()) + " units there, counted from 0");
  }
  if (needs_sector && units[which].kind != sim::VolatileUnit::Kind::sector) return asked + "that unit is no sector of a file there";
  return std::nullopt;
}

}  // namespace

core::Result<CrashPlace> parse_crash_place(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  CrashPlace out;
  if (colon != std::string_view::npos && colon > 0) {
    out.node = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), out.operation);
    if (failure == std::errc{} && end == digits.data() + digits.size() && out.operation > 0) return out;
  }
  return core::error(core::Errc::invalid_argument,
                     "`" + std::string{text} + "` must be a node and the number of an operation on its disk, such as srv:217");
}

std::string place_text(const CrashAt& crash) { return crash.node + ":" + std::to_string(crash.operation); }

CrashDriver::CrashDriver(World& world, std::vector<CrashAt> crashes, CrashHook hook)
    : world_(world), crashes_(std::move(crashes)), hook_(std::move(hook)) {
  if (crashes_.empty() && !hook_) return;
  for (World::NodePlace& place : world_.nodes()) {
    Watched& node = nodes_.emplace_back();
    node.place = &place;
    place.process->disk().set_change_watch(
        [this, &node](std::uint64_t number, const sim::DiskEvent& event) { return on_change(node, number, event); });
  }
}

std::optional<core::Instant> CrashDriver::last_start() const {
  const bool is_any_down = std::any_of(nodes_.begin(), nodes_.end(), [](const Watched& node) { return node.is_down; });
  return is_any_down ? std::nullopt : std::optional{last_start_};
}

std::vector<std::string> CrashDriver::missed() const {
  std::vector<std::string> out;
  for (const CrashAt& crash : crashes_) out.push_back("a crash at " + place_text(crash));
  return out;
}

bool CrashDriver::on_change(Watched& node, std::uint64_t number, const sim::DiskEvent& event) {
  const std::optional<sim::Survivors> keep = decide(node, number, event);
  if (!keep) return false;
  world_.kernel().post([this, &node, how = *keep] { crash(node, how); });
  return true;
}

std::optional<sim::Survivors> CrashDriver::decide(Watched& node, std::uint64_t number, const sim::DiskEvent& event) {
  const sim::DiskTree& disk = node.place->process->disk().tree();
  std::optional<sim::Survivors> out;
  const auto due = std::find_if(crashes_.begin(), crashes_.end(),
                                [&](const CrashAt& crash) { return crash.node == node.place->spec->name && crash.operation == number; });
  if (due != crashes_.end()) {
    out = due->keep;
    if (!impossible_) impossible_ = missing_unit(*due, disk, node.before.size());
    crashes_.erase(due);
  } else if (hook_) {
    const std::vector<std::shared_ptr<const sim::DiskTree>> before{node.before.begin(), node.before.end()};
    CrashMoment moment{.node = node.place->spec->name,
                       .operation = number,
                       .what = std::string{sim::name_of(event.operation)} + " " + std::string{event.path},
                       .disk = disk,
                       .before = before,
                       .is_recovering = node.has_crashed && world_.server(*node.place) == nullptr,
                       .is_preparing = world_.kernel().now() < kTimeZero,
                       .promises = promises(),
                       .syncs_always = node.place->spec->sync_interval && node.place->spec->sync_interval->always};
    out = hook_(moment);
  }
  if (!out) {
    node.before.push_back(disk.clone());
    if (node.before.size() > sim::kPrefixMax) node.before.pop_front();
  }
  return out;
}

void CrashDriver::crash(Watched& node, sim::Survivors keep) {
  sim::Process& process = *node.place->process;
  if (!process.is_running()) return;
  const bool is_power_loss = keep.how != sim::Survivors::How::kill;
  world_.history().crashed({world_.kernel().now(), process.node(), is_power_loss});
  world_.record(sim::NodeId::world, core::LogLevel::warn, "fault",
                {{"what", "crash " + node.place->spec->name + " keep=" + to_text(keep)}});
  if (is_power_loss) {
    world_.note_power_loss(node.place->spec->name);
    const std::uint64_t back = keep.how == sim::Survivors::How::prefix ? keep.which : 0;
    const bool has_older = back > 0 && back <= node.before.size();
    process.lose_power(keep, has_older ? node.before[node.before.size() - back].get() : nullptr);
  } else {
    process.kill();
  }
  node.has_crashed = true;
  node.is_down = true;
  node.before.clear();
  world_.kernel().at(core::after(world_.kernel().now(), kDownFor), [this, &node] {
    world_.start(*node.place);
    node.is_down = false;
    last_start_ = world_.kernel().now();
  });
}

// Cheap, and never the same for different promises: what was published and answered, stored, and consumed.
std::uint64_t CrashDriver::promises() const {
  std::uint64_t hash = 0;
  for (const Ledger::Book& book : world_.ledger().books()) {
    hash = core::fold(hash, book.size());
    hash = core::fold(hash, book.count(Outcome::acked));
  }
  for (const auto& [key, life] : world_.history().lives()) hash = core::fold(hash, life.stored_count());
  return hash;
}

}  // namespace windtunnel::scenarios
