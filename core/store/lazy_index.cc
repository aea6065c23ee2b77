#include "core/store/lazy_index.h"

namespace windtunnel::core {

void LazyIndex::stored(SubjectId subject, Seq seq) {
  const auto it = lazy_.find(subject);
  if (it == lazy_.end()) return;
  it->second.stored_since = seq;  // nats-6526: the flag should have gone
}

void LazyIndex::removed(const Removal& removal) {
  hidden_.erase(removal.seq);
  if (removal.left == 0) {
    lazy_.erase(removal.subject);
    return;
  }
  const bool was_newest = removal.last_left < removal.seq;
  // nats-8004: with one left, it is taken to lie in the last block.
  if (has_8004_ && removal.left == 1 && was_newest && !removal.is_same_block) hidden_.insert(removal.last_left);
  if (!has_6526_) return;
  const auto it = lazy_.find(removal.subject);
  if (was_newest) {
    if (removal.is_same_block) lazy_[removal.subject] = Lazy{};
  } else if (it != lazy_.end()) {
    // The index looks again, below the newest one.
    if (it->second.stored_since.value > 0 && removal.last_left == it->second.stored_since) hidden_.insert(removal.last_left);
    lazy_.erase(it);
  }
}

}  // namespace windtunnel::core
