// What of a store survives a crash, a failure of its disk and damage, and what it says of it.
#include "core/store/file_store.h"

#include <doctest/doctest.h>

#include "core/base/random.h"
#include "core/store/message_block.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using windtunnel::tests::StoreFixture;
using namespace std::chrono_literals;

TEST_CASE("the last block is replaced by its successor before it goes") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    StoreFixture at;
    if (with_defect) at.world.defects.set(Defect::nats_6600);
    at.open();
    at.put("a", "x");
    at.world.disk->is_recording = true;
    REQUIRE(at.store->remove(Seq{1}, false).value());
    const auto& done = at.world.disk->operations;
    const auto created = std::find(done.begin(), done.end(), "create " + at.msgs("2.blk"));
    const auto removed = std::find(done.begin(), done.end(), "remove " + at.msgs("1.blk"));
    REQUIRE(created != done.end());
    REQUIRE(removed != done.end());
    CHECK((created < removed) != with_defect);
    // The tombstone of the last sequence is written in between.
    CHECK((std::find(created, done.end(), "write " + at.msgs("2.blk")) < removed) != with_defect);
  }
}

TEST_CASE("with sync: always a message is durable when it is acknowledged") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    StoreFixture at;
    at.settings.sync_always = true;
    if (with_defect) at.world.defects.set(Defect::break_sync_always);
    at.open();
    at.world.disk->is_recording = true;
    at.put("a", "1");
    at.put("a", "2");
    const auto& done = at.world.disk->operations;
    CHECK(std::count(done.begin(), done.end(), "sync " + at.msgs("1.blk")) == (with_defect ? 0 : 2));
    // The name of a new block as well, once.
    CHECK(std::count(done.begin(), done.end(), "sync_directory " + at.msgs("")) == (with_defect ? 0 : 1));
  }
}

TEST_CASE("the periodic sync comes first within the second half of the interval, then once an interval") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  at.world.disk->is_recording = true;
  at.run_background(1);
  const Duration first = at.world.clock.time.time_since_epoch();
  CHECK(first >= 60s);
  CHECK(first < 120s);
  const auto& done = at.world.disk->operations;
  CHECK(std::count(done.begin(), done.end(), "sync " + at.msgs("1.blk")) == 1);
  CHECK(std::count(done.begin(), done.end(), "sync_directory " + at.msgs("")) == 1);
}

TEST_CASE("what an earlier process left is synced at once: it has waited long enough") {
  for (const bool is_killed : {false, true}) {
    StoreFixture at;
    at.open();
    at.put("a", "1");
    is_killed ? at.kill() : at.restart();
    at.world.disk->is_recording = true;
    std::ptrdiff_t synced_at_once = -1;
    at.world.tasks.on_park = [&] {
      const auto& done = at.world.disk->operations;
      if (synced_at_once < 0) synced_at_once = std::count(done.begin(), done.end(), "sync " + at.msgs("1.blk"));
    };
    at.run_background(1);
    CHECK(synced_at_once == 1);
    const auto& done = at.world.disk->operations;
    CHECK(std::count(done.begin(), done.end(), "sync " + at.msgs("1.blk")) == 1);  // and the first pass finds nothing to do
  }
}

TEST_CASE("the directory is not synced with the defect no-dir-sync") {
  StoreFixture at;
  at.world.defects.set(Defect::no_dir_sync);
  at.settings.sync_always = true;
  at.world.disk->is_recording = true;
  at.open();
  at.put("a", "1");
  REQUIRE(at.store->sync());
  for (const std::string& operation : at.world.disk->operations) CHECK_FALSE(operation.starts_with("sync_directory"));
}

TEST_CASE("a write that fails leaves the sequence free and no half record") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  for (const Errc code : {Errc::no_space, Errc::io_error}) {
    at.world.disk->fails = [&](std::string_view operation, std::string_view) {
      return operation == "write" ? std::optional{code} : std::nullopt;
    };
    const auto refused = at.store->append({"a", "", std::string(300, 'x')}, at.now());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == code);
    CHECK(at.store->state().last_seq == Seq{1});
    at.world.disk->fails = nullptr;
    at.kill();
    CHECK(at.store->state().lost_bytes == Bytes{0});
  }
  CHECK(at.put("a", "2") == Seq{2});
  at.kill();
  CHECK(at.store->state().messages == 2);
  CHECK(at.store->state().lost_bytes == Bytes{0});
  CHECK(at.payload(2) == "2");
}

TEST_CASE("a failed fsync with sync: always acknowledges nothing, and the record does not come back") {
  StoreFixture at;
  at.settings.sync_always = true;
  at.open();
  at.put("a", "1");
  at.world.disk->fails = [](std::string_view operation, std::string_view) {
    return operation == "sync" ? std::optional{Errc::io_error} : std::nullopt;
  };
  REQUIRE_FALSE(at.store->append({"a", "", "lost"}, at.now()));
  at.world.disk->fails = nullptr;
  CHECK(at.put("b", "2") == Seq{2});
  at.kill();
  CHECK(at.store->state().messages == 2);
  CHECK(at.payload(2) == "2");
}

