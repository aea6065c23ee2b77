#include "cli/commands.h"

#include <csignal>
#include <cstdio>

#include "cli/scenario_files.h"
#include "cli/terminal.h"
#include "core/base/defects.h"
#include "core/base/profiles.h"
#include "faults/fault.h"
#include "scenarios/hazards/names.h"
#include "scenarios/invariants/names.h"
#include "scenarios/language/tables.h"

namespace windtunnel::cli {
namespace {

std::string padded(std::string_view text, std::size_t width) {
  std::string out{text};
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out + "  ";
}

// A text up to the end of its first sentence.
std::string_view first_sentence(std::string_view text) {
  const std::size_t end = text.find(". ");
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

int list_scenarios(const std::vector<std::string>& paths) {
  static const std::vector<std::string> kCatalog = {"scenarios/catalog"};
  const core::Result<LoadedFiles> loaded = load_scenarios(paths.empty() ? kCatalog : paths);
  if (!loaded) {
    complain(loaded.error().detail + (paths.empty() ? "; name a directory: `windtunnel list scenarios DIR`" : ""));
    return kExitUsage;
  }
  std::size_t width = 0;
  for (const scenarios::Scenario& scenario : loaded->scenarios) width = std::max(width, scenario.name.size());
  for (const scenarios::Scenario& scenario : loaded->scenarios)
    print(padded(scenario.name, width) + std::string{first_sentence(scenario.about)} + "\n" + padded("", width) + scenario.file + "\n");
  for (const scenarios::Diagnostic& diagnostic : loaded->diagnostics) complain(diagnostic.text());
  return loaded->diagnostics.empty() ? kExitHeld : kExitUsage;
}

void list_faults() {
  std::size_t width = 0;
  for (const faults::FaultKind& kind : faults::fault_kinds()) width = std::max(width, kind.name.size());
  for (const faults::FaultKind& kind : faults::fault_kinds())
    print(padded(kind.name, width) + std::string{kind.summary} + "\n" + padded("", width) + std::string{kind.example} + "\n");
}

void list_invariants() {
  std::size_t width = 0;
  for (const scenarios::InvariantName& name : scenarios::invariant_names()) width = std::max(width, name.name.size());
  for (const scenarios::InvariantName& name : scenarios::invariant_names()) {
    print(padded(name.name, width) + std::string{name.sentence} + "\n");
  }
}

void list_defects() {
  std::size_t width = 0;
  for (const core::DefectInfo& info : core::all_defects()) width = std::max(width, info.name.size());
  for (const core::DefectInfo& info : core::all_defects()) {
    print(padded(info.name, width) + std::string{info.summary} + "\n");
    if (info.is_sabotage()) {
      print(padded("", width) + "(a sabotage: no release had it)\n");
    } else if (info.affected.empty() && info.fixed.empty()) {
      print(padded("", width) + "(a wrong configuration: no release's own; not fixed)\n");
    } else {
      const std::string_view affected = info.affected.empty()   ? "no release as a single server"
                                        : info.affected == ".." ? "all"
                                                                : info.affected;
      const std::string fixed = info.fixed.empty() ? "not fixed" : "fixed in " + std::string{info.fixed};
      print(padded("", width) + "affected " + std::string{affected} + "; " + fixed + "\n");
    }
  }
}

void list_profiles() {
  std::size_t width = 0;
  for (const core::Release& release : core::profiled_releases()) width = std::max(width, core::profile_name(release).size());
  for (const core::Release& release : core::profiled_releases()) {
    std::string names;
    for (const core::DefectInfo& info : core::all_defects()) {
      if (core::is_affected(info.affected, release)) names += (names.empty() ? "" : " ") + std::string{info.name};
    }
    print(padded(core::profile_name(release), width) + (names.empty() ? "no defect that is known here" : names) + "\n");
  }
}

void list_hazards() {
  std::size_t width = 0;
  for (const scenarios::HazardInfo& info : scenarios::all_hazards()) width = std::max(width, info.name.size());
  for (const scenarios::HazardInfo& info : scenarios::all_hazards())
    print(padded(info.name, width) + std::string{info.summary} + "\n" + padded("", width) + "mend: " + std::string{info.mend} + "\n");
}

void list_workloads() {
  for (const scenarios::Key& key : scenarios::scenario_table().keys) {
    if (key.name != "workloads") continue;
    const scenarios::Table& table = *key.shape.element->table;
    for (const scenarios::Table* kind : table.variants) {
      print(std::string{kind->mark} + "\n");
      for (const std::span<const scenarios::Key> keys : {kind->keys, table.keys}) {
        for (const scenarios::Key& each : keys)
          print("  " + padded(each.name, 14) + std::string{each.about} + (each.is_required ? " (required)" : "") + "\n");
      }
    }
  }
}

}  // namespace

int list_command(const ListCommand& command) {
  switch (command.what) {
    case Listing::scenarios: return list_scenarios(command.paths);
    case Listing::faults: list_faults(); break;
    case Listing::invariants: list_invariants(); break;
    case Listing::workloads: list_workloads(); break;
    case Listing::defects: list_defects(); break;
    case Listing::profiles: list_profiles(); break;
    case Listing::hazards: list_hazards(); break;
  }
  return kExitHeld;
}

int run_cli(std::span<const std::string> arguments, const Environment& environment) {
  // A reader that goes away is an error of writing, and a dead worker one of its pipe.
  std::signal(SIGPIPE, SIG_IGN);
  const core::Result<Command> command = parse_arguments(arguments);
  if (!command) {
    complain(command.error().detail);
    return kExitUsage;
  }
  int status = kExitHeld;
  if (const auto* run = std::get_if<RunCommand>(&*command)) status = run_command(*run, environment);
  if (const auto* points = std::get_if<CrashPointsCommand>(&*command)) status = crash_points_command(*points, environment);
  if (const auto* serve = std::get_if<ServeCommand>(&*command)) status = serve_command(*serve);
  if (const auto* check = std::get_if<CheckCommand>(&*command)) status = check_command(*check);
  if (const auto* list = std::get_if<ListCommand>(&*command)) status = list_command(*list);
  if (const auto* inspect = std::get_if<InspectCommand>(&*command)) status = inspect_command(*inspect, environment);
  if (const auto* help = std::get_if<HelpCommand>(&*command)) print(help->text);
  if (std::holds_alternative<VersionCommand>(*command)) print("windtunnel " WINDTUNNEL_VERSION "\n");
  const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!is_written) {
    complain("standard output cannot be written");
    if (status < kExitUsage) status = kExitUsage;
  }
  return status;
}

}  // namespace windtunnel::cli
