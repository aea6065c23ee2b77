#include "core/store/inspection_scan.h"

#include <algorithm>
#include <map>

#include "core/env/disk.h"
#include "core/store/block_files.h"
#include "core/store/block_scan.h"

namespace windtunnel::core {
namespace {

constexpr Bytes kIndexSizeMax{1u << 30};
// So many damaged places of one block are listed; the rest is summed up. Noise may have one every few bytes.
constexpr std::size_t kDamageListedMax = 100;

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

// What a file's name says it is, of names that a healthy stream at rest does not have. Empty: nothing.
struct Leftover {
  Severity severity = Severity::note;
  std::string_view what;
  std::string_view advice;
};

std::optional<Leftover> judge_name(const DirectoryEntry& entry) {
  const std::string_view name = entry.name;
  constexpr std::string_view kGoes = "the next start removes it";
  if (entry.is_directory) return Leftover{Severity::note, "a directory that does not belong here", "move it elsewhere"};
  if (block_index_of(name) != 0 || name == "index.db") return std::nullopt;
  if (name.ends_with(".new")) return Leftover{Severity::note, "a block that was being compacted when the server died", kGoes};
  if (name.ends_with(".tmp")) return Leftover{Severity::note, "a file that was being written when the server died", kGoes};
  if (name.starts_with("_test_")) return Leftover{Severity::note, "a probe whether the directory can be written", kGoes};
  if (name.ends_with(".idx") || name.ends_with(".fss"))
    return Leftover{Severity::note, "an index of a server before 2.10", "it is not used"};
  if (name == "thw.db")
    return Leftover{Severity::note, "times to live of single messages, by nats-server 2.11 or later", "they are not applied here"};
  if (name == "sched.db") return Leftover{Severity::note, "message schedules of nats-server 2.12 or later", "they are not applied here"};
  return Leftover{Severity::note, "a file that does not belong here", "move it elsewhere"};
}

class Scanner {
 public:
  Scanner(Disk& disk, const std::string& directory, const std::string& stream)
      : disk_(disk), directory_(directory), msgs_(directory + "/msgs"), stream_(stream), files_(disk, msgs_) {}

  Result<FileScan> run() {
    WT_CHECK(look_around());
    auto names = disk_.list(msgs_);
    if (!names && names.error().code == Errc::not_found) {
      problem({Severity::damage,
               "missing-blocks",
               msgs_,
               std::nullopt,
               0,
               {},
               "the directory of the message blocks is not there",
               "restore it from a backup or a mirror; a server starts with an empty stream"});
      return std::move(scan_);
    }
    if (!names) return names.error();
    std::vector<std::uint32_t> indexes;
    for (const DirectoryEntry& entry : *names) {
      if (const auto leftover = judge_name(entry)) note_leftover(msgs_ + "/" + entry.name, *leftover);
      if (!entry.is_directory && block_index_of(entry.name) != 0) indexes.push_back(block_index_of(entry.name));
    }
    std::sort(indexes.begin(), indexes.end());
    for (std::size_t i = 0; i < indexes.size(); ++i) scan_one(indexes[i], i + 1 == indexes.size());
    note_numbering();
    judge_index();
    return std::move(scan_);
  }

 private:
  void problem(Problem p) { scan_.problems.push_back(std::move(p)); }
  void note_leftover(const std::string& file, const Leftover& leftover) {
    problem({leftover.severity, "leftover", file, std::nullopt, 0, {}, std::string(leftover.what), std::string(leftover.advice)});
  }

  // The stream's own directory: what an interrupted purge or a rewrite of the metadata left behind.
  Status look_around() {
    WT_TRY(const std::vector<DirectoryEntry> names, disk_.list(directory_));
    for (const DirectoryEntry& entry : names) {
      const std::string path = directory_ + "/" + entry.name;
      if (entry.is_directory && entry.name == "__new_msgs__") {
        problem({Severity::warning,
                 "unfinished-purge",
                 path,
                 std::nullopt,
                 0,
                 {},
                 "a purge was under way when the server died",
                 "the next start ends it: windtunnel and nats-server 2.14; older servers do not look here"});
      } else if (entry.is_directory && entry.name == "__msgs__") {
        problem({Severity::note,
                 "unfinished-purge",
                 path,
                 std::nullopt,
                 0,
                 {},
                 "what a purge moved aside when the server died",
                 "nats-server throws it away; windtunnel takes it back if there are no other blocks"});
      } else if (!entry.is_directory && (entry.name.ends_with(".tmp") || entry.name.starts_with("_test_"))) {
        note_leftover(path, {Severity::note, "a file that was being written when the server died", "nothing: it is replaced in time"});
      }
    }
    return {};
  }

