// A run as people read it: a line, and for one that failed the divergences and how to replay it.
#pragma once

#include <string>
#include <string_view>

#include "reports/run_record.h"
#include "scenarios/hazards/check.h"

namespace windtunnel::reports {

struct TextStyle {
  bool has_colours = false;
};

// "PASS hub-outage seed=7 events=48211 virtual=1m30s wall=0.12s trace=9f3c5e0d12ab34cd\n"; of a run that did not pass,
// then what is wrong, and last the replay command. Ends in a newline.
[[nodiscard]] std::string run_text(const RunRecord& record, TextStyle style);

// What `check` warns of in a scenario that was run: a line each and, if there are any, one that says what shows how to mend it:
// "  remark: hazard memory-origin: stream `A` ...\n". Those that its author has accepted are left out. `command`: how windtunnel was
// called.
[[nodiscard]] std::string hazards_text(const scenarios::CheckReport& report, std::string_view command);

// The divergence alone: the invariant in a sentence, expected against actual, where they part, its life story and the
// faults around it. Several lines, each ending in a newline, without colours.
[[nodiscard]] std::string divergence_text(const scenarios::Divergence& divergence);

// "200 runs: 198 passed, 1 failed, 1 died; 12.3s, 16 runs/s\n"
[[nodiscard]] std::string totals_text(const Totals& totals, core::Duration wall);

[[nodiscard]] std::string clock(core::Instant at);              // "00:01:30.250": milliseconds, rounded down
[[nodiscard]] std::string seconds(core::Duration wall);         // "0.12s"
[[nodiscard]] std::string hash_text(std::uint64_t trace_hash);  // "9f3c5e0d12ab34cd"

}  // namespace windtunnel::reports
