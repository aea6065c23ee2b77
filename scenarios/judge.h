// The verdict on a run: its scenario's expectations, and the invariants that it asks for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/consumption.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/lag_log.h"
#include "scenarios/run.h"

namespace windtunnel::scenarios {

// When a lag expectation came true.
struct LagWatch {
  const LagExpectation* expectation = nullptr;
  SourcePosition where;
  core::Instant deadline;
  // Until the deadline, or the end of the run:
  std::optional<core::Instant> looked_at;
  std::optional<core::Instant> met_at;  // the last time
  std::uint64_t lag = 0;                // when it was last looked at
  bool has_parted = false;              // then too: it follows its origin no more

  // Whether it held then, but for messages that were just on their way.
  [[nodiscard]] bool is_met() const;
};

struct CaseFile {
  const Evidence& evidence;
  const std::vector<Consumption>& consumptions;
  const std::vector<LagWatch>& lag_watches;
  const std::vector<std::string>& missed_faults;
  const LagLog& lag_log;
  std::optional<core::Instant> first_fault;  // kernel time; nullopt: nothing struck
  std::optional<core::Instant> last_fault;   // kernel time; nullopt: one is still to come
};

[[nodiscard]] std::vector<Divergence> judge(const CaseFile& file);
// "mirror M on edge ends with an error: ...": what a reader has to know though nothing that was asked for forbids it.
[[nodiscard]] std::vector<std::string> remark(const CaseFile& file);
// "careful: published 1200, acked 801, no responders 399": a line a workload.
[[nodiscard]] std::vector<std::string> summarise(const CaseFile& file);

}  // namespace windtunnel::scenarios
