#include "core/posix/posix_disk.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "tests/core/posix/disk_conformance.h"
#include "tests/support/temporary_directory.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

using Access = PosixDisk::Access;

std::unique_ptr<PosixDisk> disk_at(const std::string& root, Access access = Access::read_write) {
  auto disk = PosixDisk::open(root, access);
  REQUIRE_MESSAGE(disk.has_value(), (disk ? "" : disk.error().text()));
  return *std::move(disk);
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777u;
}

void write(const std::string& path, std::string_view text) {
  std::ofstream out{path, std::ios::binary};
  out << text;
}

}  // namespace

TEST_CASE("the real disk does what a disk does") {
  for (const DiskCase& each : disk_cases()) {
    CAPTURE(each.what);
    const TemporaryDirectory directory;
    const auto disk = disk_at(directory.path());
    Verdicts verdicts;
    each.run(*disk, verdicts);
    CHECK(verdicts.failed() == std::vector<std::string>{});
  }
}

TEST_CASE("what is made is its owner's alone") {
  const TemporaryDirectory directory;
  const auto disk = disk_at(directory.path());
  REQUIRE(disk->make_directories("a/b"));
  REQUIRE(disk->open("a/b/f", {.create = true, .exclusive = false, .truncate = false}));
  CHECK(mode_of(directory.path() + "/a") == 0700);
  CHECK(mode_of(directory.path() + "/a/b") == 0700);
  CHECK(mode_of(directory.path() + "/a/b/f") == 0600);
}

TEST_CASE("no path leads out of the root") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/store");
  write(directory.path() + "/secret", "x");
  const auto disk = disk_at(directory.path() + "/store");
  const std::string absolute = directory.path() + "/secret";
  for (const std::string& path : {std::string("../secret"), std::string("a/../../secret"), absolute, std::string("./x"),
                                  std::string("a//b"), std::string("a/"), std::string("a\0b", 3), std::string(".."), std::string("")}) {
    CAPTURE(path);
    const auto is_refused = [](const auto& result) { return !result && result.error().code == Errc::invalid_argument; };
    CHECK(is_refused(disk->open(path, {.create = true, .exclusive = false, .truncate = true})));
    CHECK(is_refused(disk->remove(path)));
    CHECK(is_refused(disk->remove_all(path)));
    CHECK(is_refused(disk->rename(path, "x")));
    CHECK(is_refused(disk->rename("x", path)));
    if (path.empty()) continue;  // the root itself, for the others
    CHECK(is_refused(disk->make_directories(path)));
    CHECK(is_refused(disk->list(path)));
    CHECK(is_refused(disk->exists(path)));
    CHECK(is_refused(disk->sync_directory(path)));
  }
  CHECK(std::filesystem::file_size(absolute) == 1);
}

TEST_CASE("removing a tree removes links and leaves what they lead to") {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() + "/store/tree");
  std::filesystem::create_directories(directory.path() + "/outside");
  write(directory.path() + "/outside/f", "x");
  std::filesystem::create_directory_symlink(directory.path() + "/outside", directory.path() + "/store/tree/link");
  std::filesystem::create_directory_symlink(directory.path() + "/outside", directory.path() + "/store/link");
  const auto disk = disk_at(directory.path() + "/store");
  const auto listed = disk->list("link");
  REQUIRE(listed);
  CHECK(listed->size() == 1);
  const auto top = disk->list("");
  REQUIRE(top);
  CHECK(top->front() == DirectoryEntry{"link", true});
  REQUIRE(disk->remove_all("tree"));
  REQUIRE(disk->remove_all("link"));
  CHECK(disk->list("")->empty());
  CHECK(std::filesystem::exists(directory.path() + "/outside/f"));
}

TEST_CASE("a disk for reading changes nothing and says so") {
  const TemporaryDirectory directory;
  {
    const auto disk = disk_at(directory.path());
    REQUIRE(disk->make_directories("d"));
    REQUIRE((*disk->open("d/f", {.create = true, .exclusive = false, .truncate = false}))->write_at(Bytes{0}, "content"));
  }
  const auto before = std::filesystem::last_write_time(directory.path() + "/d");
  const auto disk = disk_at(directory.path(), Access::read_only);
  const auto is_refused = [](const auto& result) { return !result && result.error().code == Errc::read_only; };
  CHECK(is_refused(disk->open("d/g", {.create = true, .exclusive = false, .truncate = false})));
  CHECK(is_refused(disk->open("d/f", {.create = false, .exclusive = false, .truncate = true})));
  CHECK(is_refused(disk->make_directories("e")));
  CHECK(disk->make_directories("d"));
  CHECK(is_refused(disk->rename("d/f", "d/g")));
  CHECK(is_refused(disk->remove("d/f")));
  CHECK(is_refused(disk->remove_all("d")));
  CHECK(disk->remove_all("absent"));
  CHECK(is_refused(disk->sync_directory("d")));
  const auto file = disk->open("d/f", {.create = true, .exclusive = false, .truncate = false});
  REQUIRE(file);
  CHECK(is_refused((*file)->write_at(Bytes{0}, "x")));
  CHECK(is_refused((*file)->truncate(Bytes{0})));
  CHECK(is_refused((*file)->sync()));
  CHECK(disk->read_file("d/f").value() == "content");
  CHECK(disk->list("d")->size() == 1);
  CHECK(std::filesystem::last_write_time(directory.path() + "/d") == before);
}

TEST_CASE("what is no regular file is refused without waiting for it") {
  const TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory.path() + "/1.blk").c_str(), 0600) == 0);
  for (const Access access : {Access::read_write, Access::read_only}) {
    const auto opened = disk_at(directory.path(), access)->open("1.blk", OpenMode{});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::invalid_argument);
  }
}

TEST_CASE("a root must be a directory that is there") {
  const TemporaryDirectory directory;
  write(directory.path() + "/file", "x");
  const auto absent = PosixDisk::open(directory.path() + "/absent", Access::read_only);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == Errc::not_found);
  const auto file = PosixDisk::open(directory.path() + "/file", Access::read_only);
  REQUIRE_FALSE(file);
  CHECK(file.error().code == Errc::invalid_argument);
}

TEST_CASE("a device that is full says no_space, and a failing one io_error") {
  // What the numbers mean is in posix_error; here, that they arrive.
  const TemporaryDirectory directory;
  const auto disk = disk_at(directory.path());
  const auto file = disk->open("f", {.create = true, .exclusive = false, .truncate = false});
  REQUIRE(file);
  const Status written = (*file)->write_at(Bytes{~std::uint64_t{0}}, "x");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::no_space);
  std::array<char, 1> into{};
  CHECK_FALSE((*file)->read_at(Bytes{~std::uint64_t{0}}, into));
  CHECK_FALSE((*file)->truncate(Bytes{~std::uint64_t{0}}));
}

TEST_CASE("descriptors are closed, and not inherited by what is started") {
  const TemporaryDirectory directory;
  const auto count = [] {
    std::size_t descriptors = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) descriptors += entry.path().empty() ? 0 : 1;
    return descriptors;
  };
  const std::size_t before = count();
  {
    const auto disk = disk_at(directory.path());
    REQUIRE(disk->make_directories("a/b"));
    const auto file = disk->open("a/b/f", {.create = true, .exclusive = false, .truncate = false});
    REQUIRE(file);
    CHECK(disk->list("a"));
    CHECK_FALSE(disk->list("b"));
    CHECK(disk->sync_directory("a"));
    CHECK(disk->remove_all("a"));
  }
  CHECK(count() == before);
}
