// A bad sector at the end of the last block: every append there fails, for the page has to be read before it is written to.
#include <doctest/doctest.h>

#include "core/env/tasks.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using windtunnel::tests::MemoryDisk;
using windtunnel::tests::StoreFixture;

namespace {

std::string text(std::uint64_t seq) { return "message " + std::to_string(seq) + std::string(90, '.'); }

// Some 31 messages a page.
struct BadEndFixture : StoreFixture {
  std::uint64_t last = 0;

  explicit BadEndFixture(bool syncs_always = false) {
    settings.sync_always = syncs_always;
    open();
  }
  void put_some(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ++last;
      CHECK(put("a", text(last)) == Seq{last});
    }
  }
  [[nodiscard]] std::size_t page_of_end(std::string_view block = "1.blk") {
    return (blocks().at(std::string(block)) - 1) / MemoryDisk::kPage;
  }
  void spoil_end(std::string_view block = "1.blk") { world.disk->bad_pages[msgs(block)].insert(page_of_end(block)); }
  Status append() {
    const auto stored = store->append({"a", "", text(last + 1)}, now());
    if (stored) ++last;
    return stored ? Status{} : Status{stored.error()};
  }
  // Refused for the bad page, and nothing of it is there.
  void refuse() {
    const std::uint64_t before = store->state().messages;
    const Status refused = append();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::io_error);
    CHECK(store->state().last_seq == Seq{last});
    CHECK(store->state().messages == before);
  }
  // What the disk has forgotten and memory as well: its cache is empty.
  std::vector<Seq> lose_end() {
    kill();
    spoil_end();
    refuse();
    return store->state().lost;
  }
  // The sequences from 1 to the last that cannot be read.
  std::vector<std::uint64_t> missing() {
    std::vector<std::uint64_t> out;
    for (std::uint64_t seq = 1; seq <= last; ++seq) {
      if (payload(seq) != text(seq)) out.push_back(seq);
    }
    return out;
  }
};

std::vector<Seq> as_seqs(const std::vector<std::uint64_t>& values) {
  std::vector<Seq> out;
  for (const std::uint64_t value : values) out.push_back(Seq{value});
  return out;
}

}  // namespace

TEST_CASE("a bad sector at the end of the last block costs the message that met it, and no other") {
  for (const bool syncs_always : {false, true}) {
    CAPTURE(syncs_always);
    BadEndFixture at{syncs_always};
    at.put_some(70);
    at.spoil_end();
    at.refuse();
    at.put_some(50);
    CHECK(at.missing().empty());
    CHECK(at.blocks().size() == 2);
    // The page is out of the file: what is left of it ends before, where a record ends.
    CHECK(at.blocks().at("1.blk") <= 2 * MemoryDisk::kPage);
    CHECK(at.world.disk->bad_pages[at.msgs("1.blk")].empty());
    at.kill();
    CHECK(at.missing().empty());
    CHECK(at.store->state().messages == 120);
    CHECK(at.store->state().lost_bytes == Bytes{0});
    CHECK(at.store->deleted().empty());
    at.restart();
    CHECK(at.missing().empty());
  }
}

TEST_CASE("the copies are durable, with their name, before anything is cut, though nothing else is synced with every message") {
  BadEndFixture at;
  at.put_some(70);
  at.spoil_end();
  at.world.disk->is_recording = true;
  at.refuse();
  const auto& done = at.world.disk->operations;
  const auto place = [&](const std::string& operation) { return std::find(done.begin(), done.end(), operation); };
  // The first one takes back what the failed write may have left.
  const auto cut = std::find(place("truncate " + at.msgs("1.blk")) + 1, done.end(), "truncate " + at.msgs("1.blk"));
  REQUIRE(cut != done.end());
  CHECK(place("sync " + at.msgs("2.new")) < place("rename " + at.msgs("2.new") + " -> " + at.msgs("2.blk")));
  CHECK(place("rename " + at.msgs("2.new") + " -> " + at.msgs("2.blk")) < place("sync_directory " + at.msgs("")));
  CHECK(place("sync_directory " + at.msgs("")) < cut);
}

