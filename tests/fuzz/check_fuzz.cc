// Any bytes as what `windtunnel check` reads: as the JSON of a server's streams, whole and, at its first NUL byte, cut into a topology, a
// hub's and a leaf's streams; and as a scenario. Run: check_fuzz CORPUS tests/fixtures/streams
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/assert.h"
#include "scenarios/hazards/check.h"

namespace {

using namespace windtunnel;

void judge(const scenarios::CheckReport& report) {
  WT_ASSERT(report.errors.empty() || report.hazards.empty());
  for (const scenarios::Diagnostic& error : report.errors) WT_ASSERT(!error.message.empty());
  for (const scenarios::Hazard& hazard : report.hazards) WT_ASSERT(!hazard.why.empty() && !hazard.where.file.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  const std::size_t first = text.find('\0');
  const std::size_t second = first == std::string::npos ? first : text.find('\0', first + 1);
  const auto read = [&](const std::string& path) -> core::Result<std::string> {
    if (first == std::string::npos || second == std::string::npos) return text;
    return path == "leafs.yaml" ? text.substr(0, first)
           : path == "hub.json" ? text.substr(first + 1, second - first - 1)
                                : text.substr(second + 1);
  };
  const scenarios::StreamsFile files[] = {{.server = "hub", .path = "hub.json"}, {.server = "edge", .path = "edge.json"}};
  if (second == std::string::npos) {
    judge(scenarios::check_streams(std::nullopt, std::span{files}.first(1), read));
    judge(scenarios::check_scenario_text(text, "fuzz.yaml"));
  } else {
    judge(scenarios::check_streams("leafs.yaml", files, read));
  }
  return 0;
}
