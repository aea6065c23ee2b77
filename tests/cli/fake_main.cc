// The real command line over a runner that only pretends: a scenario's name says what becomes of its runs. So every exit
// status and every line can be tested without a world, the ways in which a run may die included.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "core/base/hash.h"

namespace {

using namespace windtunnel;

scenarios::Divergence divergence() {
  return {.invariant = "no-silent-drop",
          .sentence = "No message vanishes.",
          .expected = "0 lost",
          .actual = "3 lost",
          .stream = "ORDERS",
          .message = "",
          .first_seq = core::Seq{4},
          .life_story = {"00:00:01.000 hub stored seq=4"},
          .faults_around = {"00:00:00.500 SIGKILL hub"},
          .at = core::Instant{std::chrono::seconds{2}},
          .node = "hub"};
}

core::Result<scenarios::RunResult> pretend(const scenarios::Scenario& scenario, const scenarios::RunOptions& options) {
  static std::uint64_t calls = 0;  // in this process
  ++calls;
  const std::string& name = scenario.name;
  const std::uint64_t seed = options.seed.value;
  if (name == "refused") return core::error(core::Errc::invalid_argument, scenario.file + ":4:3: stream ORDERS is refused: 10052");
  if (name == "slow-first" && seed == 1) ::usleep(200'000);
  if (name == "dies-of-signal" && seed == 2) ::_exit(static_cast<int>(::raise(SIGKILL)));
  if (name == "dies-of-assertion" && seed == 2) WT_ASSERT(calls == 0);
  scenarios::RunResult out;
  out.scenario = name;
  out.seed = options.seed;
  out.events = 1000 + seed;
  out.virtual_time = std::chrono::seconds{90};
  out.trace_hash = core::fold(core::hash_text(name), seed);
  out.notes = {"careful: published=10"};
  for (int i = 1; options.keep_trace && i <= 3; ++i)
    options.trace_line("event " + std::to_string(i) + (name == "flaky" && i == 2 ? " of call " + std::to_string(calls) : ""));
  if (name == "flaky") out.trace_hash += calls;
  if (name == "fails" || (name == "fails-sometimes" && seed % 3 == 0)) out.divergences.push_back(divergence());
  // Slowest with seed 3; never with 9, and with 8 excused.
  if (name == "copies") {
    std::optional<core::Duration> took = std::chrono::milliseconds{seed == 3 ? 4120 : 1000 + seed};
    if (seed == 8 || seed == 9) took.reset();
    if (seed == 9) out.divergences.push_back(divergence());
    out.catch_ups = {{"ALL", "hub", "EDGE", took, std::chrono::seconds{11}}};
  }
  if (name == "huge") out.notes.assign(1, std::string(3'000'000, 'x'));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments{argv + 1, argv + argc};
  cli::Environment environment;
  environment.run = &pretend;
  if (const char* command = std::getenv("WINDTUNNEL_COMMAND")) environment.command = command;
  environment.has_colours = std::getenv("FAKE_COLOURS") != nullptr;
  environment.has_progress = std::getenv("FAKE_PROGRESS") != nullptr;
  return cli::run_cli(arguments, environment);
}
