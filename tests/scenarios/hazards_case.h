// A hazard's case: a small scenario, or a topology with the JSON of its streams, that has it; and the smallest change that mends it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/hazards/check.h"

namespace windtunnel::scenarios {

struct HazardCase {
  HazardKind kind;
  std::string text;  // of the scenario, or of the JSON of `edge`
  std::string mark;  // the hazard is reported where this begins: its last place in the text
  std::string from;  // the change: this text, which is there once...
  std::string to;    // ... becomes this
};

inline std::vector<HazardKind> kinds_of(const CheckReport& report) {
  std::vector<HazardKind> out;
  for (const Hazard& hazard : report.hazards) out.push_back(hazard.kind);
  return out;
}

inline std::string all_of(const CheckReport& report) {
  std::string out;
  for (const Diagnostic& error : report.errors) out += "error " + error.text() + "\n";
  for (const Hazard& hazard : report.hazards)
    out += hazard.where.text() + " " + std::string{name_of(hazard.kind)} + ": " + hazard.why + "\n";
  return out;
}

// "4:17" of the last place of `mark` in `text`.
inline std::string place_of(const std::string& text, const std::string& mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string::npos) return "nowhere";
  const std::size_t begin = text.rfind('\n', at) == std::string::npos || at == 0 ? 0 : text.rfind('\n', at) + 1;
  return std::to_string(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1) + ":" +
         std::to_string(at - begin + 1);
}

inline std::string mended(const HazardCase& each) {
  std::string out = each.text;
  const std::size_t at = out.find(each.from);
  REQUIRE(at != std::string::npos);
  REQUIRE(out.find(each.from, at + 1) == std::string::npos);
  return out.replace(at, each.from.size(), each.to);
}

inline std::size_t count(const CheckReport& report, HazardKind kind) {
  const std::vector<HazardKind> kinds = kinds_of(report);
  return static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), kind));
}

// One server, or a hub with its leaf, and the lists that follow.
inline std::string alone(const std::string& rest) {
  return "scenario: s\nnodes:\n  srv: {}\n" + rest + "\nexpect:\n  - invariants: [acked-is-durable]\n";
}
inline std::string pair(const std::string& rest) {
  return "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub }\n" + rest +
         "\nexpect:\n  - invariants: [acked-is-durable]\n";
}

inline CheckReport check(const std::string& text) { return check_scenario_text(text, "s.yaml"); }

// `check` looks at a text of the kind that the cases hold.
template <typename Check>
void check_case(const HazardCase& each, const std::string& file, const Check& check) {
  CAPTURE(name_of(each.kind));
  const CheckReport with = check(each.text);
  {
    INFO(all_of(with));
    CHECK(kinds_of(with) == std::vector{each.kind});  // and no other
    for (const Hazard& hazard : with.hazards) CHECK(hazard.where.text() == file + ":" + place_of(each.text, each.mark));
  }
  const CheckReport without = check(mended(each));
  INFO(all_of(without));
  CHECK(without.errors.empty());
  CHECK(kinds_of(without).empty());
}

// Servers hub (domain hub) and edge (domain edge), which is a leaf of it.
inline CheckReport check_pair(const std::string& hub, const std::string& edge, const std::string& more = "",
                              const std::string& edge_more = "") {
  const std::map<std::string, std::string> files = {
      {"net/leafs.yaml", "nodes:\n  hub: { domain: hub, streams: [hub.json] }\n  edge: { domain: edge, leaf_of: hub, streams: [edge.json]" +
                             edge_more + " }\n" + more},
      {"net/hub.json", hub},
      {"net/edge.json", edge}};
  return check_streams("net/leafs.yaml", {}, [&files](const std::string& path) -> core::Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return core::error(core::Errc::io_error, "cannot be read: No such file or directory");
    return found->second;
  });
}

}  // namespace windtunnel::scenarios
