#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/crash_trials.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/scenario_files.h"
#include "cli/terminal.h"
#include "cli/variant.h"
#include "cli/worker_pool.h"
#include "core/base/json_writer.h"
#include "reports/text.h"

namespace windtunnel::cli {
namespace {

constexpr unsigned kTriedBits = 23;
// Of an invariant, so many failures are shown; a report in JSON has them all.
constexpr std::size_t kShown = 5;

struct Job {
  scenarios::Scenario scenario;
  core::Seed seed;
  Variant variant;
};

// The scenario as it is, without a crash: how many disk operations it has. Says why if it does not pass, and gives nullopt.
std::optional<std::uint64_t> count_operations(const Job& job, const Environment& environment) {
  std::map<std::string, std::uint64_t> operations;
  scenarios::RunOptions options;
  options.seed = job.seed;
  options.defects = job.variant.defects;
  options.crash_hook = [&operations](const scenarios::CrashMoment& moment) -> std::optional<sim::Survivors> {
    operations[std::string{moment.node}] = moment.operation;
    return std::nullopt;
  };
  const core::Result<scenarios::RunResult> result = environment.run(job.scenario, options);
  if (!result || !result->passed()) {
    complain(job.scenario.file + " does not pass even without a crash; first mend that:");
    if (!result) complain(result.error().detail);
    if (result) {
      for (const scenarios::Divergence& divergence : result->divergences) complain(reports::divergence_text(divergence));
    }
    return std::nullopt;
  }
  std::uint64_t total = 0;
  for (const auto& [node, count] : operations) total += count;
  return total;
}

std::string replay(const Job& job, const CrashFailure& failure, const Environment& environment) {
  reports::RunVariant variant = job.variant.told;
  variant.crashes = failure.crashes;
  return reports::replay_command(environment.command, job.scenario.file, job.seed, variant);
}

std::string place(const CrashFailure& failure) {
  std::string out;
  for (const scenarios::CrashAt& crash : failure.crashes)
    out += (out.empty() ? "" : ", then ") + place_text(crash) + " keep=" + to_text(crash.keep);
  return out + " (" + failure.operation + ")";
}

std::string failures_report(const Job& job, const std::vector<CrashFailure>& failures, const Environment& environment) {
  std::map<std::string, std::vector<const CrashFailure*>> by_invariant;
  for (const CrashFailure& failure : failures) by_invariant[failure.invariants].push_back(&failure);
  std::string out;
  for (const auto& [invariants, found] : by_invariant) {
    out += "  " + invariants + ": " + std::to_string(found.size()) + (found.size() == 1 ? " image\n" : " images\n");
    for (std::size_t i = 0; i < std::min(found.size(), kShown); ++i)
      out += "    " + place(*found[i]) + ": " + found[i]->actual + "\n      replay: " + replay(job, *found[i], environment) + "\n";
    if (found.size() > kShown) out += "    and " + std::to_string(found.size() - kShown) + " more\n";
  }
  return out;
}

std::string json_report(const Job& job, const CrashCounters& counters, std::uint64_t operations, const std::vector<CrashFailure>& failures,
                        core::Duration wall, const Environment& environment) {
  core::JsonWriter out;
  out.begin_object();
  out.field("schema", "windtunnel.crash-points").field("version", std::uint64_t{1}).field("windtunnel", WINDTUNNEL_VERSION);
  out.field("file", job.scenario.file).field("scenario", job.scenario.name).field("seed", job.seed.value);
  out.field("as", job.variant.told.profile);
  out.key("defects").begin_array();
  for (const std::string& defect : job.variant.told.defects) out.text(defect);
  out.end_array();
  out.field("operations", operations).field("images", counters.images.load()).field("distinct", counters.tried.load());
  out.field("during_recovery", counters.deep.load()).field("left_out", counters.left_out.load());
  out.field("failed", counters.failures.load()).field("wall_ns", wall.count());
  out.key("failures").begin_array();
  for (const CrashFailure& failure : failures) {
    out.begin_object();
    out.key("crashes").begin_array();
    for (const scenarios::CrashAt& crash : failure.crashes) {
      out.begin_object();
      out.field("at", place_text(crash)).field("keep", to_text(crash.keep));
      out.end_object();
    }
    out.end_array();
    out.field("operation", failure.operation).field("invariants", failure.invariants).field("actual", failure.actual);
    out.field("replay", replay(job, failure, environment));
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take() + "\n";
}

core::Result<Job> make_job(const CrashPointsCommand& command) {
  WT_TRY(LoadedFiles loaded, load_scenarios(std::vector<std::string>{command.path}));
  for (const scenarios::Diagnostic& diagnostic : loaded.diagnostics) complain(diagnostic.text());
  if (!loaded.diagnostics.empty()) return core::error(core::Errc::invalid_argument, "nothing was run, for the scenario is not valid");
  if (loaded.scenarios.size() != 1)
    return core::error(core::Errc::invalid_argument, command.path + ": crash-points takes one scenario at a time");
  Job job;
  job.scenario = std::move(loaded.scenarios.front());
  job.seed = command.seed ? core::Seed{*command.seed} : job.scenario.seed.value_or(core::Seed{1});
  job.variant = make_variant(command.profile, command.defects, {});
  return job;
}

}  // namespace

int crash_points_command(const CrashPointsCommand& command, const Environment& environment) {
  const core::Result<Job> job = make_job(command);
  if (!job) {
    complain(job.error().detail);
    return kExitUsage;
  }
  Output json;
  if (!open_output(command.json_file, json)) return kExitUsage;
  const std::optional<std::uint64_t> operations = count_operations(*job, environment);
  if (!operations) return kExitDivergence;
  print(job->scenario.name + " seed=" + std::to_string(job->seed.value) + variant_text(job->variant.told) + ": " +
        std::to_string(*operations) + " disk operations\n");
  std::fflush(stdout);

  const SharedMemory<CrashCounters> memory{1};
  SharedSet tried{kTriedBits};
  if (!memory.is_good() || !tried.is_good()) {
    complain("there is no memory to share with workers");
    return kExitUsage;
  }
  CrashCounters& counters = memory[0];
  const core::Duration start = real_time();
  std::vector<CrashFailure> failures;
  bool has_died = false;
  Progress progress{stderr, environment.has_progress, *operations, "operations"};
  const CrashTrials::Setup setup{job->scenario, job->seed, job->variant.defects, command.depth};
  WorkerPool pool{[&](std::uint64_t part) {
    return failures_text(CrashTrials{setup, environment, counters, tried}.run(static_cast<unsigned>(part), command.jobs));
  }};
  const core::Status done = pool.run(
      command.jobs, command.jobs,
      [&](const WorkerPool::Done& answer) {
        if (!answer.death.empty()) complain("a worker ended with " + answer.death);
        has_died = has_died || !answer.death.empty();
        for (CrashFailure& failure : parse_failures(answer.bytes)) failures.push_back(std::move(failure));
      },
      [&] { progress.update(counters.operations, real_time() - start); });
  progress.clear();
  if (!done) {
    complain(done.error().detail);
    return kExitUsage;
  }
  std::stable_sort(failures.begin(), failures.end(),
                   [](const CrashFailure& a, const CrashFailure& b) { return a.crashes.front().operation < b.crashes.front().operation; });
  const core::Duration wall = real_time() - start;
  const auto ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()));
  print(failures_report(*job, failures, environment));
  std::string text = std::to_string(counters.images) + " images, " + std::to_string(counters.tried) + " of them distinct (" +
                     std::to_string(counters.deep) + " during recovery), " + std::to_string(counters.failures) + " failures; " +
                     reports::seconds(wall) + ", " + std::to_string(counters.tried * 1000 / ms) + " distinct images/s\n";
  if (counters.left_out > 0)
    text += std::to_string(counters.left_out) +
            " images were left out: of a file with very many unsynced sectors only the first and last are lost or kept one by one\n";
  print(text);
  if (json != nullptr) {
    json->write(json_report(*job, counters, *operations, failures, wall, environment));
    json->flush();
    if (!json->is_good()) {
      complain(json->problem());
      return kExitUsage;
    }
  }
  const bool has_internal = has_died || std::any_of(failures.begin(), failures.end(), [](const auto& f) { return f.invariants == "died"; });
  if (has_internal) return kExitInternal;
  return counters.failures > 0 ? kExitDivergence : kExitHeld;
}

}  // namespace windtunnel::cli
