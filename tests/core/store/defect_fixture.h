// A store with one historic defect, or without it: each test of a defect shows both sides.
#pragma once

#include "tests/core/store/store_fixture.h"

namespace windtunnel::tests {

struct DefectFixture : StoreFixture {
  DefectFixture(core::Defect defect, bool is_on) {
    if (is_on) world.defects.set(defect);
  }
  void put_many(int count, std::string_view payload) {
    for (int i = 0; i < count; ++i) put("a", payload);
  }
  void remove(std::uint64_t seq) { REQUIRE(store->remove(core::Seq{seq}, false).value()); }
  void lose(std::string_view name) { world.disk->files().erase(msgs(name)); }
  void kill_without_index() {
    lose("index.db");
    kill();
  }
  [[nodiscard]] std::uint64_t messages() const { return store->state().messages; }
  [[nodiscard]] std::uint64_t last() const { return store->state().last_seq.value; }
};

}  // namespace windtunnel::tests
