#include "reports/check_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/reports/documented.h"

namespace windtunnel::reports {
namespace {

scenarios::CheckReport sample() {
  scenarios::CheckReport report;
  report.name = "careless";
  report.file = "a.yaml";
  report.hazards.push_back({scenarios::HazardKind{}, {"a.yaml", 8, 16}, "why <it> \"matters\"", false});
  return report;
}

TEST_CASE("nothing found is a document, too") {
  const nlohmann::json document = nlohmann::json::parse(check_json({}, "0.1.0"));
  CHECK(document["findings"].empty());
  CHECK(document["totals"]["checked"] == 0);
}

TEST_CASE("a finding stands on a line of its own") {
  const std::vector<scenarios::CheckReport> reports{sample(), sample()};
  std::istringstream lines{check_json(reports, "0.1.0")};
  std::string line;
  std::getline(lines, line);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(std::getline(lines, line));
    if (line.ends_with(',')) line.pop_back();
    CHECK(nlohmann::json::parse(line)["why"] == "why <it> \"matters\"");
  }
  REQUIRE(std::getline(lines, line));
  CHECK(line == "]}");
}

TEST_CASE("docs/check-json.md names every field and no other") {
  const std::vector<scenarios::CheckReport> reports{sample()};
  const nlohmann::json document = nlohmann::json::parse(check_json(reports, "0.1.0"));
  std::set<std::string> written;
  for (const nlohmann::json* object : {&document, &document["totals"], &document["findings"][0]}) {
    for (const auto& [name, unused] : object->items()) written.insert(name);
  }
  CHECK(tests::documented_fields("docs/check-json.md") == written);
}

}  // namespace
}  // namespace windtunnel::reports
