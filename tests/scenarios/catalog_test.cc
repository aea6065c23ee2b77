// Every scenario of the catalog and of the examples loads, and tells its story.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "scenarios/language/load.h"

namespace windtunnel::scenarios {
namespace {

std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  for (const char* folder : {"scenarios/catalog", "scenarios/examples"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
      if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("every scenario loads, says what it teaches and is called as its file") {
  std::set<std::string> names;
  const std::vector<std::string> files = scenario_files();
  CHECK(files.size() >= 6);
  for (const std::string& file : files) {
    CAPTURE(file);
    const Loaded loaded = load_file(file);
    for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
    REQUIRE(loaded.scenario.has_value());
    CHECK(loaded.scenario->name == std::filesystem::path{file}.stem().string());
    CHECK(names.insert(loaded.scenario->name).second);
    CHECK(loaded.scenario->about.size() >= 80);
    CHECK_FALSE(loaded.scenario->workloads.empty());
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
