#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <system_error>

#include "cli/commands.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "cli/scenario_files.h"
#include "cli/terminal.h"
#include "cli/variant.h"
#include "cli/worker_pool.h"
#include "core/base/assert.h"
#include "reports/json.h"
#include "reports/junit.h"
#include "reports/run_record.h"
#include "reports/slowest.h"
#include "reports/text.h"
#include "scenarios/hazards/check.h"

namespace windtunnel::cli {
namespace {

using reports::Outcome;
using reports::RunRecord;

// All runs of the command, as numbers: scenario by scenario, profile by profile, seed by seed.
struct Plan {
  std::vector<scenarios::Scenario> scenarios;
  std::vector<scenarios::CheckReport> checks;  // of each scenario
  std::vector<Variant> variants;               // at least one
  std::optional<std::uint64_t> first_seed;
  std::uint64_t seeds = 1;  // of each scenario and variant

  [[nodiscard]] std::uint64_t runs() const { return scenarios.size() * variants.size() * seeds; }
  [[nodiscard]] std::uint64_t runs_of_each() const { return seeds * variants.size(); }
  [[nodiscard]] const scenarios::Scenario& scenario(std::uint64_t job) const { return scenarios[job / runs_of_each()]; }
  [[nodiscard]] const Variant& variant(std::uint64_t job) const { return variants[job / seeds % variants.size()]; }
  [[nodiscard]] core::Seed seed(std::uint64_t job) const {
    if (!first_seed) return scenario(job).seed.value_or(core::Seed{1});
    return core::Seed{*first_seed + job % seeds};
  }
};

// What a run is before anything is known of it.
RunRecord blank_record(const Plan& plan, std::uint64_t job, const Environment& environment) {
  RunRecord record;
  record.file = plan.scenario(job).file;
  record.scenario = plan.scenario(job).name;
  record.seed = plan.seed(job);
  record.variant = plan.variant(job).told;
  record.replay = reports::replay_command(environment.command, record.file, record.seed, record.variant);
  return record;
}

// What a failed assertion says of the run that it ends, and what it saves of it.
struct LastWords {
  const RunRecord& record;
  OutputFile* trace;
};

void print_last_words(void* data) {
  const auto* words = static_cast<const LastWords*>(data);
  std::fprintf(stderr, "  in a run of %s\n  replay: %s\n", words->record.scenario.c_str(), words->record.replay.c_str());
  if (words->trace != nullptr) words->trace->flush();
}

// Does one run. In a worker, or in this process if there are none.
RunRecord do_run(const Plan& plan, std::uint64_t job, const RunCommand& command, const Environment& environment, OutputFile* trace) {
  RunRecord record = blank_record(plan, job, environment);
  LastWords last_words{.record = record, .trace = trace};
  core::set_assert_context(&print_last_words, &last_words);
  scenarios::RunOptions options;
  options.seed = record.seed;
  options.defects = plan.variant(job).defects;
  options.crashes = record.variant.crashes;
  options.keep_trace = trace != nullptr;
  if (trace != nullptr) {
    options.trace_line = [trace](std::string_view line) {
      trace->write(line);
      trace->write("\n");
    };
  }
  const core::Duration start = real_time();
  core::Result<scenarios::VerifiedRun> run = scenarios::run_verified(
      plan.scenario(job), options, environment.run, command.verify ? scenarios::Verify::always : scenarios::Verify::failures);
  record.wall = real_time() - start;
  if (trace != nullptr) trace->flush();
  core::set_assert_context(nullptr, nullptr);
  if (!run) {
    record.outcome = Outcome::refused;
    record.problem = run.error().detail;
    return record;
  }
  record.result = std::move(run->result);
  record.is_verified = run->is_verified;
  record.outcome = !run->difference.empty() ? Outcome::nondeterministic : record.result.passed() ? Outcome::passed : Outcome::failed;
  if (record.outcome == Outcome::nondeterministic) {
    record.problem = "two runs of the same scenario and seed differ: " + run->difference;
    record.replay += " --verify";
  }
  return record;
}

// Prints the runs in their order, whatever the order in which they end, and keeps what the reports need.
class Results {
 public:
  Results(const Plan& plan, const RunCommand& command, const Environment& environment)
      : plan_(plan),
        environment_(environment),
        style_{.has_colours = environment.has_colours},
        is_json_(command.json_file.has_value()),
        is_junit_(command.junit_file.has_value()),
        progress_(stderr, environment.has_progress, plan.runs()) {}

