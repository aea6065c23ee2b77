#include "core/store/index_db.h"

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "core/store/codec.h"
#include "core/store/record.h"

namespace windtunnel::core {
namespace {

constexpr char kMagic = 11;
constexpr char kVersionWritten = 1;
constexpr char kVersionMax = 4;
constexpr std::size_t kSizeMin = 32;
constexpr std::size_t kHashSize = 8;

Error corrupt(std::string_view what) { return error(Errc::corrupt, std::string(what)); }

// Times are stored relative to the first one; a store may hold any, so the difference wraps.
std::int64_t difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

Status decode_subjects(ByteReader& reader, std::uint8_t version, std::vector<IndexSubject>& out) {
  const std::uint64_t count = reader.uv();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t length = reader.uv();
    IndexSubject subject;
    subject.name = std::string(reader.take(length));
    subject.total = reader.uv();
    subject.first_block = static_cast<std::uint32_t>(reader.uv());
    subject.last_block = subject.first_block;
    if (subject.total > 1 || version >= 4) subject.last_block = static_cast<std::uint32_t>(reader.uv());
    if (reader.has_failed()) return corrupt("Stream state bad subject len (" + std::to_string(length) + ")");
    if (!is_valid_literal(subject.name)) return corrupt("Stream state corrupt subject detected");
    out.push_back(std::move(subject));
  }
  return {};
}

Status decode_blocks(ByteReader& reader, std::string_view& rest, std::uint8_t version, std::int64_t base_time,
                     std::vector<IndexBlock>& out) {
  const std::uint64_t count = reader.uv();
  for (std::uint64_t i = 0; i < count; ++i) {
    IndexBlock block;
    block.index = static_cast<std::uint32_t>(reader.uv());
    block.bytes = reader.uv();
    block.first_seq = Seq{reader.uv()};
    block.first_time = sum(base_time, reader.sv());
    block.last_seq = Seq{reader.uv()};
    block.last_time = sum(base_time, reader.sv());
    const std::uint64_t deleted = reader.uv();
    if (version >= 2) (void)reader.uv();  // time-to-live entries
    if (version >= 3) (void)reader.uv();  // schedules
    if (reader.has_failed()) return corrupt("Stream state blocks truncated");
    if (deleted > 0) {
      rest = reader.rest();
      auto set = SeqSet::decode(rest);
      if (!set) return corrupt("Stream state error decoding avl dmap");
      block.deleted = *std::move(set);
      reader = ByteReader{rest};
    }
    out.push_back(std::move(block));
  }
  return {};
}

}  // namespace

std::string encode_index(const IndexSnapshot& snapshot, std::string_view stream) {
  std::string out{kMagic, kVersionWritten};
  put_uv(out, snapshot.messages);
  put_uv(out, snapshot.bytes);
  put_uv(out, snapshot.first_seq.value);
  put_sv(out, snapshot.first_time);
  put_uv(out, snapshot.last_seq.value);
  put_sv(out, snapshot.last_time);
  put_uv(out, snapshot.subjects.size());
  for (const IndexSubject& subject : snapshot.subjects) {
    put_uv(out, subject.name.size());
    out.append(subject.name);
    put_uv(out, subject.total);
    put_uv(out, subject.first_block);
    if (subject.total > 1) put_uv(out, subject.last_block);
  }
  put_uv(out, snapshot.blocks.size());
  for (const IndexBlock& block : snapshot.blocks) {
    put_uv(out, block.index);
    put_uv(out, block.bytes);
    put_uv(out, block.first_seq.value);
    put_sv(out, difference(block.first_time, snapshot.first_time));
    put_uv(out, block.last_seq.value);
    put_sv(out, difference(block.last_time, snapshot.first_time));
    put_uv(out, block.deleted.size());
    if (!block.deleted.is_empty()) block.deleted.encode_to(out);
  }
  put_uv(out, snapshot.last_block);
  put_u64(out, snapshot.last_checksum);
  put_u64(out, highway_hash(highway_key(stream), out));
  return out;
}

Result<IndexSnapshot> decode_index(std::string_view bytes, std::string_view stream) {
  if (bytes.size() < kSizeMin) return corrupt("Stream state too short (" + std::to_string(bytes.size()) + " bytes)");
  const std::string_view content = bytes.substr(0, bytes.size() - kHashSize);
  if (highway_hash(highway_key(stream), content) != load_u64(bytes.substr(content.size())))
    return corrupt("Stream state checksum did not match");
  ByteReader reader{content};
  const std::uint8_t magic = reader.byte();
  const std::uint8_t version = reader.byte();
  if (magic != kMagic || version < 1 || version > kVersionMax) return corrupt("Stream state magic and version mismatch");
  IndexSnapshot snapshot;
  snapshot.messages = reader.uv();
  snapshot.bytes = reader.uv();
  snapshot.first_seq = Seq{reader.uv()};
  snapshot.first_time = reader.sv();
  snapshot.last_seq = Seq{reader.uv()};
  snapshot.last_time = reader.sv();
  WT_CHECK(decode_subjects(reader, version, snapshot.subjects));
  std::string_view rest;
  WT_CHECK(decode_blocks(reader, rest, version, snapshot.first_time, snapshot.blocks));
  snapshot.last_block = static_cast<std::uint32_t>(reader.uv());
  const std::string_view checksum = reader.take(8);
  if (reader.has_failed()) return corrupt("Stream state has no checksum present");
  snapshot.last_checksum = load_u64(checksum);
  return snapshot;
}

}  // namespace windtunnel::core
