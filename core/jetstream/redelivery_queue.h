// RedeliveryQueue: the sequences that are due to be delivered again, first come first served, each at most once. Every
// operation is logarithmic: an acknowledgement looks up and removes on a hot path.
#pragma once

#include <cstdint>
#include <map>

#include "core/base/types.h"

namespace windtunnel::core {

class RedeliveryQueue {
 public:
  [[nodiscard]] bool is_empty() const { return order_.empty(); }
  [[nodiscard]] std::size_t size() const { return order_.size(); }
  [[nodiscard]] bool contains(Seq seq) const { return places_.contains(seq); }

  // Without effect if it is queued already.
  void push_back(Seq seq) {
    const std::uint64_t place = order_.empty() ? 0 : order_.rbegin()->first + 1;
    if (places_.emplace(seq, place).second) order_[place] = seq;
  }
  // Requires: not empty.
  Seq take_front() {
    const Seq seq = order_.begin()->second;
    remove(seq);
    return seq;
  }
  void remove(Seq seq) {
    const auto it = places_.find(seq);
    if (it == places_.end()) return;
    order_.erase(it->second);
    places_.erase(it);
  }
  // Forgets every sequence below `seq`.
  void remove_below(Seq seq) {
    while (!places_.empty() && places_.begin()->first < seq) remove(places_.begin()->first);
  }

 private:
  std::map<std::uint64_t, Seq> order_;
  std::map<Seq, std::uint64_t> places_;
};

}  // namespace windtunnel::core
