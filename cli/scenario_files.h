// Which scenario files a command line means.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "scenarios/hazards/check.h"
#include "scenarios/language/load.h"

namespace windtunnel::cli {

// The files themselves, and for a directory every *.yaml below it, sorted by path; each once, where it is first meant.
// Errors: not_found (no such path, or a directory without scenarios), io_error.
[[nodiscard]] core::Result<std::vector<std::string>> scenario_files(std::span<const std::string> paths);

struct LoadedFiles {
  std::vector<scenarios::Scenario> scenarios;      // in the order of the files
  std::vector<scenarios::CheckReport> checks;      // of each of them
  std::vector<scenarios::Diagnostic> diagnostics;  // of those that cannot be loaded
};
[[nodiscard]] core::Result<LoadedFiles> load_scenarios(std::span<const std::string> paths);

}  // namespace windtunnel::cli
