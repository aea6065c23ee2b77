// Damage: what a disk fault took from a stream, known from what its files held the moment before. The oracle's knowledge:
// exactly this may be lost, and nothing else (scenarios/invariants/durability.h).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "core/base/types.h"
#include "sim/disk.h"
#include "sim/trace.h"

namespace windtunnel::scenarios {

struct Damage {
  enum class Part : std::uint8_t { block, index, consumer, metadata, other };

  core::Instant at;
  sim::NodeId node = sim::NodeId::world;
  std::string path;
  std::string stream;    // whose file it is; empty: no stream's
  std::string consumer;  // of Part::consumer
  Part part = Part::other;
  bool is_after_power_loss = false;  // takes effect with the next power loss only
  std::set<core::Seq> messages;      // records that were whole before and are not any more
  std::set<core::Seq> marks;         // the same of tombstones and erased records: what they removed may come back
  std::set<core::Seq> back;          // records that an older version of the file brings back
  // The highest sequence that the stream's directory still shows afterwards, in whatever file.
  core::Seq known_last;
  // Whether what is left shows that something is missing: a damaged record, or an index that knows what was there. Where
  // it does not nobody could report it.
  bool is_evident = false;
  // Of what the fault left in the file; nullopt: the file is gone.
  std::optional<std::uint64_t> left;
  // A start of the node found the file as the fault had left it.
  bool was_met = false;
};

// `tree`: the disk after the fault.
[[nodiscard]] Damage examine(const sim::DiskDamage& damage, const sim::DiskTree& tree, sim::NodeId node, core::Instant at);

}  // namespace windtunnel::scenarios
