#include "core/server/interest_names.h"

#include "core/base/assert.h"

namespace windtunnel::core {

std::string InterestNames::key(std::string_view subject, std::string_view queue) {
  std::string key;
  key.reserve(subject.size() + queue.size() + 1);
  key = subject;
  if (!queue.empty()) key.append(" ").append(queue);
  return key;
}

InterestNames::Id InterestNames::take(std::string_view subject, std::string_view queue) {
  const auto [entry, is_new] = ids_.try_emplace(key(subject, queue), kNone);
  if (is_new) {
    if (free_.empty()) {
      entry->second = static_cast<Id>(names_.size());
      names_.emplace_back();
    } else {
      entry->second = free_.back();
      free_.pop_back();
    }
    names_[entry->second] = Name{&entry->first, subject.size(), 0};
  }
  hold(entry->second);
  return entry->second;
}

void InterestNames::release(Id id) {
  Name& name = names_[id];
  WT_ASSERT(name.holders > 0);
  if (--name.holders > 0) return;
  ids_.erase(ids_.find(*name.text));
  name = Name{};
  free_.push_back(id);
}

std::string_view InterestNames::queue(Id id) const {
  const std::string_view all = text(id);
  const std::size_t size = names_[id].subject_size;
  return size == all.size() ? std::string_view{} : all.substr(size + 1);
}

}  // namespace windtunnel::core
