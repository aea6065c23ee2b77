// A store that opens early: its totals at once, out of index.db; its blocks in the background, or when they are asked for.
#include <algorithm>
#include <functional>
#include <set>

#include "tests/core/store/store_fixture.h"

namespace windtunnel::tests {
namespace {

using core::Seq;

struct EarlyStore : StoreFixture {
  std::set<std::string> opened;  // files, since the last reopen
  bool is_bad = false;           // nothing can be opened
  std::string unreadable;        // a file

  explicit EarlyStore(bool is_early = true) {
    settings.opens_early = is_early;
    settings.block_size = core::Bytes{1000};
    world.disk->fails = [this](std::string_view operation, std::string_view path) -> std::optional<core::Errc> {
      if (operation == "open") opened.insert(std::string{path});
      if (is_bad && path.ends_with(".blk")) return core::Errc::io_error;
      if (operation == "read" && path == unreadable) return core::Errc::io_error;
      return std::nullopt;
    };
    open();
    for (int i = 0; i < 60; ++i) put("orders." + std::to_string(i % 3), "payload " + std::to_string(i));
    for (const std::uint64_t seq : {3u, 17u, 18u}) REQUIRE(store->remove(Seq{seq}, false).value_or(false));
    REQUIRE(blocks().size() > 3);
  }
  // What reading all blocks opens first.
  [[nodiscard]] bool has_read() const { return opened.count(msgs("1.blk")) > 0; }
  void stop() {
    REQUIRE(store->stop());
    store.reset();
  }
  void start() {
    world.tasks.spawned.clear();
    opened.clear();
    open();
  }
  void lose(std::string_view name) { world.disk->files().erase(msgs(name)); }
};

// Everything that can be asked of a store once it has been read.
std::string tell(core::StreamStore& store) {
  const core::StreamState state = store.state();
  std::string out = std::to_string(state.messages) + " messages, " + std::to_string(state.bytes.value) + " bytes, " +
                    std::to_string(state.first_seq.value) + " at " + std::to_string(state.first_time.unix_ns) + " to " +
                    std::to_string(state.last_seq.value) + " at " + std::to_string(state.last_time.unix_ns) + ", " +
                    std::to_string(state.num_deleted) + " deleted, " + std::to_string(state.num_subjects) + " subjects; lost";
  for (const Seq seq : state.lost) out += " " + std::to_string(seq.value);
  return out;
}

TEST_CASE("the totals are known before the blocks are read, and are the same afterwards") {
  EarlyStore at;
  const std::string before = tell(*at.store);
  at.stop();
  at.start();
  CHECK_FALSE(at.has_read());
  CHECK(tell(*at.store) == before);
  SUBCASE("read when they are needed") { REQUIRE(at.store->ready()); }
  SUBCASE("read in the background") { at.run_background(0); }
  CHECK(at.has_read());
  CHECK(tell(*at.store) == before);
  CHECK(at.store->deleted() == std::vector<Seq>{Seq{3}, Seq{17}, Seq{18}});
  CHECK(at.store->last_seq_of("orders.1") == Seq{59});
  at.opened.clear();
  REQUIRE(at.store->ready());
  CHECK_FALSE(at.has_read());  // once is enough
}

TEST_CASE("every call that needs the blocks reads them first") {
  using Call = std::function<bool(EarlyStore&)>;
  const std::pair<const char*, Call> calls[] = {
      {"append", [](EarlyStore& at) { return at.put("orders.0", "more") == Seq{61}; }},
      {"append_at",
       [](EarlyStore& at) {
         return at.store->append_at(Seq{61}, {"orders.0", "", "more"}, at.now()).has_value();
       }},
      {"skip_through", [](EarlyStore& at) { return at.store->skip_through(Seq{70}, at.now()).has_value(); }},
      {"load", [](EarlyStore& at) { return at.payload(20) == "payload 19"; }},
      {"load_next", [](EarlyStore& at) { return at.store->load_next({"orders.2"}, Seq{1}).value()->seq == Seq{6}; }},
      {"load_last", [](EarlyStore& at) { return at.store->load_last("orders.>").value()->seq == Seq{60}; }},
      {"remove", [](EarlyStore& at) { return at.store->remove(Seq{5}, false).value(); }},
      {"purge", [](EarlyStore& at) { return at.store->purge({.filter = "orders.0", .below = {}, .keep = 0}).value() == 20; }},
      {"compact", [](EarlyStore& at) { return at.store->compact(Seq{11}).value() == 9; }},
      {"truncate", [](EarlyStore& at) { return at.store->truncate(Seq{50}).has_value(); }},
      {"set_limits",
       [](EarlyStore& at) {
         core::StoreLimits limits;
         limits.max_msgs = 10;
         return at.store->set_limits(limits).has_value() && at.store->state().messages == 10;
       }},
      {"sync", [](EarlyStore& at) { return at.store->sync().has_value(); }},
  };
  for (const auto& each : calls) {
    const std::string name = each.first;
    const Call& call = each.second;
    CAPTURE(name);
    std::string told[2];
    for (const bool is_early : {false, true}) {
      EarlyStore at{is_early};
      at.stop();
      at.start();
      CHECK(at.has_read() != is_early);
      CHECK(call(at));
      CHECK(at.has_read());
      told[is_early ? 1 : 0] = tell(*at.store);
    }
    CHECK(told[0] == told[1]);
  }
}

TEST_CASE("damage that the index cannot know is found when the blocks are read") {
  EarlyStore at;
  at.stop();
  at.world.disk->file(at.msgs("2.blk"))[100] ^= 1;
  at.start();
  CHECK(at.store->state().lost.empty());
  at.run_background(0);
  CHECK_FALSE(at.store->state().lost.empty());
}

TEST_CASE("a block that was cut where a record ends is named when the blocks are read") {
  for (const bool is_cut : {false, true}) {
    EarlyStore at;
    at.stop();
    if (is_cut) at.world.disk->file(at.msgs("2.blk")).clear();
    at.world.log.is_kept = true;
    at.start();
    REQUIRE(at.store->ready());
    CHECK(at.store->state().lost.empty() == !is_cut);
    const std::vector<std::string>& events = at.world.log.events;
    CHECK(std::count(events.begin(), events.end(), "store.damage") == (is_cut ? 1 : 0));
  }
}

TEST_CASE("a last block whose end cannot be read is one damaged block, and no reason to have no stream") {
  EarlyStore at;
  const std::string last = at.msgs(std::to_string(at.blocks().size()) + ".blk");
  at.stop();
  at.unreadable = last;
  at.start();
  CHECK(at.store->state().last_seq == Seq{60});
  CHECK(at.payload(1) == "payload 0");
  CHECK(at.put("orders.0", "more") == Seq{61});
}

TEST_CASE("an index that is not the last word is not believed") {
  EarlyStore at;
  const std::string before = tell(*at.store);
  SUBCASE("a block is missing") {
    at.stop();
    at.lose("2.blk");
    at.start();
    CHECK_FALSE(at.store->state().lost.empty());
  }
  SUBCASE("the last block is missing") {
    const std::string last = std::to_string(at.blocks().size()) + ".blk";
    at.stop();
    at.lose(last);
    at.start();
    CHECK(at.store->state().last_seq == Seq{60});
  }
  SUBCASE("there is a block that it does not know") {
    at.stop();
    at.world.disk->put(at.msgs("99.blk"), "");
    at.start();
    CHECK(tell(*at.store) == before);
  }
  SUBCASE("something was left half done") {
    at.stop();
    at.world.disk->put(at.msgs("2.blk.new"), "half");
    at.start();
    CHECK_FALSE(at.world.disk->has(at.msgs("2.blk.new")));
  }
  SUBCASE("the stream went on after it was written") {
    at.stop();
    const std::string index = at.world.disk->file(at.msgs("index.db"));
    at.start();
    at.put("orders.0", "more");
    at.stop();
    at.world.disk->file(at.msgs("index.db")) = index;
    at.start();
    CHECK(at.store->state().last_seq == Seq{61});
  }
  SUBCASE("it does not decode") {
    at.stop();
    at.world.disk->file(at.msgs("index.db"))[20] ^= 1;
    at.start();
    CHECK(tell(*at.store) == before);
  }
  SUBCASE("there is none") {
    at.stop();
    at.lose("index.db");
    at.start();
    CHECK(tell(*at.store) == before);
  }
  SUBCASE("a limit has work to do") {
    at.stop();
    SUBCASE("messages") { at.options.limits.max_msgs = 20; }
    SUBCASE("bytes") { at.options.limits.max_bytes = 900; }
    SUBCASE("of a subject") { at.options.limits.max_msgs_per_subject = 5; }
    SUBCASE("age") {
      at.options.limits.max_age = std::chrono::hours{1};
      at.world.clock.time = core::after(at.world.clock.time, std::chrono::hours{2});
    }
    at.start();
    CHECK(at.store->state().messages < 57);
  }
  CHECK(at.has_read());
}

TEST_CASE("a store that was never read is left as it was") {
  EarlyStore at;
  at.stop();
  const MemoryDisk::Files before = at.world.disk->files();
  at.start();
  at.stop();
  CHECK(at.world.disk->files() == before);
}

TEST_CASE("a disk that cannot be read just now is tried again") {
  EarlyStore at;
  const std::string before = tell(*at.store);
  at.stop();
  at.start();
  at.is_bad = true;
  CHECK(at.payload(20) == "io_error");
  CHECK_FALSE(at.store->append({"orders.0", "", "more"}, at.now()).has_value());
  CHECK(tell(*at.store) == before);
  at.world.tasks.on_park = [&] { at.is_bad = false; };
  at.run_background(1);
  CHECK(at.payload(20) == "payload 19");
  CHECK(at.put("orders.0", "more") == Seq{61});
}

TEST_CASE("nobody hears of messages that were gone before") {
  EarlyStore at;
  at.stop();
  at.start();
  int heard = 0;
  at.store->on_removed([&](Seq, std::string_view) { ++heard; });
  REQUIRE(at.store->ready());
  CHECK(heard == 0);
  REQUIRE(at.store->remove(Seq{20}, false).value());
  CHECK(heard == 1);
}

}  // namespace
}  // namespace windtunnel::tests
