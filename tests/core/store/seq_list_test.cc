// The sequences of a subject, dense and with gaps, beside a set that says what they are.
#include "core/store/seq_list.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <iterator>
#include <set>
#include <vector>

#include "core/base/random.h"
#include "core/store/message_block.h"

using namespace windtunnel::core;

namespace {

struct Pair {
  SeqList list;
  std::set<std::uint64_t> model;

  void add(std::uint64_t seq) {
    list.add(Seq{seq});
    model.insert(seq);
  }
  void remove(std::uint64_t seq) {
    list.remove(Seq{seq});
    model.erase(seq);
  }
  void compare(std::uint64_t from) const {
    CHECK(list.size() == model.size());
    CHECK(list.is_empty() == model.empty());
    if (!model.empty()) {
      CHECK(list.first().value == *model.begin());
      CHECK(list.last().value == *model.rbegin());
    }
    const auto at = model.lower_bound(from);
    CHECK(list.at_or_after(Seq{from}).value == (at == model.end() ? 0 : *at));
    CHECK(list.count_from(Seq{from}) == static_cast<std::uint64_t>(std::distance(at, model.end())));
  }
};

}  // namespace

TEST_CASE("the index costs a message no more than 32 bytes of memory, and no allocation where nothing is missing") {
  // What the block keeps of a message, what its subject does, and a subject.
  static_assert(sizeof(BlockEntry) == 24);
  static_assert(sizeof(SeqList) == 24);
}

TEST_CASE("a run loses its ends, its middle, and is filled again") {
  Pair seqs;
  seqs.compare(1);
  for (std::uint64_t seq = 10; seq <= 20; ++seq) seqs.add(seq);
  seqs.remove(10);
  seqs.remove(20);
  for (const std::uint64_t from : {0U, 11U, 15U, 19U, 20U}) seqs.compare(from);
  seqs.remove(15);
  for (const std::uint64_t from : {0U, 11U, 15U, 16U, 19U, 20U}) seqs.compare(from);
  for (const std::uint64_t seq : {11U, 12U, 13U, 14U, 16U, 17U, 18U, 19U}) seqs.remove(seq);
  seqs.compare(1);
  seqs.add(21);
  seqs.compare(1);
  seqs.add(30);  // a gap
  for (const std::uint64_t from : {20U, 21U, 22U, 30U, 31U}) seqs.compare(from);
  seqs.remove(21);
  seqs.remove(30);
  seqs.compare(1);
}

TEST_CASE("a list is the set of what was added and not removed") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Random random{Seed{seed}};
    const std::uint64_t gap_in = 1 + random.below(40);  // one of so many leaves a gap
    const std::uint64_t keeps = 1 + random.below(120);
    const std::uint64_t how = random.below(3);  // what goes: the oldest, anything, either
    Pair seqs;
    std::uint64_t last = 0;
    for (int i = 0; i < 400; ++i) {
      last += random.below(gap_in) == 0 ? 2 + random.below(3) : 1;
      seqs.add(last);
      while (seqs.model.size() > keeps || (random.below(50) == 0 && !seqs.model.empty())) {
        const bool takes_oldest = how == 0 || (how == 2 && random.below(2) == 0);
        auto at = seqs.model.begin();
        if (!takes_oldest) std::advance(at, static_cast<std::ptrdiff_t>(random.below(seqs.model.size())));
        seqs.remove(*at);
      }
      seqs.compare(random.below(last + 3));
    }
  }
}
