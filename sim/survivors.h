// Survivors: one exact way in which a crash may leave a disk, chosen instead of drawn.
//
// What is written and not synced is a list of volatile units: directory operations in their order, then the sectors and the
// sizes of files. The list follows from the disk alone, so that a unit's number means the same in every run of the same
// scenario and seed (reference: fault model 1.1, D1 to D12 and D29).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace windtunnel::sim {

class DiskTree;

// One thing that a power loss may keep or take. Units are numbered from 0 in the order of DiskTree::volatile_units().
struct VolatileUnit {
  enum class Kind : std::uint8_t {
    name,      // a name is given or taken: a creation, a removal, the new name of a rename
    old_name,  // the second half of a rename: the old name goes. Never survives without the first.
    size,      // a file's size
    sector,    // 512 bytes of a file
  };
  Kind kind = Kind::name;
  std::uint64_t number = 0;  // of the directory operation, or of the sector
  std::string path;
};

struct Survivors {
  enum class How : std::uint8_t {
    kill,     // no power loss: the page cache stays
    none,     // nothing survives
    all,      // everything does
    only,     // unit `which` alone
    without,  // everything but unit `which`
    torn,     // everything, but the file of sector `which` ends where that sector begins, or where it ended when last synced
    hole,     // everything, but the sectors of that file from `which` on read as they were, beyond the old end as zeros
    sizes,    // names and sizes, and not one sector
    prefix,   // as the disk was `which` operations ago, but for what was synced since
  };
  How how = How::kill;
  std::uint64_t which = 0;
  friend bool operator==(const Survivors&, const Survivors&) = default;
};

// "kill", "only:3", and back. Errors: invalid_argument, with what there is.
[[nodiscard]] std::string to_text(const Survivors& survivors);
[[nodiscard]] core::Result<Survivors> parse_survivors(std::string_view text);

// So many earlier states of a disk `prefix` may go back.
inline constexpr std::uint64_t kPrefixMax = 32;

// Every way in which a crash may leave this disk, with up to `earlier` states to go back to. Of a file with more than
// `sectors_max` volatile sectors only the first and the last ones are lost or kept one by one; `left_out` counts the rest.
[[nodiscard]] std::vector<Survivors> ways_to_leave(const DiskTree& disk, std::uint64_t earlier, std::size_t sectors_max,
                                                   std::uint64_t& left_out);

}  // namespace windtunnel::sim
