#include "faults/swarm.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "core/base/assert.h"

namespace windtunnel::faults {
namespace {

using namespace std::chrono_literals;
using core::Duration;
using core::Random;

constexpr std::size_t kKinds = static_cast<std::size_t>(SwarmKind::count_);
constexpr std::array<std::string_view, kKinds + 4> kWords = {
    "power_loss", "kill", "stop", "pause", "cut", "delay", "throttle", "clock_step", "lose_file", "stale_file", "truncate_file",
    "zero_file", "bit_flip", "bad_sector", "misread", "misdirected_read", "misdirected_write", "short_write", "phantom_sync",
    "failed_fsync", "disk_error", "disk_full", "slow_disk",
    // groups
    "process", "link", "clock", "disk"};

// Times are whole milliseconds, so that a timeline reads well.
constexpr Duration kGrain = 1ms;

Duration rounded(Duration d) { return d / kGrain * kGrain; }

bool is_of_link(SwarmKind kind) { return kind == SwarmKind::cut || kind == SwarmKind::delay || kind == SwarmKind::throttle; }

std::string_view group_of(SwarmKind kind) {
  if (kind <= SwarmKind::pause) return "process";
  if (is_of_link(kind)) return "link";
  return kind == SwarmKind::clock_step ? "clock" : "disk";
}

// The candidate with the highest bid; ties go to the first. nullopt if there are none.
template <typename Items, typename Name>
std::optional<std::size_t> highest_bid(const Items& items, const Random& random, Name name) {
  std::optional<std::size_t> best;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Random own = random.child(name(items[i]));
    const std::uint64_t bid = own.next();
    if (best && bid <= highest) continue;
    best = i;
    highest = bid;
  }
  return best;
}

// One fault of the swarm, with what ends it.
struct Slot {
  Duration at{};
  Duration end{};
  SwarmKind kind{};
  std::string node;  // of a fault of a node
  std::string link;  // of a fault of a link: "hub <-> leaf"
  std::vector<std::pair<Duration, Action>> actions;
};

class Drawer {
 public:
  Drawer(const SwarmSpec& spec, const Random& random) : spec_(spec), random_(random) {}

  std::vector<Fault> draw() {
    std::vector<SwarmKind> on;
    for (const SwarmKind kind : spec_.kinds) {
      Random coin = random_.child("on").child(name_of(kind));
      const bool has_target = is_of_link(kind) ? !spec_.links.empty() : !spec_.nodes.empty();
      if (coin.chance({1, 2}) && has_target) on.push_back(kind);
    }
    Random counter = random_.child("faults");
    const std::uint64_t count = counter.between(spec_.faults_min, spec_.faults_max);
    std::vector<Slot> slots;
    for (std::uint64_t i = 0; i < count && !on.empty(); ++i) slots.push_back(slot(random_.child("fault").child(std::to_string(i)), on));
    std::stable_sort(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) { return a.at < b.at; });

    std::vector<std::pair<Duration, Action>> all;
    std::map<std::string, Duration> busy_until;  // nodes that are down or paused, and links that are not whole
    for (Slot& slot : slots) {
      // What is down already is not struck again: the outage under way would end the new one, or the other way round.
      Duration& busy = busy_until[slot.node.empty() ? slot.link : slot.node];
      if (slot.at <= busy) continue;
      if (blocks(slot.kind)) busy = slot.end;
      for (auto& action : slot.actions) all.push_back(std::move(action));
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Fault> out;
    for (auto& [at, action] : all) out.push_back(Fault{.when = At{DurationRange::exactly(at)}, .action = std::move(action)});
    return out;
  }

 private:
  // While it lasts nothing else strikes the same node or link. The disk's own faults may pile up.
  static bool blocks(SwarmKind kind) { return group_of(kind) != "disk" || is_at_rest(kind); }
  static bool is_at_rest(SwarmKind kind) { return kind >= SwarmKind::lose_file && kind <= SwarmKind::bad_sector; }