TEST_CASE("it may happen again and again") {
  BadEndFixture at;
  for (int i = 0; i < 5; ++i) {
    at.put_some(40);
    const std::string block = at.blocks().rbegin()->first;
    at.spoil_end(block);
    at.refuse();
  }
  CHECK(at.missing().empty());
  CHECK(at.blocks().size() == 6);
  at.kill();
  CHECK(at.missing().empty());
  CHECK(at.store->state().messages == 200);
}

TEST_CASE("what the disk has forgotten and memory as well is lost, said to be, and left where it is") {
  BadEndFixture at;
  at.put_some(70);
  const std::vector<Seq> lost = at.lose_end();
  CHECK(lost.size() >= 5);
  CHECK(lost.size() <= 35);
  CHECK(lost.back() == Seq{70});
  at.put_some(10);
  CHECK(as_seqs(at.missing()) == lost);
  at.kill();
  CHECK(as_seqs(at.missing()) == lost);
  CHECK(at.store->state().lost == lost);
  CHECK(at.store->state().messages == 80 - lost.size());
  // The disk thinks better of it: nothing was thrown away.
  at.world.disk->bad_pages.clear();
  at.kill();
  CHECK(at.missing().empty());
  CHECK(at.store->state().messages == 80);
}

TEST_CASE("sequences that were lost are not given out anew, even if the server ends before another message is stored") {
  BadEndFixture at;
  at.put_some(70);
  const std::vector<Seq> lost = at.lose_end();
  at.kill();
  CHECK(at.store->state().lost == lost);
  CHECK(at.store->state().last_seq == Seq{70});
  at.put_some(5);
  at.world.disk->bad_pages.clear();
  at.kill();
  for (std::uint64_t seq = 71; seq <= 75; ++seq) CHECK(at.payload(seq) == text(seq));
}

TEST_CASE("of one page what came before the start is lost and what came after it is saved") {
  BadEndFixture at;
  at.put_some(70);
  at.kill();
  at.put_some(10);
  at.spoil_end();
  at.refuse();
  const std::vector<Seq> lost = at.store->state().lost;
  REQUIRE_FALSE(lost.empty());
  CHECK(lost.back() == Seq{70});
  at.put_some(10);
  CHECK(as_seqs(at.missing()) == lost);
  at.kill();
  CHECK(as_seqs(at.missing()) == lost);
  CHECK(at.store->state().lost == lost);
}

TEST_CASE("a removal whose tombstone lies on the bad page stays a removal") {
  for (const bool is_cached : {true, false}) {
    CAPTURE(is_cached);
    BadEndFixture at;
    at.options.block_size = Bytes{6000};
    at.kill();
    at.put_some(65);  // two blocks
    REQUIRE(at.blocks().size() == 2);
    const std::uint64_t size = at.blocks().at("2.blk");
    REQUIRE(size < MemoryDisk::kPage);
    for (const std::uint64_t seq : {5u, 17u, 60u}) REQUIRE(at.store->remove(Seq{seq}, false).value());
    if (!is_cached) at.kill();
    at.spoil_end("2.blk");
    at.refuse();
    at.put_some(3);
    for (int i = 0; i < 2; ++i) {
      for (const std::uint64_t seq : {5u, 17u, 60u}) CHECK(at.payload(seq) == "not_found");
      CHECK(at.payload(4) == text(4));
      CHECK(at.payload(68) == text(68));
      at.world.disk->files().erase(at.msgs("index.db"));
      at.kill();
    }
  }
}

