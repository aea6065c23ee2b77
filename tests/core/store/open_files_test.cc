// Which block files are open: few, and never one of a block that is gone. What is wrong here shows under ASan first.
#include <doctest/doctest.h>

#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

// Fills a few blocks, and empties the first one in such a way that it waits for the next sync, with its file open.
void retire_first_block(DefectFixture& at) {
  at.options.block_size = Bytes{200};
  at.open();
  at.put_many(12, std::string(40, 'x'));
  REQUIRE(at.store->sync());
  for (std::uint64_t seq = 1; at.store->state().first_seq.value == seq && seq <= 2; ++seq) at.remove(seq);
  REQUIRE(at.payload(1) == "not_found");
  REQUIRE(at.payload(3) != "not_found");
  REQUIRE(at.blocks().count("1.blk") == 1);
}

}  // namespace

TEST_CASE("a purge closes the files of blocks that wait for the next sync to go") {
  for (const bool moves_first : {false, true}) {
    CAPTURE(moves_first);
    DefectFixture at{Defect::nats_7676, moves_first};
    retire_first_block(at);
    CHECK(at.store->purge({}).value() == 10);
    CHECK(at.blocks().size() == 1);
    // So many blocks that the files opened first are closed again.
    at.put_many(60, std::string(40, 'y'));
    CHECK(at.blocks().size() > 12);
    CHECK(at.payload(at.last()) == std::string(40, 'y'));
    CHECK(at.messages() == 60);
  }
}

TEST_CASE("a block that is cut at its damage and begins behind a gap of more than 2^32 is opened as one") {
  DefectFixture at{Defect::nats_7549, true};
  at.options.block_size = Bytes{200};
  at.open();
  REQUIRE(at.store->compact(Seq{std::uint64_t{1} << 33}));
  at.put("a", "first");
  at.put("a", "second");
  const auto blocks = at.blocks();
  REQUIRE(blocks.size() == 1);
  at.world.disk->file(at.msgs(blocks.begin()->first)).back() ^= 1;
  at.lose("index.db");
  at.kill();
  CHECK(at.messages() == 1);
  at.put_many(60, std::string(40, 'y'));
  CHECK(at.blocks().size() > 12);
  CHECK(at.payload(std::uint64_t{1} << 33) == "first");
}
