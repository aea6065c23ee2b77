// LazyIndex: which live messages nats-server's index of subjects lost sight of, in the releases that kept its hints lazily.
// Of defects only: ours is exact.
#pragma once

#include <map>
#include <set>

#include "core/base/defects.h"
#include "core/base/types.h"
#include "core/store/subject_index.h"

namespace windtunnel::core {

class LazyIndex {
 public:
  explicit LazyIndex(const Defects& defects) : has_6526_(defects.is_on(Defect::nats_6526)), has_8004_(defects.is_on(Defect::nats_8004)) {}

  [[nodiscard]] bool is_on() const { return has_6526_ || has_8004_; }
  // Whether lookups by subject pass the message over.
  [[nodiscard]] bool hides(Seq seq) const { return !hidden_.empty() && hidden_.contains(seq); }

  void stored(SubjectId subject, Seq seq);

  // A message of the subject went.
  struct Removal {
    SubjectId subject = kNoSubject;
    Seq seq;
    std::uint64_t left = 0;      // messages of the subject
    Seq last_left;               // the newest of them; 0: none
    bool is_same_block = false;  // that one lies in the block of what went
  };
  void removed(const Removal& removal);

 private:
  // A subject whose newest message went: the index will look for the last one below what it has.
  struct Lazy {
    Seq stored_since;  // the first message stored since; 0: none
  };

  bool has_6526_;
  bool has_8004_;
  std::map<SubjectId, Lazy> lazy_;
  std::set<Seq> hidden_;
};

}  // namespace windtunnel::core
