// docs/defects.md is written from what the code and the finders say, and from docs/defects.tsv, which `./dev defects` measures. To write
// the page anew: WINDTUNNEL_UPDATE=1 build/tests/scenarios/scenarios_test

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/invariants/names.h"
#include "scenarios/language/load.h"
#include "tests/scenarios/finders.h"

namespace windtunnel::scenarios {
namespace {

constexpr const char* kPage = "docs/defects.md";
constexpr const char* kMeasured = "docs/defects.tsv";

// What random exploration came to: `defect<TAB>scenario<TAB>seed<TAB>invariant`.
struct Measured {
  std::string scenario;
  std::string seed;
  std::string invariant;
};

std::string read(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::map<std::string, Measured> measured() {
  std::map<std::string, Measured> out;
  std::istringstream lines{read(kMeasured)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields{line};
    std::string defect;
    Measured each;
    std::getline(fields, defect, '\t');
    std::getline(fields, each.scenario, '\t');
    std::getline(fields, each.seed, '\t');
    std::getline(fields, each.invariant, '\t');
    out[defect] = each;
  }
  return out;
}

// "nats-5702b": 5702, which GitHub knows as an issue or a pull request and leads to either.
std::string link_of(std::string_view name) {
  std::string number;
  for (const char c : name) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) number += c;
  }
  return number.empty() ? "" : "[#" + number + "](https://github.com/nats-io/nats-server/issues/" + number + ")";
}

std::string affected(const core::DefectInfo& info) {
  if (info.affected.empty()) return info.fixed.empty() ? "none: a wrong configuration" : "none as a single server";
  if (info.affected == "..") return "all";
  return std::string{info.affected};
}

std::string found_by(const Finder& finder) {
  const Loaded loaded = load_file("scenarios/catalog/" + std::string(finder.scenario) + ".yaml");
  REQUIRE(loaded.scenario.has_value());
  const std::string seed = std::to_string(loaded.scenario->seed.value_or(core::Seed{1}).value);
  return "`" + std::string(finder.scenario) + "`" + (finder.operation.empty() ? ", seed " + seed : ", a crash");
}

std::string page() {
  std::string out =
      "# Defects\n\n"
      "Each is a defect of nats-server (or, without a number, of a way to run it) as a switch: `run FILE --defect NAME`, or all those of a "
      "release with `--as nats-2.10.17`. Written by\n"
      "`./dev defects --page` from the program's own tables; do not edit it by hand.\n\n"
      "*Found by* is the scenario of `scenarios/catalog` that is made for it, which passes without the defect; with *a crash* it takes one "
      "behind the right disk operation, and\n"
      "`windtunnel crash-points FILE --defect NAME` tries them all ([crash-points.md](crash-points.md)). `tests/scenarios/finders_test.cc` "
      "goes through these rows.\n"
      "*By chance* is the first seed of 1 to 1,000 at which a swarm of the theme finds it, which is made for no defect; if none does, "
      "another "
      "scenario of the theme that is not\nmade for it. Measured, not typed: `./dev defects` does it anew, `./dev defects NAME` for one.\n";
  const std::map<std::string, Measured> by_chance = measured();
  std::set<std::string_view> areas;
  std::set<core::Defect> shown;
  for (const Finder& first : finders()) {
    if (!areas.insert(first.area).second) continue;
    std::string title{first.area};
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    out += "\n## " + title + "\n\n| defect | what it does | issue | affected | fixed in | found by | invariant | by chance |\n";
    out += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (const Finder& finder : finders()) {
      if (finder.area != first.area || !shown.insert(finder.defect).second) continue;
      const core::DefectInfo& info = core::all_defects()[static_cast<std::size_t>(finder.defect)];
      const auto chance = by_chance.find(std::string(info.name));
      out += "| " + std::string(info.name) + " | " + std::string(info.summary) + " | " + link_of(info.name) + " | " + affected(info) +
             " | " + (info.fixed.empty() ? "not fixed" : std::string(info.fixed)) + " | " + found_by(finder) + " | `" +
             std::string(finder.invariant) + "` | ";
      if (chance == by_chance.end()) {
        out += "not measured";
      } else if (chance->second.seed.empty()) {
        out += "not within 1,000 seeds";
      } else {
        out += "`" + chance->second.scenario + "`, seed " + chance->second.seed + ": `" + chance->second.invariant + "`";
      }
      out += " |\n";
    }
  }
  return out;
}

TEST_CASE("docs/defects.md says what the tables say") {
  const std::string wanted = page();
  if (std::getenv("WINDTUNNEL_UPDATE") != nullptr) std::ofstream{kPage, std::ios::binary} << wanted;
  CHECK(read(kPage) == wanted);
}

TEST_CASE("the measured seeds are of defects, scenarios and invariants that there are") {
  const auto invariants = invariant_names();
  for (const auto& row : measured()) {
    CAPTURE(row.first);
    CHECK(core::defect_named(row.first).has_value());
    const auto& each = row.second;
    if (each.seed.empty()) continue;
    const bool is_known = each.invariant == "expectation" ||
                          std::any_of(invariants.begin(), invariants.end(), [&](const auto& name) { return name.name == each.invariant; });
    CHECK(is_known);
    CHECK(load_file("scenarios/catalog/" + each.scenario + ".yaml").scenario.has_value());
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