  void scan_one(std::uint32_t index, bool is_last) {
    BlockReport block;
    block.index = index;
    block.file = files_.path(index);
    if (auto file = disk_.open(block.file, OpenMode{})) {
      if (const auto size = (*file)->size()) block.size = *size;
    }
    bool has_io_error = false;
    const auto content = files_.read_all(index, block.is_compressed, has_io_error);
    if (!content) {
      const bool is_packed = content.error().code == Errc::corrupt;
      block.is_compressed = is_packed;
      block.damaged_bytes = block.size.value;
      problem(
          {Severity::damage,
           is_packed ? "damaged-block" : "unreadable-file",
           block.file,
           is_packed ? std::optional<std::uint64_t>{0} : std::nullopt,
           block.size.value,
           {},
           is_packed ? "a compressed block that does not unpack: " + content.error().detail : content.error().text(),
           is_packed ? "restore it from a backup or a mirror: all of it is lost" : "see whether the device and the permissions are right"});
      scan_.blocks.push_back(std::move(block));
      last_bytes_.push_back(0);
      return;
    }
    if (has_io_error) {
      problem({Severity::damage,
               "unreadable-file",
               block.file,
               std::nullopt,
               0,
               {},
               "parts of the file cannot be read and were taken for zeros",
               "copy what can be read to another device"});
    }
    take(std::move(block), *content, is_last);
  }

  void take(BlockReport block, const std::string& content, bool is_last) {
    std::uint64_t repeated = 0;
    Seq highest = last_seq_;
    const BlockScan scan = scan_block(content, block_key(stream_, block.index), [&](const RecordView& record, std::uint64_t) {
      if (record.kind == RecordKind::tombstone) {
        ++block.tombstones;
        return;
      }
      if (record.seq <= last_seq_) {
        ++repeated;
        return;
      }
      highest = std::max(highest, record.seq);
      if (record.kind == RecordKind::erased) {
        ++block.erased;
        return;
      }
      ++block.records;
      if (block.first_seq.value == 0) block.first_seq = record.seq;
      block.last_seq = record.seq;
    });
    last_seq_ = highest;
    if (repeated > 0) {
      problem({Severity::warning,
               "repeated-sequences",
               block.file,
               std::nullopt,
               0,
               {},
               count_text(repeated, "record") + " with sequences that earlier blocks have",
               "they are ignored; was a block copied to another number?"});
    }
    note_damage(block, scan, content, is_last);
    last_bytes_.push_back(content.size() < 8 ? 0 : load_u64(std::string_view(content).substr(content.size() - 8)));
    scan_.blocks.push_back(std::move(block));
  }

  void note_damage(BlockReport& block, const BlockScan& scan, std::string_view content, bool is_last) {
    for (const DamagedRange& range : scan.damaged) block.damaged_bytes += range.size;
    if (scan.good_size == 0 && content.size() >= kEmptyRecordSize) {
      const bool is_empty = is_zero(content);
      problem({Severity::damage,
               "damaged-block",
               block.file,
               std::uint64_t{0},
               content.size(),
               {},
               is_empty ? "nothing but zeros: the file was extended, and its content never reached the disk" : "not one valid record",
               is_empty ? "nothing can be got out of it"
                        : "checksums are keyed by stream and block number: was the stream or the file renamed?"});
      return;
    }
    for (std::size_t i = 0; i < scan.damaged.size(); ++i) {
      if (i == kDamageListedMax) {
        problem({Severity::damage,
                 "damaged-records",
                 block.file,
                 scan.damaged[i].offset,
                 0,
                 {},
                 count_text(scan.damaged.size() - i, "more damaged place"),
                 {}});
        return;
      }
      const DamagedRange& range = scan.damaged[i];
      const bool is_tail = range.offset + range.size == content.size();
      const std::string_view bytes = content.substr(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.size));
      std::string where = range.before.value == 0 ? "" : " behind sequence " + std::to_string(range.before.value);
      if (range.behind.value != 0) where += (where.empty() ? " ahead of sequence " : " and ahead of ") + std::to_string(range.behind.value);
      if (is_tail && is_last && !block.is_compressed) {
        problem({Severity::warning,
                 "torn-tail",
                 block.file,
                 range.offset,
                 range.size,
                 {},
                 (is_zero(bytes) ? "zeros" : "no valid record") + (" in the last " + count_text(range.size, "byte")) + where,
                 "the next start cuts them off; what they held was not yet safe when the machine went down"});
      } else {
        problem({Severity::damage,
                 "damaged-records",
                 block.file,
                 range.offset,
                 range.size,
                 {},
                 count_text(range.size, "damaged byte") + (block.is_compressed ? " (of the unpacked block)" : "") + where,
                 "nats-server cuts the block off here and loses what follows; windtunnel loses what was hit"});
      }
    }
  }

