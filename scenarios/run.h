// run_scenario: one scenario under one seed, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/defects.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "scenarios/crash.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// An invariant or an expectation that did not hold, told so that a person can act on it.
struct Divergence {
  std::string invariant;  // "acked-is-durable", or "expectation"
  std::string sentence;   // the invariant in a sentence
  std::string expected;
  std::string actual;
  std::string stream;                      // empty: of no stream
  std::string message;                     // whose fate it is about, "careful#17"; empty: no particular one's
  core::Seq first_seq;                     // the first sequence at which they part; 0: none
  std::vector<std::string> life_story;     // of that sequence, a line an event: "00:00:12.250 hub stored seq=17"
  std::vector<std::string> faults_around;  // the faults near it, a line each
  core::Instant at;                        // when it was noticed, from the scenario's time 0
  std::string node;                        // where; empty: nowhere in particular
  friend bool operator==(const Divergence&, const Divergence&) = default;
};

// How long a mirror or a source took to do what it must do in the end.
struct CopyWait {
  std::string stream;
  std::string node;
  std::string origin;                  // the stream that it copies
  std::optional<core::Duration> took;  // nullopt: it had not when the bound, or the run, was over
  core::Duration bound{};              // within which it has to (scenarios/sync_bound.h)
  friend bool operator==(const CopyWait&, const CopyWait&) = default;
};

struct RunOptions {
  core::Seed seed;
  core::Defects defects;    // on every node, besides its own
  bool keep_trace = false;  // each event as a line into trace_line
  std::function<void(std::string_view)> trace_line;
  std::vector<CrashAt> crashes;  // besides the scenario's own faults
  CrashHook crash_hook;
  std::uint64_t prune_every = 50000;  // messages stored from one look for what may be forgotten to the next (EvidencePruner)
  bool tells_stories = true;          // a run that fails is run again, for the life stories of its divergences
};

struct RunResult {
  std::string scenario;
  core::Seed seed;
  std::uint64_t events = 0;
  core::Duration virtual_time{};
  std::uint64_t trace_hash = 0;
  std::uint64_t remembered = 0;  // messages stored of which evidence was left at the end (EvidencePruner)
  std::vector<Divergence> divergences;
  // What the swarm came to under this seed, an entry a line as `faults:` takes it; empty without a swarm. In its place and
  // with the same seed it gives the same run.
  std::vector<std::string> timeline;
  std::vector<std::string> remarks;  // what stands still or was refused at the end, though nothing that was asked for forbids it
  std::vector<std::string> notes;    // a line a workload: published, acked, errors, lost
  // Of each copy whose time had come, from when all was quiet (the last fault, the last publish, and the start of the nodes on its way)
  // until it was level.
  std::vector<CopyWait> catch_ups;
  // Of each copy that asked for its origin in vain, from its first such request until its status showed it; the longest.
  std::vector<CopyWait> surfacings;
  [[nodiscard]] bool passed() const { return divergences.empty(); }
};

// Builds the world anew, runs it and takes it down. Errors: what the scenario asks for cannot be built (the server refuses
// a stream, say); the detail begins with the place in the scenario's file. Not to be called from a fiber.
[[nodiscard]] core::Result<RunResult> run_scenario(const Scenario& scenario, const RunOptions& options);

}  // namespace windtunnel::scenarios
