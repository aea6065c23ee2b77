// What recovery gathers; between file_store_recovery.cc and file_store_believe.cc.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/store/block_scan.h"
#include "core/store/file_store_impl.h"
#include "core/store/index_db.h"

namespace windtunnel::core {

// What a scan of the blocks gathers before anything is concluded from it.
struct FileStore::Recovery {
  struct Damage {
    std::uint32_t block = 0;
    DamagedRange range;
    bool is_tail = false;
  };
  std::vector<Tombstone> tombstones;
  std::vector<Seq> erased;  // and skipped
  std::vector<Damage> damaged;
  std::optional<IndexSnapshot> index;
  // As nats-server judges an index (reference: filestore 4.3, checks 11 to 14): the block that it names last is there, and
  // ends as it says, with no block behind it.
  bool is_index_block_there = false;
  bool is_index_current = false;
  std::vector<std::uint32_t> half_compressed;  // blocks N of files N.blk.tmp
  bool saw_index_record = false;               // the last record that the index knew is still there
  bool is_index_record_last = false;
  std::uint64_t index_record_at = 0;  // where it is
  // The block that is read, and its records: their memory serves all blocks, for fresh pages cost more than what is done with them.
  std::string content;
  std::vector<std::pair<RecordView, std::uint64_t>> records;
  // Whether this lies behind everything that the index knew.
  [[nodiscard]] bool is_behind_index(const Damage& damage) const {
    if (!index || damage.block < index->last_block) return false;
    return damage.block > index->last_block || (saw_index_record && damage.range.offset >= index_record_at);
  }
};

}  // namespace windtunnel::core
