// Any bytes as a scenario file: the loader answers with a scenario or with diagnostics, and what it loads it can print and
// load again. Run: fuzz_scenario -dict=tests/fuzz/scenario.dict CORPUS scenarios/catalog/mirror-ha
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/assert.h"
#include "faults/timeline.h"
#include "scenarios/language/load.h"
#include "scenarios/language/yaml_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace windtunnel;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const scenarios::Loaded loaded = scenarios::load_text(text, "fuzz.yaml");
  WT_ASSERT(loaded.scenario.has_value() == loaded.diagnostics.empty());
  WT_ASSERT(loaded.diagnostics.size() <= scenarios::Diagnostics::kMax + 1);
  for (const scenarios::Diagnostic& diagnostic : loaded.diagnostics) WT_ASSERT(!diagnostic.text().empty());
  if (!loaded.scenario) return 0;
  for (const scenarios::Expectation& expectation : loaded.scenario->expectations) static_cast<void>(expectation.text());
  const std::vector<faults::Fault> timeline = loaded.scenario->timeline();
  static_cast<void>(faults::Timeline{timeline, core::Random{core::Seed{1}}}.last_fault());

  // The same nodes, links and streams with the timeline as it prints.
  std::string again = "scenario: again\nnodes:\n";
  for (const scenarios::NodeSpec& node : loaded.scenario->nodes) again += "  " + node.name + ": {}\n";
  again += "links:\n";
  for (const scenarios::LinkSpec& link : loaded.scenario->links)
    again += "  - { between: [" + link.between.a + ", " + link.between.b + "] }\n";
  if (!loaded.scenario->streams.empty()) again += "streams:\n";
  for (const scenarios::StreamSpec& stream : loaded.scenario->streams)
    again += "  - { on: " + stream.on + ", name: " + stream.name + ", subjects: [" + stream.on + "." + stream.name + "] }\n";
  again += "faults:\n";
  for (const faults::Fault& fault : timeline) again += "  - " + faults::to_text(fault) + "\n";
  again += "expect: [ { invariants: [acked-is-durable] } ]\n";
  if (loaded.scenario->links.empty() || timeline.empty() || again.size() > scenarios::kFileMax.value) return 0;
  const scenarios::Loaded reloaded = scenarios::load_text(again, "again.yaml");
  WT_ASSERT(reloaded.scenario.has_value());
  WT_ASSERT(reloaded.scenario->timeline() == timeline);
  return 0;
}
