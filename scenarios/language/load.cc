#include "scenarios/language/load.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "scenarios/language/build.h"
#include "scenarios/language/yaml_tree.h"

namespace windtunnel::scenarios {
namespace {

// Requires: the value was checked without a complaint.
Scenario build(const TypedValue& root, const std::string& file, Diagnostics& diagnostics) {
  Scenario scenario;
  scenario.file = file;
  scenario.name = root.get<std::string>("scenario");
  scenario.about = root.get_or<std::string>("about", "");
  if (const TypedValue* seed = root.find("seed")) scenario.seed = core::Seed{seed->as<std::uint64_t>()};
  if (const TypedValue* duration = root.find("duration")) scenario.duration = duration->as<core::Duration>();
  build_nodes(*root.find("nodes"), scenario, diagnostics);
  build_links(root.find("links"), scenario, diagnostics);
  if (const TypedValue* streams = root.find("streams")) build_streams(*streams, scenario, diagnostics);
  if (const TypedValue* consumers = root.find("consumers")) build_consumers(*consumers, scenario, diagnostics);
  if (const TypedValue* workloads = root.find("workloads")) build_workloads(*workloads, scenario, diagnostics);
  if (const TypedValue* faults = root.find("faults")) build_faults(*faults, scenario, diagnostics);
  if (const TypedValue* swarm = root.find("swarm")) build_swarm(*swarm, scenario, diagnostics);
  build_expectations(*root.find("expect"), scenario, diagnostics);
  return scenario;
}

Loaded failed(const std::string& file, std::string message) {
  return {.scenario = std::nullopt, .diagnostics = {{{file, 0, 0}, std::move(message)}}};
}

}  // namespace

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.where.line != b.where.line ? a.where.line < b.where.line : a.where.column < b.where.column;
  });
  if (count_ > list_.size()) list_.push_back({list_.back().where, "and " + std::to_string(count_ - list_.size()) + " more"});
  return std::move(list_);
}

Loaded load_text(std::string_view text, const std::string& file) {
  Diagnostics diagnostics;
  const std::optional<YamlTree> tree = parse_yaml(text, file, diagnostics);
  if (!tree) return {.scenario = std::nullopt, .diagnostics = diagnostics.take()};
  const TypedValue root = check_tree(*tree, scenario_table(), diagnostics);
  if (diagnostics.count() > 0) return {.scenario = std::nullopt, .diagnostics = diagnostics.take()};
  Scenario scenario = build(root, file, diagnostics);
  if (diagnostics.count() > 0) return {.scenario = std::nullopt, .diagnostics = diagnostics.take()};
  return {.scenario = std::move(scenario), .diagnostics = {}};
}

Loaded load_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return failed(path, "cannot be read: " + std::generic_category().message(errno));
  // One byte more than is allowed, so that a file of any size, or one without an end, is read no further.
  std::string text(kFileMax.value + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return failed(path, "cannot be read: it is a directory, or the disk fails");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return load_text(text, path);
}

}  // namespace windtunnel::scenarios
