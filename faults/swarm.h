// Swarm: faults that the seed chooses: which kinds a run has, when and where they strike and how hard.
//
// Swarm testing (Groce et al., 2012): each kind is on or off by a coin of its own in each run, because runs that have
// everything seldom show what runs without something do. What is drawn is an ordinary timeline, in which every outage is
// healed by a given time; in a scenario it stands for itself.
//
// Draws: the number of faults and the time of each come from streams of their own; of each fault the kinds that are on bid
// with a draw from their own stream and the highest bid has it, and so do the nodes and links. A kind or node that is added
// takes some faults over and moves no other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/base/types.h"
#include "faults/fault.h"
#include "faults/units.h"

namespace windtunnel::faults {

enum class SwarmKind : std::uint8_t {
  power_loss,
  kill,  // SIGKILL or SIGABRT
  stop,  // SIGTERM
  pause,
  cut,
  delay,
  throttle,
  clock_step,
  lose_file,
  stale_file,
  truncate_file,
  zero_file,
  bit_flip,
  bad_sector,
  misread,
  misdirected_read,
  misdirected_write,
  short_write,
  phantom_sync,
  failed_fsync,
  disk_error,
  disk_full,
  slow_disk,
  count_,  // not a kind
};
[[nodiscard]] std::string_view name_of(SwarmKind kind);
// The words of a scenario: the kinds in the order of the enumeration, then the groups "process", "link", "clock", "disk".
[[nodiscard]] std::span<const std::string_view> swarm_words();
// The kinds that a word stands for; empty if it is none.
[[nodiscard]] std::vector<SwarmKind> swarm_kinds(std::string_view word);

struct SwarmSpec {
  std::vector<SwarmKind> kinds;  // each once, ascending
  std::uint64_t faults_min = 0;  // how many faults strike; heals and starts are not counted
  std::uint64_t faults_max = 8;
  DurationRange window{std::chrono::seconds{5}, std::chrono::seconds{60}};          // in which they strike
  core::Duration heal_by = std::chrono::seconds{70};                                // >= window.high; nothing is broken any more
  DurationRange down_for{std::chrono::milliseconds{100}, std::chrono::seconds{5}};  // how long an outage lasts
  std::vector<std::string> nodes;                                                   // that may be struck
  std::vector<LinkEnds> links;
  friend bool operator==(const SwarmSpec&, const SwarmSpec&) = default;
};

// The timeline: entries of fixed times in their order, all at or before heal_by. `random`: the run's stream "swarm".
[[nodiscard]] std::vector<Fault> draw_swarm(const SwarmSpec& spec, const core::Random& random);

}  // namespace windtunnel::faults
