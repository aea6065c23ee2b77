#include "core/store/inspection.h"

#include <algorithm>

#include "core/store/file_store.h"
#include "core/store/inspection_overlay.h"
#include "core/store/inspection_scan.h"
#include "core/store/inspection_world.h"
#include "core/store/meta_file.h"

namespace windtunnel::core {
namespace {

constexpr Bytes kMetaSizeMax{1u << 20};
constexpr std::size_t kLostRangesTold = 8;

class Inspection final : public StreamInspection {
 public:
  Inspection(Disk& disk, StreamStoreOptions options, std::optional<WallTime> at)
      : overlay_(disk), world_(overlay_, at.value_or(WallTime{})), options_(std::move(options)) {
    if (!at) options_.limits.max_age = Duration{0};
  }

  Status open(Disk& disk) {
    WT_TRY(const bool is_encrypted, disk.exists(options_.directory + "/meta.key"));
    if (is_encrypted)
      return error(Errc::unsupported, options_.directory + " is encrypted: without the server's key nothing in it can be read");
    WT_TRY(FileScan scan, scan_files(disk, options_.directory, options_.name));
    report_.blocks = std::move(scan.blocks);
    report_.index = std::move(scan.index_report);
    report_.problems = std::move(scan.problems);
    auto store = open_file_store(world_.env(), StoreSettings{}, options_);
    if (!store) {
      report_.problems.push_back({Severity::damage,
                                  "not-recovered",
                                  options_.directory,
                                  std::nullopt,
                                  0,
                                  {},
                                  "a server could not open the stream: " + store.error().text(),
                                  "see to that first"});
      return {};
    }
    store_ = *std::move(store);
    report_.state = store_->state();
    for (const Seq seq : report_.state->lost) add_to_ranges(report_.lost, seq);
    for (BlockReport& block : report_.blocks) {
      if (block.records > 0) block.live = std::min(block.records, live_between(block.first_seq, block.last_seq));
    }
    find_gaps();
    if (scan.index) note_missing_blocks(*scan.index);
    note_lost();
    return {};
  }

  [[nodiscard]] const StreamReport& report() const override { return report_; }

  Status for_each_message(const std::function<void(const StoredMessage&)>& visit, const std::function<void(Problem)>& unreadable) override {
    if (store_ == nullptr) return {};
    for (Seq from = report_.state->first_seq; from <= report_.state->last_seq;) {
      const auto message = store_->load_next({}, from);
      if (message && !*message) break;
      const Seq seq = message ? (*message)->seq : next_live(from);
      if (message) {
        visit(**message);
      } else {
        unreadable({Severity::damage,
                    "unreadable-message",
                    options_.directory + "/msgs",
                    std::nullopt,
                    0,
                    {},
                    "the message of sequence " + std::to_string(seq.value) + " cannot be read: " + message.error().text(),
                    {}});
      }
      from = seq.next();
    }
    return {};
  }

  [[nodiscard]] std::uint64_t count_matching(const std::vector<std::string>& filters, Seq from) const override {
    return store_ == nullptr ? 0 : store_->count_matching(filters, from);
  }

 private:
  [[nodiscard]] std::uint64_t live_between(Seq first, Seq last) const {
    return store_->count_matching({}, first) - store_->count_matching({}, last.next());
  }

  // The first live sequence at or after `from`. Requires: there is one.
  [[nodiscard]] Seq next_live(Seq from) const {
    Seq last = report_.state->last_seq;
    while (from < last) {
      const Seq middle{from.value + (last.value - from.value) / 2};
      if (live_between(from, middle) > 0) {
        last = middle;
      } else {
        from = middle.next();
      }
    }
    return from;
  }

  // By halving: a range is whole, or empty, or looked at in its halves. So neither a long gap nor a long run costs anything.
  void find_gaps() {
    const StreamState& state = *report_.state;
    if (state.messages == 0) return;
    std::vector<SeqRange> open = {{state.first_seq, state.last_seq}};
    while (!open.empty()) {
      const SeqRange range = open.back();
      open.pop_back();
      const std::uint64_t live = live_between(range.first, range.last);
      if (live == range.size()) continue;
      if (live == 0) {
        if (!report_.gaps.empty() && report_.gaps.back().last.next() == range.first) {
          report_.gaps.back().last = range.last;
        } else if (report_.gaps.size() == kGapsListedMax) {
          report_.has_more_gaps = true;
          return;
        } else {
          report_.gaps.push_back(range);
        }
        continue;
      }
      const Seq middle{range.first.value + (range.last.value - range.first.value) / 2};
      open.push_back({middle.next(), range.last});
      open.push_back({range.first, middle});
    }
  }

