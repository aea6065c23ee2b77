// What `windtunnel check` found, as data. The schema is documented in docs/check-json.md; its version is kCheckJsonVersion.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "scenarios/hazards/check.h"

namespace windtunnel::reports {

// Grows when a reader of the older version would misread the newer one; new fields alone do not make it grow.
inline constexpr int kCheckJsonVersion = 1;

[[nodiscard]] std::string check_json(std::span<const scenarios::CheckReport> reports, std::string_view windtunnel_version);

}  // namespace windtunnel::reports
