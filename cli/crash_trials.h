// CrashTrials: one run of a scenario, in which at every disk operation the process is forked for each way in which a crash
// there may leave the disk. The child crashes the node, goes on to the end and tells its parent what held; the parent goes
// on as if nothing had happened. So the run up to the operation is done once for all of them.
//
// While a node of a child recovers, the child does the same once more (depth 2). Equal disks with equal promises are tried
// once, whichever process meets them first.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "cli/shared_set.h"
#include "core/base/defects.h"
#include "scenarios/crash.h"
#include "scenarios/run.h"
#include "scenarios/scenario.h"

namespace windtunnel::cli {

// A crash after which something did not hold.
struct CrashFailure {
  std::vector<scenarios::CrashAt> crashes;  // one, or two
  std::string operation;                    // "write msgs/1.blk", of the last of them
  std::string invariants;                   // "acked-is-durable, last-seq-monotone", or "died", "refused"
  std::string actual;                       // of the first of them
  friend bool operator==(const CrashFailure&, const CrashFailure&) = default;
};

// Counted by every process at once.
struct CrashCounters {
  std::atomic<std::uint64_t> operations;  // that the first worker's run has come to
  std::atomic<std::uint64_t> images;      // ways times operations
  std::atomic<std::uint64_t> tried;       // of them, those that were new
  std::atomic<std::uint64_t> deep;        // of those, with a second crash during recovery
  std::atomic<std::uint64_t> failures;
  std::atomic<std::uint64_t> left_out;  // ways that were not looked at, in files with very many unsynced sectors
};

class CrashTrials {
 public:
  struct Setup {
    const scenarios::Scenario& scenario;
    core::Seed seed;
    core::Defects defects;
    unsigned depth = 2;
  };
  CrashTrials(const Setup& setup, const Environment& environment, CrashCounters& counters, SharedSet& tried)
      : setup_(setup), environment_(environment), counters_(counters), tried_(tried) {}

  // The share `part` of `parts` of all trials. Not to be called twice.
  std::vector<CrashFailure> run(unsigned part, unsigned parts);

 private:
  std::optional<sim::Survivors> on_moment(const scenarios::CrashMoment& moment);
  [[nodiscard]] bool is_new(const scenarios::CrashMoment& moment, const sim::Survivors& how) const;
  // True in the child. In the parent the child has ended, and what it told is noted.
  bool fork_trial(const scenarios::CrashMoment& moment, const sim::Survivors& how);
  void note(const std::string& told, const std::string& death, const scenarios::CrashMoment& moment, const sim::Survivors& how);
  void add_failure(CrashFailure failure);
  [[noreturn]] void end_child(const core::Result<scenarios::RunResult>& result);

  Setup setup_;
  const Environment& environment_;
  CrashCounters& counters_;
  SharedSet& tried_;
  unsigned part_ = 0;
  unsigned parts_ = 1;
  std::vector<scenarios::CrashAt> crashes_;  // of this process and those it descends from
  std::string operation_;                    // of the last of them
  int told_ = -1;                            // in a child: the pipe to the parent
  std::vector<CrashFailure> failures_;
};

// A line a failure, and back; what cannot be read is left out.
[[nodiscard]] std::string failures_text(const std::vector<CrashFailure>& failures);
[[nodiscard]] std::vector<CrashFailure> parse_failures(std::string_view text);

}  // namespace windtunnel::cli
