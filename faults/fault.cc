#include "faults/fault.h"

#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/assert.h"

namespace windtunnel::faults {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// The faults that choose files once; those in flight take every file that matches.
template <typename T>
constexpr bool is_at_rest = std::is_same_v<T, LoseFile> || std::is_same_v<T, StaleFile> || std::is_same_v<T, TruncateFile> ||
                            std::is_same_v<T, ZeroFile> || std::is_same_v<T, BitFlip> || std::is_same_v<T, BadSector>;

constexpr std::array<std::string_view, 4> kSignals = {"SIGTERM", "SIGUSR2", "SIGABRT", "SIGKILL"};
constexpr std::array<std::string_view, 4> kKeeps = {"none", "all", "any", "ordered"};
constexpr std::array<std::string_view, 2> kCutHows = {"reset", "black_hole"};
constexpr std::array<std::string_view, 2> kDirections = {"both", "a_to_b"};

constexpr std::array<FaultKind, std::variant_size_v<Action>> kKinds = {{
    {"signal",
     "The node's process gets SIGTERM (orderly stop), SIGUSR2 (lame duck), SIGABRT or SIGKILL (memory is gone, the page cache stays).",
     "{ at: 20s, signal: { node: hub, name: SIGABRT } }"},
    {"power_loss",
     "The node's machine loses power: the process and, of what was never synced, all (keep: none), nothing (all) or a part (any, ordered).",
     "{ at: 25s, power_loss: { node: hub, keep: any } }"},
    {"start", "The node's process is started again on what its disk holds.", "{ at: 40s, start: hub }"},
    {"pause", "The node's process stands still, as under SIGSTOP; its connections stay open.", "{ at: 10s, pause: leaf }"},
    {"resume", "A paused process goes on; timers that have run out meanwhile fire at once.", "{ after: 30s, resume: leaf }"},
    {"cut", "A link breaks: its connections are reset and new ones refused, or its bytes vanish in a black hole; both ways or from a to b.",
     "{ at: 15s..20s, cut: { link: [hub, leaf], how: black_hole } }"},
    {"heal", "A link works again as it did at the start: ends its cut, delay and throttle.", "{ after: 10s, heal: { link: [hub, leaf] } }"},
    {"delay", "A link gets another latency, fixed or a range, until it is healed.",
     "{ at: 5s, delay: { link: [hub, leaf], latency: 200ms..2s } }"},
    {"throttle", "A link gets another bandwidth, until it is healed.", "{ at: 5s, throttle: { link: [hub, leaf], bandwidth: 16KiB/s } }"},
    {"clock_step", "The node's wall clock jumps forwards or back; virtual time and its timers do not notice.",
     "{ at: 30s, clock_step: { node: hub, by: -5m } }"},
    {"lose_file", "A file is gone, with its name and its bytes.", "{ at: 20s, lose_file: { node: hub, file: \"first .blk\" } }"},
    {"stale_file", "An older version of a file comes back: as it was so long ago, or as the sync before the last one left it.",
     "{ at: 20s, stale_file: { node: hub, file: index.db, age: 10s } }"},
    {"truncate_file", "The end of a file is gone: so much is cut, or only so much is kept.",
     "{ at: 20s, truncate_file: { node: hub, file: \"newest .blk\", cut: 100B } }"},
    {"zero_file", "A file, or its tail, reads as zeros.", "{ at: 20s, zero_file: { node: hub, file: \"newest .blk\", tail: 1KiB } }"},
    {"bit_flip", "Bits of one sector of a file have changed, 1 to 32 of them.",
     "{ at: 20s, bit_flip: { node: hub, file: \"msgs/*.blk\", of: ORDERS, pick: random, bits: 1 } }"},
    {"bad_sector", "One sector of a file cannot be read any more (EIO), until something is written to it.",
     "{ at: 20s, bad_sector: { node: hub, file: \"msgs/*.blk\" } }"},
    {"misread", "A read gives wrong bytes, and the right ones when it is repeated.",
     "{ at: 20s, misread: { node: hub, file: \"*.blk\", count: 1 } }"},
    {"misdirected_read", "A read gives the bytes of another place, once.", "{ at: 20s, misdirected_read: { node: hub, file: \"*.blk\" } }"},
    {"misdirected_write", "A write lands whole in another place, and its own keeps what it had.",
     "{ on: \"9th write of msgs/*.blk at hub\", misdirected_write: { node: hub, file: \"*.blk\" } }"},
    {"short_write", "A write is done in pieces, so that readers and crashes may find a part of it.",
     "{ at: 20s, short_write: { node: hub, file: \"*.blk\" } }"},
    {"phantom_sync",
     "The drive lies: until heal_disk a sync says that it worked, and what it was to save is gone with the next power loss.",
     "{ at: 20s, phantom_sync: hub }"},
    {"failed_fsync", "A sync fails once and its pages count as clean without being on the disk; late: the sync after it is told.",
     "{ on: \"2nd fsync of *.blk at hub\", failed_fsync: { node: hub, file: \"*.blk\" } }"},
    {"disk_error", "An operation fails with an error, so many times or until heal_disk.",
     "{ at: 20s, disk_error: { node: hub, op: write, error: EIO, file: \"*.blk\", count: 3 } }"},
    {"disk_full", "No more than so much fits on the disk besides what is there (ENOSPC), until heal_disk.",
     "{ at: 20s, disk_full: { node: hub, free: 64KiB } }"},
    {"slow_disk", "Every operation takes a multiple of its time, or nothing completes for a while.",
     "{ at: 20s, slow_disk: { node: hub, factor: 100, stall: 5s } }"},
    {"heal_disk", "Ends what makes a node's disk fail, lie, stall or run full. Damaged bytes stay damaged.",
     "{ after: 10s, heal_disk: hub }"},
}};

std::string node_body(const std::string& node) { return "{ node: " + node + " }"; }
std::string link_body(const LinkEnds& link) { return "link: [" + link.a + ", " + link.b + "]"; }

using Fields = std::vector<std::pair<std::string, std::string>>;

void add_file(Fields& out, const FileChoice& file, bool has_pick) {
  out.emplace_back("file", "\"" + file.glob + "\"");
  if (!file.stream.empty()) out.emplace_back("of", file.stream);
  if (has_pick) out.emplace_back("pick", name_of(file.pick));
}

// What a disk fault says besides its node, in the order of the language.
template <typename DiskAction>
Fields fields_of(const DiskAction& f) {
  Fields out;
  if constexpr (requires { f.op; }) {
    out.emplace_back("op", name_of(f.op));
    out.emplace_back("error", name_of(f.error));
  }
  if constexpr (requires { f.file; }) add_file(out, f.file, is_at_rest<DiskAction>);
  if constexpr (requires { f.version; }) {
    if (f.version == StaleVersion::by_age) {
      out.emplace_back("age", format_duration(f.age));
    } else {
      out.emplace_back("version", name_of(f.version));
    }
  }
  if constexpr (requires { f.keep->value; }) {
    if (f.keep) out.emplace_back("keep", format_size(*f.keep));
    if (f.cut) out.emplace_back("cut", format_size(*f.cut));
  }
  if constexpr (requires { f.tail; }) {
    if (f.tail) out.emplace_back("tail", format_size(*f.tail));
  }
  if constexpr (requires { f.bits; }) out.emplace_back("bits", std::to_string(f.bits));
  if constexpr (requires { f.count; }) out.emplace_back("count", std::to_string(f.count));
  if constexpr (requires { f.is_late; }) out.emplace_back("late", f.is_late ? "true" : "false");
  if constexpr (requires { f.free; }) out.emplace_back("free", format_size(f.free));
  if constexpr (requires { f.factor; }) {
    out.emplace_back("factor", std::to_string(f.factor));
    if (f.stall > core::Duration{0}) out.emplace_back("stall", format_duration(f.stall));
  }
  return out;
}

template <typename DiskAction>
std::string disk_body(const DiskAction& f) {
  std::string out = "{ node: " + f.node;
  for (const auto& [key, value] : fields_of(f)) out.append(", ").append(key).append(": ").append(value);
  return out + " }";
}

template <typename DiskAction>
std::string disk_description(const DiskAction& f) {
  std::string out = f.node;
  for (const auto& [key, value] : fields_of(f)) {
    const bool is_quoted = value.starts_with('"');
    out += " " + key + "=" + (is_quoted ? value.substr(1, value.size() - 2) : value);
  }
  return out;
}

std::string when_text(const When& when) {
  return std::visit(Overloaded{
                        [](const At& at) { return "at: " + format_duration_range(at.time); },
                        [](const After& after) { return "after: " + format_duration_range(after.delay); },
                        [](const OpTrigger& trigger) { return "on: \"" + to_text(trigger) + "\""; },
                    },
                    when);
}

std::string body_text(const Action& action) {
  return std::visit(Overloaded{
                        [](const SendSignal& f) { return "{ node: " + f.node + ", name: " + std::string{name_of(f.name)} + " }"; },
                        [](const PowerLoss& f) { return "{ node: " + f.node + ", keep: " + std::string{name_of(f.keep)} + " }"; },
                        [](const Start& f) { return node_body(f.node); },
                        [](const Pause& f) { return node_body(f.node); },
                        [](const Resume& f) { return node_body(f.node); },
                        [](const Cut& f) {
                          return "{ " + link_body(f.link) + ", how: " + std::string{name_of(f.how)} +
                                 ", direction: " + std::string{name_of(f.direction)} + " }";
                        },
                        [](const Heal& f) { return "{ " + link_body(f.link) + " }"; },
                        [](const Delay& f) { return "{ " + link_body(f.link) + ", latency: " + format_duration_range(f.latency) + " }"; },
                        [](const Throttle& f) { return "{ " + link_body(f.link) + ", bandwidth: " + format_bandwidth(f.bandwidth) + " }"; },
                        [](const ClockStep& f) { return "{ node: " + f.node + ", by: " + format_duration(f.by) + " }"; },
                        [](const auto& f) { return disk_body(f); },
                    },
                    action);
}

}  // namespace

