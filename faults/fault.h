// Fault: what goes wrong, where and when, as plain data. A fault is printed, parsed, compared and removed like any other
// value; what it does to the world is the runner's business.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/types.h"
#include "faults/disk_fault.h"
#include "faults/op_trigger.h"
#include "faults/units.h"

namespace windtunnel::faults {

enum class SignalName : std::uint8_t { term, usr2, abrt, kill };
// What a power loss leaves of what was written but never synced.
enum class Keep : std::uint8_t {
  none,     // nothing
  all,      // everything, as if the disk had been synced at the last moment
  any,      // any subset of sectors and directory operations, by the seed
  ordered,  // directory operations in their order, up to a point of the seed's choice; any subset of data sectors
};
enum class CutHow : std::uint8_t {
  reset,       // connections break at once, new ones are refused
  black_hole,  // bytes vanish on the way, as TCP sees a dead network: nobody is told
};
enum class Direction : std::uint8_t { both, a_to_b };

// The link between two nodes. Which end is `a` matters only for Direction::a_to_b.
struct LinkEnds {
  std::string a;
  std::string b;
  // The same link, whichever end is named first.
  [[nodiscard]] bool joins_same(const LinkEnds& other) const { return (a == other.a && b == other.b) || (a == other.b && b == other.a); }
  friend bool operator==(const LinkEnds&, const LinkEnds&) = default;
};

struct SendSignal {
  std::string node;
  SignalName name = SignalName::kill;
  friend bool operator==(const SendSignal&, const SendSignal&) = default;
};
struct PowerLoss {
  std::string node;
  Keep keep = Keep::any;
  friend bool operator==(const PowerLoss&, const PowerLoss&) = default;
};
struct Start {
  std::string node;
  friend bool operator==(const Start&, const Start&) = default;
};
struct Pause {
  std::string node;
  friend bool operator==(const Pause&, const Pause&) = default;
};
struct Resume {
  std::string node;
  friend bool operator==(const Resume&, const Resume&) = default;
};
struct Cut {
  LinkEnds link;
  CutHow how = CutHow::reset;
  Direction direction = Direction::both;
  friend bool operator==(const Cut&, const Cut&) = default;
};
// Ends everything that cut, delay and throttle have done to the link.
struct Heal {
  LinkEnds link;
  friend bool operator==(const Heal&, const Heal&) = default;
};
// From now on the link has this latency, until it is healed.
struct Delay {
  LinkEnds link;
  DurationRange latency;
  friend bool operator==(const Delay&, const Delay&) = default;
};
// From now on the link carries at most this much in a second and direction, until it is healed.
struct Throttle {
  LinkEnds link;
  core::Bytes bandwidth;
  friend bool operator==(const Throttle&, const Throttle&) = default;
};
// The node's wall clock jumps; virtual time and every timer go on undisturbed.
struct ClockStep {
  std::string node;
  core::Duration by{};  // negative: back
  friend bool operator==(const ClockStep&, const ClockStep&) = default;
};

using Action = std::variant<SendSignal, PowerLoss, Start, Pause, Resume, Cut, Heal, Delay, Throttle, ClockStep, LoseFile, StaleFile,
                            TruncateFile, ZeroFile, BitFlip, BadSector, Misread, MisdirectedRead, MisdirectedWrite, ShortWrite, PhantomSync,
                            FailedFsync, DiskError, DiskFull, SlowDisk, HealDisk>;

// When a fault strikes. Ranges are drawn by the seed.
struct At {
  DurationRange time;  // of virtual time, from the start of the run
  friend bool operator==(const At&, const At&) = default;
};
struct After {
  DurationRange delay;  // from the moment at which the entry before it in the file struck
  friend bool operator==(const After&, const After&) = default;
};
using When = std::variant<At, After, OpTrigger>;

struct Fault {
  When when;
  Action action;
  // With At or After: not at that time, but at this operation, counted from that time on.
  std::optional<OpTrigger> on = std::nullopt;
  // With At: again and again from that time on, after such a gap each.
  std::optional<DurationRange> every = std::nullopt;
  // The end of `every`, and of a trigger with odds, from the start of the run.
  std::optional<core::Duration> until = std::nullopt;

  // The operation that it waits for; nullptr if it strikes at a time.
  [[nodiscard]] const OpTrigger* trigger() const;
  friend bool operator==(const Fault&, const Fault&) = default;
};

// A kind of fault, for `list faults`, the schema and the loader. In the order of Action's alternatives.
struct FaultKind {
  std::string_view name;     // the key in a scenario: "power_loss"
  std::string_view summary;  // one sentence
  std::string_view example;  // an entry of a timeline
};
[[nodiscard]] std::span<const FaultKind> fault_kinds();
[[nodiscard]] const FaultKind& kind_of(const Action& action);

// Which files an action strikes; nullptr if it is not one of files.
[[nodiscard]] const FileChoice* files_of(const Action& action);
// Whether it changes what lies on a disk: heal_disk does not end that.
[[nodiscard]] bool is_at_rest(const Action& action);
// The node that an action strikes; nullptr for those of a link. And the other way round.
[[nodiscard]] const std::string* node_of(const Action& action);
[[nodiscard]] const LinkEnds* link_of(const Action& action);

// "{ at: 25s, power_loss: { node: hub, keep: any } }": an entry of a timeline as a scenario has it, defaults included.
// The scenario loader reads it back as an equal fault.
[[nodiscard]] std::string to_text(const Fault& fault);
// "power_loss hub keep=any", for a report or a trace.
[[nodiscard]] std::string describe(const Action& action);

// The words of a scenario for these: "SIGABRT", "black_hole", ... and back.
[[nodiscard]] std::string_view name_of(SignalName signal);
[[nodiscard]] std::string_view name_of(Keep keep);
[[nodiscard]] std::string_view name_of(CutHow how);
[[nodiscard]] std::string_view name_of(Direction direction);
[[nodiscard]] std::span<const std::string_view> signal_names();
[[nodiscard]] std::span<const std::string_view> keep_names();
[[nodiscard]] std::span<const std::string_view> cut_how_names();
[[nodiscard]] std::span<const std::string_view> direction_names();

}  // namespace windtunnel::faults
