#include "core/store/record.h"

#include <array>
#include <bit>
#include <cstring>

#include "core/base/assert.h"

namespace windtunnel::core {
namespace {

constexpr std::uint32_t kHeadersBit = 0x80000000u;
constexpr std::uint64_t kErasedBit = std::uint64_t{1} << 63;
constexpr std::uint64_t kTombstoneBit = std::uint64_t{1} << 62;
constexpr std::size_t kChecksumSize = 8;
constexpr std::size_t kLeadSize = 22;

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

template <typename Number>
Number load(std::string_view bytes) {
  WT_ASSERT(bytes.size() >= sizeof(Number));
  Number value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

template <typename Number>
void append(std::string& out, Number value) {
  std::array<char, sizeof value> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  out.append(bytes.data(), bytes.size());
}

// The part of fixed size at a record's beginning.
class Lead {
 public:
  template <typename Number>
  void put(Number value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof value);
    size_ += sizeof value;
  }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kLeadSize> bytes_;
  std::size_t size_ = 0;
};

// The checksum covers bytes 4..19 and what follows the subject length, without the 4-byte header length: pieces that
// do not lie together, so they are copied together.
class Checksummed {
 public:
  explicit Checksummed(std::size_t size) {
    if (size > small_.size()) large_.resize(size);
    at_ = large_.empty() ? small_.data() : large_.data();
    begin_ = at_;
  }
  Checksummed(const Checksummed&) = delete;
  Checksummed& operator=(const Checksummed&) = delete;
  void add(std::string_view piece) {
    if (!piece.empty()) std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
  }
  [[nodiscard]] std::uint64_t hash(const HighwayKey& key) const {
    return highway_hash(key, {begin_, static_cast<std::size_t>(at_ - begin_)});
  }

 private:
  std::array<char, 512> small_;  // not cleared: only what add() wrote is read
  std::string large_;
  char* at_;
  char* begin_;
};

void append_record(std::string& out, const HighwayKey& key, std::uint64_t flagged_seq, WallTime time, const NewMessage& message) {
  const std::uint64_t size = record_size(message);
  WT_ASSERT(size <= INT32_MAX);
  WT_ASSERT(message.subject.size() <= 0xffff);
  const std::size_t start = out.size();
  out.reserve(start + size);
  Lead lead;
  lead.put(static_cast<std::uint32_t>(size) | (message.headers.empty() ? 0 : kHeadersBit));
  lead.put(flagged_seq);
  lead.put(static_cast<std::uint64_t>(time.unix_ns));
  lead.put(static_cast<std::uint16_t>(message.subject.size()));
  out.append(lead.text()).append(message.subject);
  if (!message.headers.empty()) {
    put_u32(out, static_cast<std::uint32_t>(message.headers.size()));
    out.append(message.headers);
  }
  out.append(message.payload);
  Checksummed covered(16 + message.subject.size() + message.headers.size() + message.payload.size());
  covered.add(std::string_view(out).substr(start + 4, 16));
  covered.add(message.subject);
  covered.add(message.headers);
  covered.add(message.payload);
  put_u64(out, covered.hash(key));
  WT_ASSERT(out.size() == start + size);
}

// The checksum leaves out the lengths of subject and headers: damage there moves the borders between subject, headers
// and payload and goes unseen. What cannot be a subject or a header block gives most of it away.
bool has_plausible_borders(const RecordView& record, std::string_view headers_and_payload) {
  char before = '.';
  for (const char c : record.subject) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0') return false;
    if (c == '.' && before == '.') return false;
    before = c;
  }
  if (before == '.') return false;
  if (record.headers.empty()) return true;
  const std::size_t end = headers_and_payload.find("\r\n\r\n");
  return !headers_and_payload.starts_with("NATS/1.0") || end == std::string_view::npos || end + 4 == record.headers.size();
}

}  // namespace

std::uint64_t load_u64(std::string_view bytes) { return load<std::uint64_t>(bytes); }

std::uint32_t load_u32(std::string_view bytes) { return load<std::uint32_t>(bytes); }

