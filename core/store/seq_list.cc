#include "core/store/seq_list.h"

#include <algorithm>

#include "core/base/assert.h"

namespace windtunnel::core {

void SeqList::add(Seq seq) {
  WT_ASSERT(is_empty() || seq > last_);
  if (is_empty()) {
    first_ = seq;
  } else if (gaps_ == nullptr && seq != last_.next()) {
    spread();
  }
  last_ = seq;
  if (gaps_ != nullptr) gaps_->seqs.push_back(seq.value);
}

void SeqList::remove(Seq seq) {
  if (gaps_ == nullptr) {
    WT_ASSERT(seq >= first_);
    WT_ASSERT(seq <= last_);
    if (seq == first_) {
      first_ = first_.next();
      return;
    }
    if (seq == last_) {
      last_ = last_.prev();
      return;
    }
    spread();
  }
  gaps_->remove(seq);
  if (gaps_->size() == 0) {
    first_ = last_.next();
    gaps_.reset();
    return;
  }
  first_ = Seq{gaps_->seqs[gaps_->head]};
  last_ = Seq{gaps_->seqs.back()};
}

void SeqList::spread() {
  gaps_ = std::make_unique<WithGaps>();
  gaps_->seqs.reserve(last_.value - first_.value + 2);
  for (Seq seq = first_; seq <= last_; seq = seq.next()) gaps_->seqs.push_back(seq.value);
}

std::size_t SeqList::WithGaps::position(Seq from) const {
  if (head < seqs.size()) {
    // Where it is if there are no gaps, as in a stream whose oldest messages go first; it is never behind that.
    const std::uint64_t first = seqs[head] & ~kDeadBit;
    if (from.value <= first) return head;
    const std::uint64_t guess = head + (from.value - first);
    if (guess < seqs.size() && (seqs[guess] & ~kDeadBit) == from.value) return guess;
  }
  const auto begin = seqs.begin() + head;
  const auto it =
      std::lower_bound(begin, seqs.end(), from.value, [](std::uint64_t entry, std::uint64_t value) { return (entry & ~kDeadBit) < value; });
  return static_cast<std::size_t>(it - seqs.begin());
}

void SeqList::WithGaps::remove(Seq seq) {
  const std::size_t at = position(seq);
  WT_ASSERT(at < seqs.size());
  WT_ASSERT(seqs[at] == seq.value);
  seqs[at] |= kDeadBit;
  ++dead;
  while (head < seqs.size() && (seqs[head] & kDeadBit) != 0) {
    ++head;
    --dead;
  }
  while (seqs.size() > head && (seqs.back() & kDeadBit) != 0) {
    seqs.pop_back();
    --dead;
  }
  if (head + std::size_t{dead} > 8 && (head + std::size_t{dead}) * 2 > seqs.size()) sweep();
}

void SeqList::WithGaps::sweep() {
  seqs.erase(seqs.begin(), seqs.begin() + head);
  std::erase_if(seqs, [](std::uint64_t entry) { return (entry & kDeadBit) != 0; });
  head = 0;
  dead = 0;
  if (seqs.capacity() > 4 * seqs.size() + 16) seqs.shrink_to_fit();
}

Seq SeqList::at_or_after(Seq from) const {
  if (is_empty() || from > last_) return Seq{0};
  if (from <= first_) return first_;
  if (gaps_ == nullptr) return from;
  // The last one is live.
  std::size_t at = gaps_->position(from);
  while ((gaps_->seqs[at] & WithGaps::kDeadBit) != 0) ++at;
  return Seq{gaps_->seqs[at]};
}

std::uint64_t SeqList::count_from(Seq from) const {
  if (is_empty() || from > last_) return 0;
  if (from <= first_) return size();
  if (gaps_ == nullptr) return last_.value + 1 - from.value;
  const std::size_t at = gaps_->position(from);
  if (gaps_->dead == 0) return gaps_->seqs.size() - at;
  return static_cast<std::uint64_t>(std::count_if(gaps_->seqs.begin() + static_cast<std::ptrdiff_t>(at), gaps_->seqs.end(),
                                                  [](std::uint64_t entry) { return (entry & WithGaps::kDeadBit) == 0; }));
}

}  // namespace windtunnel::core
