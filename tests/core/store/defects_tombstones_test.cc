// Defects by which removed messages return (reference: filestore 3.4, 3.6, 3.7).
#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

TEST_CASE("nats-6685: what a purge by subject removed below the new first sequence returns without an index") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_6685, with_defect};
    at.open();
    for (int i = 0; i < 12; ++i) at.put(i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c", "x");
    CHECK(at.store->purge({.filter = "a", .below = {}, .keep = 0}).value() == 4);
    CHECK(at.store->state().first_seq == Seq{2});
    at.restart();  // with its index all is well
    CHECK(at.messages() == 8);
    at.kill_without_index();
    CHECK(at.messages() == (with_defect ? 9 : 8));  // the others have tombstones
    CHECK(at.store->state().first_seq == Seq{with_defect ? 1u : 2u});
  }
}

TEST_CASE("nats-6685: what a compaction to a sequence removed from its block returns without an index") {
  for (const bool with_defect : {false, true}) {
    for (const bool with_old_index : {false, true}) {
      CAPTURE(with_defect);
      CAPTURE(with_old_index);
      DefectFixture at{Defect::nats_6685, with_defect};
      at.open();
      at.put_many(5, "x");
      CHECK(at.store->compact(Seq{4}).value() == 3);
      at.restart();
      at.put_many(5, "x");  // the index is no longer current
      with_old_index ? at.kill() : at.kill_without_index();
      CHECK(at.messages() == (with_defect ? 10 : 7));
      CHECK(at.store->state().first_seq == Seq{with_defect ? 1u : 4u});
    }
  }
}

TEST_CASE("nats-7387: a block goes with tombstones that an earlier block still needs") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_7387, with_defect};
    at.options.block_size = Bytes{300};
    at.open();
    at.put_many(9, "x");
    for (const std::uint64_t seq : {2u, 3u}) at.remove(seq);
    CHECK(at.put("a", "x") == Seq{10});
    CHECK(at.blocks().at("2.blk") == 92);
    at.put("a", std::string(200, 'x'));
    at.remove(10);
    CHECK(at.blocks().count("2.blk") == 0);
    at.kill_without_index();
    CHECK(at.messages() == (with_defect ? 10 : 8));
    CHECK(at.payload(3) == (with_defect ? "x" : "not_found"));
    CHECK(at.payload(10) == "not_found");
  }
}
