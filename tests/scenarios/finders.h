// Which scenario of the catalog finds which defect: the data behind finders_test.cc and docs/defects.md.
#pragma once

#include <string_view>
#include <vector>

#include "core/base/defects.h"
#include "sim/survivors.h"

namespace windtunnel::scenarios {

struct Finder {
  core::Defect defect;
  std::string_view area;
  std::string_view scenario;        // of the catalog, without its ending; at its own seed
  std::string_view invariant;       // that fails
  std::string_view operation = {};  // how the operation begins behind which the crash comes; empty: no crash
  sim::Survivors::How keep = sim::Survivors::How::kill;
};

// Ordered by area; of a defect with several, the first is the one that the page shows.
[[nodiscard]] const std::vector<Finder>& finders();

}  // namespace windtunnel::scenarios
