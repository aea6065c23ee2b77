// Defects of damage, of what is written where, and of what waits to be written (reference: filestore 3.1, 4.6, 4.8, 5).
#include "core/store/consumer_store.h"
#include "core/store/meta_file.h"
#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;
using namespace std::chrono_literals;

TEST_CASE("nats-7549: damage in the middle of a block costs everything behind it in the block") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_7549, with_defect};
    at.open();
    for (int i = 1; i <= 5; ++i) at.put("a", "message " + std::to_string(i));
    at.remove(1);
    std::string& block = at.world.disk->file(at.msgs("1.blk"));
    block[block.find("message 3")] = 'M';
    const std::size_t size = block.size();
    at.kill();
    CHECK(at.payload(2) == "message 2");
    CHECK(at.payload(3) == "not_found");
    CHECK(at.payload(5) == (with_defect ? "not_found" : "message 5"));
    CHECK(at.payload(1) == (with_defect ? "message 1" : "not_found"));  // its tombstone went too
    CHECK(at.last() == (with_defect ? 2 : 5));
    CHECK((at.world.disk->file(at.msgs("1.blk")).size() == size) != with_defect);
  }
}

TEST_CASE("nats-6798: a record that no reader takes is stored and acknowledged") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_6798, with_defect};
    at.open();
    at.put("a", "x");
    const std::string huge(33u << 20, 'h');
    const auto stored = at.store->append({"a", "", huge}, at.now());
    CHECK(stored.has_value() == with_defect);
    if (!stored) CHECK(stored.error() == error(Errc::invalid_argument, "message to large"));
    at.put("a", "y");
    at.kill();
    CHECK(at.messages() == 2);
    CHECK(at.payload(2) == (with_defect ? "not_found" : "y"));
  }
}

TEST_CASE("nats-7594: a record that waits to be written is dropped when its block was idle for 30 s") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_7594, with_defect};
    at.open();
    at.put("a", "first");
    REQUIRE(at.store->sync());
    at.put("a", "second");
    CHECK(at.payload(2) == "second");
    at.world.clock.time += 31s;  // the node was paused: the sync pass is due, and comes ahead of the flusher
    REQUIRE(at.store->sync());
    CHECK(at.put("a", "third") == Seq{3});
    REQUIRE(at.store->stop());
    at.kill();
    CHECK(at.payload(1) == "first");
    CHECK(at.payload(2) == (with_defect ? "not_found" : "second"));
    CHECK(at.payload(3) == "third");
  }
}

TEST_CASE("nats-7594: the flusher writes after a millisecond of quiet, or 16 KiB") {
  DefectFixture at{Defect::nats_7594, true};
  at.open();
  REQUIRE(at.world.tasks.spawned.size() == 2);
  at.world.tasks.spawned.pop_front();  // the other task
  at.put("a", "x");
  CHECK(at.blocks().at("1.blk") == 0);
  const Instant before = at.world.clock.time;
  at.run_background(0);
  CHECK(at.blocks().at("1.blk") == 32);
  CHECK(at.world.clock.time - before == 1ms);
  // A stop flushes, and so does whatever needs the file; sync: always waits for nothing.
  at.put("a", "y");
  at.restart();
  CHECK(at.messages() == 2);
  REQUIRE(at.store->stop());
  at.settings.sync_always = true;
  at.kill();
  at.put("a", "z");
  CHECK(at.blocks().at("1.blk") == 96);
}

TEST_CASE("nats-7594: what waits to be written is read, removed, erased, purged and rolled like the rest") {
  DefectFixture at{Defect::nats_7594, true};
  at.options.block_size = Bytes{300};
  at.open();
  at.put_many(12, "x");
  for (std::uint64_t seq = 1; seq <= 12; ++seq) CHECK(at.payload(seq) == "x");
  at.remove(11);
  REQUIRE(at.store->remove(Seq{12}, true).value());
  at.restart();
  CHECK(at.messages() == 10);
  at.put_many(2, "y");
  CHECK(at.store->purge({}).value() == 12);
  at.put("a", "z");
  at.restart();
  CHECK(at.messages() == 1);
  CHECK(at.last() == 15);
}

TEST_CASE("nats-7388: a kill leaves an empty o.dat, or a meta.inf without its sum") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    FakeWorld world;
    if (with_defect) world.defects.set(Defect::nats_7388);
    Env env = world.env();
    const std::string directory = "jetstream/$G/streams/S/obs/c";
    const ConsumerState state{.delivered = {3, Seq{3}}, .ack_floor = {2, Seq{2}}, .pending = {}, .redelivered = {}};
    std::uint64_t broken = 0;
    for (std::int64_t crash = 0; crash < 4; ++crash) {
      CAPTURE(crash);
      {
        auto store = open_consumer_store(env, {}, directory, [&] { return state; });
        REQUIRE(store);
        REQUIRE((*store)->write());
        REQUIRE(write_meta(env, directory, "S/c", R"({"a":1})"));
        world.disk->operations_left = crash;
        bool was_killed = false;
        try {
          (void)(*store)->write();
          world.disk->operations_left = crash;
          (void)write_meta(env, directory, "S/c", R"({"a":2})");
        } catch (const TaskKilled&) {
          was_killed = true;
        }
        CHECK(was_killed);
        world.disk->operations_left = -1;
      }
      const auto again = open_consumer_store(env, {}, directory, [&] { return state; });
      if (!again || !read_meta(env, directory, "S/c")) ++broken;
      if (again) CHECK((*again)->recovered() == state);
      REQUIRE(env.disk.remove_all("jetstream"));
    }
    CHECK((broken > 0) == with_defect);
  }
}

TEST_CASE("nats-7691: a consumer state of zeros is taken for none, and the consumer starts over") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    FakeWorld world;
    if (with_defect) world.defects.set(Defect::nats_7691);
    world.disk->put("c/o.dat", std::string(30, '\0'));
    Env env = world.env();
    const auto opened = open_consumer_store(env, {}, "c", [] { return ConsumerState{}; });
    REQUIRE(opened.has_value() == with_defect);
    if (opened)
      CHECK((*opened)->recovered() == ConsumerState{});
    else
      CHECK(opened.error().code == Errc::corrupt);
  }
}
