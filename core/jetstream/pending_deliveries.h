// PendingDeliveries: what was delivered and not acknowledged, with the time at which each is due again. Both by sequence
// and by that time, so that neither an acknowledgement nor the timer ever walks over all of them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::core {

class PendingDeliveries {
 public:
  struct Entry {
    std::uint64_t consumer_seq = 0;  // of the first delivery
    Instant delivered_at;            // of the last one
    Instant due;                     // to be delivered again
  };

  [[nodiscard]] bool is_empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool contains(Seq seq) const { return entries_.contains(seq); }
  // nullptr if it is not pending. Valid until the next change.
  [[nodiscard]] const Entry* find(Seq seq) const {
    const auto it = entries_.find(seq);
    return it == entries_.end() ? nullptr : &it->second;
  }
  // The lowest pending sequence above `seq`; 0 if there is none.
  [[nodiscard]] Seq after(Seq seq) const {
    const auto it = entries_.upper_bound(seq);
    return it == entries_.end() ? Seq{} : it->first;
  }
  [[nodiscard]] const std::map<Seq, Entry>& all() const { return entries_; }
  // When the first of them is due; kForever if there is none.
  [[nodiscard]] Instant next_due() const { return by_due_.empty() ? kForever : by_due_.begin()->first; }

  void put(Seq seq, const Entry& entry) {
    remove(seq);
    entries_[seq] = entry;
    by_due_.emplace(entry.due, seq);
  }
  void set_due(Seq seq, Instant delivered_at, Instant due) {
    const auto it = entries_.find(seq);
    if (it == entries_.end()) return;
    by_due_.erase({it->second.due, seq});
    it->second.delivered_at = delivered_at;
    it->second.due = due;
    by_due_.emplace(due, seq);
  }
  bool remove(Seq seq) {
    const auto it = entries_.find(seq);
    if (it == entries_.end()) return false;
    by_due_.erase({it->second.due, seq});
    entries_.erase(it);
    return true;
  }
  void remove_below(Seq seq) {
    while (!entries_.empty() && entries_.begin()->first < seq) remove(entries_.begin()->first);
  }
  void remove_above(Seq seq) {
    while (!entries_.empty() && entries_.rbegin()->first > seq) remove(entries_.rbegin()->first);
  }
  // Those that are due at `now`, in the order of their sequences.
  [[nodiscard]] std::vector<Seq> due_at(Instant now) const {
    std::set<Seq> due;
    for (auto it = by_due_.begin(); it != by_due_.end() && it->first <= now; ++it) due.insert(it->second);
    return {due.begin(), due.end()};
  }

 private:
  std::map<Seq, Entry> entries_;
  std::set<std::pair<Instant, Seq>> by_due_;
};

}  // namespace windtunnel::core
