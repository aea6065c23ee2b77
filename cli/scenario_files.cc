#include "cli/scenario_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "scenarios/language/typed_value.h"

namespace windtunnel::cli {
namespace {

namespace fs = std::filesystem;
using core::Errc;
using core::Result;

Result<std::vector<std::string>> below(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code failure;
  // Links to directories are not followed: they may lead in a circle.
  fs::recursive_directory_iterator entry{directory, failure};
  for (; !failure && entry != fs::recursive_directory_iterator{}; entry.increment(failure)) {
    std::error_code ignored;
    if (entry->path().extension() == ".yaml" && !entry->is_directory(ignored)) files.push_back(entry->path().string());
  }
  if (failure) return core::error(Errc::io_error, directory + ": cannot be read: " + failure.message());
  if (files.empty()) return core::error(Errc::not_found, directory + ": there is no scenario (*.yaml) in this directory");
  // The listing has an order of the file system's own.
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<std::vector<std::string>> scenario_files(std::span<const std::string> paths) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    std::error_code failure;
    const fs::file_status status = fs::status(path, failure);
    if (status.type() == fs::file_type::not_found) return core::error(Errc::not_found, path + ": there is no such file or directory");
    if (!fs::is_directory(status)) {
      if (seen.insert(path).second) out.push_back(path);
      continue;
    }
    WT_TRY(std::vector<std::string> files, below(path));
    for (std::string& file : files) {
      if (seen.insert(file).second) out.push_back(std::move(file));
    }
  }
  return out;
}

Result<LoadedFiles> load_scenarios(std::span<const std::string> paths) {
  WT_TRY(const std::vector<std::string> files, scenario_files(paths));
  LoadedFiles out;
  for (const std::string& file : files) {
    scenarios::TypedValue root;
    scenarios::Loaded loaded = scenarios::load_file(file, root);
    if (loaded.scenario) {
      out.checks.push_back(scenarios::check_loaded(*loaded.scenario, root));
      out.scenarios.push_back(*std::move(loaded.scenario));
    }
    out.diagnostics.insert(out.diagnostics.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
  }
  return out;
}

}  // namespace windtunnel::cli
