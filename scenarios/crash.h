// Crashes anchored to a disk operation and left in exactly one way: what `run --crash-at OP --keep HOW` replays, and what
// `crash-points` tries one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "sim/survivors.h"

namespace windtunnel::sim {
class DiskTree;
}

namespace windtunnel::scenarios {

// The node crashes right after the n-th operation that changed its disk, counted from 1 at its first start.
struct CrashAt {
  std::string node;
  std::uint64_t operation = 0;
  sim::Survivors keep;
  friend bool operator==(const CrashAt&, const CrashAt&) = default;
};

// "srv:217". Errors: invalid_argument.
struct CrashPlace {
  std::string node;
  std::uint64_t operation = 0;
};
[[nodiscard]] core::Result<CrashPlace> parse_crash_place(std::string_view text);
[[nodiscard]] std::string place_text(const CrashAt& crash);

// A node after an operation on its disk.
struct CrashMoment {
  std::string_view node;
  std::uint64_t operation = 0;
  std::string what;  // "write jetstream/$G/streams/S/msgs/1.blk"
  const sim::DiskTree& disk;
  // The disk after earlier operations, the latest one last; at most sim::kPrefixMax.
  std::span<const std::shared_ptr<const sim::DiskTree>> before;
  bool is_recovering = false;  // it crashed here before, and has not come up yet
  bool is_preparing = false;   // before the scenario's time 0
  // Stands for all that was promised to anyone so far: equal disks with equal promises need trying once.
  std::uint64_t promises = 0;
  bool syncs_always = false;
};

// Asked after each operation that changed a node's disk, in the task that did it: whether the node crashes here, and how.
// Must not suspend. It may fork.
using CrashHook = std::function<std::optional<sim::Survivors>(const CrashMoment&)>;

}  // namespace windtunnel::scenarios