std::span<const FaultKind> fault_kinds() { return kKinds; }
const FaultKind& kind_of(const Action& action) { return kKinds[action.index()]; }

bool is_at_rest(const Action& action) {
  return std::visit(
      [](const auto& fault) {
        using Kind = std::decay_t<decltype(fault)>;
        return std::is_same_v<Kind, LoseFile> || std::is_same_v<Kind, StaleFile> || std::is_same_v<Kind, TruncateFile> ||
               std::is_same_v<Kind, ZeroFile> || std::is_same_v<Kind, BitFlip> || std::is_same_v<Kind, BadSector> ||
               std::is_same_v<Kind, MisdirectedWrite>;
      },
      action);
}

const std::string* node_of(const Action& action) {
  return std::visit(
      [](const auto& fault) -> const std::string* {
        if constexpr (requires { fault.node; }) {
          return &fault.node;
        } else {
          return nullptr;
        }
      },
      action);
}

const LinkEnds* link_of(const Action& action) {
  return std::visit(
      [](const auto& fault) -> const LinkEnds* {
        if constexpr (requires { fault.link; }) {
          return &fault.link;
        } else {
          return nullptr;
        }
      },
      action);
}

const FileChoice* files_of(const Action& action) {
  return std::visit(
      [](const auto& fault) -> const FileChoice* {
        if constexpr (requires { fault.file; }) {
          return &fault.file;
        } else {
          return nullptr;
        }
      },
      action);
}

