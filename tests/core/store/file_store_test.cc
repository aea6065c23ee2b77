#include "core/store/file_store.h"

#include <doctest/doctest.h>

#include "core/base/random.h"
#include "core/store/message_block.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using windtunnel::tests::StoreFixture;
using namespace std::chrono_literals;

TEST_CASE("a stored message is read back, before and after a restart") {
  StoreFixture at;
  at.open();
  REQUIRE(at.put("orders.new", "hello") == Seq{1});
  REQUIRE(at.store->append({"orders.old", "NATS/1.0\r\nA: b\r\n\r\n", "there"}, at.now()));
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    CHECK(at.payload(1) == "hello");
    const auto second = at.store->load(Seq{2});
    REQUIRE(second);
    CHECK(second->headers == "NATS/1.0\r\nA: b\r\n\r\n");
    CHECK(second->subject == "orders.old");
    CHECK(at.store->state().messages == 2);
    CHECK(at.store->state().last_seq == Seq{2});
    CHECK(at.store->last_seq_of("orders.new") == Seq{1});
    round == 0 ? at.restart() : at.kill();
  }
}

TEST_CASE("a removed message stays removed after a kill") {
  StoreFixture at;
  at.open();
  for (int i = 0; i < 10; ++i) at.put("a", std::to_string(i));
  REQUIRE(at.store->remove(Seq{4}, false).value());
  REQUIRE(at.store->remove(Seq{1}, false).value());
  CHECK_FALSE(at.store->remove(Seq{4}, false).value());
  at.kill();
  CHECK(at.store->state().messages == 8);
  CHECK(at.store->state().first_seq == Seq{2});
  CHECK(at.store->deleted() == std::vector<Seq>{Seq{4}});
  CHECK(at.payload(4) == "not_found");
}

TEST_CASE("an emptied stream remembers its last sequence after a kill") {
  StoreFixture at;
  at.open();
  for (int i = 0; i < 5; ++i) at.put("a", "x");
  for (std::uint64_t seq = 1; seq <= 5; ++seq) REQUIRE(at.store->remove(Seq{seq}, false).value());
  CHECK(at.store->state().first_seq == Seq{6});
  at.kill();
  CHECK(at.store->state().messages == 0);
  CHECK(at.store->state().last_seq == Seq{5});
  CHECK(at.store->state().first_seq == Seq{6});
  CHECK(at.put("a", "y") == Seq{6});
}

TEST_CASE("blocks roll at their size and go when their messages are gone") {
  StoreFixture at;
  at.options.block_size = Bytes{1000};
  at.open();
  for (int i = 0; i < 40; ++i) at.put("a", std::string(100, 'x'));
  CHECK(at.blocks().size() > 4);
  for (const auto& [name, size] : at.blocks()) CHECK(size <= 1000);
  at.kill();
  CHECK(at.store->state().messages == 40);
  for (std::uint64_t seq = 1; seq <= 40; ++seq) REQUIRE(at.store->remove(Seq{seq}, false).value());
  // What a power loss could bring back goes when all else is durable.
  REQUIRE(at.store->sync());
  CHECK(at.blocks().size() == 1);
  at.kill();
  CHECK(at.store->state().last_seq == Seq{40});
}

TEST_CASE("limits remove the oldest messages") {
  struct Row {
    const char* what;
    StoreLimits limits;
    std::uint64_t first;
  };
  const std::vector<Row> rows = {
      {"messages", {.max_msgs = 3}, 8},
      {"bytes", {.max_bytes = 100}, 8},  // 32 bytes each
      {"a subject", {.max_msgs_per_subject = 4}, 7},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    StoreFixture at;
    at.options.limits = row.limits;
    at.open();
    for (int i = 0; i < 10; ++i) at.put("a", "x");
    CHECK(at.store->state().first_seq == Seq{row.first});
    at.kill();
    CHECK(at.store->state().first_seq == Seq{row.first});
    CHECK(at.store->state().last_seq == Seq{10});
  }
}

TEST_CASE("discard new refuses with nats-server's words") {
  StoreFixture at;
  at.options.limits = {.max_msgs = 3, .max_msgs_per_subject = 2, .discard = Discard::new_messages};
  at.open();
  at.put("a", "1");
  at.put("a", "2");
  CHECK(at.put("a", "3") == Seq{3});  // replaces the oldest of its subject
  CHECK(at.store->state().messages == 2);
  at.put("b", "4");
  const auto refused = at.store->append({"c", "", "5"}, at.now());
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == error(Errc::limit_reached, "maximum messages exceeded"));
  CHECK(at.store->state().last_seq == Seq{4});

  StoreLimits limits = at.store->limits();
  limits.discard_new_per_subject = true;
  REQUIRE(at.store->set_limits(limits));
  CHECK(at.store->append({"a", "", "6"}, at.now()).error().detail == "maximum messages per subject exceeded");
  limits.max_msgs = -1;
  limits.max_bytes = static_cast<std::int64_t>(at.store->state().bytes.value) + 32;  // a message of 32 bytes would reach it
  REQUIRE(at.store->set_limits(limits));
  CHECK(at.store->append({"c", "", "7"}, at.now()).error().detail == "maximum bytes exceeded");
}

