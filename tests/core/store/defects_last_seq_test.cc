// Defects by which a stream forgets its last sequence (reference: defect corpus, "File store"; filestore 6.3).
#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

TEST_CASE("nats-5497: skipped sequences in an empty last block are forgotten by a clean restart") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_5497, with_defect};
    at.open();
    for (std::uint64_t seq = 1; seq <= 22; ++seq) REQUIRE(at.store->skip_through(Seq{seq}, at.now()));
    CHECK(at.last() == 22);
    CHECK(at.store->state().first_seq == Seq{23});
    for (int i = 0; i < 5; ++i) {
      at.restart();
      CHECK(at.last() == (with_defect ? 0 : 22));
      CHECK(at.store->state().first_seq == Seq{with_defect ? 0u : 23u});
    }
  }
}

TEST_CASE("nats-6881: an emptied stream whose block is gone or empty does not ask the index for its last sequence") {
  for (const bool with_defect : {false, true}) {
    for (const bool is_gone : {true, false}) {
      CAPTURE(with_defect);
      CAPTURE(is_gone);
      DefectFixture at{Defect::nats_6881, with_defect};
      at.open();
      at.put_many(3, "x");
      for (std::uint64_t seq = 1; seq <= 3; ++seq) at.remove(seq);
      REQUIRE(at.store->stop());
      for (const auto& [name, size] : at.blocks()) {
        if (is_gone)
          at.lose(name);
        else
          at.world.disk->file(at.msgs(name)).clear();
      }
      at.kill();
      CHECK(at.last() == (with_defect ? 0 : 3));
      CHECK(at.put("a", "y") == Seq{with_defect ? 1u : 4u});  // a sequence that was used
    }
  }
}

TEST_CASE("nats-6881: where messages were lost the index counts") {
  DefectFixture at{Defect::nats_6881, true};
  at.open();
  at.put_many(3, "x");
  REQUIRE(at.store->stop());
  at.lose("1.blk");
  at.kill();
  CHECK(at.last() == 3);
}

TEST_CASE("nats-7782: a last sequence that only the index knew is forgotten by the next crash") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_7782, with_defect};
    at.open();
    at.put_many(3, "x");
    for (std::uint64_t seq = 1; seq <= 3; ++seq) at.remove(seq);
    REQUIRE(at.store->stop());
    for (const auto& [name, size] : at.blocks()) at.lose(name);
    at.kill();
    CHECK(at.last() == 3);
    at.kill_without_index();
    CHECK(at.last() == (with_defect ? 0 : 3));
  }
}

TEST_CASE("nats-7384: a block of tombstones alone stands for the lowest of them") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_7384, with_defect};
    at.options.block_size = Bytes{300};
    at.open();
    at.put_many(20, "x");
    for (std::uint64_t seq = 20; seq >= 1; --seq) at.remove(seq);
    REQUIRE(at.store->sync());
    at.kill_without_index();
    CHECK(at.messages() == 0);
    CHECK((at.last() == 20) != with_defect);
    CHECK(at.store->state().first_seq == Seq{at.last() + 1});
  }
}

TEST_CASE("nats-7676: a kill in the middle of a purge leaves an empty stream at sequence 0") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    std::uint64_t resets = 0;
    std::int64_t crash = 0;
    for (bool is_done = false; !is_done; ++crash) {
      CAPTURE(crash);
      DefectFixture at{Defect::nats_7676, with_defect};
      at.open();
      at.put_many(5, "x");
      at.restart();
      at.world.disk->operations_left = crash;
      try {
        is_done = at.store->purge({}).has_value();  // outside of any check: they swallow the kill
      } catch (const TaskKilled&) {
      }
      at.world.disk->operations_left = -1;
      at.kill();
      if (at.last() == 0) {
        ++resets;
        continue;
      }
      CHECK(at.last() == 5);
      CHECK((at.messages() == 0 || at.messages() == 5));  // done, or not done
    }
    CHECK((resets > 0) == with_defect);
    CHECK(crash > 5);
  }
}