const OpTrigger* Fault::trigger() const { return on ? &*on : std::get_if<OpTrigger>(&when); }

std::string to_text(const Fault& fault) {
  std::string when = when_text(fault.when);
  if (fault.on) when += ", on: \"" + to_text(*fault.on) + "\"";
  if (fault.every) when += ", every: " + format_duration_range(*fault.every);
  if (fault.until) when += ", until: " + format_duration(*fault.until);
  return "{ " + when + ", " + std::string{kind_of(fault.action).name} + ": " + body_text(fault.action) + " }";
}

std::string describe(const Action& action) {
  const std::string kind{kind_of(action).name};
  return std::visit(
      Overloaded{
          [](const SendSignal& f) { return std::string{name_of(f.name)} + " " + f.node; },
          [&](const PowerLoss& f) { return kind + " " + f.node + " keep=" + std::string{name_of(f.keep)}; },
          [&](const Start& f) { return kind + " " + f.node; },
          [&](const Pause& f) { return kind + " " + f.node; },
          [&](const Resume& f) { return kind + " " + f.node; },
          [&](const Cut& f) {
            const std::string arrow = f.direction == Direction::both ? " <-> " : " -> ";
            return kind + " " + f.link.a + arrow + f.link.b + " how=" + std::string{name_of(f.how)};
          },
          [&](const Heal& f) { return kind + " " + f.link.a + " <-> " + f.link.b; },
          [&](const Delay& f) { return kind + " " + f.link.a + " <-> " + f.link.b + " latency=" + format_duration_range(f.latency); },
          [&](const Throttle& f) { return kind + " " + f.link.a + " <-> " + f.link.b + " bandwidth=" + format_bandwidth(f.bandwidth); },
          [&](const ClockStep& f) { return kind + " " + f.node + " by=" + format_duration(f.by); },
          [&](const auto& f) { return kind + " " + disk_description(f); },
      },
      action);
}

std::string_view name_of(SignalName signal) { return kSignals[static_cast<std::size_t>(signal)]; }
std::string_view name_of(Keep keep) { return kKeeps[static_cast<std::size_t>(keep)]; }
std::string_view name_of(CutHow how) { return kCutHows[static_cast<std::size_t>(how)]; }
std::string_view name_of(Direction direction) { return kDirections[static_cast<std::size_t>(direction)]; }
std::span<const std::string_view> signal_names() { return kSignals; }
std::span<const std::string_view> keep_names() { return kKeeps; }
std::span<const std::string_view> cut_how_names() { return kCutHows; }
std::span<const std::string_view> direction_names() { return kDirections; }

}  // namespace windtunnel::faults
