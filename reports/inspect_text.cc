#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/base/json_writer.h"
#include "reports/inspect.h"

namespace windtunnel::reports {
namespace {

using core::BlockReport;
using core::Problem;
using core::SeqRange;
using core::Severity;

constexpr std::size_t kBlocksShown = 20;  // with more, those in the middle that have no damage are summed up
constexpr std::size_t kBlocksAtEnds = 6;
constexpr std::size_t kRangesShown = 8;
constexpr std::size_t kPendingShown = 50;
constexpr std::size_t kLineWidth = 110;

// What a disk holds may hold anything: nothing of it may reach the terminal as a control sequence.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

// 1234567 -> "1,234,567"
std::string grouped(std::uint64_t value) {
  std::string out = std::to_string(value);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string plural(std::uint64_t count, std::string_view what) {
  return grouped(count) + " " + std::string{what} + (count == 1 ? "" : "s");
}

// "62.4 KiB": one decimal, in integers.
std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::size_t unit = 0;
  std::uint64_t tenths = bytes * 10 / 1024;
  if (bytes > std::uint64_t{1} << 56) tenths = bytes / 1024 * 10;
  for (; tenths >= 10240 && unit + 1 < kUnits.size(); ++unit) tenths /= 1024;
  return fmt::format("{}.{} {}", tenths / 10, tenths % 10, kUnits[unit]);
}

// "2026-11-20 21:55:58.471"
std::string time_text(core::WallTime time) {
  if (is_no_time(time)) return "-";
  const std::string full = core::rfc3339(time);
  std::string out = full.substr(0, 19);
  out[10] = ' ';
  std::string fraction = full.size() > 20 ? full.substr(20, full.size() - 21) : "";
  fraction.resize(3, '0');
  return out + "." + fraction;
}

std::string range_text(SeqRange range) {
  if (range.first == range.last) return std::to_string(range.first.value);
  return fmt::format("{}..{}", range.first.value, range.last.value);
}

std::string ranges_text(const std::vector<SeqRange>& ranges, bool has_more) {
  std::string out;
  for (std::size_t i = 0; i < std::min(ranges.size(), kRangesShown); ++i) out += (i == 0 ? "" : ", ") + range_text(ranges[i]);
  if (ranges.size() > kRangesShown || has_more) out += ", ...";
  return out;
}

// Columns as wide as what is in them; the first to the left, the others to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text(std::string_view indent) const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size() && row.size() == widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line{indent};
      if (row.size() < widths.size()) {  // a remark
        line += row.front();
      } else {
        for (std::size_t i = 0; i < row.size(); ++i)
          line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
      }
      out += line + "\n";
    }
    return out;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

// `text` in lines of at most kLineWidth, the later ones indented.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t column) {
  std::string out;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(' ', 1), text.size());
    const std::string_view word = text.substr(0, end);
    if (column + word.size() > kLineWidth && column > indent) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      out += word.substr(word.starts_with(' ') ? 1 : 0);
    } else {
      out += word;
    }
    column += word.size();
    text.remove_prefix(end);
  }
  return out;
}

class TextInspectWriter final : public InspectWriter {
 public:
  TextInspectWriter(Sink sink, const InspectOptions& options, TextStyle style) : sink_(std::move(sink)), options_(options), style_(style) {}

  void begin(std::string_view path, const std::string&, std::size_t streams) override {
    sink_(fmt::format("{}: {}\n", printable(path), streams == 0 ? "no stream" : plural(streams, "stream")));
    if (options_.at) sink_(fmt::format("limits by age as of {}\n", core::rfc3339(*options_.at)));
  }

  void stream(StreamFindings& findings) override {
    sink_("\n" + headline(findings));
    if (findings.inspection != nullptr) {
      const core::StreamReport& report = findings.inspection->report();
      sink_(state_lines(findings, report));
      sink_(block_table(findings, report.blocks));
    }
    if (!findings.consumers.empty()) sink_(consumer_table(findings));
    if (options_.with_messages && findings.inspection != nullptr) write_messages(findings);
    write_problems(findings.problems, findings.directory);
  }

  void end(const InspectTotals& totals, const std::vector<Problem>& problems) override {
    if (!problems.empty()) {
      sink_("\n");
      write_problems(problems, "");
    }
    std::string line;
    const auto add = [&](std::uint64_t count, std::string_view what) {
      if (count > 0) line += (line.empty() ? "" : ", ") + plural(count, what);
    };
    if (totals.damages > 0) line = grouped(totals.damages) + " x damage";
    add(totals.warnings, "warning");
    add(totals.notes, "note");
    sink_(fmt::format("\n{}\n", line.empty() ? coloured("no problem found", "32") : line));
  }

 private:
  [[nodiscard]] std::string coloured(std::string_view text, std::string_view code) const {
    return style_.has_colours ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string{text};
  }