  Slot slot(const Random& random, const std::vector<SwarmKind>& on) const {
    Slot out;
    Random times = random.child("at");
    out.at = rounded(times.between(spec_.window.low, spec_.window.high));
    Random lengths = random.child("down_for");
    out.end = std::min(out.at + std::max(kGrain * 2, rounded(lengths.between(spec_.down_for.low, spec_.down_for.high))), spec_.heal_by);
    out.kind = on[*highest_bid(on, random.child("kind"), [](SwarmKind kind) { return name_of(kind); })];
    Random how = random.child(name_of(out.kind));
    if (is_of_link(out.kind)) {
      const auto text = [](const LinkEnds& link) { return link.a + " <-> " + link.b; };
      const LinkEnds& link = spec_.links[*highest_bid(spec_.links, random.child("link"), text)];
      out.link = text(link);
      of_link(out, link, how);
    } else {
      out.node = spec_.nodes[*highest_bid(spec_.nodes, random.child("node"), [](const std::string& node) { return node; })];
      if (group_of(out.kind) == "disk") {
        of_disk(out, how);
      } else {
        of_process(out, how);
      }
    }
    return out;
  }

  static void of_process(Slot& slot, Random& how) {
    const auto add = [&](Duration at, Action action) { slot.actions.emplace_back(at, std::move(action)); };
    switch (slot.kind) {
      case SwarmKind::power_loss: {
        static constexpr std::array kKeeps = {Keep::none, Keep::any, Keep::any, Keep::ordered, Keep::all};
        add(slot.at, PowerLoss{.node = slot.node, .keep = kKeeps[how.below(kKeeps.size())]});
        return add(slot.end, Start{slot.node});
      }
      case SwarmKind::kill:
        add(slot.at, SendSignal{.node = slot.node, .name = how.chance({1, 2}) ? SignalName::kill : SignalName::abrt});
        return add(slot.end, Start{slot.node});
      case SwarmKind::stop: add(slot.at, SendSignal{.node = slot.node, .name = SignalName::term}); return add(slot.end, Start{slot.node});
      case SwarmKind::pause: add(slot.at, Pause{slot.node}); return add(slot.end, Resume{slot.node});
      default: break;
    }
    WT_ASSERT(slot.kind == SwarmKind::clock_step);
    const Duration size = rounded(how.between(1s, 10min));
    const Duration by = how.chance({1, 2}) ? size : -size;
    add(slot.at, ClockStep{.node = slot.node, .by = by});
    add(slot.end, ClockStep{.node = slot.node, .by = -by});
  }

  static void of_link(Slot& slot, const LinkEnds& link, Random& how) {
    if (slot.kind == SwarmKind::cut) {
      const CutHow cut = how.chance({1, 2}) ? CutHow::reset : CutHow::black_hole;
      const Direction direction = how.chance({1, 4}) ? Direction::a_to_b : Direction::both;
      slot.actions.emplace_back(slot.at, Cut{.link = link, .how = cut, .direction = direction});
    } else if (slot.kind == SwarmKind::delay) {
      const Duration low = rounded(how.between(1ms, 500ms));
      const Duration more = rounded(how.between(0ms, 1500ms));
      slot.actions.emplace_back(slot.at, Delay{.link = link, .latency = {low, low + more}});
    } else {
      const std::uint64_t kib = how.between(1, 256);
      slot.actions.emplace_back(slot.at, Throttle{.link = link, .bandwidth = core::Bytes{kib * 1024}});
    }
    slot.actions.emplace_back(slot.end, Heal{link});
  }

