#include "sim/disk_file.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace windtunnel::sim {
namespace {

using core::Random;
using core::Seed;

constexpr std::uint64_t kSector = DiskFile::kSector;

std::string sector(char fill) { return std::string(kSector, fill); }

DiskFile synced(std::string content) {
  DiskFile file;
  file.write(0, content);
  file.complete_sync(file.begin_sync());
  return file;
}

std::string after_power_loss(DiskFile file, Keep keep, std::uint64_t seed = 1) {
  Random random{Seed{seed}};
  file.lose_power(keep, random);
  CHECK_FALSE(file.is_dirty());
  return file.content();
}

TEST_CASE("what was not synced is what a power loss may take") {
  DiskFile file = synced("durable");
  file.write(3, "XYZ12345");
  CHECK(file.content() == "durXYZ12345");
  CHECK(file.durable() == "durable");
  CHECK(after_power_loss(file, Keep::none) == "durable");
  CHECK(after_power_loss(file, Keep::all) == "durXYZ12345");
  file.complete_sync(file.begin_sync());
  CHECK(after_power_loss(file, Keep::none) == "durXYZ12345");
}

TEST_CASE("a truncated file has its old end until the truncation is synced") {
  DiskFile file = synced(sector('a') + sector('b') + "tail");
  file.truncate(10);
  file.write(600, "new");
  CHECK(file.content() == std::string(10, 'a') + std::string(590, '\0') + "new");
  CHECK(file.durable() == sector('a') + sector('b') + "tail");
  file.complete_sync(file.begin_sync());
  CHECK(file.durable() == std::string(10, 'a') + std::string(590, '\0') + "new");
}

TEST_CASE("a sync does not cover a write that came while it ran") {
  DiskFile file = synced("old");
  file.write(0, "one");
  const DiskFile::SyncTicket ticket = file.begin_sync();
  file.write(0, "two");
  file.write(3, "!");
  file.complete_sync(ticket);
  CHECK(file.durable() == "one");
  CHECK(file.content() == "two!");
}

TEST_CASE("two syncs under way at once cover what each saw, in whichever order they end") {
  DiskFile file;
  file.write(0, "a");
  const DiskFile::SyncTicket first = file.begin_sync();
  file.write(1, "b");
  const DiskFile::SyncTicket second = file.begin_sync();
  file.write(2, "c");
  SUBCASE("in order") {
    file.complete_sync(first);
    CHECK(file.durable() == "a");
    file.complete_sync(second);
  }
  SUBCASE("the later one first") {
    file.complete_sync(second);
    CHECK(file.durable() == "ab");
    file.complete_sync(first);
  }
  CHECK(file.durable() == "ab");
}

TEST_CASE("pages that a failed sync dropped stay lost until they are written again") {
  DiskFile file = synced(sector('a') + sector('b'));
  file.write(0, "xxx");
  file.write(kSector, "yyy");
  file.write(2 * kSector, "zzz");
  file.fail_sync(file.begin_sync());
  CHECK(file.content().substr(0, 3) == "xxx");  // the cache has them
  file.complete_sync(file.begin_sync());        // "retry and believe"
  CHECK(file.durable() == sector('a') + sector('b') + std::string(3, '\0'));
  file.write(kSector + 3, "!");  // dirties the sector, and what was lost in it is written with it
  file.complete_sync(file.begin_sync());
  CHECK(file.durable() == sector('a') + "yyy!" + std::string(kSector - 4, 'b') + std::string(3, '\0'));
  CHECK(after_power_loss(file, Keep::all) == file.durable());
}

TEST_CASE("without the failure the same writes are durable") {
  DiskFile file = synced(sector('a') + sector('b'));
  file.write(0, "xxx");
  file.write(2 * kSector, "zzz");
  file.complete_sync(file.begin_sync());
  CHECK(file.durable() == file.content());
}

TEST_CASE("a sector that was overwritten while a sync failed is dirty over what the disk really has") {
  DiskFile file = synced(sector('a'));
  file.write(0, "one");
  const DiskFile::SyncTicket ticket = file.begin_sync();
  file.write(0, "two");
  file.fail_sync(ticket);
  CHECK(file.durable() == sector('a'));
  file.complete_sync(file.begin_sync());
  CHECK(file.durable().substr(0, 3) == "two");
}

TEST_CASE("Keep::any tears between sectors, at most one sector within itself, and lets sizes run ahead of data") {
  DiskFile file = synced(sector('a') + sector('b') + std::string(100, 'c'));
  file.write(0, sector('A') + sector('B') + sector('C') + sector('D') + std::string(7, 'E'));
  std::set<std::string> outcomes;
  std::size_t torn = 0;
  std::size_t zeros = 0;
  std::size_t cut = 0;
  std::size_t mixed = 0;    // runs with a sector that is old in part and new in part
  std::size_t garbage = 0;  // runs with bytes in a sector that nobody wrote
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const std::string left = after_power_loss(file, Keep::any, seed);
    outcomes.insert(left);
    REQUIRE(left.size() >= 2 * kSector + 100);
    REQUIRE(left.size() <= file.content().size());
    std::set<std::size_t> mixed_sectors;
    std::set<std::size_t> garbage_sectors;
    for (std::size_t i = 0; i < left.size(); ++i) {
      const bool is_old = i < 2 * kSector + 100 && left[i] == "abc"[i / kSector];
      const bool is_new = left[i] == "ABCDE"[i / kSector];
      const bool is_hole = i >= 2 * kSector + 100 && left[i] == '\0';
      if (!(is_old || is_new || is_hole)) {
        garbage_sectors.insert(i / kSector);
      } else if (i % kSector != 0 && i != 2 * kSector + 100 && left[i] != left[i - 1]) {
        mixed_sectors.insert(i / kSector);
      }
    }
    if (!garbage_sectors.empty()) mixed_sectors.clear();
    CHECK(garbage_sectors.size() + mixed_sectors.size() <= 1);
    garbage += garbage_sectors.size();
    mixed += mixed_sectors.size();
    torn += left[0] != left[kSector] + ('A' - 'B') ? 1 : 0;
    zeros += left.find('\0') != std::string::npos ? 1 : 0;
    cut += left.size() < file.content().size() && left.size() > 2 * kSector + 100 ? 1 : 0;
  }
  CHECK(outcomes.size() > 50);
  CHECK(torn > 40);
  CHECK(zeros > 40);
  CHECK(cut > 20);
  CHECK(outcomes.contains(file.content()));
  CHECK(outcomes.contains(file.durable()));
  CHECK(mixed > 3);
  CHECK(garbage > 3);
}