  [[nodiscard]] std::string headline(const StreamFindings& findings) const {
    std::string out = coloured(printable(findings.name), "1");
    if (findings.config) {
      const core::StreamConfig& config = *findings.config;
      static constexpr std::array<std::string_view, 3> kRetentions = {"limits", "interest", "workqueue"};
      out += fmt::format("  {}", kRetentions[static_cast<std::size_t>(config.retention)]);
      if (config.compression == core::Compression::s2) out += ", s2";
      if (config.sealed) out += ", sealed";
      if (config.mirror) out += ", mirror of " + printable(config.mirror->name);
      std::string subjects;
      for (const std::string& subject : config.subjects) subjects += (subjects.empty() ? "" : ", ") + printable(subject);
      if (subjects.size() > 60) subjects = subjects.substr(0, 57) + "...";
      if (!subjects.empty()) out += ", on " + subjects;
    }
    if (!findings.account.empty()) out += fmt::format("  (account {})", printable(findings.account));
    return out + "\n";
  }

  static std::string limits_text(const core::StreamConfig& config) {
    std::string out;
    const auto add = [&](std::int64_t limit, const std::string& text) {
      if (limit > 0) out += (out.empty() ? "" : ", ") + text;
    };
    add(config.max_msgs, plural(static_cast<std::uint64_t>(config.max_msgs), "message"));
    add(config.max_bytes, size_text(static_cast<std::uint64_t>(config.max_bytes)));
    add(config.max_msgs_per_subject, plural(static_cast<std::uint64_t>(config.max_msgs_per_subject), "message") + " a subject");
    return out;
  }

  [[nodiscard]] std::string state_lines(const StreamFindings& findings, const core::StreamReport& report) const {
    std::string out;
    const auto line = [&](std::string_view name, const std::string& value) { out += fmt::format("  {:<10} {}\n", name, value); };
    if (report.state) {
      const core::StreamState& state = *report.state;
      std::string text = plural(state.messages, "message") + ", " + size_text(state.bytes.value);
      if (state.messages > 0) {
        text += ", sequences " + range_text({state.first_seq, state.last_seq}) + ", " + plural(state.num_subjects, "subject");
      } else {
        text += state.last_seq.value == 0 ? ", never used" : fmt::format(", the next one gets sequence {}", state.last_seq.value + 1);
      }
      line("holds", text);
      if (state.messages > 0) line("from", time_text(state.first_time) + " to " + time_text(state.last_time));
      if (state.num_deleted > 0) line("deleted", grouped(state.num_deleted) + ": " + ranges_text(report.gaps, report.has_more_gaps));
      if (!report.lost.empty())
        line("lost", coloured(plural(state.lost.size(), "message") + ": " + ranges_text(report.lost, false), "1;31"));
    } else {
      line("holds", "cannot be told: recovery fails");
    }
    if (findings.config) {
      std::string limits = limits_text(*findings.config);
      if (findings.config->max_age.count() > 0) {
        limits += (limits.empty() ? "age " : ", age ") + age_text(findings.config->max_age) +
                  (options_.at ? "" : " (not applied; --at TIME does)");
      }
      if (!limits.empty()) line("at most", limits);
    }
    line("index.db", std::string{core::name_of(report.index.state)} + (report.index.why.empty() ? "" : ": " + report.index.why));
    return out;
  }

  static std::string age_text(core::Duration age) {
    const std::int64_t seconds = age.count() / 1'000'000'000;
    if (seconds == 0) return fmt::format("{} ms", age.count() / 1'000'000);
    std::string out;
    if (seconds >= 86400) out += fmt::format("{}d", seconds / 86400);
    if (seconds % 86400 >= 3600) out += fmt::format("{}h", seconds % 86400 / 3600);
    if (seconds % 3600 >= 60) out += fmt::format("{}m", seconds % 3600 / 60);
    if (seconds % 60 > 0) out += fmt::format("{}s", seconds % 60);
    return out;
  }

  static std::vector<std::string> block_row(const BlockReport& block) {
    const std::string sequences = block.records == 0 ? "-" : range_text({block.first_seq, block.last_seq});
    return {std::to_string(block.index) + ".blk" + (block.is_compressed ? " (s2)" : ""),
            size_text(block.size.value),
            sequences,
            grouped(block.live),
            grouped(block.records - block.live),
            grouped(block.tombstones),
            block.damaged_bytes == 0 ? "-" : size_text(block.damaged_bytes)};
  }

