#include "core/store/inspection_overlay.h"

#include <doctest/doctest.h>

#include "core/base/random.h"
#include "tests/core/posix/disk_conformance.h"
#include "tests/support/memory_disk.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

std::string content(Disk& disk, std::string_view path) { return disk.read_file(path).value_or("(none)"); }

}  // namespace

TEST_CASE("an overlay does what a disk does") {
  for (const DiskCase& each : disk_cases()) {
    CAPTURE(each.what);
    MemoryDisk below;
    OverlayDisk overlay{below};
    Verdicts verdicts;
    each.run(overlay, verdicts);
    CHECK(verdicts.failed() == std::vector<std::string>{});
    CHECK(below.files().empty());
    CHECK(below.operations_done == 0);
  }
}

TEST_CASE("what lies below shows until it is changed, and is never changed itself") {
  MemoryDisk below;
  below.put("s/msgs/1.blk", "0123456789");
  below.put("s/msgs/2.blk", "abc");
  below.put("s/__new_msgs__/3.blk", "new");
  below.put("other/f", "x");
  const MemoryDisk::Files before = below.files();
  OverlayDisk overlay{below};
  {
    const auto file = overlay.open("s/msgs/1.blk", OpenMode{});
    REQUIRE(file);
    REQUIRE((*file)->write_at(Bytes{3}, "XY"));
    CHECK(content(overlay, "s/msgs/1.blk") == "012XY56789");
    REQUIRE((*file)->write_at(Bytes{9}, "end"));
    CHECK(content(overlay, "s/msgs/1.blk") == "012XY5678end");
    REQUIRE((*file)->truncate(Bytes{4}));
    CHECK(content(overlay, "s/msgs/1.blk") == "012X");
    REQUIRE((*file)->truncate(Bytes{6}));
    CHECK(content(overlay, "s/msgs/1.blk") == std::string("012X\0\0", 6));
  }
  REQUIRE(overlay.remove("s/msgs/2.blk"));
  CHECK(content(overlay, "s/msgs/2.blk") == "(none)");
  REQUIRE(overlay.remove_all("s/msgs"));
  REQUIRE(overlay.rename("s/__new_msgs__", "s/msgs"));
  CHECK(content(overlay, "s/msgs/3.blk") == "new");
  CHECK(content(overlay, "s/msgs/1.blk") == "(none)");
  REQUIRE(overlay.rename("other/f", "s/msgs/4.blk"));
  CHECK(content(overlay, "s/msgs/4.blk") == "x");
  CHECK(overlay.list("other").value().empty());
  CHECK(below.files() == before);
  CHECK(below.operations_done == 0);
}

TEST_CASE("random writes and cuts read back as on a plain disk") {
  Random random{Seed{7}};
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    MemoryDisk below;
    std::string start(random.below(40), '\0');
    for (char& c : start) c = static_cast<char>('a' + random.below(26));
    below.put("f", start);
    MemoryDisk plain;
    plain.put("f", start);
    OverlayDisk overlay{below};
    const auto file = overlay.open("f", OpenMode{});
    const auto twin = plain.open("f", OpenMode{});
    REQUIRE(file);
    REQUIRE(twin);
    for (int step = 0; step < 20; ++step) {
      const std::uint64_t at = random.below(60);
      if (random.below(4) == 0) {
        REQUIRE((*file)->truncate(Bytes{at}));
        REQUIRE((*twin)->truncate(Bytes{at}));
      } else {
        const std::string data(1 + random.below(9), static_cast<char>('A' + step));
        REQUIRE((*file)->write_at(Bytes{at}, data));
        REQUIRE((*twin)->write_at(Bytes{at}, data));
      }
      CHECK(content(overlay, "f") == content(plain, "f"));
      std::string part(7, '?');
      std::string twin_part(7, '?');
      const std::uint64_t from = random.below(70);
      CHECK((*file)->read_at(Bytes{from}, part).value() == (*twin)->read_at(Bytes{from}, twin_part).value());
      CHECK(part == twin_part);
    }
    CHECK(content(below, "f") == start);
  }
}

TEST_CASE("what cannot be read below cannot be read above") {
  MemoryDisk below;
  below.put("d/f", "x");
  below.fails = [](std::string_view operation, std::string_view) -> std::optional<Errc> {
    return operation == "read" ? std::optional{Errc::io_error} : std::nullopt;
  };
  OverlayDisk overlay{below};
  const auto read = overlay.read_file("d/f");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::io_error);
}
