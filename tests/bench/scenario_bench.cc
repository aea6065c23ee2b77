// Whole scenarios of the catalog: wall time a run, events and virtual seconds a wall second, and the memory of one world.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/bench/bench.h"

namespace {

using namespace windtunnel;

std::vector<std::string> catalog() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("scenarios/catalog")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

double peak_memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

}  // namespace

int main(int argc, char** argv) {
  tests::Bench bench{argc, argv};
  for (const std::string& file : catalog()) {
    const scenarios::Loaded loaded = scenarios::load_file(file);
    if (!loaded.scenario) {
      std::fprintf(stderr, "%s does not load\n", file.c_str());
      return 2;
    }
    std::uint64_t seed = 0;
    std::uint64_t events = 0;
    double virtual_seconds = 0;
    bench.measure(loaded.scenario->name, [&](std::uint64_t count) {
      while (count-- > 0) {
        scenarios::RunOptions options;
        options.seed = core::Seed{++seed};
        const core::Result<scenarios::RunResult> result = scenarios::run_scenario(*loaded.scenario, options);
        if (!result) std::abort();
        events = result->events;
        virtual_seconds = std::chrono::duration<double>(result->virtual_time).count();
      }
    });
    if (const double ns = bench.nanoseconds(loaded.scenario->name); ns > 0) {
      bench.figure("  events", static_cast<double>(events) * 1e3 / ns, "million a wall s");
      bench.figure("  virtual time", virtual_seconds * 1e9 / ns, "s a wall s");
    }
  }
  bench.figure("peak memory of the process, all worlds one after the other", peak_memory_mib(), "MiB");
  return bench.finish();
}
