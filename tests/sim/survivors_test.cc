#include "sim/survivors.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "sim/disk_tree.h"

namespace windtunnel::sim {
namespace {

using How = Survivors::How;
using Kind = VolatileUnit::Kind;
using Names = std::vector<std::string>;

constexpr std::uint64_t kSector = DiskFile::kSector;

void write(DiskTree& tree, std::string_view path, std::uint64_t offset, std::string_view content) {
  const auto inode = tree.open(path, {.create = true});
  REQUIRE(inode);
  tree.write(*inode, offset, content);
  tree.close(*inode);
}

void sync(DiskTree& tree, std::string_view path) {
  const auto inode = tree.open(path, {});
  REQUIRE(inode);
  tree.complete_sync(*inode, tree.begin_sync(*inode));
  tree.close(*inode);
}

void sync_directory(DiskTree& tree, std::string_view path) {
  const auto ticket = tree.begin_sync(path);
  REQUIRE(ticket);
  REQUIRE(tree.complete_sync(path, *ticket));
}

// A tree with a durable file of 100 bytes.
void make_durable(DiskTree& tree, std::string_view path) {
  write(tree, path, 0, std::string(100, 'd'));
  sync(tree, path);
  sync_directory(tree, "");
}

std::uint64_t unit(const DiskTree& tree, Kind kind, const std::string& path, std::uint64_t number = UINT64_MAX) {
  const std::vector<VolatileUnit> units = tree.volatile_units();
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i].kind == kind && units[i].path == path && (number == UINT64_MAX || units[i].number == number)) return i;
  }
  FAIL("no such unit");
  return 0;
}

// What is left of `tree`.
std::unique_ptr<DiskTree> left(const DiskTree& tree, How how, std::uint64_t which = 0, const DiskTree* older = nullptr) {
  std::unique_ptr<DiskTree> out = tree.clone();
  out->lose_power({how, which}, older);
  return out;
}

TEST_CASE("what is durable is no unit, and what is not is one for each name, sector and size") {
  DiskTree tree;
  make_durable(tree, "a");
  CHECK(tree.volatile_units().empty());
  write(tree, "a", 100, std::string(3 * kSector, 'x'));
  write(tree, "b", 0, "new");
  const std::vector<VolatileUnit> units = tree.volatile_units();
  const auto count = [&](Kind kind, std::string_view path) {
    return std::count_if(units.begin(), units.end(), [&](const VolatileUnit& u) { return u.kind == kind && u.path == path; });
  };
  CHECK(units.front().kind == Kind::name);  // names come first
  CHECK(count(Kind::name, "b") == 1);
  CHECK(count(Kind::sector, "a") == 4);
  CHECK(count(Kind::size, "a") == 1);
  CHECK(count(Kind::sector, "b") == 1);
  CHECK(count(Kind::size, "b") == 1);
}

TEST_CASE("none, all, and one unit alone or missing") {
  DiskTree tree;
  make_durable(tree, "a");
  write(tree, "a", 100, std::string(2 * kSector, 'x'));
  write(tree, "b", 0, "new");
  CHECK(left(tree, How::none)->content("a") == std::string(100, 'd'));
  CHECK(left(tree, How::none)->files() == Names{"a"});
  CHECK(left(tree, How::all)->content("a") == tree.content("a"));
  CHECK(left(tree, How::all)->content("b") == "new");

  const std::uint64_t name = unit(tree, Kind::name, "b");
  CHECK(left(tree, How::only, name)->content("b") == "");  // a name over nothing
  CHECK(left(tree, How::without, name)->files() == Names{"a"});

  const std::uint64_t second = unit(tree, Kind::sector, "a", 1);
  const std::string hole = *left(tree, How::without, second)->content("a");
  CHECK(hole.size() == tree.content("a")->size());
  CHECK(hole.substr(0, kSector) == tree.content("a")->substr(0, kSector));
  CHECK(hole.substr(kSector, kSector) == std::string(kSector, '\0'));
  CHECK(hole.substr(2 * kSector) == tree.content("a")->substr(2 * kSector));

  // Data ahead of size: the old end stands.
  const std::uint64_t size = unit(tree, Kind::size, "a");
  CHECK(left(tree, How::without, size)->content("a") == std::string(100, 'd'));
  // Size ahead of data.
  CHECK(left(tree, How::only, size)->content("a") == std::string(100, 'd') + std::string(2 * kSector, '\0'));
  CHECK(left(tree, How::sizes)->content("a") == std::string(100, 'd') + std::string(2 * kSector, '\0'));
  CHECK(left(tree, How::sizes)->content("b") == std::string(3, '\0'));
}

TEST_CASE("a torn write ends at a sector, but never before what was synced") {
  DiskTree tree;
  make_durable(tree, "a");
  write(tree, "a", 100, std::string(2 * kSector, 'x'));
  const std::string whole = *tree.content("a");
  CHECK(left(tree, How::torn, unit(tree, Kind::sector, "a", 2))->content("a") == whole.substr(0, 2 * kSector));
  CHECK(left(tree, How::torn, unit(tree, Kind::sector, "a", 1))->content("a") == whole.substr(0, kSector));
  CHECK(left(tree, How::torn, unit(tree, Kind::sector, "a", 0))->content("a") == std::string(100, 'd'));
  const std::string hole = *left(tree, How::hole, unit(tree, Kind::sector, "a", 1))->content("a");
  CHECK(hole == whole.substr(0, kSector) + std::string(whole.size() - kSector, '\0'));
}

