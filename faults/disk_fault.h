// The faults of a disk as plain data (reference: fault model 1.1, D13 to D27), and which files they choose.
//
// Two families. At rest: the bytes on the medium are no longer what was written, from the moment of the fault. In flight:
// from now on operations go wrong, for a number of times or until heal_disk. What lay in a damaged sector may be lost, and
// nothing else may: scenarios/invariants/durability.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "faults/op_trigger.h"
#include "faults/units.h"

namespace windtunnel::faults {

// Of the files that match, in the order of their names with numbers by value (2.blk before 10.blk).
enum class Pick : std::uint8_t { random, first, middle, last, all };

struct FileChoice {
  std::string glob = "**";  // as in a trigger: the path's last components
  std::string stream;       // `of`: only files of this stream; empty: of any, or of none
  Pick pick = Pick::random;
  // Whether a path is among those to choose from.
  [[nodiscard]] bool matches(std::string_view path) const;
  friend bool operator==(const FileChoice&, const FileChoice&) = default;
};

// The files struck, of all those of a disk. Draws only for Pick::random with more than one to choose from.
[[nodiscard]] std::vector<std::string> choose(const FileChoice& choice, const std::vector<std::string>& files, core::Random& random);

// "first .blk", "newest .blk": a role, which is short for a glob and a pick; nullopt if the text is none (a plain glob).
[[nodiscard]] std::optional<FileChoice> parse_file_role(std::string_view text);

enum class DiskErrorCode : std::uint8_t { eio, enospc, erofs, eacces, emfile };
enum class StaleVersion : std::uint8_t {
  by_age,
  previous_sync,  // as the sync before the last one left it
};

// ---- at rest ----
struct LoseFile {  // D13
  std::string node;
  FileChoice file;
  friend bool operator==(const LoseFile&, const LoseFile&) = default;
};
struct StaleFile {  // D14
  std::string node;
  FileChoice file;
  StaleVersion version = StaleVersion::previous_sync;
  core::Duration age{};  // with by_age: as it was so long before the fault
  friend bool operator==(const StaleFile&, const StaleFile&) = default;
};
struct TruncateFile {  // a tail that is gone; a file of zero length
  std::string node;
  FileChoice file;
  std::optional<core::Bytes> keep;  // exactly one of the two is there
  std::optional<core::Bytes> cut;
  friend bool operator==(const TruncateFile&, const TruncateFile&) = default;
};
struct ZeroFile {  // a tail, or all, that reads as zeros
  std::string node;
  FileChoice file;
  std::optional<core::Bytes> tail;
  friend bool operator==(const ZeroFile&, const ZeroFile&) = default;
};
struct BitFlip {  // D15: `bits` different bits of one sector
  std::string node;
  FileChoice file;
  std::uint64_t bits = 1;
  friend bool operator==(const BitFlip&, const BitFlip&) = default;
};
struct BadSector {  // D16: one sector cannot be read until it is written again
  std::string node;
  FileChoice file;
  friend bool operator==(const BadSector&, const BadSector&) = default;
};

// ---- in flight; count 0: until heal_disk. `file.pick` has no meaning: every file that matches ----
struct Misread {  // D17: wrong once, right on retry
  std::string node;
  FileChoice file;
  std::uint64_t count = 1;
  friend bool operator==(const Misread&, const Misread&) = default;
};
struct MisdirectedRead {  // D19
  std::string node;
  FileChoice file;
  std::uint64_t count = 1;
  friend bool operator==(const MisdirectedRead&, const MisdirectedRead&) = default;
};
struct MisdirectedWrite {  // D18
  std::string node;
  FileChoice file;
  std::uint64_t count = 1;
  friend bool operator==(const MisdirectedWrite&, const MisdirectedWrite&) = default;
};
struct ShortWrite {  // D25
  std::string node;
  FileChoice file;
  std::uint64_t count = 0;
  friend bool operator==(const ShortWrite&, const ShortWrite&) = default;
};
struct PhantomSync {  // D20
  std::string node;
  FileChoice file;
  friend bool operator==(const PhantomSync&, const PhantomSync&) = default;
};
struct FailedFsync {  // D22; `is_late`: D23, the sync says that it worked and the next one of that file fails
  std::string node;
  FileChoice file;
  std::uint64_t count = 1;
  bool is_late = false;
  friend bool operator==(const FailedFsync&, const FailedFsync&) = default;
};
struct DiskError {  // D21, D26
  std::string node;
  FileChoice file;
  DiskOp op = DiskOp::write;
  DiskErrorCode error = DiskErrorCode::eio;
  std::uint64_t count = 0;
  friend bool operator==(const DiskError&, const DiskError&) = default;
};
struct DiskFull {  // D24
  std::string node;
  core::Bytes free;  // how much fits besides what is there
  friend bool operator==(const DiskFull&, const DiskFull&) = default;
};
struct SlowDisk {  // D27
  std::string node;
  std::uint64_t factor = 1;  // of every latency
  core::Duration stall{};    // nothing completes for so long from now on
  friend bool operator==(const SlowDisk&, const SlowDisk&) = default;
};
// Ends everything in flight. What happened at rest stays.
struct HealDisk {
  std::string node;
  friend bool operator==(const HealDisk&, const HealDisk&) = default;
};

[[nodiscard]] std::string_view name_of(Pick pick);
[[nodiscard]] std::string_view name_of(DiskErrorCode error);   // "EIO"
[[nodiscard]] std::string_view name_of(StaleVersion version);  // "previous_sync"
[[nodiscard]] std::span<const std::string_view> pick_names();
[[nodiscard]] std::span<const std::string_view> disk_error_names();

}  // namespace windtunnel::faults