  // Damage at rest strikes while the node is down after a kill, half of the time for what a running node may meet as well.
  void of_disk(Slot& slot, Random& how) const {
    const auto add = [&](Duration at, Action action) { slot.actions.emplace_back(at, std::move(action)); };
    const FileChoice any_file{.glob = how.chance({3, 4}) ? "*.blk" : "**", .stream = {}, .pick = Pick::random};
    if (is_at_rest(slot.kind)) {
      const bool may_run = slot.kind == SwarmKind::bit_flip || slot.kind == SwarmKind::bad_sector;
      const bool is_down = !may_run || how.chance({1, 2});
      if (is_down) add(slot.at, SendSignal{.node = slot.node, .name = SignalName::kill});
      add(is_down ? slot.at + (slot.end - slot.at) / 2 : slot.at, damage(slot, any_file, how));
      if (is_down) add(slot.end, Start{slot.node});
      return;
    }
    switch (slot.kind) {
      case SwarmKind::misread: add(slot.at, Misread{.node = slot.node, .file = any_file, .count = 1}); break;
      case SwarmKind::misdirected_read: add(slot.at, MisdirectedRead{.node = slot.node, .file = any_file, .count = 1}); break;
      case SwarmKind::misdirected_write: add(slot.at, MisdirectedWrite{.node = slot.node, .file = any_file, .count = 1}); break;
      case SwarmKind::short_write: add(slot.at, ShortWrite{.node = slot.node, .file = any_file, .count = 0}); break;
      case SwarmKind::phantom_sync: add(slot.at, PhantomSync{.node = slot.node, .file = {}}); break;
      case SwarmKind::failed_fsync:
        add(slot.at, FailedFsync{.node = slot.node, .file = any_file, .count = 1, .is_late = how.chance({1, 4})});
        break;
      case SwarmKind::disk_error: {
        static constexpr std::array kOps = {DiskOp::write, DiskOp::create, DiskOp::open, DiskOp::rename, DiskOp::read};
        static constexpr std::array kCodes = {DiskErrorCode::eio, DiskErrorCode::erofs, DiskErrorCode::emfile};
        const DiskOp op = kOps[how.below(kOps.size())];
        const DiskErrorCode code = kCodes[how.below(kCodes.size())];
        const std::uint64_t count = how.between(1, 5);
        add(slot.at, DiskError{.node = slot.node, .file = {}, .op = op, .error = code, .count = count});
        break;
      }
      case SwarmKind::disk_full: add(slot.at, DiskFull{.node = slot.node, .free = core::Bytes{how.below(16384)}}); break;
      case SwarmKind::slow_disk: {
        const std::uint64_t factor = how.between(2, 200);
        const bool stalls = how.chance({1, 4});
        add(slot.at, SlowDisk{.node = slot.node, .factor = factor, .stall = stalls ? slot.end - slot.at : Duration{0}});
        break;
      }
      default: WT_ASSERT(!"a disk fault without an entry");
    }
    add(slot.end, HealDisk{slot.node});
  }

  Action damage(const Slot& slot, const FileChoice& file, Random& how) const {
    switch (slot.kind) {
      case SwarmKind::lose_file: return LoseFile{.node = slot.node, .file = file};
      case SwarmKind::stale_file: {
        const Duration age = std::min(rounded(how.between(1s, 30s)), slot.at);
        return StaleFile{.node = slot.node, .file = file, .version = StaleVersion::by_age, .age = std::max(age, kGrain)};
      }
      case SwarmKind::truncate_file:
        return TruncateFile{.node = slot.node, .file = file, .keep = std::nullopt, .cut = core::Bytes{how.between(1, 4096)}};
      case SwarmKind::zero_file: return ZeroFile{.node = slot.node, .file = file, .tail = core::Bytes{how.between(1, 4096)}};
      case SwarmKind::bit_flip: return BitFlip{.node = slot.node, .file = file, .bits = how.between(1, 32)};
      default: WT_ASSERT(slot.kind == SwarmKind::bad_sector); return BadSector{.node = slot.node, .file = file};
    }
  }

  const SwarmSpec& spec_;
  const Random& random_;
};

}  // namespace

std::string_view name_of(SwarmKind kind) { return kWords[static_cast<std::size_t>(kind)]; }
std::span<const std::string_view> swarm_words() { return kWords; }

std::vector<SwarmKind> swarm_kinds(std::string_view word) {
  std::vector<SwarmKind> out;
  for (std::size_t i = 0; i < kKinds; ++i) {
    const auto kind = static_cast<SwarmKind>(i);
    if (name_of(kind) == word || group_of(kind) == word) out.push_back(kind);
  }
  return out;
}

std::vector<Fault> draw_swarm(const SwarmSpec& spec, const Random& random) {
  WT_ASSERT(spec.faults_min <= spec.faults_max);
  WT_ASSERT(spec.window.high <= spec.heal_by);
  return Drawer{spec, random}.draw();
}

}  // namespace windtunnel::faults
