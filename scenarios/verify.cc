#include "scenarios/verify.h"

#include <vector>

namespace windtunnel::scenarios {
namespace {

// Enough for some million events; what comes after is compared by number alone.
constexpr std::size_t kTraceKeptMax = std::size_t{512} << 20;

std::string hex(std::uint64_t value) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
  return out;
}

// The lines of one run, kept whole: they are only wanted when something is wrong already.
class Lines {
 public:
  void add(std::string_view line) {
    if (text_.size() + line.size() > kTraceKeptMax) {
      is_cut_ = true;
      return;
    }
    text_ += line;
    ends_.push_back(text_.size());
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view{text_}.substr(begin, ends_[i] - begin);
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
  bool is_cut_ = false;
};

Lines traced(const Scenario& scenario, RunOptions options, const Runner& runner) {
  Lines lines;
  options.keep_trace = true;
  options.trace_line = [&lines](std::string_view line) { lines.add(line); };
  static_cast<void>(runner(scenario, options).has_value());  // its lines are what counts, even if it fails
  return lines;
}

std::string first_difference(const Scenario& scenario, const RunOptions& options, const Runner& runner) {
  const Lines a = traced(scenario, options, runner);
  const Lines b = traced(scenario, options, runner);
  const std::size_t both = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (a[i] == b[i]) continue;
    return "the first trace line that differs is number " + std::to_string(i + 1) + ":\n  one run:   " + std::string{a[i]} +
           "\n  the other: " + std::string{b[i]};
  }
  if (a.is_cut() || b.is_cut()) return "the first " + std::to_string(both) + " trace lines agree, and more were not kept";
  if (a.size() != b.size()) {
    const Lines& longer = a.size() > b.size() ? a : b;
    return "one run ends after trace line " + std::to_string(both) + ", the other goes on with:\n  " + std::string{longer[both]};
  }
  return "two further runs gave the same " + std::to_string(both) + " trace lines: what differs is not in them, or comes and goes";
}

// What differs between the results of two runs; empty if nothing does.
std::string difference(const RunResult& first, const core::Result<RunResult>& second) {
  if (!second) return "the second run could not be made: " + second.error().text();
  if (first.events != second->events || first.trace_hash != second->trace_hash) {
    return "the first run had " + std::to_string(first.events) + " events and trace " + hex(first.trace_hash) + ", the second " +
           std::to_string(second->events) + " and " + hex(second->trace_hash);
  }
  if (first.virtual_time != second->virtual_time) return "the runs ended at different virtual times";
  if (!(first.divergences == second->divergences) || first.notes != second->notes || first.catch_ups != second->catch_ups ||
      first.surfacings != second->surfacings)
    return "the events agree, but not what was concluded from them";
  return {};
}

}  // namespace

core::Result<VerifiedRun> run_verified(const Scenario& scenario, const RunOptions& options, const Runner& runner, Verify verify) {
  WT_TRY(RunResult first, runner(scenario, options));
  VerifiedRun out{.result = std::move(first), .is_verified = false, .difference = {}};
  if (out.result.passed() && verify == Verify::failures) return out;
  RunOptions again = options;
  again.keep_trace = false;
  again.trace_line = {};
  out.is_verified = true;
  out.difference = difference(out.result, runner(scenario, again));
  if (!out.difference.empty()) out.difference += "; " + first_difference(scenario, again, runner);
  return out;
}

}  // namespace windtunnel::scenarios
