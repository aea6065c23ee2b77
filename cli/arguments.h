// The command line as data. What is wrong with it is an error value; nothing here prints or runs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/defects.h"
#include "core/base/profiles.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/server/server_config.h"
#include "scenarios/crash.h"
#include "scenarios/hazards/check.h"

namespace windtunnel::cli {

struct RunCommand {
  std::vector<std::string> paths;
  std::optional<std::uint64_t> first_seed;  // absent: the scenario's own, or 1
  std::uint64_t last_seed = 0;              // with first_seed: both ends are run
  unsigned jobs = 1;                        // worker processes; 0: none, run in this one
  bool verify = false;
  std::vector<core::Release> profiles;  // a run for each; empty: one without
  std::vector<core::Defect> defects;    // in every run
  std::vector<scenarios::CrashAt> crashes;
  std::optional<std::string> trace_file;
  std::optional<std::string> json_file;
  std::optional<std::string> junit_file;
};
// Every crash at every disk operation of a run.
struct CrashPointsCommand {
  std::string path;
  std::optional<std::uint64_t> seed;  // absent: the scenario's own, or 1
  unsigned jobs = 1;
  unsigned depth = 2;  // 1: no crash while a node recovers from one
  std::optional<core::Release> profile;
  std::vector<core::Defect> defects;
  std::optional<std::string> json_file;
};
// A real server, on TCP and real files.
struct ServeCommand {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4222;               // 0: any
  std::optional<std::string> store;        // absent: a new directory that goes at the end
  std::string domain;                      // of JetStream
  std::optional<std::uint16_t> leaf_port;  // absent: no leaf nodes are accepted; 0: any
  std::vector<core::LeafRemote> leaf_remotes;
  bool sync_always = false;
  std::optional<core::Duration> sync_interval;
  std::string name = "windtunnel";
  std::optional<core::Bytes> max_memory;  // of all streams together
  std::optional<core::Bytes> max_file;
  std::optional<core::Release> profile;
  std::vector<core::Defect> defects;
  bool is_verbose = false;
};
struct CheckCommand {
  std::vector<std::string> paths;               // of scenarios
  std::vector<scenarios::StreamsFile> streams;  // of real servers
  std::optional<std::string> topology;          // how these are joined
  bool is_strict = false;                       // hazards count
  std::optional<std::string> json_file;
};
enum class Listing : std::uint8_t { scenarios, faults, invariants, workloads, defects, profiles, hazards };
struct ListCommand {
  Listing what = Listing::scenarios;
  std::vector<std::string> paths;  // of scenarios; empty: the catalog
};
struct InspectCommand {
  std::string path;
  bool json = false;
  bool messages = false;
  bool consumers = false;
  std::optional<core::WallTime> at;
};
struct HelpCommand {
  std::string text;
};
struct VersionCommand {};

using Command =
    std::variant<RunCommand, CrashPointsCommand, ServeCommand, CheckCommand, ListCommand, InspectCommand, HelpCommand, VersionCommand>;

inline constexpr unsigned kJobsMax = 256;
inline constexpr std::uint64_t kSeedsMax = 10'000'000;  // in one command

// `arguments`: without the program's own name. Errors: invalid_argument, unsupported (known, and not available yet); the
// detail is a sentence for the user.
[[nodiscard]] core::Result<Command> parse_arguments(std::span<const std::string> arguments);

}  // namespace windtunnel::cli
