// Invariants: what must hold in every run, whatever goes wrong. Each is defined here and nowhere else (names and
// sentences: scenarios/invariants/names.h; definitions: reference, defect corpus, "Invariants").
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "scenarios/change_log.h"
#include "scenarios/copy_watch.h"
#include "scenarios/final_state.h"
#include "scenarios/history.h"
#include "scenarios/key_value_log.h"
#include "scenarios/leaf_watch.h"
#include "scenarios/ledger.h"
#include "scenarios/read_log.h"
#include "scenarios/recovery_reading.h"
#include "scenarios/removal_log.h"
#include "scenarios/run.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct SilentCopy;  // scenarios/copy_status.h

// How far a mirror, or one source of a stream, was behind when it had to be level.
struct LagSample {
  const StreamSpec* copy = nullptr;
  const OriginSpec* from = nullptr;
  core::Instant quiet_since;  // the last fault, the last publish, or the start of the last node on the way, whichever came latest
  core::Instant level_at;     // when the lag was first seen to be 0 after that; kForever: never
  core::Instant due_at;       // by when it must be; kForever: that is not known yet
  std::string bound;          // what that is made of: "3s to dial again, ..."
  std::uint64_t lag = 0;      // at the end of the bound
};

// Everything that a run left behind to judge it by.
struct Evidence {
  const Scenario& scenario;
  const Ledger& ledger;
  const History& history;
  const RemovalLog& removals;
  const ChangeLog& changes;
  const KeyValueLog& key_values;
  const FinalState& end;
  const std::vector<LagSample>& lags;
  const std::vector<RecoveryReading>& readings;
  const std::vector<LeafFinding>* leafs = nullptr;   // nullptr: nobody looked
  const std::vector<CopyFinding>* copies = nullptr;  // the same
  const ReadLog* reads = nullptr;                    // the same
  const BroughtSeqs* brought = nullptr;              // the same
  const std::vector<SilentCopy>* silent = nullptr;   // the same
};

struct Invariant {
  std::string_view name;  // one of invariant_names()
  // The first violation that it finds for each stream or workload.
  std::vector<Divergence> (*check)(const Evidence& evidence);
};

// The beginnings of a divergence: what is expected, and what was found, is still to be said. `seq` 0: of no message.
[[nodiscard]] Divergence about(std::string_view invariant, const FinalStream& stream, core::Seq seq, core::Instant at);

[[nodiscard]] std::span<const Invariant> invariants();
// nullptr if there is none of this name.
[[nodiscard]] const Invariant* check_of(std::string_view name);

}  // namespace windtunnel::scenarios
