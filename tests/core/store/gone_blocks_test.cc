// Blocks that go while something still refers to them: their open files, and passes that were about to work on them. What is
// wrong here shows under ASan first.
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

// A failed sync makes the next pass write the last block anew, behind a new last block.
TEST_CASE("a block without messages whose sync failed goes, and is not written anew") {
  for (const bool was_synced : {false, true}) {
    CAPTURE(was_synced);
    StoreFixture at;
    at.open();
    at.put("a", "x");
    REQUIRE(at.store->remove(Seq{1}, false).value());
    if (was_synced) REQUIRE(at.store->sync());
    REQUIRE(at.store->skip_through(Seq{5}, at.now()));
    bool has_failed = false;
    at.world.disk->fails = [&](std::string_view operation, std::string_view) -> std::optional<Errc> {
      if (operation != "sync" || has_failed) return std::nullopt;
      has_failed = true;
      return Errc::io_error;
    };
    const Status failed = at.store->sync();
    CHECK(!failed.has_value());
    REQUIRE(has_failed);
    at.world.disk->is_recording = true;
    REQUIRE(at.store->sync());
    for (const std::string& operation : at.world.disk->operations) CHECK(operation.find(".new") == std::string::npos);
    CHECK(at.blocks().size() == 1);
    CHECK(at.store->state().last_seq == Seq{5});
    at.put("a", "z");
    at.kill();
    CHECK(at.store->state().messages == 1);
    CHECK(at.payload(6) == "z");
  }
}