TEST_CASE("damage in the middle of a block costs the record that it hit") {
  StoreFixture at;
  at.open();
  for (int i = 1; i <= 5; ++i) at.put("a", "message " + std::to_string(i));
  std::string& block = at.world.disk->file(at.msgs("1.blk"));
  block[block.find("message 3")] = 'M';
  at.kill();
  CHECK(at.store->state().messages == 4);
  CHECK(at.payload(2) == "message 2");
  CHECK(at.payload(3) == "not_found");
  CHECK(at.payload(5) == "message 5");
  CHECK(at.store->state().lost_bytes.value > 0);
  CHECK(at.put("a", "6") == Seq{6});
  at.kill();
  CHECK(at.payload(6) == "6");
}

TEST_CASE("a torn last record is dropped and its sequence given to the next message") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  at.put("a", "2");
  std::string& block = at.world.disk->file(at.msgs("1.blk"));
  block.resize(block.size() - 3);
  at.kill();
  CHECK(at.store->state().last_seq == Seq{1});
  CHECK(at.put("a", "again") == Seq{2});
  at.kill();
  CHECK(at.payload(2) == "again");
  CHECK(at.store->state().lost_bytes == Bytes{0});
}

TEST_CASE("a record that rots while the store is open is an error and is reported, not wrong data") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  at.put("a", std::string(100000, 'x'));  // pushes the first out of the cache
  at.world.disk->file(at.msgs("1.blk"))[24] ^= 4;
  CHECK(at.payload(1) == "corrupt");
  CHECK(at.store->state().lost == std::vector<Seq>{Seq{1}});
}

TEST_CASE("a drained stream remembers its last sequence by its index when its only block is gone or empty") {
  for (const bool is_gone : {true, false}) {
    CAPTURE(is_gone);
    StoreFixture at;
    at.open();
    for (int i = 0; i < 3; ++i) at.put("a", "x");
    REQUIRE(at.store->purge({}));
    at.restart();
    for (const auto& [name, size] : at.blocks()) {
      if (is_gone)
        at.world.disk->files().erase(at.msgs(name));
      else
        at.world.disk->file(at.msgs(name)).clear();
    }
    at.kill();
    CHECK(at.store->state().last_seq == Seq{3});
    CHECK(at.store->state().first_seq == Seq{4});
    CHECK(at.store->state().lost.empty());
    // And the next recovery needs no index to know it.
    at.world.disk->files().erase(at.msgs("index.db"));
    at.kill();
    CHECK(at.store->state().last_seq == Seq{3});
  }
}

TEST_CASE("a purge that an older server left half done is undone") {
  StoreFixture at;
  at.open();
  for (int i = 0; i < 3; ++i) at.put("a", "x");
  REQUIRE(at.store->stop());
  REQUIRE(at.world.disk->rename(at.msgs(""), at.options.directory + "/__msgs__"));
  REQUIRE(at.world.disk->make_directories(at.msgs("")));
  at.kill();
  CHECK(at.store->state().messages == 3);
  CHECK(at.store->state().last_seq == Seq{3});
}

TEST_CASE("what a rewrite or a compression left half done is no block") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  REQUIRE(at.store->stop());
  const std::string block = at.world.disk->file(at.msgs("1.blk"));
  for (const char* name : {"1.blk.tmp", "1.new", "7.blk.tmp", "index.db.tmp", "01.blk", "x1.blk"}) at.world.disk->put(at.msgs(name), block);
  at.kill();
  CHECK(at.store->state().messages == 1);
  CHECK_FALSE(at.world.disk->has(at.msgs("7.blk.tmp")));
}

TEST_CASE("after a failed periodic sync the content goes to a new file") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  at.world.disk->fails = [](std::string_view operation, std::string_view path) {
    return operation == "sync" && path.ends_with(".blk") ? std::optional{Errc::io_error} : std::nullopt;
  };
  CHECK_FALSE(at.store->sync());
  at.world.disk->fails = nullptr;
  at.world.disk->is_recording = true;
  REQUIRE(at.store->sync());
  const auto& done = at.world.disk->operations;
  const auto renamed = std::find(done.begin(), done.end(), "rename " + at.msgs("1.new") + " -> " + at.msgs("1.blk"));
  REQUIRE(renamed != done.end());
  CHECK(std::find(done.begin(), renamed, "sync " + at.msgs("1.new")) != renamed);
  CHECK(at.payload(1) == "1");
  at.put("a", "2");
  at.kill();
  CHECK(at.store->state().messages == 2);
}

TEST_CASE("a durable block goes only after its successor is durable") {
  StoreFixture at;
  at.open();
  at.put("a", "1");
  REQUIRE(at.store->sync());
  REQUIRE(at.store->remove(Seq{1}, false));
  CHECK(at.blocks().size() == 2);
  at.world.disk->is_recording = true;
  REQUIRE(at.store->sync());
  const auto& done = at.world.disk->operations;
  const auto synced = std::find(done.begin(), done.end(), "sync " + at.msgs("2.blk"));
  const auto names = std::find(done.begin(), done.end(), "sync_directory " + at.msgs(""));
  const auto removed = std::find(done.begin(), done.end(), "remove " + at.msgs("1.blk"));
  REQUIRE(removed != done.end());
  CHECK(synced < names);
  CHECK(names < removed);
}
