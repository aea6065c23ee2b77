// `windtunnel check`: what is wrong with a scenario, or with the streams of real servers, without running anything.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "scenarios/hazards/hazard.h"
#include "scenarios/language/diagnostic.h"

namespace windtunnel::scenarios {

struct CheckReport {
  std::string name;  // of the scenario; empty for streams
  std::string file;
  std::vector<Diagnostic> errors;         // if there are any, nothing else was looked at
  std::vector<Hazard> hazards;            // accepted ones too
  std::vector<AcceptedHazard> not_there;  // accepted, and not found
  // Whether there is nothing that its author has not accepted.
  [[nodiscard]] bool is_clean() const;
};

struct TypedValue;

[[nodiscard]] CheckReport check_scenario(const std::string& path);
[[nodiscard]] CheckReport check_scenario_text(std::string_view text, const std::string& file);
// Of one that is loaded. `root`: its checked tree (language/load.h).
[[nodiscard]] CheckReport check_loaded(const Scenario& scenario, const TypedValue& root);

// A file of JSON, and whose streams it has.
struct StreamsFile {
  std::string server;  // empty: of the only server
  std::string path;
};
// How a file is read: its contents, or why not. Takes a path as the command line or the topology has it.
using ReadFile = std::function<core::Result<std::string>(const std::string& path)>;

// The streams of real servers (hazards/read_nats.h). `topology`: the path of its YAML, which may name further files, relative to
// itself; without one all files are of one server.
[[nodiscard]] CheckReport check_streams(const std::optional<std::string>& topology, std::span<const StreamsFile> files,
                                        const ReadFile& read);
// The same, from the disk.
[[nodiscard]] CheckReport check_streams(const std::optional<std::string>& topology, std::span<const StreamsFile> files);

}  // namespace windtunnel::scenarios
