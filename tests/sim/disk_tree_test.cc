#include "sim/disk_tree.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace windtunnel::sim {
namespace {

using core::Errc;
using core::Random;
using core::Seed;
using Names = std::vector<std::string>;

void write(DiskTree& tree, std::string_view path, std::string_view content, bool is_synced = true) {
  const auto inode = tree.open(path, {.create = true});
  REQUIRE(inode);
  tree.write(*inode, 0, content);
  if (is_synced) tree.complete_sync(*inode, tree.begin_sync(*inode));
  tree.close(*inode);
}

void sync_directory(DiskTree& tree, std::string_view path) {
  const auto ticket = tree.begin_sync(path);
  REQUIRE(ticket);
  REQUIRE(tree.complete_sync(path, *ticket));
}

void lose_power(DiskTree& tree, Keep keep, std::uint64_t seed = 1) { tree.lose_power(keep, Random{Seed{seed}}); }

TEST_CASE("a created file is lost with its name, synced or not, until its directory is synced") {
  DiskTree tree;
  write(tree, "a", "content");
  CHECK(tree.durable_files().empty());
  SUBCASE("not synced") {
    lose_power(tree, Keep::none);
    CHECK(tree.files().empty());
  }
  SUBCASE("synced") {
    sync_directory(tree, "");
    lose_power(tree, Keep::none);
    CHECK(tree.files() == Names{"a"});
    CHECK(tree.content("a") == "content");
  }
}

TEST_CASE("a synced name over content that was not synced is an empty file") {
  DiskTree tree;
  write(tree, "a", "content", false);
  sync_directory(tree, "");
  lose_power(tree, Keep::none);
  CHECK(tree.content("a") == "");
}

TEST_CASE("a file below a directory whose own name was not synced is lost") {
  DiskTree tree;
  REQUIRE(tree.make_directory("d"));
  write(tree, "d/a", "content");
  sync_directory(tree, "d");
  SUBCASE("lost") {
    lose_power(tree, Keep::none);
    CHECK(tree.files().empty());
    CHECK_FALSE(tree.exists("d"));
  }
  SUBCASE("kept") {
    sync_directory(tree, "");
    lose_power(tree, Keep::none);
    CHECK(tree.files() == Names{"d/a"});
  }
}

TEST_CASE("a removed file comes back unless its directory was synced") {
  DiskTree tree;
  tree.put("a", "old");
  REQUIRE(tree.remove("a"));
  CHECK_FALSE(tree.exists("a"));
  SUBCASE("not synced") {
    lose_power(tree, Keep::none);
    CHECK(tree.content("a") == "old");
  }
  SUBCASE("synced") {
    sync_directory(tree, "");
    lose_power(tree, Keep::none);
    CHECK(tree.files().empty());
    CHECK(tree.inode_count() == 1);
  }
}

TEST_CASE("an unlinked file lives while a descriptor is open, and no longer") {
  DiskTree tree;
  tree.put("a", "content");
  const auto inode = tree.open("a", {});
  REQUIRE(inode);
  REQUIRE(tree.remove("a"));
  sync_directory(tree, "");
  CHECK(tree.file(*inode).content() == "content");
  CHECK(tree.bytes_used() == 7);
  tree.close(*inode);
  CHECK(tree.bytes_used() == 0);
  CHECK(tree.inode_count() == 1);
  tree.check_invariants();
}

TEST_CASE("the temporary file and rename pattern leaves the old or the new content whole") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    DiskTree tree;
    tree.put("d/f", "old");
    write(tree, "d/f.tmp", "new!");
    REQUIRE(tree.rename("d/f.tmp", "d/f"));
    lose_power(tree, Keep::any, seed);
    std::string names;
    for (const std::string& name : tree.files()) names += name + "=" + tree.content(name).value() + " ";
    outcomes.insert(names);
    tree.check_invariants();
  }
  // Nothing; the temporary name alone; the rename in full; and both names for the new file.
  CHECK(outcomes == std::set<std::string>{"d/f=old ", "d/f=old d/f.tmp=new! ", "d/f=new! ", "d/f=new! d/f.tmp=new! "});
}

TEST_CASE("a rename that outlives the data of its file leaves zeros or nothing (D11)") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    DiskTree tree;
    tree.put("f", "old");
    write(tree, "t", "new!", false);
    REQUIRE(tree.rename("t", "f"));
    lose_power(tree, Keep::any, seed);
    outcomes.insert(tree.content("f").value());
  }
  CHECK(outcomes.contains("old"));
  CHECK(outcomes.contains("new!"));
  CHECK(outcomes.contains(""));
  CHECK(outcomes.contains(std::string(4, '\0')));
}