TEST_CASE("a rename survives whole, in its first half, or not; the old name never goes alone") {
  DiskTree tree;
  make_durable(tree, "old");
  REQUIRE(tree.rename("old", "new"));
  const std::uint64_t first = unit(tree, Kind::name, "new");
  const std::uint64_t second = unit(tree, Kind::old_name, "old");
  CHECK(first < second);
  CHECK(left(tree, How::none)->files() == Names{"old"});
  CHECK(left(tree, How::all)->files() == Names{"new"});
  CHECK(left(tree, How::only, first)->files() == Names{"new", "old"});
  CHECK(left(tree, How::only, second)->files() == Names{"old"});
  CHECK(left(tree, How::without, first)->files() == Names{"old"});
}

TEST_CASE("prefix goes back in time, but not behind what was synced") {
  DiskTree tree;
  make_durable(tree, "a");
  make_durable(tree, "b");
  write(tree, "a", 100, "1");
  write(tree, "b", 100, "1");
  const std::unique_ptr<DiskTree> older = tree.clone();
  write(tree, "a", 101, "2");
  write(tree, "b", 101, "2");
  write(tree, "c", 0, "later");
  sync(tree, "b");
  const std::unique_ptr<DiskTree> back = left(tree, How::prefix, 3, older.get());
  CHECK(back->files() == Names{"a", "b"});
  CHECK(back->content("a") == std::string(100, 'd') + "1");
  CHECK(back->content("b") == std::string(100, 'd') + "12");
}

TEST_CASE("a clone is equal and its own") {
  DiskTree tree;
  make_durable(tree, "a");
  write(tree, "a", 100, "x");
  const std::unique_ptr<DiskTree> copy = tree.clone();
  CHECK(copy->image_hash() == tree.image_hash());
  copy->check_invariants();
  write(*copy, "a", 0, "y");
  CHECK(copy->image_hash() != tree.image_hash());
  CHECK(tree.content("a")->front() == 'd');
}

TEST_CASE("the image hash tells names, contents, and files from directories apart") {
  std::set<std::uint64_t> hashes;
  const auto add = [&](auto&& change) {
    DiskTree tree;
    change(tree);
    CHECK(hashes.insert(tree.image_hash()).second);
  };
  add([](DiskTree&) {});
  add([](DiskTree& t) { write(t, "a", 0, "x"); });
  add([](DiskTree& t) { write(t, "a", 0, "y"); });
  add([](DiskTree& t) { write(t, "b", 0, "x"); });
  add([](DiskTree& t) { REQUIRE(t.make_directory("a")); });
}

TEST_CASE("ways to leave a disk: each once, all of them possible, and as text they are read back") {
  DiskTree tree;
  make_durable(tree, "a");
  std::uint64_t left_out = 0;
  CHECK(ways_to_leave(tree, 5, 64, left_out).size() == 3);  // nothing is volatile: kill, none and all
  write(tree, "a", 100, std::string(2 * kSector, 'x'));
  write(tree, "b", 0, "new");
  const std::vector<Survivors> ways = ways_to_leave(tree, 5, 64, left_out);
  CHECK(left_out == 0);
  std::set<std::string> texts;
  for (const Survivors& way : ways) {
    CAPTURE(to_text(way));
    CHECK(texts.insert(to_text(way)).second);
    const auto read_back = parse_survivors(to_text(way));
    REQUIRE(read_back);
    CHECK(*read_back == way);
    if (way.how != How::kill) left(tree, way.how, way.which)->check_invariants();
  }
  for (const std::string_view wanted : {"kill", "none", "all", "sizes", "only:0", "without:0", "prefix:1", "prefix:5"}) {
    CAPTURE(wanted);
    CHECK(texts.contains(std::string{wanted}));
  }
  CHECK_FALSE(texts.contains("prefix:6"));
}

TEST_CASE("of very many sectors the first and the last are tried, and the rest is counted") {
  DiskTree tree;
  make_durable(tree, "a");
  write(tree, "a", 100, std::string(100 * kSector, 'x'));
  std::uint64_t left_out = 0;
  std::uint64_t all_left_out = 0;
  const std::size_t few = ways_to_leave(tree, 0, 10, left_out).size();
  const std::size_t all = ways_to_leave(tree, 0, 1000, all_left_out).size();
  CHECK(all_left_out == 0);
  CHECK(left_out > 300);
  CHECK(few + left_out == all);
}

TEST_CASE("what is no way to leave a disk is refused by name") {
  for (const std::string_view text : {"", "kil", "only", "only:", "only:x", "none:1", "prefix:-1", "only:99999999999999999999"}) {
    CAPTURE(text);
    const auto parsed = parse_survivors(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().detail.find("`" + std::string{text} + "` is no way to leave a disk; there are kill, none") == 0);
  }
}

}  // namespace
}  // namespace windtunnel::sim