  void add(std::uint64_t job, RunRecord record) {
    early_.emplace(job, std::move(record));
    ++ended_;
    if (early_.begin()->first != next_) return;
    progress_.clear();
    for (auto first = early_.begin(); first != early_.end() && first->first == next_; first = early_.erase(first), ++next_)
      tell(next_, first->second);
    std::fflush(stdout);
  }
  void tick() { progress_.update(ended_, real_time() - start_); }
  void finish() { progress_.clear(); }

  [[nodiscard]] const reports::Totals& totals() const { return totals_; }
  [[nodiscard]] core::Duration wall() const { return real_time() - start_; }
  [[nodiscard]] std::string json() const {
    return reports::report_json(json_, slowest_.all(), plan_.checks, totals_, wall(), WINDTUNNEL_VERSION);
  }
  [[nodiscard]] const reports::SlowestRuns& slowest() const { return slowest_; }
  [[nodiscard]] std::string junit() const { return junit_.xml(); }

 private:
  void tell(std::uint64_t job, const RunRecord& record) {
    totals_.add(record.outcome);
    slowest_.add(record);
    std::string text = reports::run_text(record, style_);
    // What is hazardous in a scenario is so with every seed: it is told once, behind its last run.
    if ((job + 1) % plan_.runs_of_each() == 0)
      text += reports::hazards_text(plan_.checks[job / plan_.runs_of_each()], environment_.command);
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
    if (is_json_) json_.push_back(reports::run_json(record));
    if (is_junit_) junit_.add(record);
  }

