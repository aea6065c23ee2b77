// Defects of block sizes and compaction (reference: filestore 3.5, 3.6, 6.1). A message "x" has 32 bytes, a tombstone 30.
#include <algorithm>

#include "core/base/random.h"
#include "tests/core/store/defect_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

struct Storm {
  std::uint64_t written = 0;  // by rewriting blocks
  std::uint64_t removed = 0;
  std::uint64_t compactions = 0;
  std::size_t largest = 0;  // block file
};

// A work queue whose messages are acknowledged out of order and published anew (reference: filestore 6.1).
Storm storm(std::optional<Defect> defect, std::size_t payload) {
  StoreFixture at;
  if (defect) at.world.defects.set(*defect);
  at.options.block_size = Bytes{20000};
  at.settings.compact_min = Bytes{10000};
  at.open();
  Storm out;
  at.world.disk->fails = [&](std::string_view operation, std::string_view path) {
    if (operation == "sync" && path.ends_with(".new")) {
      out.written += at.world.disk->file(std::string(path)).size();
      ++out.compactions;
    }
    return std::optional<Errc>{};
  };
  Random random{Seed{5}};
  std::vector<std::uint64_t> outstanding;
  const std::string text(payload, 'x');
  const auto publish = [&] { outstanding.push_back(at.put("w", text).value); };
  for (int i = 0; i < 2500; ++i) publish();
  for (int i = 0; i < 6000; ++i) {
    const std::size_t pick = static_cast<std::size_t>(random.below(500));
    REQUIRE(at.store->remove(Seq{outstanding[pick]}, false));
    outstanding.erase(outstanding.begin() + static_cast<std::ptrdiff_t>(pick));
    out.removed += 31 + payload + 30;  // with the tombstone, which goes too
    publish();
  }
  for (const auto& [name, size] : at.blocks()) out.largest = std::max(out.largest, size);
  return out;
}

}  // namespace

TEST_CASE("nats-5702a: tombstones that do not count make oversized blocks and rewrite them with every removal") {
  const Storm without = storm(std::nullopt, 69);
  CHECK(without.written < 2 * without.removed);
  CHECK(without.largest <= 20000);
  const Storm with = storm(Defect::nats_5702a, 69);
  CHECK(with.written > 5 * with.removed);
  CHECK(with.compactions > 10 * without.compactions);
  CHECK(with.largest > 20000);
}

TEST_CASE("nats-6352: a block made mostly of tombstones is rewritten with every removal") {
  const Storm without = storm(std::nullopt, 29);
  CHECK(without.written < 2 * without.removed);
  const Storm with = storm(Defect::nats_6352, 29);
  CHECK(with.written > 10 * with.removed);
  CHECK(with.largest <= 20000);  // that is not what is wrong
}

TEST_CASE("nats-5831: each sync pass rewrites a block that cannot shrink") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_5831, with_defect};
    at.options.block_size = Bytes{300};
    at.open();
    at.put_many(9, "x");
    for (const std::uint64_t seq : {2u, 4u, 6u}) at.remove(seq);  // into block 2
    at.put_many(6, "x");
    at.put_many(6, "x");
    at.world.disk->is_recording = true;
    for (int i = 0; i < 3; ++i) REQUIRE(at.store->sync());
    const auto& done = at.world.disk->operations;
    CHECK(std::count(done.begin(), done.end(), "rename " + at.msgs("2.new") + " -> " + at.msgs("2.blk")) == (with_defect ? 3 : 0));
    at.kill_without_index();
    CHECK(at.messages() == 18);
  }
}

TEST_CASE("nats-5973: tombstones never begin a new block") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    DefectFixture at{Defect::nats_5973, with_defect};
    at.options.block_size = Bytes{700};
    at.open();
    at.put_many(20, "x");
    for (std::uint64_t seq = 2; seq < 20; ++seq) at.remove(seq);
    const auto blocks = at.blocks();
    CHECK(blocks.at("1.blk") == (with_defect ? 20u * 32 + 18 * 30 : 20u * 32 + 2 * 30));
    CHECK(blocks.size() == (with_defect ? 1 : 2));
    at.kill_without_index();
    CHECK(at.messages() == 2);
  }
}

TEST_CASE("nats-5426: a compaction drops the tombstones of earlier blocks, and their messages return") {
  for (const bool with_defect : {false, true}) {
    for (const bool with_index : {false, true}) {
      CAPTURE(with_defect);
      CAPTURE(with_index);
      DefectFixture at{Defect::nats_5426, with_defect};
      at.options.block_size = Bytes{930};
      at.settings.compact_min = Bytes{100};
      at.open();
      const std::string text(100, 'x');  // 131 bytes
      at.put_many(7, text);
      at.remove(3);  // into block 2
      at.put_many(8, text);
      at.remove(4);                                                  // into block 3
      at.restart();                                                  // the index knows of both
      for (std::uint64_t seq = 9; seq <= 12; ++seq) at.remove(seq);  // block 2 is compacted
      with_index ? at.kill() : at.kill_without_index();
      CHECK(at.messages() == (with_defect ? 10 : 9));
      CHECK((at.payload(3) == text) == with_defect);
      CHECK(at.payload(9) == "not_found");
    }
  }
}
