// The same cases on every disk that is no real one, so that what works in a test works on a machine.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "sim/disk.h"
#include "tests/core/posix/disk_conformance.h"
#include "tests/support/memory_disk.h"

using namespace windtunnel;
using namespace windtunnel::tests;

namespace {

// Of the disk for unit tests: it knows no kinds, and a handle goes by its name.
const std::set<std::string_view> kNotInMemory = {"a directory replaces an empty one only",
                                                 "files and directories are not mistaken for each other", "an open file outlives its name"};

}  // namespace

TEST_CASE("the disk in memory does what a disk does, as far as unit tests need it") {
  for (const DiskCase& each : disk_cases()) {
    CAPTURE(each.what);
    MemoryDisk disk;
    Verdicts verdicts;
    each.run(disk, verdicts);
    CHECK(verdicts.failed().empty() == (kNotInMemory.count(each.what) == 0));
  }
}

TEST_CASE("the simulated disk does what a disk does") {
  for (const DiskCase& each : disk_cases()) {
    CAPTURE(each.what);
    sim::Kernel kernel{core::Seed{1}};
    sim::SimDisk disk{kernel, sim::NodeId{1}, "n"};
    sim::Gate gate;
    core::TaskGroup group{kernel.runtime(), "n"};
    Verdicts verdicts;
    bool is_done = false;
    {
      const std::unique_ptr<core::Disk> port = disk.mount(gate, group);
      group.spawn("case", [&] {
        each.run(*port, verdicts);
        is_done = true;
      });
      kernel.run_until(core::Instant{std::chrono::seconds{60}});
      gate.close();
      disk.crash_process();
      group.kill();
    }
    CHECK(is_done);
    CHECK(verdicts.failed() == std::vector<std::string>{});
  }
}
