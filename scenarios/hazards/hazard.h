// Hazard: something that every server accepts and an operator will regret, with its place.
#pragma once

#include <string>
#include <vector>

#include "scenarios/hazards/names.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct Hazard {
  HazardKind kind = HazardKind::count_;
  SourcePosition where;
  std::string why;  // a sentence without a full stop, about the very names of the file
  bool is_accepted = false;
};

// "docs/hazards.md#same-stream-name"
[[nodiscard]] std::string link_of(HazardKind kind);

struct Facts;

// In the order of the places. Bounded work and memory for any facts (hazards/rules.h).
[[nodiscard]] std::vector<Hazard> find_hazards(const Facts& facts);

}  // namespace windtunnel::scenarios