  const Plan& plan_;
  const Environment& environment_;
  reports::TextStyle style_;
  bool is_json_;
  bool is_junit_;
  Progress progress_;
  core::Duration start_ = real_time();
  std::map<std::uint64_t, RunRecord> early_;  // ended, but not yet their turn
  std::uint64_t next_ = 0;
  std::uint64_t ended_ = 0;
  reports::Totals totals_;
  reports::SlowestRuns slowest_;
  std::vector<std::string> json_;
  reports::JunitReport junit_;
};

// The answer of a worker: the record, or that it died.
RunRecord record_of(const Plan& plan, const WorkerPool::Done& done, const Environment& environment) {
  std::string problem;
  if (done.death.empty()) {
    core::Result<RunRecord> record = reports::run_from_json(done.bytes);
    if (record) return *std::move(record);
    problem = "the worker's answer makes no sense: " + record.error().detail;
  } else {
    problem = "windtunnel itself failed in this run: its worker ended with " + done.death;
  }
  RunRecord record = blank_record(plan, done.job, environment);
  record.outcome = Outcome::died;
  record.problem = std::move(problem);
  record.wall = done.busy;
  return record;
}

int exit_status(const reports::Totals& totals, bool has_io_failed) {
  if (totals.died > 0) return kExitInternal;
  if (totals.nondeterministic > 0) return kExitNondeterministic;
  if (totals.refused > 0 || has_io_failed) return kExitUsage;
  return totals.failed > 0 ? kExitDivergence : kExitHeld;
}

core::Status check_crash(const std::vector<scenarios::Scenario>& scenarios, const scenarios::CrashAt& crash) {
  for (const scenarios::Scenario& scenario : scenarios) {
    if (scenario.node(crash.node) == nullptr)
      return core::error(core::Errc::invalid_argument,
                         "`--crash-at " + place_text(crash) + "`: " + scenario.file + " has no node `" + crash.node + "`");
  }
  return {};
}

core::Result<Plan> make_plan(const RunCommand& command) {
  WT_TRY(LoadedFiles loaded, load_scenarios(command.paths));
  for (const scenarios::Diagnostic& diagnostic : loaded.diagnostics) complain(diagnostic.text());
  if (!loaded.diagnostics.empty()) return core::error(core::Errc::invalid_argument, "nothing was run, for not all scenarios are valid");
  Plan plan;
  plan.scenarios = std::move(loaded.scenarios);
  plan.checks = std::move(loaded.checks);
  for (const scenarios::CrashAt& crash : command.crashes) WT_CHECK(check_crash(plan.scenarios, crash));
  if (command.profiles.empty()) plan.variants.push_back(make_variant(std::nullopt, command.defects, command.crashes));
  for (const core::Release& release : command.profiles) plan.variants.push_back(make_variant(release, command.defects, command.crashes));
  plan.first_seed = command.first_seed;
  if (command.first_seed) plan.seeds = command.last_seed - *command.first_seed + 1;
  if (command.trace_file && plan.runs() > 1)
    return core::error(core::Errc::invalid_argument, "`--trace` is for a single run; name one scenario");
  return plan;
}

}  // namespace

int run_command(const RunCommand& command, const Environment& environment) {
  const core::Result<Plan> plan = make_plan(command);
  if (!plan) {
    complain(plan.error().detail);
    return kExitUsage;
  }
  Output trace;
  Output json;
  Output junit;
  if (!open_output(command.trace_file, trace) || !open_output(command.json_file, json) || !open_output(command.junit_file, junit))
    return kExitUsage;

  Results results{*plan, command, environment};
  bool has_io_failed = false;
  const auto work = [&](std::uint64_t job) {
    const RunRecord record = do_run(*plan, job, command, environment, trace.get());
    // A worker's file is its own copy: whether it could be written is known there alone.
    const bool is_written = trace == nullptr || trace->is_good();
    return (is_written ? "+" : "-" + trace->problem() + "\n") + reports::run_json(record);
  };
  const auto take = [&](WorkerPool::Done done) {
    if (done.death.empty() && done.bytes.starts_with('-')) {
      const std::size_t end = done.bytes.find('\n');
      complain(done.bytes.substr(1, end - 1));
      has_io_failed = true;
      done.bytes.erase(0, end + 1);
    } else if (done.death.empty()) {
      done.bytes.erase(0, 1);
    }
    results.add(done.job, record_of(*plan, done, environment));
  };
  if (command.jobs == 0) {
    for (std::uint64_t job = 0; job < plan->runs(); ++job) {
      results.tick();
      take({.job = job, .bytes = work(job), .death = {}, .busy = {}});
    }
  } else {
    WorkerPool pool{work};
    if (const core::Status status = pool.run(plan->runs(), command.jobs, take, [&results] { results.tick(); }); !status) {
      results.finish();
      complain(status.error().detail);
      return kExitUsage;
    }
  }
  results.finish();
  if (plan->seeds > 1) {
    for (const reports::SlowestRun& run : results.slowest().all()) print(reports::slowest_text(run));
  }
  if (plan->runs() > 1) {
    const std::string text = reports::totals_text(results.totals(), results.wall());
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
  }
  for (const auto& [file, text] :
       {std::pair{json.get(), json ? results.json() : ""}, std::pair{junit.get(), junit ? results.junit() : ""}}) {
    if (file == nullptr) continue;
    file->write(text);
    file->flush();
    if (file->is_good()) continue;
    complain(file->problem());
    has_io_failed = true;
  }
  return exit_status(results.totals(), has_io_failed);
}

}  // namespace windtunnel::cli