TEST_CASE("messages expire by age, also over a restart") {
  StoreFixture at;
  at.options.limits.max_age = 10s;
  at.open();
  at.put("a", "old");
  at.world.clock.time += 6s;
  at.put("a", "new");
  at.world.clock.time += 4s;
  at.kill();
  CHECK(at.store->state().first_seq == Seq{2});
  // Alive, the background task does it when the message is due.
  bool was_there = false;
  at.world.tasks.on_park = [&] { was_there = was_there || at.store->state().messages == 1; };
  at.run_background(1);
  CHECK(was_there);
  CHECK(at.store->state().messages == 0);
  CHECK(at.store->state().last_seq == Seq{2});
  CHECK(at.now() < at.world.clock.epoch + Duration{17s});
}

TEST_CASE("skipped sequences are used up for good") {
  StoreFixture at;
  at.open();
  REQUIRE(at.store->skip_through(Seq{9}, at.now()));
  CHECK(at.store->state().last_seq == Seq{9});
  CHECK(at.put("a", "x") == Seq{10});
  REQUIRE(at.store->skip_through(Seq{20}, at.now()));
  REQUIRE(at.store->skip_through(Seq{1000000}, at.now()));
  at.kill();
  CHECK(at.store->state().last_seq == Seq{1000000});
  CHECK(at.store->state().messages == 1);
  CHECK(at.store->append_at(Seq{1000002}, {"a", "", "y"}, at.now()).error().code == Errc::sequence_mismatch);
  CHECK(at.store->append_at(Seq{1000001}, {"a", "", "y"}, at.now()).value() == Seq{1000001});
  at.kill();
  CHECK(at.payload(1000001) == "y");
}

TEST_CASE("filters find the next and the last message") {
  StoreFixture at;
  at.open();
  for (int i = 0; i < 900; ++i) at.put("n." + std::to_string(i % 3), std::to_string(i));
  at.put("rare.x", "r");
  REQUIRE(at.store->remove(Seq{2}, false));
  const auto next = [&](const std::vector<std::string>& filters, std::uint64_t from) {
    const auto found = at.store->load_next(filters, Seq{from});
    return !found ? 9999u : *found ? (*found)->seq.value : 0u;
  };
  CHECK(next({}, 0) == 1);
  CHECK(next({}, 2) == 3);
  CHECK(next({"n.1"}, 1) == 5);
  CHECK(next({"n.1", "n.2"}, 1) == 3);
  CHECK(next({"rare.*"}, 1) == 901);  // further than a search looks one by one
  CHECK(next({"*.x"}, 1) == 901);
  CHECK(next({"none.>"}, 1) == 0);
  CHECK(next({}, 902) == 0);
  CHECK(at.store->load_last("n.*").value()->seq == Seq{900});
  CHECK(at.store->load_last("n.1").value()->seq == Seq{899});
  CHECK(at.store->load_last(">").value()->seq == Seq{901});
  CHECK_FALSE(at.store->load_last("none").value());
  CHECK(at.store->count_matching({}, Seq{1}) == 900);
  CHECK(at.store->count_matching({"n.*", "n.1"}, Seq{1}) == 899);
  CHECK(at.store->count_matching({"n.1"}, Seq{600}) == 100);
  CHECK(at.store->subject_counts("n.*") == std::map<std::string, std::uint64_t>{{"n.0", 300}, {"n.1", 299}, {"n.2", 300}});
}

TEST_CASE("sequences are found by time") {
  StoreFixture at;
  at.open();
  for (int i = 0; i < 5; ++i) {
    at.put("a", "x");
    at.world.clock.time += 1s;
  }
  const WallTime start = at.world.clock.epoch;
  CHECK(at.store->seq_at_time(start) == Seq{1});
  CHECK(at.store->seq_at_time(start + 1s) == Seq{2});
  CHECK(at.store->seq_at_time(start + 1001ms) == Seq{3});
  CHECK(at.store->seq_at_time(start + 1h) == Seq{6});
}

