#include "core/store/message_block.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/store/record.h"

namespace windtunnel::core {

void add_to_ranges(std::vector<SeqRange>& ranges, Seq seq) {
  if (!ranges.empty()) {
    SeqRange& range = ranges.back();
    if (range.first <= seq && seq <= range.last) return;
    if (seq == range.last.next()) {
      range.last = seq;
      return;
    }
    if (seq.next() == range.first) {
      range.first = seq;
      return;
    }
  }
  ranges.push_back({seq, seq});
}

MessageBlock::MessageBlock(std::string_view stream, std::uint32_t block_index, Seq base)
    : index(block_index), key(block_key(stream, block_index)), first(base), last(base.prev()), base_(base) {}

void MessageBlock::add(Seq seq, WallTime time, std::uint64_t offset, std::uint32_t size, SubjectId subject) {
  WT_ASSERT(entries_.empty() || seq > seq_of(entries_.back()));
  WT_ASSERT(can_hold(seq));
  WT_ASSERT(offset <= UINT32_MAX);
  if (live_ == 0) first = seq;
  entries_.push_back(
      {time.unix_ns, static_cast<std::uint32_t>(seq.value - base_.value), static_cast<std::uint32_t>(offset), size, subject});
  ++live_;
  live_bytes += size;
  last = std::max(last, seq);
  last_time = time.unix_ns;
  if (disk_first.value == 0) disk_first = seq;
  disk_last = std::max(disk_last, seq);
}

void MessageBlock::skip_to(Seq through, WallTime time) {
  WT_ASSERT(through >= last);
  last = through;
  last_time = time.unix_ns;
  if (live_ == 0) first = last.next();
}

void MessageBlock::remove(Seq seq) {
  const std::size_t at = lower_bound(seq);
  WT_ASSERT(at < entries_.size());
  BlockEntry& entry = entries_[at];
  WT_ASSERT(seq_of(entry) == seq);
  WT_ASSERT(entry.subject != kNoSubject);
  live_bytes -= entry.size;
  entry.subject = kNoSubject;
  entry.offset = 1;
  --live_;
  ++dead_records;
  compaction_gained_nothing = false;
  if (live_ == 0) {
    entries_.clear();
    entries_.shrink_to_fit();
    first = last.next();
    return;
  }
  if (seq == first) first = seq_of(entries_[live_at_or_after(at)]);
  if (entries_.size() > 2 * live_ + 32) sweep();
}

void MessageBlock::sweep() {
  std::erase_if(entries_, [](const BlockEntry& entry) { return entry.subject == kNoSubject; });
  if (entries_.capacity() > 4 * entries_.size() + 64) entries_.shrink_to_fit();
}

std::size_t MessageBlock::lower_bound(Seq seq) const {
  if (entries_.empty() || seq < base_) return 0;
  const std::uint64_t delta = seq.value - base_.value;
  if (delta > entries_.back().seq_delta) return entries_.size();
  // Where nothing is missing the place follows from the sequence.
  const std::uint64_t front = entries_.front().seq_delta;
  if (delta >= front && delta - front < entries_.size() && entries_[delta - front].seq_delta == delta)
    return static_cast<std::size_t>(delta - front);
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), delta,
                                   [](const BlockEntry& entry, std::uint64_t value) { return entry.seq_delta < value; });
  return static_cast<std::size_t>(it - entries_.begin());
}

std::size_t MessageBlock::live_at_or_after(std::size_t at) const {
  std::size_t live = at;
  while (live < entries_.size() && entries_[live].subject == kNoSubject) live += entries_[live].offset;
  // Whoever comes the same way again steps over the whole run.
  while (at < live && at < entries_.size()) {
    const std::size_t step = entries_[at].offset;
    entries_[at].offset = static_cast<std::uint32_t>(live - at);
    at += step;
  }
  return live;
}

const BlockEntry* MessageBlock::find(Seq seq) const {
  const std::size_t at = lower_bound(seq);
  if (at >= entries_.size() || seq_of(entries_[at]) != seq || entries_[at].subject == kNoSubject) return nullptr;
  return &entries_[at];
}

const BlockEntry* MessageBlock::at_or_after(Seq seq) const {
  const std::size_t at = live_at_or_after(lower_bound(seq));
  return at < entries_.size() ? &entries_[at] : nullptr;
}

const BlockEntry* MessageBlock::next(const BlockEntry* entry) const {
  const std::size_t at = live_at_or_after(static_cast<std::size_t>(entry - entries_.data()) + 1);
  return at < entries_.size() ? &entries_[at] : nullptr;
}

const BlockEntry* MessageBlock::back() const {
  for (std::size_t at = entries_.size(); at-- > 0;) {
    if (entries_[at].subject != kNoSubject) return &entries_[at];
  }
  return nullptr;
}

const BlockEntry* MessageBlock::at_or_after(WallTime time) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), time.unix_ns,
                                   [](const BlockEntry& entry, std::int64_t value) { return entry.time < value; });
  const std::size_t at = live_at_or_after(static_cast<std::size_t>(it - entries_.begin()));
  return at < entries_.size() ? &entries_[at] : nullptr;
}

std::uint64_t MessageBlock::live_from(Seq seq) const {
  if (seq <= first) return live_;
  const std::size_t at = lower_bound(seq);
  if (live_ == entries_.size()) return entries_.size() - at;
  return static_cast<std::uint64_t>(std::count_if(entries_.begin() + static_cast<std::ptrdiff_t>(at), entries_.end(),
                                                  [](const BlockEntry& entry) { return entry.subject != kNoSubject; }));
}

void MessageBlock::end_before(Seq seq) {
  WT_ASSERT(seq <= last.next());
  for (; !entries_.empty() && seq_of(entries_.back()) >= seq; entries_.pop_back()) {
    if (entries_.back().subject == kNoSubject) continue;
    live_bytes -= entries_.back().size;
    --live_;
  }
  // The dead ones at the end step over what is gone.
  while (!entries_.empty() && entries_.back().subject == kNoSubject) entries_.pop_back();
  last = seq.prev();
  if (live_ == 0) first = seq;
}

void MessageBlock::clear_entries() {
  entries_.clear();
  live_ = 0;
  live_bytes = 0;
}

void MessageBlock::append_deleted(std::vector<Seq>& out) const {
  Seq expected = first;
  for (const BlockEntry* entry = at_or_after(first); entry != nullptr; entry = next(entry)) {
    for (; expected < seq_of(*entry); expected = expected.next()) out.push_back(expected);
    expected = seq_of(*entry).next();
  }
  for (; expected <= last; expected = expected.next()) out.push_back(expected);
}

void MessageBlock::check_invariants() const {
  WT_ASSERT(first <= last.next());
  WT_ASSERT((live_ == 0) == (first == last.next()));
  WT_ASSERT(live_ <= entries_.size() || entries_.empty());
  WT_ASSERT(live_bytes <= raw_bytes || is_compressed);
}

}  // namespace windtunnel::core
