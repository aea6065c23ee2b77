// The catalog has no hazard that it does not name, and every hazard is explained where its link leads.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/scenarios/hazards_case.h"

namespace windtunnel::scenarios {
namespace {

TEST_CASE("a scenario of the catalog has no hazard but those that it names, and names none that it has not") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{"scenarios/catalog"}) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const CheckReport report = check_scenario(entry.path().string());
    CAPTURE(entry.path().string());
    INFO(all_of(report));
    CHECK(report.errors.empty());
    CHECK(report.is_clean());
  }
  CHECK(files > 30);
}

TEST_CASE("docs/hazards.md has a section for each hazard, and no other") {
  std::ifstream in{"docs/hazards.md"};
  std::vector<std::string> sections;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("### ")) sections.push_back(line.substr(4));
  }
  std::vector<std::string> names;
  for (const std::string_view name : hazard_names()) names.emplace_back(name);
  CHECK(sections == names);
}

TEST_CASE("a hazard's summary and mend are whole sentences of their own, and its name is found again") {
  for (const HazardInfo& info : all_hazards()) {
    CAPTURE(info.name);
    CHECK(info.summary.ends_with("."));
    CHECK_FALSE(info.mend.ends_with("."));
    CHECK(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    REQUIRE(hazard_named(info.name).has_value());
    CHECK(name_of(*hazard_named(info.name)) == info.name);
  }
  CHECK_FALSE(hazard_named("no-such-hazard").has_value());
}

}  // namespace
}  // namespace windtunnel::scenarios
