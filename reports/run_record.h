// RunRecord: what became of one run, as the reports tell it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/base/types.h"
#include "scenarios/run.h"

namespace windtunnel::reports {

enum class Outcome : std::uint8_t {
  passed,
  failed,            // a divergence
  nondeterministic,  // two runs of the same seed differ
  refused,           // the scenario could not be run
  died,              // windtunnel itself failed in this run
};

// What a run was asked for beside its scenario and seed.
struct RunVariant {
  std::string profile;               // "nats-2.10.17": the defects of that release; empty: none
  std::vector<std::string> defects;  // by name, on every node
  std::vector<scenarios::CrashAt> crashes;
  friend bool operator==(const RunVariant&, const RunVariant&) = default;
};

struct RunRecord {
  std::string file;
  std::string scenario;
  core::Seed seed;
  RunVariant variant;
  Outcome outcome = Outcome::passed;
  scenarios::RunResult result;  // not of refused and died
  std::string problem;          // of nondeterministic, refused and died: what is wrong
  bool is_verified = false;     // it was run twice
  core::Duration wall{};        // real time that it took, verification included
  std::string replay;           // the command that runs it again
};

[[nodiscard]] std::string_view name_of(Outcome outcome);  // "passed", ...

// How many runs came to what.
struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t nondeterministic = 0;
  std::uint64_t refused = 0;
  std::uint64_t died = 0;
  void add(Outcome outcome);
  friend bool operator==(const Totals&, const Totals&) = default;
};

// "windtunnel run FILE --seed 7 --as nats-2.10.17", with the file quoted for a shell where it must be. `command`: how
// windtunnel was called.
[[nodiscard]] std::string replay_command(std::string_view command, std::string_view file, core::Seed seed, const RunVariant& variant = {});
// "windtunnel check FILE", likewise.
[[nodiscard]] std::string check_command(std::string_view command, std::string_view file);
// " as=nats-2.10.17 defect=nats-6600 crash-at=srv:217,only:3": what stands behind the seed in a line about the run. Empty for a
// plain run.
[[nodiscard]] std::string variant_text(const RunVariant& variant);

}  // namespace windtunnel::reports