TEST_CASE("a full disk is no reason to go on elsewhere, and a disk that fails everywhere leaves no trail of blocks") {
  for (const Errc code : {Errc::no_space, Errc::read_only, Errc::io_error}) {
    CAPTURE(name_of(code));
    BadEndFixture at;
    at.put_some(3);
    at.world.disk->fails = [&](std::string_view operation, std::string_view) {
      return operation == "write" ? std::optional{code} : std::nullopt;
    };
    for (int i = 0; i < 20; ++i) CHECK_FALSE(at.append().has_value());
    at.world.disk->fails = nullptr;
    at.put_some(3);
    CHECK(at.blocks().rbegin()->first == (code == Errc::io_error ? "2.blk" : "1.blk"));
    CHECK(at.missing().empty());
    at.kill();
    CHECK(at.missing().empty());
    CHECK(at.store->state().messages == 6);
  }
}

// With the page bad for good, and with one that can be read again after the crash: then the copies are there twice.
TEST_CASE("a crash at any moment of the move leaves each message once, or loses what only memory had") {
  for (const bool is_bad_for_good : {false, true}) {
    for (const bool syncs_always : {false, true}) {
      bool was_killed = true;
      for (std::int64_t operations = 0; was_killed; ++operations) {
        CAPTURE(is_bad_for_good);
        CAPTURE(syncs_always);
        CAPTURE(operations);
        REQUIRE(operations < 30);
        BadEndFixture at{syncs_always};
        at.put_some(70);
        REQUIRE(at.store->remove(Seq{68}, false).value());
        at.spoil_end();
        at.world.disk->operations_left = operations;
        was_killed = false;
        try {
          (void)at.append();
        } catch (const TaskKilled&) {
          was_killed = true;
        }
        at.world.disk->operations_left = -1;
        if (!is_bad_for_good) at.world.disk->bad_pages.clear();
        at.kill();
        const std::vector<std::uint64_t> missing = at.missing();
        if (!is_bad_for_good || !was_killed) {
          CHECK(missing == std::vector<std::uint64_t>{68});
          CHECK(at.store->state().messages == 69);
        } else {
          // From some record of the page on, without a hole.
          for (std::size_t i = 1; i < missing.size(); ++i) CHECK((missing[i] == missing[i - 1] + 1 || missing[i - 1] == 68));
        }
        at.last = at.store->state().last_seq.value;
        at.put_some(5);
        at.kill();
        CHECK(at.payload(at.last) == text(at.last));
        // Whatever is removed of what was copied stays removed.
        for (std::uint64_t seq = 60; seq <= at.last; ++seq) (void)at.store->remove(Seq{seq}, false);
        REQUIRE(at.store->sync());
        at.kill();
        for (std::uint64_t seq = 60; seq <= at.last; ++seq) CHECK(at.payload(seq) == "not_found");
        CHECK(at.store->state().last_seq == Seq{at.last});
      }
    }
  }
}

TEST_CASE("copies whose originals cannot be cut off do not come back when they are removed") {
  BadEndFixture at;
  at.put_some(70);
  at.spoil_end();
  at.world.disk->fails = [](std::string_view operation, std::string_view path) {
    return operation == "sync_directory" && path.ends_with("msgs") ? std::optional{Errc::io_error} : std::nullopt;
  };
  at.refuse();
  at.world.disk->fails = nullptr;
  at.put_some(5);
  CHECK(at.blocks().at("1.blk") > 2 * MemoryDisk::kPage);
  CHECK(at.missing().empty());
  at.world.disk->bad_pages.clear();
  for (std::uint64_t seq = 60; seq <= 75; ++seq) REQUIRE(at.store->remove(Seq{seq}, false).value());
  for (int i = 0; i < 2; ++i) {
    REQUIRE(at.store->sync());
    REQUIRE(at.store->sync());  // what waited for the first one goes
    at.kill();
    CHECK(at.store->state().messages == 59);
    CHECK(at.store->state().last_seq == Seq{75});
    for (std::uint64_t seq = 60; seq <= 75; ++seq) CHECK(at.payload(seq) == "not_found");
  }
}
