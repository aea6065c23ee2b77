#include "tests/layering/layers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace windtunnel::tests {
namespace {

// A folder and what it may include besides itself, in the order of the layers. "core/" at the end of a list stands for
// the whole core but for core/posix: the simulated world and what is built on it must not reach for real files.
struct Layer {
  std::string_view folder;
  std::string_view knows;
};

constexpr std::array<Layer, 15> kLayers = {{
    {"core/base", ""},
    {"core/env", "core/base"},
    {"core/fiber", "core/base core/env"},
    {"core/nats", "core/base core/env"},
    {"core/store", "core/base core/env core/nats"},
    {"core/jetstream", "core/base core/env core/nats core/store"},
    {"core/server", "core/base core/env core/nats core/store core/jetstream"},
    {"core/client", "core/base core/env core/nats core/store core/jetstream"},
    {"core/posix", "core/base core/env core/fiber"},
    {"sim", "core/"},
    {"faults", "core/ sim"},
    {"scenarios", "core/ sim faults"},
    {"reports", "core/ core/posix sim faults scenarios"},
    {"cli", "core/ core/posix sim faults scenarios reports"},
    {"tests", "core/ core/posix sim faults scenarios reports cli"},
}};

struct Package {
  std::string_view prefix;  // of the #include
  std::string_view name;
  std::string_view folders;  // where a .cc file may use it
};

// They are heavy to compile, and what they name would leak into everything above: they stay in .cc files, and in
// headers that only .cc files of the same folder see.
constexpr std::array<Package, 4> kPackages = {{
    {"boost/", "Boost", "core/fiber sim scenarios cli tests"},
    {"yaml-cpp/", "yaml-cpp", "scenarios cli tests"},
    {"spdlog/", "spdlog", "reports cli tests"},
    {"nlohmann/", "nlohmann/json", "core/jetstream core/server core/client core/store scenarios reports cli tests"},
}};

struct Include {
  std::string path;
  bool is_quoted = false;
  int line = 0;
};

bool contains_word(std::string_view list, std::string_view word) {
  return (" " + std::string{list} + " ").find(" " + std::string{word} + " ") != std::string::npos;
}

const Layer* layer_of(std::string_view path) {
  const auto found = std::find_if(kLayers.begin(), kLayers.end(), [&](const Layer& layer) {
    return path.starts_with(layer.folder) && path.substr(layer.folder.size()).starts_with("/");
  });
  return found == kLayers.end() ? nullptr : &*found;
}

bool may_know(const Layer& from, const Layer& to) {
  if (&from == &to || contains_word(from.knows, to.folder)) return true;
  return to.folder.starts_with("core/") && to.folder != "core/posix" && contains_word(from.knows, "core/");
}

std::optional<Include> parse_include(std::string_view line, int number) {
  const auto skip_blanks = [&] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  skip_blanks();
  if (!line.starts_with("#")) return std::nullopt;
  line.remove_prefix(1);
  skip_blanks();
  if (!line.starts_with("include")) return std::nullopt;
  line.remove_prefix(7);
  skip_blanks();
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return std::nullopt;
  const bool is_quoted = line.front() == '"';
  const std::size_t end = line.find(is_quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Include{std::string{line.substr(1, end - 1)}, is_quoted, number};
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> includes;
  std::string_view rest = file.text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (auto include = parse_include(rest.substr(0, end), number)) includes.push_back(std::move(*include));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return includes;
}

// What is wrong with this #include; empty: nothing.
std::string judge_own(const Layer& from, const Include& include, const std::set<std::string_view>& paths) {
  if (include.path.find("..") != std::string::npos) return "refers upwards: \"" + include.path + "\"; write it from the root";
  if (!paths.contains(include.path)) return "no such file from the root: \"" + include.path + "\"";
  const Layer* to = layer_of(include.path);
  if (to == nullptr || !may_know(from, *to)) return std::string{from.folder} + " must not know \"" + include.path + "\"";
  return {};
}

// A header that only the .cc files of its own folder include.
bool is_private(const SourceFile& header, const SourceTree& tree) {
  return std::all_of(tree.begin(), tree.end(), [&](const SourceFile& file) {
    if (!file.is_cpp() || file.is_in("tests")) return true;
    const std::vector<Include> includes = includes_of(file);
    const bool sees = std::any_of(includes.begin(), includes.end(), [&](const Include& include) { return include.path == header.path; });
    return !sees || (!file.is_header() && layer_of(file.path) == layer_of(header.path));
  });
}

std::string judge_package(const SourceFile& file, const Layer& from, const Include& include, const SourceTree& tree) {
  for (const Package& package : kPackages) {
    if (!include.path.starts_with(package.prefix)) continue;
    if (file.is_header() && from.folder != "tests" && !is_private(file, tree)) {
      return std::string{package.name} + " in a header that others see; keep it in the .cc";
    }
    if (!contains_word(package.folders, from.folder)) return std::string{package.name} + " does not belong in " + std::string{from.folder};
  }
  return {};
}

}  // namespace

std::vector<Violation> find_layer_violations(const SourceTree& tree) {
  std::set<std::string_view> paths;
  for (const SourceFile& file : tree) paths.insert(file.path);
  std::vector<Violation> violations;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp()) continue;
    const Layer* from = layer_of(file.path);
    if (from == nullptr) {
      violations.push_back({file.path, 1, "lies in no folder of the layering"});
      continue;
    }
    for (const Include& include : includes_of(file)) {
      std::string what = include.is_quoted ? judge_own(*from, include, paths) : judge_package(file, *from, include, tree);
      if (!what.empty()) violations.push_back({file.path, include.line, std::move(what)});
    }
  }
  return violations;
}

}  // namespace windtunnel::tests
