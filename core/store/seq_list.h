// SeqList: ascending sequences, as a subject has them.
//
// Those of a stream's only subject follow each other, and most subjects of a key-value bucket have one: such a run is its ends,
// whatever its length. Only what has gaps is a list, from which removal is cheap: a removed one is marked, and swept out when
// half of the list is.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::core {

class SeqList {
 public:
  // Requires: `seq` exceeds all in the list.
  void add(Seq seq);
  // Requires: `seq` is in the list.
  void remove(Seq seq);
  [[nodiscard]] std::uint64_t size() const { return gaps_ ? gaps_->size() : last_.value + 1 - first_.value; }
  [[nodiscard]] bool is_empty() const { return first_ > last_; }
  // Requires: not empty.
  [[nodiscard]] Seq first() const { return first_; }
  [[nodiscard]] Seq last() const { return last_; }
  // The first one at or after `from`; 0 if there is none.
  [[nodiscard]] Seq at_or_after(Seq from) const;
  [[nodiscard]] std::uint64_t count_from(Seq from) const;

 private:
  // One that has gaps, or had some.
  struct WithGaps {
    static constexpr std::uint64_t kDeadBit = std::uint64_t{1} << 63;
    std::vector<std::uint64_t> seqs;  // from head on; first and last are live
    std::uint32_t head = 0;
    std::uint32_t dead = 0;  // marked ones behind head

    [[nodiscard]] std::uint64_t size() const { return seqs.size() - head - dead; }
    [[nodiscard]] std::size_t position(Seq from) const;
    void remove(Seq seq);
    void sweep();
  };

  void spread();

  // Empty: last + 1, last.
  Seq first_{1};
  Seq last_{0};
  std::unique_ptr<WithGaps> gaps_;  // none: all between the two are there
};

}  // namespace windtunnel::core
