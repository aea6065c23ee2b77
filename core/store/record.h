// Records: what message blocks are made of (reference: filestore 2.2 to 2.4).
//
// A record is a message, an erased or skipped sequence, or a delete tombstone. Its checksum is keyed by stream and block
// number, so it is valid in its own block only. Pure functions over bytes; nothing here suspends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/base/types.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

inline constexpr std::uint32_t kRecordHeaderSize = 22;     // up to the subject
inline constexpr std::uint32_t kEmptyRecordSize = 30;      // header and checksum: tombstones and skip markers
inline constexpr std::uint32_t kRecordSizeMax = 33554432;  // readers refuse larger ones, so ours does not write them

enum class RecordKind : std::uint8_t {
  message,
  erased,     // the sequence was used and holds nothing: skipped, or overwritten by a secure delete
  tombstone,  // the sequence was deleted; its record, if there still is one, lies in this block or an earlier one
};

struct RecordView {
  RecordKind kind = RecordKind::message;
  Seq seq;
  WallTime time;  // of a tombstone: when the deleted message was stored
  std::string_view subject;
  std::string_view headers;
  std::string_view payload;
  std::uint32_t size = 0;      // of the whole record
  std::uint64_t checksum = 0;  // as stored
};

// The checksum key of block `index` of a stream.
[[nodiscard]] HighwayKey block_key(std::string_view stream, std::uint32_t index);

[[nodiscard]] std::uint64_t record_size(const NewMessage& message);

// These append one encoded record to `out`.
// Requires: record_size(message) < 2^31 and a subject of at most 65535 bytes. One above kRecordSizeMax is never read back.
void append_message(std::string& out, const HighwayKey& key, Seq seq, WallTime time, const NewMessage& message);
void append_tombstone(std::string& out, const HighwayKey& key, Seq seq, WallTime time_of_message);
void append_skip(std::string& out, const HighwayKey& key, Seq seq, WallTime time);
// What a secure delete writes over a record of `size` bytes. Requires: size >= kEmptyRecordSize.
void append_erased(std::string& out, const HighwayKey& key, Seq seq, std::uint32_t size, Random& random);

// The record that begins at the start of `bytes`; nullopt if there is none: too short, lengths that make no sense, or a
// checksum that does not match. The views are of `bytes`.
[[nodiscard]] std::optional<RecordView> parse_record(std::string_view bytes, const HighwayKey& key);
// The total length that the header at the start of `bytes` claims, if lengths make sense within `bytes`; else 0.
[[nodiscard]] std::uint32_t claimed_record_size(std::string_view bytes);

// Little-endian words of the formats.
[[nodiscard]] std::uint64_t load_u64(std::string_view bytes);  // requires: 8 bytes
[[nodiscard]] std::uint32_t load_u32(std::string_view bytes);  // requires: 4 bytes
void put_u64(std::string& out, std::uint64_t value);
void put_u32(std::string& out, std::uint32_t value);

}  // namespace windtunnel::core
