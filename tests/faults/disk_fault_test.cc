#include "faults/disk_fault.h"

#include <doctest/doctest.h>

#include <set>

namespace windtunnel::faults {
namespace {

using core::Random;
using core::Seed;

const std::vector<std::string> kFiles = {"jetstream/$G/streams/ORDERS/meta.inf", "jetstream/$G/streams/ORDERS/msgs/1.blk",
                                         "jetstream/$G/streams/ORDERS/msgs/10.blk", "jetstream/$G/streams/ORDERS/msgs/2.blk",
                                         "jetstream/$G/streams/OTHER/msgs/3.blk"};

std::vector<std::string> chosen(const FileChoice& choice, std::uint64_t seed = 1) {
  Random random{Seed{seed}};
  return choose(choice, kFiles, random);
}

TEST_CASE("blocks are first, middle and last by their numbers") {
  const auto of_orders = [](Pick pick) { return chosen({.glob = "*.blk", .stream = "ORDERS", .pick = pick}); };
  CHECK(of_orders(Pick::first) == std::vector<std::string>{kFiles[1]});
  CHECK(of_orders(Pick::middle) == std::vector<std::string>{kFiles[3]});
  CHECK(of_orders(Pick::last) == std::vector<std::string>{kFiles[2]});
  CHECK(of_orders(Pick::all) == std::vector<std::string>{kFiles[1], kFiles[3], kFiles[2]});
}

TEST_CASE("a random pick comes from the seed and reaches every file that matches, and no other") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::vector<std::string> files = chosen({.glob = "msgs/*.blk", .stream = "", .pick = Pick::random}, seed);
    REQUIRE(files.size() == 1);
    seen.insert(files[0]);
  }
  CHECK(seen == std::set<std::string>(kFiles.begin() + 1, kFiles.end()));
}

TEST_CASE("where nothing matches nothing is struck") {
  CHECK(chosen({.glob = "*.blk", .stream = "NONE", .pick = Pick::all}).empty());
  CHECK(chosen({.glob = "9.blk", .stream = "", .pick = Pick::random}).empty());
}

TEST_CASE("a role is a word and what the file's name ends in") {
  CHECK(parse_file_role("first .blk") == FileChoice{.glob = "*.blk", .stream = "", .pick = Pick::first});
  CHECK(parse_file_role("newest .blk") == FileChoice{.glob = "*.blk", .stream = "", .pick = Pick::last});
  CHECK(parse_file_role("middle o.dat") == FileChoice{.glob = "o.dat", .stream = "", .pick = Pick::middle});
  for (const char* text : {"msgs/*.blk", "first", "first ", "third .blk", "first a/b", "first *.blk", "first .blk x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_file_role(text).has_value());
  }
}

}  // namespace
}  // namespace windtunnel::faults
