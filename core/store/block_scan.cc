#include "core/store/block_scan.h"

#include <algorithm>

namespace windtunnel::core {
namespace {

// How many bytes may be hashed in search of the next valid record, as a multiple of the block's size. Crafted lengths
// could otherwise make the search quadratic.
constexpr std::uint64_t kSearchFactor = 8;
// A record behind a damaged place continues the sequences: those this far ahead are taken for noise.
constexpr std::uint64_t kSeqGapMax = std::uint64_t{1} << 40;

class Scanner {
 public:
  Scanner(std::string_view bytes, const HighwayKey& key, const RecordVisitor& visit)
      : bytes_(bytes), key_(key), visit_(visit), budget_(kSearchFactor * bytes.size() + kRecordSizeMax) {}

  BlockScan run() {
    std::uint64_t at = 0;
    while (at < bytes_.size()) {
      if (const auto record = parse_record(bytes_.substr(at), key_)) {
        take(*record, at);
        at += record->size;
        continue;
      }
      const std::uint64_t next = resume_after(at);
      scan_.damaged.push_back({at, next - at, std::max(last_seq_, tombstone_), Seq{0}});
      at = next;
    }
    return std::move(scan_);
  }

 private:
  void take(const RecordView& record, std::uint64_t at) {
    scan_.good_size = at + record.size;
    scan_.last_checksum = record.checksum;
    if (record.kind == RecordKind::tombstone) {
      tombstone_ = std::max(tombstone_, record.seq);
    } else {
      if (record.seq <= last_seq_) return;
      last_seq_ = record.seq;
      // The damaged places since the last message or marker now know what is behind them.
      for (auto it = scan_.damaged.rbegin(); it != scan_.damaged.rend() && it->behind.value == 0; ++it) it->behind = record.seq;
    }
    visit_(record, at);
  }

  // Where the next valid record begins; the end of the block if there is none.
  std::uint64_t resume_after(std::uint64_t at) {
    // Damage inside a payload leaves the length right. Trying that first also keeps a payload that happens to hold a
    // copy of a record from being taken for one.
    const std::uint32_t claimed = claimed_record_size(bytes_.substr(at));
    if (claimed != 0 && (at + claimed == bytes_.size() || is_record(at + claimed))) return at + claimed;
    for (std::uint64_t next = at + 1; next + kEmptyRecordSize <= bytes_.size(); ++next) {
      if (is_record(next)) return next;
    }
    return bytes_.size();
  }

  bool is_record(std::uint64_t at) {
    const std::string_view rest = bytes_.substr(at);
    const std::uint32_t size = claimed_record_size(rest);
    if (size == 0 || size > budget_) return false;
    const std::uint64_t seq = load_u64(rest.substr(4)) & ~(std::uint64_t{3} << 62);
    if (last_seq_.value != 0 && seq > last_seq_.value + kSeqGapMax) return false;
    budget_ -= size;
    return parse_record(rest, key_).has_value();
  }

  std::string_view bytes_;
  const HighwayKey& key_;
  const RecordVisitor& visit_;
  std::uint64_t budget_;
  Seq last_seq_;
  Seq tombstone_;  // the highest
  BlockScan scan_;
};

}  // namespace

BlockScan scan_block(std::string_view bytes, const HighwayKey& key, const RecordVisitor& visit) { return Scanner{bytes, key, visit}.run(); }

}  // namespace windtunnel::core
