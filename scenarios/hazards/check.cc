#include "scenarios/hazards/check.h"

#include <algorithm>

#include "scenarios/hazards/json_tree.h"
#include "scenarios/hazards/read_nats.h"
#include "scenarios/hazards/read_scenario.h"
#include "scenarios/hazards/read_topology.h"
#include "scenarios/hazards/refused.h"
#include "scenarios/language/load.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

void accept(const std::vector<AcceptedHazard>& accepted, CheckReport& report) {
  for (const AcceptedHazard& each : accepted) {
    bool is_there = false;
    for (Hazard& hazard : report.hazards) {
      if (name_of(hazard.kind) != each.name) continue;
      hazard.is_accepted = true;
      is_there = true;
    }
    if (!is_there) report.not_there.push_back(each);
  }
}

// `path` as a file of the directory in which `beside` lies.
std::string relative_to(const std::string& beside, const std::string& path) {
  const std::size_t slash = beside.rfind('/');
  return path.starts_with('/') || slash == std::string::npos ? path : beside.substr(0, slash + 1) + path;
}

// The server that a file of the command line belongs to; kNowhere, with a diagnostic, if nobody can tell.
std::size_t server_of(const StreamsFile& file, const std::vector<ServerFacts>& servers, Diagnostics& diagnostics) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].name == file.server) return i;
    names.push_back(servers[i].name);
  }
  if (file.server.empty() && servers.size() == 1) return 0;
  if (file.server.empty()) {
    diagnostics.add({file.path, 0, 0}, "whose streams are these? There are " + listed(names) + "; say `--streams NAME=" + file.path + "`");
  } else {
    diagnostics.add({file.path, 0, 0}, "there is no server " + quoted(file.server) + " in the topology" + hint(file.server, names));
  }
  return kNowhere;
}

// Without a topology: the one server, or an error if the files name several.
void name_servers(std::span<const StreamsFile> files, Topology& topology, Diagnostics& diagnostics) {
  ServerFacts server{.name = "server", .where = {}, .domain = {}, .deny_imports = {}, .deny_exports = {}, .server_name = {}, .gaps = {}};
  for (const StreamsFile& file : files) {
    if (file.server.empty() || file.server == server.name) continue;
    if (server.name != "server") {
      diagnostics.add({file.path, 0, 0},
                      "how are " + quoted(server.name) + " and " + quoted(file.server) + " joined? Say it with `--topology FILE.yaml`");
      return;
    }
    server.name = file.server;
  }
  server.where = {files.empty() ? std::string{} : files.front().path, 1, 1};
  server.are_streams_known = false;
  topology.facts.are_servers_known = false;
  topology.facts.servers.push_back(std::move(server));
}

}  // namespace

bool CheckReport::is_clean() const {
  return errors.empty() && not_there.empty() &&
         std::all_of(hazards.begin(), hazards.end(), [](const Hazard& each) { return each.is_accepted; });
}

CheckReport check_scenario(const std::string& path) {
  core::Result<std::string> text = read_file(path, kFileMax);
  if (text) return check_scenario_text(*text, path);
  CheckReport report;
  report.file = path;
  report.errors.push_back({{path, 0, 0}, text.error().detail});
  return report;
}

CheckReport check_scenario_text(std::string_view text, const std::string& file) {
  TypedValue root;
  Loaded loaded = load_text(text, file, root);
  if (loaded.scenario) return check_loaded(*loaded.scenario, root);
  CheckReport report;
  report.file = file;
  report.errors = std::move(loaded.diagnostics);
  return report;
}

CheckReport check_loaded(const Scenario& scenario, const TypedValue& root) {
  CheckReport report;
  report.name = scenario.name;
  report.file = scenario.file;
  Diagnostics refused;
  find_refused(scenario, refused);
  report.errors = refused.take();
  if (!report.errors.empty()) return report;
  report.hazards = find_hazards(facts_of(scenario, root));
  accept(scenario.accepted_hazards, report);
  return report;
}

CheckReport check_streams(const std::optional<std::string>& topology_path, std::span<const StreamsFile> files, const ReadFile& read) {
  CheckReport report;
  report.file = topology_path ? *topology_path : files.empty() ? std::string{} : files.front().path;
  Diagnostics diagnostics;
  Topology topology;
  if (topology_path) {
    const core::Result<std::string> text = read(*topology_path);
    if (text) {
      topology = read_topology(*text, *topology_path, diagnostics);
    } else {
      diagnostics.add({*topology_path, 0, 0}, text.error().detail);
    }
  } else {
    name_servers(files, topology, diagnostics);
  }
  if (diagnostics.count() > 0) return report.errors = diagnostics.take(), report;

  NatsReader reader{topology.facts, diagnostics};
  const auto read_streams = [&](const std::string& path, std::size_t server, const SourcePosition& named_at) {
    const core::Result<std::string> text = read(path);
    if (text) {
      reader.read(parse_json(*text, path, diagnostics), server);
    } else {
      diagnostics.add(named_at, (named_at.line == 0 ? "" : quoted(path) + " ") + text.error().detail);
    }
  };
  for (const Topology::File& file : topology.files) read_streams(relative_to(*topology_path, file.path.text), file.server, file.path.where);
  for (const StreamsFile& file : files) {
    const std::size_t server = server_of(file, topology.facts.servers, diagnostics);
    if (server != kNowhere) read_streams(file.path, server, {file.path, 0, 0});
  }
  reader.finish();
  report.errors = diagnostics.take();
  if (!report.errors.empty()) return report;
  report.hazards = find_hazards(topology.facts);
  accept(topology.accepted, report);
  return report;
}

CheckReport check_streams(const std::optional<std::string>& topology, std::span<const StreamsFile> files) {
  return check_streams(topology, files, [](const std::string& path) { return read_file(path, kJsonMax); });
}

}  // namespace windtunnel::scenarios
