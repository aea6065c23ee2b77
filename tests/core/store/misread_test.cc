// What is read wrong once, and right the next time, costs nothing: it is not believed, and takes the place of nothing.
#include "core/store/s2.h"
#include "tests/core/store/store_fixture.h"

using namespace windtunnel::core;
using namespace windtunnel::tests;

namespace {

struct Misread : StoreFixture {
  explicit Misread(Compression compression = Compression::none) {
    options.compression = compression;
    options.block_size = Bytes{2000};
    open();
    for (int i = 1; i <= 40; ++i) put("ab", text(i));
  }
  static std::string text(int i) { return std::string(90, 'x') + std::to_string(i); }
  [[nodiscard]] bool has_everything() {
    for (int i = 1; i <= 40; ++i) {
      if (payload(static_cast<std::uint64_t>(i)) != text(i)) return false;
    }
    return store->state().lost.empty();
  }
  // The next read of that file finds a byte of it changed, and those after it do not.
  void misread_once(const std::string& name, std::size_t at) {
    world.disk->fails = [this, path = msgs(name), at, reads = 0](std::string_view operation, std::string_view of) mutable {
      if (operation == "read" && of == path && reads++ < 2) world.disk->file(path)[at] ^= 1;
      return std::optional<Errc>{};
    };
  }
  void misread_no_more() { world.disk->fails = nullptr; }
};

constexpr std::size_t kSubjectLength = 20;  // in a record

}  // namespace

TEST_CASE("a block that is read wrong while it is to be packed stays as it is") {
  for (const std::size_t at : {kSubjectLength, std::size_t{60}, std::size_t{1000}, std::size_t{1500}}) {
    CAPTURE(at);
    Misread store{Compression::s2};
    store.misread_once("1.blk", at);
    static_cast<void>(store.store->sync());
    store.misread_no_more();
    store.world.disk->file(store.msgs("1.blk"))[at] ^= 1;  // it was read but once
    REQUIRE_FALSE(is_compressed_block(store.world.disk->file(store.msgs("1.blk"))));
    CHECK(is_compressed_block(store.world.disk->file(store.msgs("2.blk"))));
    CHECK(store.has_everything());
    store.kill();
    CHECK(store.has_everything());
  }
}

TEST_CASE("a packed block that is read wrong once is read again") {
  Misread store{Compression::s2};
  REQUIRE(store.store->sync());
  REQUIRE(is_compressed_block(store.world.disk->file(store.msgs("1.blk"))));
  store.misread_once("1.blk", 30);
  CHECK(store.store->remove(Seq{3}, /*erase=*/true));
  store.misread_no_more();
  CHECK(store.payload(3) == "not_found");
  CHECK(store.payload(2) == Misread::text(2));
  store.kill();
  CHECK(store.store->state().messages == 39);
  CHECK(store.store->state().lost.empty());
}

TEST_CASE("the length of a subject, which no checksum covers, is not believed against what is known") {
  Misread store;
  store.kill();
  REQUIRE(store.payload(40) == Misread::text(40));  // it is recovered, and has read another block
  store.misread_once("1.blk", kSubjectLength);
  CHECK(store.payload(1) == Misread::text(1));
  store.misread_no_more();
  CHECK(store.has_everything());
  // Nor when it stays wrong.
  store.kill();
  REQUIRE(store.payload(40) == Misread::text(40));
  store.world.disk->file(store.msgs("1.blk"))[kSubjectLength] ^= 1;
  CHECK(store.payload(1) == "corrupt");
  CHECK(store.payload(2) == Misread::text(2));
  CHECK(store.store->state().lost == std::vector{Seq{1}});
}
