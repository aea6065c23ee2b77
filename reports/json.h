// A run, or all runs of a command, as data. The schema is documented in docs/json-report.md; its version is kJsonVersion.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "reports/run_record.h"
#include "reports/slowest.h"
#include "scenarios/hazards/check.h"

namespace windtunnel::reports {

// Grows when a reader of the older version would misread the newer one; new fields alone do not make it grow.
inline constexpr int kJsonVersion = 1;

// One run as a JSON object, without a newline. Bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string run_json(const RunRecord& record);
// The same object read back. Errors: corrupt, if it is no such object.
[[nodiscard]] core::Result<RunRecord> run_from_json(std::string_view json);

// The whole report. `runs`: objects as run_json gives them. `checks`: of the scenarios; their accepted hazards are left out.
[[nodiscard]] std::string report_json(std::span<const std::string> runs, std::span<const SlowestRun> slowest,
                                      std::span<const scenarios::CheckReport> checks, const Totals& totals, core::Duration wall,
                                      std::string_view windtunnel_version);

}  // namespace windtunnel::reports