TEST_CASE("a file renamed into another directory is never lost, whichever of the two is synced") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    for (const char* synced : {"", "a", "b"}) {
      DiskTree tree;
      tree.put("a/x", "content");
      tree.put("b/y", "other");
      REQUIRE(tree.rename("a/x", "b/x"));
      if (*synced != '\0') sync_directory(tree, synced);
      lose_power(tree, seed % 2 == 0 ? Keep::any : Keep::none, seed);
      CAPTURE(synced);
      CHECK((tree.content("a/x") == "content" || tree.content("b/x") == "content"));
      if (*synced == 'a') CHECK_FALSE(tree.exists("a/x"));
      if (*synced != '\0') CHECK(tree.content("b/x") == "content");
    }
  }
}

TEST_CASE("a renamed directory moves as one, and what it replaced goes with the sync") {
  DiskTree tree;
  tree.put("s/msgs/1.blk", "one");
  tree.put("s/msgs/2.blk", "two");
  REQUIRE(tree.rename("s/msgs", "s/__msgs__"));
  REQUIRE(tree.make_directory("s/msgs"));
  CHECK(tree.files() == Names{"s/__msgs__/1.blk", "s/__msgs__/2.blk"});
  SUBCASE("dropped") {
    lose_power(tree, Keep::none);
    CHECK(tree.files() == Names{"s/msgs/1.blk", "s/msgs/2.blk"});
  }
  SUBCASE("synced") {
    sync_directory(tree, "s");
    lose_power(tree, Keep::none);
    CHECK(tree.files() == Names{"s/__msgs__/1.blk", "s/__msgs__/2.blk"});
    CHECK(tree.is_directory("s/msgs"));
  }
}

TEST_CASE("Keep::ordered keeps a prefix of all directory operations, across directories") {
  std::set<std::size_t> lengths;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    DiskTree tree;
    tree.put("a/keep", "");
    tree.put("b/keep", "");
    for (int i = 0; i < 6; ++i) write(tree, (i % 2 == 0 ? "a/" : "b/") + std::to_string(i), "x");
    const bool is_synced = seed % 2 == 0;
    if (is_synced) sync_directory(tree, "b");  // the sync of 5 commits those before it in the journal
    lose_power(tree, Keep::ordered, seed);
    std::size_t length = 0;
    while (length < 6 && tree.exists((length % 2 == 0 ? "a/" : "b/") + std::to_string(length))) ++length;
    CHECK(tree.files().size() == length + 2);
    if (is_synced) CHECK(length == 6);
    if (!is_synced) lengths.insert(length);
  }
  CHECK(lengths.size() == 7);
}

TEST_CASE("errors name what is wrong") {
  DiskTree tree;
  tree.put("d/f", "x");
  CHECK(tree.open("d/g", {}).error().code == Errc::not_found);
  CHECK(tree.open("e/g", {.create = true}).error().code == Errc::not_found);
  CHECK(tree.open("d/f/g", {.create = true}).error().code == Errc::not_found);
  CHECK(tree.open("d", {}).error().code == Errc::invalid_argument);
  CHECK(tree.open("d/f", {.create = true, .exclusive = true}).error().code == Errc::already_exists);
  CHECK(tree.remove("d/g").error().code == Errc::not_found);
  CHECK(tree.remove("d").error().code == Errc::invalid_argument);
  CHECK(tree.remove_directory("d").error().code == Errc::already_exists);
  CHECK(tree.rename("d/g", "x").error().code == Errc::not_found);
  CHECK(tree.rename("d", "d/sub").error().code == Errc::invalid_argument);
  REQUIRE(tree.make_directory("empty"));
  CHECK(tree.rename("d/f", "empty").error().code == Errc::already_exists);
  CHECK(tree.rename("empty", "d").error().code == Errc::already_exists);
  CHECK(tree.list("nowhere").error().code == Errc::not_found);
  tree.check_invariants();
}

TEST_CASE("a directory that is never synced does not hold every file it ever had") {
  DiskTree tree;
  for (int i = 0; i < 5000; ++i) {
    write(tree, "index.tmp", std::to_string(i));
    REQUIRE(tree.rename("index.tmp", "index"));
  }
  CHECK(tree.inode_count() < 300);
  tree.check_invariants();
}

}  // namespace
}  // namespace windtunnel::sim
