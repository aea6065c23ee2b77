// Defects of how index.db and the names in the directory are trusted (reference: filestore 4.3 to 4.5).
#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

TEST_CASE("nats-5901: a stale index is patched, and blocks that a limit removed since still count") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_5901, with_defect};
    at.options.block_size = Bytes{300};  // nine messages
    at.options.limits.max_msgs = 30;
    at.open();
    for (int i = 0; i < 40; ++i) at.put(i % 2 == 0 ? "a" : "b", "x");
    at.restart();  // writes the index
    for (int i = 0; i < 20; ++i) at.put("a", "y");
    REQUIRE(at.store->sync());
    at.kill();
    const StreamState state = at.store->state();
    CHECK(state.last_seq == Seq{60});
    CHECK((state.messages == 30) != with_defect);
    CHECK((state.first_seq == Seq{31}) != with_defect);
    std::uint64_t readable = 0;
    for (std::uint64_t seq = 1; seq <= 60; ++seq) readable += at.store->load(Seq{seq}).has_value() ? 1 : 0;
    CHECK((readable == state.messages) != with_defect);
    // And it stays so: what is not there cannot be removed.
    at.put("a", "z");
    CHECK((at.messages() == 30) != with_defect);
    CHECK((at.store->subject_counts("").at("b") == 5) != with_defect);
  }
}

TEST_CASE("nats-5901: without a block that is gone a stale index does no harm") {
  DefectFixture at{Defect::nats_5901, true};
  at.open();
  at.put_many(3, "x");
  at.restart();
  at.put_many(3, "y");
  at.kill();
  CHECK(at.messages() == 6);
  CHECK(at.payload(1) == "x");
}

TEST_CASE("nats-7123: a missing block goes unnoticed when the index is current") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_7123, with_defect};
    at.options.block_size = Bytes{300};
    at.open();
    for (int i = 0; i < 30; ++i) at.put(i % 2 == 0 ? "a" : "b", "x");
    REQUIRE(at.store->stop());
    at.lose("2.blk");
    at.kill();
    CHECK(at.messages() == (with_defect ? 30 : 21));
    CHECK(at.store->state().lost.size() == (with_defect ? 0 : 9));
    CHECK(at.store->subject_counts("").at("a") == (with_defect ? 15 : 11));
    CHECK_FALSE(at.store->load(Seq{12}).has_value());
    CHECK(at.payload(30) == "x");
    // It is noticed when the index is not current.
    at.put("a", "y");
    at.kill_without_index();
    CHECK(at.messages() == 22);
  }
}

TEST_CASE("nats-6684: a block whose compression was cut short counts twice") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_6684, with_defect};
    at.options.block_size = Bytes{300};
    at.open();
    at.put_many(20, "x");
    REQUIRE(at.store->stop());
    at.world.disk->put(at.msgs("1.blk.tmp"), "cmp");
    at.kill_without_index();
    CHECK(at.messages() == (with_defect ? 29 : 20));
    CHECK(at.store->state().bytes == Bytes{(with_defect ? 29u : 20u) * 32});
    CHECK(at.store->state().num_deleted == 0);
    CHECK(at.world.disk->has(at.msgs("1.blk.tmp")) == with_defect);
  }
}

TEST_CASE("nats-6753: a stream whose first message has the configured first sequence is purged when it is opened") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_6753, with_defect};
    at.options.first_seq = Seq{1000};
    at.open();
    CHECK(at.put("a", "x") == Seq{1000});
    at.put("a", "y");
    at.restart();
    CHECK(at.messages() == (with_defect ? 0 : 2));
    CHECK(at.last() == 1001);
  }
}
