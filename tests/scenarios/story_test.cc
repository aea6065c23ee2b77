// What a divergence without a story of its own says of the faults: those nearest to when it was noticed.
#include "scenarios/story.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/world.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// The faults around a divergence that was noticed `at`, of one fault a second from 1 s to 60 s.
std::vector<std::string> faults_around(core::Duration at) {
  const Loaded loaded =
      load_text("scenario: s\nabout: Faults.\nnodes: { hub: {} }\nexpect: [ { invariants: [mirror-is-prefix] } ]\n", "test.yaml");
  REQUIRE(loaded.scenario.has_value());
  const tests::InsideSimulation inside;
  World world{*loaded.scenario, core::Seed{1}, {}};
  std::vector<Divergence> divergences(1);
  divergences.front().at = core::Instant{at};
  StoryTeller teller{world, divergences};
  for (int second = 1; second <= 60; ++second) {
    const std::string what = "fault " + std::to_string(second);
    const std::vector<core::LogField> fields{{"what", what}};
    sim::TraceEvent event{.index = 0, .at = core::after(kTimeZero, std::chrono::seconds{second}), .name = "fault", .fields = fields};
    teller.on_event(event);
  }
  teller.tell(divergences);
  return divergences.front().faults_around;
}

TEST_CASE("the faults around a divergence without a story are those nearest to it, in the scenario's time") {
  const std::vector<std::string> around = faults_around(30s + 400ms);
  REQUIRE(around.size() == 6);
  CHECK(around.front() == "00:00:28.000 fault 28");
  CHECK(around.back() == "00:00:33.000 fault 33");
  CHECK(faults_around(5s + 400ms).front() == "00:00:03.000 fault 3");
}

}  // namespace
}  // namespace windtunnel::scenarios