TEST_CASE("Keep::ordered never leaves a size ahead of its data") {
  DiskFile file = synced(std::string(100, 'a'));
  file.write(100, std::string(5 * kSector, 'b'));
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::string left = after_power_loss(file, Keep::ordered, seed);
    sizes.insert(left.size());
    CHECK(left.find('\0') == std::string::npos);
    CHECK(left == std::string(100, 'a') + std::string(left.size() - 100, 'b'));
  }
  CHECK(sizes.size() > 10);
}

TEST_CASE("a synced file draws nothing and keeps everything") {
  const DiskFile file = synced("whole");
  for (const Keep keep : {Keep::none, Keep::all, Keep::any, Keep::ordered}) {
    Random random{Seed{3}};
    DiskFile copy = file;
    copy.lose_power(keep, random);
    CHECK(copy.content() == "whole");
    CHECK(random.next() == Random{Seed{3}}.next());
  }
}

TEST_CASE("garbage strikes only what was being written: what was synced in the same sector stays") {
  DiskFile file = synced(std::string(100, 'a'));
  file.write(100, std::string(200, 'b'));
  std::size_t garbage = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const std::string left = after_power_loss(file, Keep::any, seed);
    REQUIRE(left.size() >= 100);
    CHECK(left.substr(0, 100) == std::string(100, 'a'));
    garbage += left.find_first_not_of(std::string_view("ab\0", 3)) != std::string::npos ? 1 : 0;
    // With ordered data a sector is written or it is not.
    CHECK(after_power_loss(file, Keep::ordered, seed).find_first_not_of(std::string_view("ab\0", 3)) == std::string::npos);
  }
  CHECK(garbage > 3);
}

TEST_CASE("damage changes what is read and what is durable, and makes nothing dirty or clean") {
  DiskFile file = synced(sector('a') + sector('b'));
  file.write(kSector, "new");
  file.damage(0, 1, [](char& byte) { byte = 'x'; });
  file.damage(kSector, kSector + 1, [](char& byte) { byte = 'y'; });
  CHECK(file.content().substr(0, 2) == "xa");
  CHECK(file.content().substr(kSector, 3) == "yew");
  CHECK(file.durable().substr(0, 2) == "xa");
  CHECK(file.durable().substr(kSector, 3) == "ybb");
  CHECK(file.is_dirty());
}

TEST_CASE("a cut takes the tail from what is read and from what is durable") {
  DiskFile file = synced(sector('a') + sector('b') + sector('c'));
  file.write(kSector, sector('B') + sector('C'));
  file.cut(kSector + 100);
  CHECK(file.content() == sector('a') + std::string(100, 'B'));
  CHECK(file.durable() == sector('a') + std::string(100, 'b'));
  CHECK(after_power_loss(file, Keep::none) == file.durable());
  file.complete_sync(file.begin_sync());
  CHECK(file.durable() == file.content());
}

TEST_CASE("the page of a bad sector cannot be read until all of the sector is written again") {
  constexpr std::uint64_t kPage = DiskFile::kPage;
  DiskFile file = synced(std::string(2 * kPage, 'a') + std::string(100, 'c'));
  CHECK(file.is_readable(0, file.content().size()));
  file.spoil(9);  // the second of the second page
  CHECK(file.is_readable(0, kPage));
  CHECK_FALSE(file.is_readable(0, kPage + 1));
  CHECK_FALSE(file.is_readable(2 * kPage - 1, 1));
  CHECK(file.is_readable(2 * kPage, 100));
  CHECK(file.readable_content() == std::string(kPage, 'a') + std::string(kPage, '\0') + std::string(100, 'c'));
  file.write(kPage + kSector, "part of it");
  CHECK_FALSE(file.is_readable(kPage, 1));
  file.write(kPage + kSector, sector('B'));
  CHECK(file.is_readable(kPage, kPage));
  file.spoil(16);
  file.truncate(2 * kPage + 1);
  CHECK_FALSE(file.is_readable(2 * kPage, 1));
  file.truncate(2 * kPage);
  file.write(2 * kPage, "d");
  CHECK(file.is_readable(2 * kPage, 1));
}

}  // namespace
}  // namespace windtunnel::sim
