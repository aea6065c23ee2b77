#include <cstdio>

#include "cli/commands.h"
#include "cli/scenario_files.h"
#include "cli/terminal.h"
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

}  // namespace

int check_command(const CheckCommand& command) {
  Tally tally;
  if (!command.paths.empty()) {
    const core::Result<std::vector<std::string>> files = scenario_files(command.paths);
    if (!files) {
      complain(files.error().detail);
      return kExitUsage;
    }
    for (const std::string& file : *files) {
      const scenarios::CheckReport report = scenarios::check_scenario(file);
      show_report(report, report.name + " " + file, tally);
    }
  }
  if (command.topology || !command.streams.empty()) {
    const scenarios::CheckReport report = scenarios::check_streams(command.topology, command.streams);
    show_report(report, "streams " + report.file, tally);
  }
  if (tally.has_errors) return kExitUsage;
  return command.is_strict && tally.has_hazards ? kExitDivergence : kExitHeld;
}

}  // namespace windtunnel::cli