TEST_CASE("an erased message, which has no time any more, hides nothing from who looks for a time") {
  for (const bool has_index : {true, false}) {
    CAPTURE(has_index);
    StoreFixture at;
    at.open();
    const WallTime start = at.now();
    for (int i = 1; i <= 5; ++i) at.put("a", "payload");
    REQUIRE(at.store->remove(Seq{5}, /*erase=*/true).value());
    const WallTime last = at.store->state().last_time;
    REQUIRE(at.store->stop());
    if (!has_index) at.world.disk->files().erase(at.msgs("index.db"));
    at.kill();
    CHECK(at.store->seq_at_time(start) == Seq{1});
    CHECK(at.store->state().last_time == last);
  }
}

TEST_CASE("a delivery right after a store reads no file") {
  StoreFixture at;
  at.open();
  at.world.disk->fails = [](std::string_view operation, std::string_view) {
    return operation == "read" ? std::optional{Errc::io_error} : std::nullopt;
  };
  for (int i = 1; i <= 2000; ++i) {
    at.put("a", "message " + std::to_string(i));
    REQUIRE(at.payload(static_cast<std::uint64_t>(i)) == "message " + std::to_string(i));
  }
}

TEST_CASE("removals are told, whatever their reason") {
  StoreFixture at;
  at.options.limits.max_msgs = 2;
  at.open();
  std::vector<std::string> told;
  at.store->on_removed([&](Seq seq, std::string_view subject) { told.push_back(std::to_string(seq.value) + " " + std::string(subject)); });
  at.put("a", "1");
  at.put("b", "2");
  at.put("c", "3");
  REQUIRE(at.store->remove(Seq{3}, false));
  REQUIRE(at.store->purge({}));
  CHECK(told == std::vector<std::string>{"1 a", "3 c", "2 b"});
}

TEST_CASE("an encrypted store is refused") {
  StoreFixture at;
  at.world.disk->put(at.options.directory + "/meta.key", "k");
  Env env = at.world.env();
  const auto opened = open_file_store(env, at.settings, at.options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::unsupported);
}

TEST_CASE("a configured first sequence is where a new stream begins") {
  StoreFixture at;
  at.options.first_seq = Seq{1000};
  at.open();
  CHECK(at.store->state().first_seq == Seq{1000});
  CHECK(at.store->state().last_seq == Seq{999});
  CHECK(at.put("a", "1") == Seq{1000});
  at.kill();
  CHECK(at.payload(1000) == "1");  // nats-server before 2.10.28 purges it (PR 6753)
}

TEST_CASE("stop ends the background task") {
  StoreFixture at;
  at.open();
  REQUIRE(at.store->stop());
  CHECK(at.world.tasks.run_one(0));
  CHECK(at.store->append({"a", "", "x"}, at.now()).error().code == Errc::closed);
}

TEST_CASE("many limit removals get their tombstones, over many blocks") {
  StoreFixture at;
  at.options.limits.max_msgs = 2000;
  at.open();
  for (int i = 0; i < 4000; ++i) at.put("a", "x");  // one block: 2000 dead records without tombstones
  at.settings.block_size = Bytes{300};
  at.options.limits.max_msgs = 2000;
  at.kill();
  REQUIRE(at.store->remove(Seq{3000}, false));
  CHECK(at.blocks().size() > 100);
  at.kill();
  CHECK(at.store->state().messages == 1999);
  CHECK(at.store->state().first_seq == Seq{2001});
  CHECK(at.store->deleted() == std::vector<Seq>{Seq{3000}});
}

TEST_CASE("compaction writes no more than was removed") {
  // The storm of issue 5702: a queue with its acknowledgements out of order and messages about as small as tombstones.
  StoreFixture at;
  at.options.block_size = Bytes{20000};
  at.settings.compact_min = Bytes{5000};
  at.open();
  std::uint64_t written = 0;
  std::uint64_t removed = 0;
  at.world.disk->fails = [&](std::string_view operation, std::string_view path) {
    if (operation == "sync" && path.ends_with(".new")) written += at.world.disk->file(std::string(path)).size();
    return std::optional<Errc>{};
  };
  Random random{Seed{5}};
  std::vector<std::uint64_t> outstanding;
  const auto publish = [&] { outstanding.push_back(at.put("w", "12345678").value); };
  for (int i = 0; i < 5000; ++i) publish();
  for (int i = 0; i < 20000; ++i) {
    const std::size_t pick = static_cast<std::size_t>(random.below(1000));
    REQUIRE(at.store->remove(Seq{outstanding[pick]}, false));
    outstanding.erase(outstanding.begin() + static_cast<std::ptrdiff_t>(pick));
    removed += 39 + 30;  // with the tombstone that goes too
    publish();
    if (i % 2000 == 0) REQUIRE(at.store->sync());
  }
  CHECK(written > 0);
  CHECK(written < 2 * removed);
  for (const auto& [name, size] : at.blocks()) CHECK(size <= 20000);
  const std::uint64_t messages = at.store->state().messages;
  at.world.disk->fails = nullptr;
  at.kill();
  CHECK(at.store->state().messages == messages);
}
