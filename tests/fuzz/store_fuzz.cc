// What is read from a store directory, fed with anything: the first byte says what it is. No input may crash, hang, read
// out of bounds or allocate out of proportion.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/assert.h"
#include "core/store/block_scan.h"
#include "core/store/consumer_store.h"
#include "core/store/index_db.h"
#include "core/store/s2.h"

using namespace windtunnel::core;

namespace {

void fuzz_block(std::string_view bytes) {
  std::uint64_t end = 0;
  Seq last;
  const BlockScan scan = scan_block(bytes, block_key("S", 1), [&](const RecordView& record, std::uint64_t offset) {
    WT_ASSERT(offset >= end);
    end = offset + record.size;
    WT_ASSERT(end <= bytes.size());
    if (record.kind == RecordKind::tombstone) return;
    WT_ASSERT(record.seq > last);
    last = record.seq;
  });
  WT_ASSERT(scan.good_size <= bytes.size());
}

// A block of valid records, cut out of the input, with some of its bytes overwritten by others of it.
void fuzz_damaged_block(std::string_view bytes) {
  const HighwayKey key = block_key("S", 1);
  std::string block;
  std::uint64_t seq = 0;
  std::string_view rest = bytes;
  while (rest.size() > 4 && block.size() < 4096) {
    const auto kind = static_cast<unsigned char>(rest[0]);
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(rest[1]), rest.size() - 2);
    seq += 1 + (kind >> 6);
    if (kind % 4 == 0)
      append_tombstone(block, key, Seq{seq / 2 + 1}, WallTime{1});
    else if (kind % 4 == 1)
      append_skip(block, key, Seq{seq}, WallTime{1});
    else
      append_message(block, key, Seq{seq}, WallTime{1}, {"s", kind % 4 == 2 ? "" : "NATS/1.0\r\n\r\n", rest.substr(2, length)});
    rest.remove_prefix(2 + length);
  }
  for (std::size_t i = 0; !block.empty() && i + 2 < bytes.size() && i < 12; i += 3) {
    const std::size_t at =
        static_cast<unsigned char>(bytes[bytes.size() - 1 - i]) * 256u + static_cast<unsigned char>(bytes[bytes.size() - 2 - i]);
    block[at % block.size()] = bytes[bytes.size() - 3 - i];
  }
  fuzz_block(block);
}

// Checksums keep mutations out: a second way in appends the right one.
void fuzz_index(std::string_view bytes, bool is_signed) {
  std::string content{bytes};
  if (is_signed) put_u64(content, highway_hash(highway_key("S"), bytes));
  const auto snapshot = decode_index(content, "S");
  if (!snapshot) return;
  std::uint64_t live = 0;
  for (const IndexBlock& block : snapshot->blocks) live += block.messages();
  WT_ASSERT(snapshot->blocks.size() <= content.size());
  (void)live;
}

void fuzz_consumer(std::string_view bytes) {
  const auto state = decode_consumer_state(bytes);
  if (!state) return;
  WT_ASSERT(state->pending.size() <= bytes.size());
  // What was read can be written and read again.
  WT_ASSERT(decode_consumer_state(encode_consumer_state(*state, WallTime{1700000000000000000})).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 6) {
    case 0: fuzz_block(bytes); break;
    case 1: fuzz_index(bytes, false); break;
    case 2: fuzz_index(bytes, true); break;
    case 3: fuzz_consumer(bytes); break;
    case 5: fuzz_damaged_block(bytes); break;
    default: (void)(is_compressed_block(bytes) ? decompress_block(bytes) : decode_s2_stream(bytes, 1u << 22)); break;
  }
  return 0;
}