  [[nodiscard]] bool has_lost(Seq first, Seq last) const {
    return std::any_of(report_.lost.begin(), report_.lost.end(),
                       [&](const SeqRange& lost) { return lost.first <= last && first <= lost.last; });
  }

  // Blocks that are gone take their messages with them only if the index still counts on these.
  void note_missing_blocks(const IndexSnapshot& index) {
    for (const IndexBlock& block : index.blocks) {
      if (block.messages() == 0 || !has_lost(block.first_seq, block.last_seq)) continue;
      const bool is_there =
          std::any_of(report_.blocks.begin(), report_.blocks.end(), [&](const BlockReport& other) { return other.index == block.index; });
      if (is_there) continue;
      // That says it better.
      std::erase_if(report_.problems, [](const Problem& problem) { return problem.kind == "block-numbers"; });
      report_.problems.push_back({Severity::damage,
                                  "missing-block",
                                  options_.directory + "/msgs/" + std::to_string(block.index) + ".blk",
                                  std::nullopt,
                                  0,
                                  {},
                                  "the file is not there; by index.db it held " + count_text(block.messages(), "message") + ", sequences " +
                                      range_text({block.first_seq, block.last_seq}),
                                  "bring it back from a backup before a server starts, or copy the messages from a mirror"});
    }
  }

  void note_lost() {
    if (report_.lost.empty()) return;
    std::uint64_t count = 0;
    std::string which;
    for (std::size_t i = 0; i < report_.lost.size(); ++i) {
      count += report_.lost[i].size();
      if (i < kLostRangesTold) which += (i == 0 ? "" : ", ") + range_text(report_.lost[i]);
      if (i == kLostRangesTold) which += ", ...";
    }
    report_.problems.push_back({Severity::damage,
                                "lost-messages",
                                options_.directory,
                                std::nullopt,
                                0,
                                {},
                                count_text(count, "message") + (count == 1 ? " is lost: sequence " : " are lost: sequences ") + which,
                                "recovery goes on without them and never gives their sequences out again"});
  }

  OverlayDisk overlay_;
  InspectionWorld world_;
  StreamStoreOptions options_;
  std::unique_ptr<StreamStore> store_;
  StreamReport report_;
};

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::note: return "note";
    case Severity::warning: return "warning";
    case Severity::damage: break;
  }
  return "damage";
}

std::string_view name_of(IndexReport::State state) {
  switch (state) {
    case IndexReport::State::absent: return "absent";
    case IndexReport::State::current: return "current";
    case IndexReport::State::stale: return "stale";
    case IndexReport::State::unreadable: break;
  }
  return "unreadable";
}

Result<std::unique_ptr<StreamInspection>> StreamInspection::open(Disk& disk, StreamStoreOptions options, std::optional<WallTime> at) {
  auto inspection = std::make_unique<Inspection>(disk, std::move(options), at);
  WT_CHECK(inspection->open(disk));
  return std::unique_ptr<StreamInspection>{std::move(inspection)};
}

MetaReport inspect_meta(Disk& disk, std::string_view directory, std::string_view key_text) {
  MetaReport report;
  const std::string inf = std::string(directory) + "/meta.inf";
  // Half of a replacement is ended, in memory, as a start would end it.
  OverlayDisk overlay{disk};
  InspectionWorld world{overlay, WallTime{}};
  auto json = disk.read_file(inf, kMetaSizeMax);
  if (auto valid = read_meta(world.env(), directory, key_text)) {
    report.json = *std::move(valid);
    report.is_valid = true;
    return report;
  }
  const auto problem = [&](std::string kind, const std::string& file, std::string what) {
    report.problems.push_back(
        {Severity::damage,
         std::move(kind),
         file,
         std::nullopt,
         0,
         {},
         std::move(what),
         "bring meta.inf and meta.sum back from a backup; a server leaves alone, and does not show, what it cannot verify"});
  };
  if (!json) {
    const bool is_absent = json.error().code == Errc::not_found;
    problem(is_absent ? "missing-metadata" : "unreadable-file", inf, is_absent ? "meta.inf is not there" : json.error().text());
    return report;
  }
  report.json = *std::move(json);
  const std::string sum = std::string(directory) + "/meta.sum";
  const auto hex = disk.read_file(sum, kMetaSizeMax);
  if (!hex && hex.error().code == Errc::not_found) {
    problem("missing-metadata", sum, "meta.sum is not there");
  } else if (!hex) {
    problem("unreadable-file", sum, hex.error().text());
  } else {
    problem("meta-sum-mismatch", sum, "meta.sum does not fit the content of meta.inf");
  }
  return report;
}

}  // namespace windtunnel::core
