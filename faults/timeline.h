// Timeline: the faults of one run with the seed's choices made.
//
// Each entry draws from a stream of its own, named after what the entry says, so that adding or removing another entry
// does not move this one. An entry that waits for a disk operation, and those that are `after` it, get their time only
// when that operation happens: the runner says so with `struck`.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/base/random.h"
#include "core/base/types.h"
#include "faults/fault.h"

namespace windtunnel::faults {

// A fault with `every` gives an entry for each time that it strikes. One whose trigger has odds strikes as often as they
// say, and stands in the timeline with its end.
struct TimelineEntry {
  Fault fault;
  std::optional<core::Instant> at;        // unknown while it waits for a disk operation, or is after one that does
  std::optional<core::Instant> armed_at;  // of one with a trigger: from when on operations count
  core::Duration delay{};                 // as drawn: from the start of the run (at) or from the entry before it (after)
  bool waits_for_previous = false;        // it is `after` the entry before it
  core::Random random{core::Seed{}};      // for what is left to the seed when it strikes: which file, which bit
  [[nodiscard]] bool has_odds() const { return fault.trigger() != nullptr && fault.trigger()->odds != 0; }
};

class Timeline {
 public:
  // `random`: the run's stream for faults ("faults"). Draws nothing for times that are not ranges.
  Timeline(std::span<const Fault> faults, const core::Random& random);

  // In the order of the file. Entries of the same time strike in that order.
  [[nodiscard]] const std::vector<TimelineEntry>& entries() const { return entries_; }

  // The entry's disk operation has happened at `now`. Gives the entry, and those that are after it, their times; returns
  // the indices of the entries after it, to be scheduled. Requires: the entry waits for an operation and had no time.
  std::vector<std::size_t> struck(std::size_t index, core::Instant now);

  // When the last entry strikes, or nullopt while a time is unknown. 0 if there are no faults.
  [[nodiscard]] std::optional<core::Instant> last_fault() const;

 private:
  void add(const Fault& fault, core::Random random);
  void add_repeated(const Fault& fault, core::Random random);
  // Gives an entry its time, or the time from which its operations count.
  static void settle(TimelineEntry& entry, core::Instant time);
  std::vector<std::size_t> settle_after(std::size_t index);
  std::vector<TimelineEntry> entries_;
};

}  // namespace windtunnel::faults
