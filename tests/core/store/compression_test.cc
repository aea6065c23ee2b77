// `compression: s2`, and truncation, on files.
#include "core/store/s2.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

struct Compressed : StoreFixture {
  Compressed() {
    options.compression = Compression::s2;
    options.block_size = Bytes{2000};
    open();
    for (int i = 1; i <= 40; ++i) put("a", std::string(90, 'x') + std::to_string(i));
  }
  bool is_packed(const std::string& name) { return is_compressed_block(world.disk->file(msgs(name))); }
};

}  // namespace

TEST_CASE("full blocks are packed by the background task, and the last one is not") {
  Compressed at;
  CHECK_FALSE(at.is_packed("1.blk"));
  at.world.disk->is_recording = true;
  at.run_background(0);
  CHECK(at.is_packed("1.blk"));
  CHECK(at.is_packed("2.blk"));
  CHECK_FALSE(at.is_packed("3.blk"));
  // The packed file is durable before it takes the plain one's place.
  const auto& done = at.world.disk->operations;
  const auto renamed = std::find(done.begin(), done.end(), "rename " + at.msgs("1.blk.tmp") + " -> " + at.msgs("1.blk"));
  REQUIRE(renamed != done.end());
  CHECK(std::find(done.begin(), renamed, "sync " + at.msgs("1.blk.tmp")) != renamed);
  CHECK(std::find(renamed, done.end(), "sync_directory " + at.msgs("")) != done.end());
  for (std::uint64_t seq = 1; seq <= 40; ++seq) CHECK(at.payload(seq) == std::string(90, 'x') + std::to_string(seq));
  at.kill();
  CHECK(at.store->state().messages == 40);
  CHECK(at.payload(5) == std::string(90, 'x') + "5");
}

TEST_CASE("a packed block that is compacted is packed again, without what was removed") {
  Compressed at;
  REQUIRE(at.store->sync());
  REQUIRE(at.is_packed("1.blk"));
  const std::size_t before = decompress_block(at.world.disk->file(at.msgs("1.blk"))).value().size();
  for (std::uint64_t seq = 2; seq <= 14; ++seq) REQUIRE(at.store->remove(Seq{seq}, false).value());
  REQUIRE(at.store->sync());
  REQUIRE(at.is_packed("1.blk"));
  CHECK(decompress_block(at.world.disk->file(at.msgs("1.blk"))).value().size() < before / 2);
  at.kill();
  CHECK(at.store->state().messages == 27);
  CHECK(at.payload(1) == std::string(90, 'x') + "1");
}

TEST_CASE("a message that is erased from a packed block is in no file") {
  Compressed at;
  REQUIRE(at.store->sync());
  REQUIRE(at.store->remove(Seq{3}, true).value());
  const std::string plain = decompress_block(at.world.disk->file(at.msgs("1.blk"))).value();
  CHECK(plain.find("x2") != std::string::npos);
  CHECK(plain.find("x3") == std::string::npos);
  at.kill();
  CHECK(at.store->state().messages == 39);
  CHECK(at.payload(3) == "not_found");
}

TEST_CASE("damage in the header of a packed block costs that block, not the store") {
  for (const std::size_t damaged : {std::size_t{3}, std::size_t{4}, std::size_t{5}}) {  // algorithm, size
    CAPTURE(damaged);
    Compressed at;
    REQUIRE(at.store->sync());
    REQUIRE(at.is_packed("1.blk"));
    REQUIRE(at.store->stop());
    at.world.disk->file(at.msgs("1.blk"))[damaged] ^= 2;
    at.kill();
    CHECK(at.payload(1) == "not_found");
    CHECK(at.payload(20) == std::string(90, 'x') + "20");
    CHECK_FALSE(at.store->state().lost.empty());
  }
}

TEST_CASE("truncate makes a message the last one, for good") {
  for (const Compression compression : {Compression::none, Compression::s2}) {
    StoreFixture at;
    at.options.compression = compression;
    at.options.block_size = Bytes{300};
    at.open();
    for (int i = 1; i <= 40; ++i) at.put("a", std::to_string(i));
    REQUIRE(at.store->sync());
    REQUIRE(at.store->remove(Seq{3}, false).value());  // its tombstone lies behind what is cut
    REQUIRE(at.store->remove(Seq{30}, false).value());
    CHECK(at.store->truncate(Seq{30}).error().code == Errc::not_found);
    CHECK(at.store->truncate(Seq{40}));
    CHECK(at.store->state().last_seq == Seq{40});
    REQUIRE(at.store->truncate(Seq{12}));
    for (int round = 0; round < 3; ++round) {
      CAPTURE(round);
      CHECK(at.store->state().last_seq == Seq{12});
      CHECK(at.store->state().messages == 11);
      CHECK(at.store->state().lost.empty());
      CHECK(at.payload(12) == "12");
      CHECK(at.payload(3) == "not_found");
      if (round == 1) at.world.disk->files().erase(at.msgs("index.db"));
      at.kill();
    }
    CHECK(at.put("a", "again") == Seq{13});
    at.restart();
    CHECK(at.payload(13) == "again");
  }
}
