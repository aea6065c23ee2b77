#include "scenarios/language/load.h"

#include <algorithm>
#include <array>
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
  if (const TypedValue* hazards = root.find("hazards")) {
    for (const TypedValue& hazard : hazards->items) scenario.accepted_hazards.push_back({hazard.as<std::string>(), hazard.where});
  }
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
  TypedValue root;
  return load_text(text, file, root);
}

Loaded load_text(std::string_view text, const std::string& file, TypedValue& root) {
  Diagnostics diagnostics;
  const std::optional<YamlTree> tree = parse_yaml(text, file, diagnostics);
  if (!tree) return {.scenario = std::nullopt, .diagnostics = diagnostics.take()};
  root = check_tree(*tree, scenario_table(), diagnostics);
  if (diagnostics.count() > 0) return {.scenario = std::nullopt, .diagnostics = diagnostics.take()};
  Scenario scenario = build(root, file, diagnostics);
  if (diagnostics.count() > 0) return {.scenario = std::nullopt, .diagnostics = diagnostics.take()};
  return {.scenario = std::move(scenario), .diagnostics = {}};
}

Loaded load_file(const std::string& path) {
  TypedValue root;
  return load_file(path, root);
}

Loaded load_file(const std::string& path, TypedValue& root) {
  core::Result<std::string> text = read_file(path, kFileMax);
  if (!text) return failed(path, text.error().detail);
  return load_text(*text, path, root);
}

core::Result<std::string> read_file(const std::string& path, core::Bytes max) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return core::error(core::Errc::io_error, "cannot be read: " + std::generic_category().message(errno));
  std::string text;
  std::array<char, 64 * 1024> part{};
  while (text.size() <= max.value && in.read(part.data(), static_cast<std::streamsize>(part.size())).gcount() > 0)
    text.append(part.data(), static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return core::error(core::Errc::io_error, "cannot be read: it is a directory, or the disk fails");
  if (text.size() > max.value + 1) text.resize(max.value + 1);
  return text;
}

}  // namespace windtunnel::scenarios
