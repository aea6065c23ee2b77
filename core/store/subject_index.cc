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