void put_u64(std::string& out, std::uint64_t value) { append(out, value); }

void put_u32(std::string& out, std::uint32_t value) { append(out, value); }

HighwayKey block_key(std::string_view stream, std::uint32_t index) {
  return highway_key(std::string(stream) + "-" + std::to_string(index));
}

std::uint64_t record_size(const NewMessage& message) {
  const std::uint64_t headers = message.headers.empty() ? 0 : 4 + message.headers.size();
  return kEmptyRecordSize + message.subject.size() + headers + message.payload.size();
}

void append_message(std::string& out, const HighwayKey& key, Seq seq, WallTime time, const NewMessage& message) {
  append_record(out, key, seq.value, time, message);
}

void append_tombstone(std::string& out, const HighwayKey& key, Seq seq, WallTime time_of_message) {
  append_record(out, key, seq.value | kTombstoneBit, time_of_message, NewMessage{});
}

void append_skip(std::string& out, const HighwayKey& key, Seq seq, WallTime time) {
  append_record(out, key, seq.value | kErasedBit, time, NewMessage{});
}

void append_erased(std::string& out, const HighwayKey& key, Seq seq, std::uint32_t size, Random& random) {
  WT_ASSERT(size >= kEmptyRecordSize);
  std::string filler(size - kEmptyRecordSize, '\0');
  for (char& c : filler) c = static_cast<char>(random.below(256));
  append_record(out, key, seq.value | kErasedBit, WallTime{0}, NewMessage{{}, {}, filler});
}

std::uint32_t claimed_record_size(std::string_view bytes) {
  if (bytes.size() < kEmptyRecordSize) return 0;
  const std::uint32_t size = load_u32(bytes) & ~kHeadersBit;
  if (size < kEmptyRecordSize || size > kRecordSizeMax || size > bytes.size()) return 0;
  const bool has_headers = (load_u32(bytes) & kHeadersBit) != 0;
  const std::uint32_t subject = load<std::uint16_t>(bytes.substr(20));
  if (kEmptyRecordSize + subject + (has_headers ? 4u : 0u) > size) return 0;
  return size;
}

std::optional<RecordView> parse_record(std::string_view bytes, const HighwayKey& key) {
  const std::uint32_t size = claimed_record_size(bytes);
  if (size == 0) return std::nullopt;
  RecordView record;
  record.size = size;
  const std::string_view head = bytes.substr(0, kRecordHeaderSize);
  std::string_view body = bytes.substr(kRecordHeaderSize, size - kEmptyRecordSize);
  record.subject = body.substr(0, load<std::uint16_t>(head.substr(20)));
  body.remove_prefix(record.subject.size());
  if ((load_u32(head) & kHeadersBit) != 0) {
    const std::uint32_t length = load_u32(body);
    body.remove_prefix(4);
    if (length == 0 || length > body.size()) return std::nullopt;
    record.headers = body.substr(0, length);
    body.remove_prefix(length);
  }
  record.payload = body;
  record.checksum = load_u64(bytes.substr(size - kChecksumSize));
  Checksummed covered(16 + record.subject.size() + record.headers.size() + record.payload.size());
  covered.add(head.substr(4, 16));
  covered.add(record.subject);
  covered.add(record.headers);
  covered.add(record.payload);
  if (covered.hash(key) != record.checksum) return std::nullopt;

  const std::uint64_t flagged = load_u64(head.substr(4));
  record.seq = Seq{flagged & ~(kErasedBit | kTombstoneBit)};
  record.time = WallTime{static_cast<std::int64_t>(load_u64(head.substr(12)))};
  // The order of the tests is nats-server's: a record with both bits is a tombstone.
  if ((flagged & kTombstoneBit) != 0) {
    record.kind = RecordKind::tombstone;
  } else if ((flagged & kErasedBit) != 0 || record.seq.value == 0) {
    record.kind = RecordKind::erased;
  } else if (!has_plausible_borders(record, {record.headers.data(), record.headers.size() + record.payload.size()})) {
    return std::nullopt;
  }
  return record;
}

}  // namespace windtunnel::core
