// Scanning a message block: every valid record in a block's bytes, and what is damaged between them.
//
// nats-server gives up a block at its first bad record (issue 7549). Ours finds the next valid one: a checksum of 64
// bits keyed by the block makes a chance match impossible, so damage costs the records it hit and no others.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/store/record.h"

namespace windtunnel::core {

struct DamagedRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  Seq before;  // the highest sequence that a record ahead of it names, be it a tombstone; 0: none. What was hit lies above
  Seq behind;  // the first sequence of a message or marker behind it; 0: none (the tail of the block)
  friend bool operator==(const DamagedRange&, const DamagedRange&) = default;
};

struct BlockScan {
  std::vector<DamagedRange> damaged;  // ascending
  std::uint64_t good_size = 0;        // where the last valid record ends
  std::uint64_t last_checksum = 0;    // of that record
  [[nodiscard]] bool has_damaged_tail(std::uint64_t size) const { return good_size < size; }
};

using RecordVisitor = std::function<void(const RecordView& record, std::uint64_t offset)>;

// Calls `visit` for each valid record in order. Messages and erased records whose sequence does not exceed the one
// before are not visited (a sequence only moves up; a block written to the wrong place may repeat some).
// Takes time linear in bytes.size(), whatever they hold.
BlockScan scan_block(std::string_view bytes, const HighwayKey& key, const RecordVisitor& visit);

}  // namespace windtunnel::core
