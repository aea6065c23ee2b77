#include <cstdio>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/output_file.h"
#include "cli/scenario_files.h"
#include "cli/terminal.h"
#include "reports/check_json.h"
#include "scenarios/hazards/check.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::cli {
namespace {

struct Tally {
  bool has_errors = false;
  bool has_hazards = false;  // that nobody has accepted
};

void show(const scenarios::CheckReport& report, Tally& tally) {
  for (const scenarios::Hazard& hazard : report.hazards) {
    const std::string name{scenarios::name_of(hazard.kind)};
    if (hazard.is_accepted) {
      print("  " + hazard.where.text() + ": accepted hazard " + name + "\n");
      continue;
    }
    tally.has_hazards = true;
    print("  " + hazard.where.text() + ": hazard " + name + ": " + hazard.why + "\n");
    print("    mend: " + std::string{scenarios::info_of(hazard.kind).mend} + "\n");
    print("    see:  " + scenarios::link_of(hazard.kind) + "\n");
  }
  for (const scenarios::AcceptedHazard& accepted : report.not_there) {
    tally.has_hazards = true;
    print("  " + accepted.where.text() + ": warning: the hazard " + scenarios::quoted(accepted.name) +
          " is accepted and not there; take it off `hazards`\n");
  }
}

void show_report(const scenarios::CheckReport& report, const std::string& title, Tally& tally) {
  if (report.errors.empty()) {
    print("OK " + title + "\n");
    show(report, tally);
    return;
  }
  tally.has_errors = true;
  std::fflush(stdout);
  for (const scenarios::Diagnostic& diagnostic : report.errors) complain(diagnostic.text());
}

// False if it could not be written.
bool write_json(OutputFile* file, const std::vector<scenarios::CheckReport>& reports) {
  if (file == nullptr) return true;
  file->write(reports::check_json(reports, WINDTUNNEL_VERSION));
  file->flush();
  if (!file->is_good()) complain(file->problem());
  return file->is_good();
}

}  // namespace

int check_command(const CheckCommand& command) {
  std::vector<std::string> files;
  if (!command.paths.empty()) {
    core::Result<std::vector<std::string>> found = scenario_files(command.paths);
    if (!found) {
      complain(found.error().detail);
      return kExitUsage;
    }
    files = *std::move(found);
  }
  Output json;
  if (!open_output(command.json_file, json)) return kExitUsage;

  Tally tally;
  std::vector<scenarios::CheckReport> reports;
  const auto take = [&](scenarios::CheckReport report, const std::string& title) {
    show_report(report, title, tally);
    if (json != nullptr) reports.push_back(std::move(report));
  };
  for (const std::string& file : files) {
    scenarios::CheckReport report = scenarios::check_scenario(file);
    const std::string title = report.name + " " + file;
    take(std::move(report), title);
  }
  if (command.topology || !command.streams.empty()) {
    scenarios::CheckReport report = scenarios::check_streams(command.topology, command.streams);
    const std::string title = "streams " + report.file;
    take(std::move(report), title);
  }
  if (!write_json(json.get(), reports) || tally.has_errors) return kExitUsage;
  return command.is_strict && tally.has_hazards ? kExitDivergence : kExitHeld;
}

}  // namespace windtunnel::cli
