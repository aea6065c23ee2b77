#include "core/store/subject_index.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

// What every subject that matches begins with: the tokens ahead of the first wildcard, each with its dot.
std::string_view literal_prefix(std::string_view filter) {
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = filter.find('.', start);
    const std::string_view token = filter.substr(start, dot == std::string_view::npos ? dot : dot - start);
    if (token == "*" || token == ">") return filter.substr(0, start);
    if (dot == std::string_view::npos) return filter;
    start = dot + 1;
  }
}

}  // namespace

void SeqList::add(Seq seq) {
  WT_ASSERT(is_empty() || seq > last());
  if (is_empty()) {
    seqs_.clear();
    head_ = 0;
    dead_ = 0;
    // Most subjects of a key-value bucket hold one message.
    if (seqs_.capacity() == 0) seqs_.reserve(1);
  }
  seqs_.push_back(seq.value);
}

std::size_t SeqList::position(Seq from) const {
  if (head_ < seqs_.size()) {
    // Where it is if there are no gaps, as in a stream whose oldest messages go first; it is never behind that.
    const std::uint64_t first = seqs_[head_] & ~kDeadBit;
    if (from.value <= first) return head_;
    const std::uint64_t guess = head_ + (from.value - first);
    if (guess < seqs_.size() && (seqs_[guess] & ~kDeadBit) == from.value) return guess;
  }
  const auto begin = seqs_.begin() + head_;
  const auto it = std::lower_bound(begin, seqs_.end(), from.value,
                                   [](std::uint64_t entry, std::uint64_t value) { return (entry & ~kDeadBit) < value; });
  return static_cast<std::size_t>(it - seqs_.begin());
}

void SeqList::remove(Seq seq) {
  const std::size_t at = position(seq);
  WT_ASSERT(at < seqs_.size());
  WT_ASSERT(seqs_[at] == seq.value);
  seqs_[at] |= kDeadBit;
  ++dead_;
  while (head_ < seqs_.size() && (seqs_[head_] & kDeadBit) != 0) {
    ++head_;
    --dead_;
  }
  while (seqs_.size() > head_ && (seqs_.back() & kDeadBit) != 0) {
    seqs_.pop_back();
    --dead_;
  }
  if (head_ + std::size_t{dead_} > 8 && (head_ + std::size_t{dead_}) * 2 > seqs_.size()) sweep();
}

void SeqList::sweep() {
  seqs_.erase(seqs_.begin(), seqs_.begin() + head_);
  std::erase_if(seqs_, [](std::uint64_t entry) { return (entry & kDeadBit) != 0; });
  head_ = 0;
  dead_ = 0;
  if (seqs_.capacity() > 4 * seqs_.size() + 16) seqs_.shrink_to_fit();
}

Seq SeqList::at_or_after(Seq from) const {
  for (std::size_t at = position(from); at < seqs_.size(); ++at) {
    if ((seqs_[at] & kDeadBit) == 0) return Seq{seqs_[at]};
  }
  return Seq{0};
}

std::uint64_t SeqList::count_from(Seq from) const {
  if (is_empty() || from <= first()) return size();
  const std::size_t at = position(from);
  if (dead_ == 0) return seqs_.size() - at;
  return static_cast<std::uint64_t>(std::count_if(seqs_.begin() + static_cast<std::ptrdiff_t>(at), seqs_.end(),
                                                  [](std::uint64_t entry) { return (entry & kDeadBit) == 0; }));
}

SubjectId SubjectIndex::add(std::string_view subject, Seq seq) {
  if (last_used_ == kNoSubject || *subjects_[last_used_].name != subject) {
    if (const auto it = ids_.find(subject); it != ids_.end()) {
      last_used_ = it->second;
    } else {
      if (free_.empty()) {
        last_used_ = static_cast<SubjectId>(subjects_.size());
        subjects_.emplace_back();
      } else {
        last_used_ = free_.back();
        free_.pop_back();
      }
      subjects_[last_used_].name = &ids_.emplace(std::string(subject), last_used_).first->first;
    }
  }
  subjects_[last_used_].seqs.add(seq);
  return last_used_;
}

void SubjectIndex::remove(SubjectId id, Seq seq) {
  Subject& subject = subjects_[id];
  subject.seqs.remove(seq);
  if (!subject.seqs.is_empty()) return;
  ids_.erase(ids_.find(*subject.name));
  subject = Subject{};
  free_.push_back(id);
  if (last_used_ == id) last_used_ = kNoSubject;
}

SubjectId SubjectIndex::find(std::string_view subject) const {
  const auto it = ids_.find(subject);
  return it == ids_.end() ? kNoSubject : it->second;
}

void SubjectIndex::for_each(std::string_view filter, const Visit& visit) const {
  if (filter.empty() || filter == ">") {
    for (const auto& [name, id] : ids_) visit(id);
    return;
  }
  if (!has_wildcard(filter)) {
    if (const SubjectId id = find(filter); id != kNoSubject) visit(id);
    return;
  }
  const std::string_view prefix = literal_prefix(filter);
  for (auto it = ids_.lower_bound(prefix); it != ids_.end() && std::string_view(it->first).starts_with(prefix); ++it) {
    if (matches(it->first, filter)) visit(it->second);
  }
}

void SubjectIndex::clear() {
  ids_.clear();
  subjects_.clear();
  free_.clear();
  last_used_ = kNoSubject;
}

}  // namespace windtunnel::core