  // Blocks go rightly when their messages are gone, so a hole in the numbers proves nothing by itself.
  void note_numbering() {
    for (std::size_t i = 1; i < scan_.blocks.size(); ++i) {
      const BlockReport& before = scan_.blocks[i - 1];
      const BlockReport& behind = scan_.blocks[i];
      if (behind.index - before.index < 2) continue;
      const bool is_one = behind.index - before.index == 2;
      problem({Severity::note,
               "block-numbers",
               msgs_,
               std::nullopt,
               0,
               {},
               "no " + std::to_string(before.index + 1) + ".blk" + (is_one ? "" : " to " + std::to_string(behind.index - 1) + ".blk") +
                   " between " + std::to_string(before.index) + ".blk and " + std::to_string(behind.index) + ".blk",
               "right if all their messages were removed; the files alone cannot tell"});
    }
  }

  void judge_index() {
    IndexReport& report = scan_.index_report;
    const std::string path = msgs_ + "/index.db";
    auto bytes = disk_.read_file(path, kIndexSizeMax);
    if (!bytes && bytes.error().code == Errc::not_found) return;
    auto snapshot = bytes ? decode_index(*bytes, stream_) : Result<IndexSnapshot>{bytes.error()};
    if (!snapshot) {
      report = {IndexReport::State::unreadable, snapshot.error().detail};
      problem({Severity::warning,
               "unreadable-index",
               path,
               std::nullopt,
               0,
               {},
               "the index is unreadable: " + report.why,
               "the next start rebuilds it from the blocks; what only it knew (which messages blocks that are gone held) is lost"});
      return;
    }
    report.why = why_stale(*snapshot);
    report.state = report.why.empty() ? IndexReport::State::current : IndexReport::State::stale;
    scan_.index = *std::move(snapshot);
    if (report.why.empty()) return;
    problem({Severity::note,
             "stale-index",
             path,
             std::nullopt,
             0,
             {},
             "the index is stale: " + report.why,
             "as it is while a server runs, or after one that did not stop in order; the next start reads all blocks instead"});
  }

  // nats-server's checks, in its order (reference: filestore 4.3, 11 to 15). Empty: it is of today.
  [[nodiscard]] std::string why_stale(const IndexSnapshot& index) const {
    std::map<std::uint32_t, std::size_t> files;
    for (std::size_t i = 0; i < scan_.blocks.size(); ++i) files[scan_.blocks[i].index] = i;
    if (index.blocks.empty() || index.blocks.back().index != index.last_block) return "its last block is not the one that it names";
    const std::string last = std::to_string(index.last_block) + ".blk";
    const auto at = files.find(index.last_block);
    if (at == files.end()) return last + ", the last block when it was written, is not there";
    if (last_bytes_[at->second] != index.last_checksum) return last + " does not end with the record that was the last when it was written";
    if (files.rbegin()->first > index.last_block) return std::to_string(files.rbegin()->first) + ".blk was begun after it was written";
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    for (const IndexBlock& block : index.blocks) {
      if (block.messages() > 0 && files.count(block.index) == 0) return std::to_string(block.index) + ".blk, which it lists, is not there";
      messages += block.messages();
      bytes += block.bytes;
    }
    if (messages != index.messages || bytes != index.bytes) return "its totals are not the sum of its blocks";
    return {};
  }

  Disk& disk_;
  const std::string directory_;
  const std::string msgs_;
  const std::string stream_;
  BlockFiles files_;
  FileScan scan_;
  Seq last_seq_;                           // of the blocks so far
  std::vector<std::uint64_t> last_bytes_;  // the last 8 of each block
};

}  // namespace

std::string range_text(SeqRange range) {
  if (range.first == range.last) return std::to_string(range.first.value);
  return std::to_string(range.first.value) + " to " + std::to_string(range.last.value);
}

std::string count_text(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

Result<FileScan> scan_files(Disk& disk, const std::string& directory, const std::string& stream) {
  return Scanner{disk, directory, stream}.run();
}

}  // namespace windtunnel::core
