// index.db: the snapshot of a stream's state that nats-server keeps beside the blocks (reference: filestore 2.6, 4.3).
//
// To us it is a witness, never the truth: the blocks are always read. It says what a damaged or missing block held, and
// the last sequence of a stream whose blocks are gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/store/seq_set.h"

namespace windtunnel::core {

struct IndexSubject {
  std::string name;
  std::uint64_t total = 0;
  std::uint32_t first_block = 0;
  std::uint32_t last_block = 0;
  friend bool operator==(const IndexSubject&, const IndexSubject&) = default;
};

struct IndexBlock {
  std::uint32_t index = 0;
  std::uint64_t bytes = 0;
  Seq first_seq;
  std::int64_t first_time = 0;
  Seq last_seq;
  std::int64_t last_time = 0;
  SeqSet deleted;
  [[nodiscard]] std::uint64_t messages() const {
    const std::uint64_t range = last_seq.value - first_seq.value + 1;
    return last_seq < first_seq || deleted.size() > range ? 0 : range - deleted.size();
  }
};

struct IndexSnapshot {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  Seq first_seq;
  std::int64_t first_time = 0;  // ns; 0: none
  Seq last_seq;
  std::int64_t last_time = 0;
  std::vector<IndexSubject> subjects;
  std::vector<IndexBlock> blocks;
  std::uint32_t last_block = 0;
  std::uint64_t last_checksum = 0;  // of the last record of that block; 0: it has none
};

// Version 1, which every nats-server since 2.10 reads.
[[nodiscard]] std::string encode_index(const IndexSnapshot& snapshot, std::string_view stream);
// Reads versions 1 to 4. Errors: corrupt, in nats-server's words. Needs memory in proportion to bytes.size().
[[nodiscard]] Result<IndexSnapshot> decode_index(std::string_view bytes, std::string_view stream);

}  // namespace windtunnel::core
