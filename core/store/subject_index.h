// SubjectIndex: which live sequences each subject has.
//
// A subject gets a small number that the block entries refer to. Its sequences are kept ascending; adding at the end and
// removing at either end cost O(1) amortised, anything else O(log n).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "core/store/seq_list.h"

namespace windtunnel::core {

using SubjectId = std::uint32_t;
inline constexpr SubjectId kNoSubject = std::numeric_limits<SubjectId>::max();

class SubjectIndex {
 public:
  SubjectId add(std::string_view subject, Seq seq);
  void remove(SubjectId id, Seq seq);

  [[nodiscard]] SubjectId find(std::string_view subject) const;  // kNoSubject if it has no live message
  // Requires: `id` has a live message.
  [[nodiscard]] const std::string& name(SubjectId id) const { return *subjects_[id].name; }
  [[nodiscard]] const SeqList& seqs(SubjectId id) const { return subjects_[id].seqs; }
  [[nodiscard]] std::uint64_t size() const { return ids_.size(); }

  // In the order of the names (bytes).
  using Visit = std::function<void(SubjectId id)>;
  void for_each(std::string_view filter, const Visit& visit) const;  // empty filter: every subject
  void clear();

 private:
  struct Subject {
    const std::string* name = nullptr;  // the key in ids_
    SeqList seqs;
  };
  std::map<std::string, SubjectId, std::less<>> ids_;
  std::vector<Subject> subjects_;
  std::vector<SubjectId> free_;
  SubjectId last_used_ = kNoSubject;  // the same subject often comes twice in a row
};

}  // namespace windtunnel::core
