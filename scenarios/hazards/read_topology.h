// The leaf topology of servers whose streams come as JSON: a small YAML. Internal to scenarios/hazards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/hazards/facts.h"
#include "scenarios/language/diagnostic.h"

namespace windtunnel::scenarios {

struct Topology {
  struct File {
    std::size_t server = 0;
    PlacedText path;  // as written
  };
  Facts facts;  // the servers, and nothing of their streams yet
  std::vector<File> files;
  std::vector<AcceptedHazard> accepted;
};

// Meaningful only if nothing is added to `diagnostics`.
[[nodiscard]] Topology read_topology(std::string_view text, const std::string& file, Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