  [[nodiscard]] static std::string block_table(const StreamFindings&, const std::vector<BlockReport>& blocks) {
    if (blocks.empty()) return "  no block files\n";
    Table table{{"block", "size", "sequences", "live", "deleted", "tombstones", "damaged"}};
    std::uint64_t hidden = 0;
    std::uint64_t hidden_bytes = 0;
    const auto end_hidden = [&] {
      if (hidden > 0) table.add({fmt::format("... {}, {} ...", plural(hidden, "block"), size_text(hidden_bytes))});
      hidden = hidden_bytes = 0;
    };
    std::size_t damaged_shown = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const bool is_end = blocks.size() <= kBlocksShown || i < kBlocksAtEnds || i + kBlocksAtEnds >= blocks.size();
      const bool is_damaged = blocks[i].damaged_bytes > 0 && damaged_shown < kBlocksShown;
      if (!is_end && !is_damaged) {
        ++hidden;
        hidden_bytes += blocks[i].size.value;
        continue;
      }
      if (!is_end) ++damaged_shown;
      end_hidden();
      table.add(block_row(blocks[i]));
    }
    return "\n" + table.text("  ");
  }

  [[nodiscard]] std::string consumer_table(const StreamFindings& findings) const {
    Table table{{"consumer", "delivered", "acked up to", "pending", "redelivered", "to come"}};
    for (const ConsumerFindings& consumer : findings.consumers) {
      const std::optional<core::ConsumerState>& state = consumer.report.state;
      const std::string name = printable(consumer.report.name);
      if (!state) {
        table.add({name, "?", "?", "?", "?", "?"});
        continue;
      }
      table.add({name, std::to_string(state->delivered.stream.value), std::to_string(state->ack_floor.stream.value),
                 grouped(state->pending.size()), grouped(state->redelivered.size()), grouped(consumer.num_pending)});
    }
    std::string out = "\n" + table.text("  ");
    if (!options_.with_consumers) return out;
    for (const ConsumerFindings& consumer : findings.consumers) out += pending_text(consumer);
    return out;
  }

  static std::string pending_text(const ConsumerFindings& consumer) {
    const std::optional<core::ConsumerState>& state = consumer.report.state;
    if (!state || state->pending.empty()) return {};
    Table table{{"sequence", "delivery", "delivered at", "redelivered"}};
    std::size_t shown = 0;
    for (const auto& [seq, delivery] : state->pending) {
      if (shown++ == kPendingShown) {
        table.add({fmt::format("... {} more; --json has all", grouped(state->pending.size() - kPendingShown))});
        break;
      }
      const auto redelivered = state->redelivered.find(seq);
      table.add({std::to_string(seq.value), std::to_string(delivery.consumer_seq), time_text(delivery.delivered_at),
                 redelivered == state->redelivered.end() ? "-" : std::to_string(redelivered->second) + " x"});
    }
    return fmt::format("\n  pending of {}\n{}", printable(consumer.report.name), table.text("    "));
  }

  void write_messages(StreamFindings& findings) {
    sink_("\n  messages\n");
    std::string piece;
    const core::Status done = findings.inspection->for_each_message(
        [&](const core::StoredMessage& message) {
          piece += fmt::format("    {:>8}  {}  {:>9}  {}{}\n", message.seq.value, time_text(message.time),
                               size_text(message.payload.size()), printable(message.subject), message.headers.empty() ? "" : "  (headers)");
          if (piece.size() > 64u * 1024) sink_(std::exchange(piece, {}));
        },
        [&](Problem problem) { findings.problems.push_back(std::move(problem)); });
    sink_(piece);
    if (!done)
      findings.problems.push_back({Severity::damage, "unreadable-file", findings.directory, std::nullopt, 0, {}, done.error().text(), {}});
  }

  // Files are shown from the stream's directory on.
  void write_problems(const std::vector<Problem>& problems, const std::string& directory) {
    if (problems.empty()) return;
    std::string out = "\n";
    for (const Problem& problem : problems) {
      static constexpr std::array<std::string_view, 3> kLabels = {"note", "WARNING", "DAMAGE"};
      static constexpr std::array<std::string_view, 3> kColours = {"2", "33", "1;31"};
      const auto severity = static_cast<std::size_t>(problem.severity);
      std::string file = problem.file;
      if (!directory.empty() && file.starts_with(directory + "/")) file.erase(0, directory.size() + 1);
      if (!directory.empty() && file == directory) file.clear();
      std::string text;
      if (!file.empty()) text += printable(file);
      if (problem.offset) text += fmt::format(" at offset {}", *problem.offset);
      if (!text.empty()) text += ": ";
      text += printable(problem.what);
      constexpr std::size_t kIndent = 11;
      out += "  " + coloured(kLabels[severity], kColours[severity]) + std::string(kIndent - 2 - kLabels[severity].size(), ' ') +
             wrapped(text, kIndent, kIndent) + "\n";
      if (!problem.advice.empty()) out += std::string(kIndent, ' ') + "-> " + wrapped(problem.advice, kIndent + 3, kIndent + 3) + "\n";
    }
    sink_(out);
  }

  Sink sink_;
  InspectOptions options_;
  TextStyle style_;
};

}  // namespace

std::unique_ptr<InspectWriter> inspect_text(Sink sink, const InspectOptions& options, TextStyle style) {
  return std::make_unique<TextInspectWriter>(std::move(sink), options, style);
}

}  // namespace windtunnel::reports
