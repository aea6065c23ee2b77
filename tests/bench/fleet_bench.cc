// Large worlds (issue 5): a hub whose leafs all come back at once, and a day under load.
//
// The catch-up: N leafs store 2,000 messages each while they are cut off; then all links heal in the same moment, and the hub's one
// aggregate sources from all of them. What a leaf costs must not depend on how many there are. The day: a hub, a leaf and a mirror
// at 100 messages a second with rings of 100,000 messages; shown is an hour, unless --day asks for all of it.
//
// Arguments: --day, and those of the harness.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "cli/allocator.h"
#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/bench/bench.h"

namespace {

using namespace windtunnel;
using Clock = std::chrono::steady_clock;

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

std::string fleet(int leafs) {
  std::string nodes = "  hub: { domain: hub }\n";
  std::string links;
  std::string streams;
  std::string sources;
  std::string workloads;
  std::string cuts;
  std::string heals;
  for (int i = 0; i < leafs; ++i) {
    const std::string number = std::to_string(i);
    const std::string name = "edge" + number;
    nodes += joined({"  ", name, ": { domain: ", name, ", leaf_of: hub }\n"});
    links += joined({"  - { between: [hub, ", name, "], latency: 5ms..40ms }\n"});
    streams += joined({"  - { on: ", name, ", name: EDGE_", number, ", subjects: [", name, ".>] }\n"});
    sources += joined({"      - { name: EDGE_", number, ", domain: ", name, " }\n"});
    workloads += joined({"  - { publish: ", name, ".meter, at: ", name, ", via: jetstream, domain: ", name,
                         ", rate: 20/s, for: 100s, start: 10s, name: meter", number, " }\n"});
    cuts += joined({"  - { at: 5s, cut: { link: [hub, ", name, "], how: reset } }\n"});
    heals += joined({"  - { at: 120s, heal: { link: [hub, ", name, "] } }\n"});
  }
  return "scenario: fleet\nabout: Leafs that come back at once.\nnodes:\n" + nodes + "links:\n" + links + "streams:\n" + streams +
         "  - on: hub\n    name: ALL\n    sources:\n" + sources + "workloads:\n" + workloads + "faults:\n" + cuts + heals +
         "expect:\n  - invariants: [acked-is-durable, no-loss-after-offline, no-duplicate-in-mirror, sync-makes-progress]\n"
         "  - { stream: ALL, messages: " +
         std::to_string(2000 * leafs) + " }\n";
}

std::string ring(std::string_view duration) {
  return "scenario: day\nabout: A long time under load.\nnodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }\n"
         "streams:\n"
         "  - { on: hub, name: ORDERS, subjects: [orders.>], max_msgs: 100000 }\n"
         "  - { on: leaf, name: ORDERS_MIRROR, mirror: { name: ORDERS, domain: hub }, max_msgs: 100000 }\n"
         "workloads: [ { publish: orders.new, at: leaf, via: jetstream, domain: hub, rate: 100/s, for: " +
         std::string{duration} +
         ", name: shop } ]\n"
         "expect: [ { invariants: [acked-is-durable, publish-outcome-known, no-silent-drop, mirror-is-prefix, no-duplicate-in-mirror] } "
         "]\n";
}

struct Cost {
  double seconds = 0;
  double mib = 0;
  std::uint64_t events = 0;  // of the trace: what was simulated, whatever the machine makes of it
};

// In a process of its own, so that its memory is nobody else's. Ends the program if the run fails.
Cost run(const std::string& text) {
  const Clock::time_point begin = Clock::now();
  std::array<int, 2> told{};
  if (::pipe(told.data()) != 0) std::exit(2);
  const pid_t child = ::fork();
  if (child == 0) {
    const scenarios::Loaded loaded = scenarios::load_text(text, "bench.yaml");
    if (!loaded.scenario) ::_exit(2);
    scenarios::RunOptions options;
    options.seed = core::Seed{1};
    const core::Result<scenarios::RunResult> result = scenarios::run_scenario(*loaded.scenario, options);
    const std::uint64_t events = result ? result->events : 0;
    const bool is_told = ::write(told[1], &events, sizeof events) == sizeof events;
    ::_exit(is_told && result && result->passed() ? 0 : 1);
  }
  ::close(told[1]);
  std::uint64_t events = 0;
  const bool is_told = ::read(told[0], &events, sizeof events) == sizeof events;
  ::close(told[0]);
  int status = 0;
  rusage usage{};
  if (child < 0 || !is_told || ::wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "the run did not pass\n");
    std::exit(2);
  }
  return {std::chrono::duration<double>(Clock::now() - begin).count(), static_cast<double>(usage.ru_maxrss) / 1024.0, events};
}

}  // namespace

int main(int argc, char** argv) {
  bool is_whole_day = false;
  std::vector<char*> arguments;
  for (int i = 0; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--day") {
      is_whole_day = true;
    } else {
      arguments.push_back(argv[i]);
    }
  }
  tests::Bench bench{static_cast<int>(arguments.size()), arguments.data()};
  cli::keep_freed_memory();
  double first = 0;
  double first_events = 0;
  for (const int leafs : {10, 50, 200}) {
    const Cost cost = run(fleet(leafs));
    const double each = cost.seconds / leafs;
    const double each_events = static_cast<double>(cost.events) / leafs;
    if (first == 0) {
      first = each;
      first_events = each_events;
    }
    const std::string name = std::to_string(leafs) + " leafs, 2,000 messages each";
    bench.figure(name, cost.seconds, "s");
    bench.figure("  memory", cost.mib, "MiB");
    bench.figure("  a leaf, against 10 of them", each / first, "x");
    bench.figure("  its events, against 10 of them", each_events / first_events, "x");
  }
  const Cost cost = run(ring(is_whole_day ? "24h" : "1h"));
  bench.figure(is_whole_day ? "a day at 100 messages/s" : "an hour at 100 messages/s", cost.seconds, "s");
  bench.figure("  memory", cost.mib, "MiB");
  return 0;
}
