// FiledPosition: what o.dat says of a consumer with max_deliver where that is not what the consumer knows.
//
// nats-server has two states of a consumer: its own, and its store's, which hears of deliveries and acknowledgements one by
// one. They part when a message runs out of deliveries. The timer takes it out of what is pending in memory, and of the store
// only if it was delivered more often than max_deliver says. And when nothing is pending any more, the floor in memory moves to
// the last delivery, while the store's moves with acknowledgements alone: after a restart the floor is the lower one again
// (recorded in tests/fixtures/consumer_state).
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "core/base/types.h"
#include "core/jetstream/pending_deliveries.h"
#include "core/store/consumer_store.h"

namespace windtunnel::core {

class FiledPosition {
 public:
  struct Exhausted {
    PendingDeliveries::Entry entry;
    std::uint64_t redelivered = 0;  // 0: the file does not count it as delivered again
  };

  // Of a consumer without max_deliver file and memory agree: nothing is kept here.
  [[nodiscard]] bool is_kept() const { return is_kept_; }
  // From now on, with the floor that there is. Also what a purge does, which writes the state in memory.
  void begin(SequencePair floor) {
    is_kept_ = true;
    floor_ = floor;
    exhausted_.clear();
    dropped_.clear();
  }

  [[nodiscard]] SequencePair floor() const { return floor_; }
  // Out of deliveries, and still pending in the file.
  [[nodiscard]] const std::map<Seq, Exhausted>& exhausted() const { return exhausted_; }
  void exhaust(Seq seq, const Exhausted& exhausted) {
    if (is_kept_) exhausted_[seq] = exhausted;
  }
  // Out of deliveries, and counted in memory alone.
  [[nodiscard]] const std::set<Seq>& dropped() const { return dropped_; }
  void forget(Seq seq) {
    exhausted_.erase(seq);
    dropped_.erase(seq);
  }

  // `seq`, first delivered as `consumer_seq`, was pending in the file, and is no longer: nor in `pending`, which is what is in memory.
  void settled(Seq seq, std::uint64_t consumer_seq, const PendingDeliveries& pending, SequencePair delivered) {
    if (pending.is_empty() && exhausted_.empty()) {
      floor_ = delivered;
    } else if (consumer_seq == floor_.consumer + 1) {
      const Seq next = pending.after(seq);
      const auto other = exhausted_.upper_bound(seq);
      const bool is_other = other != exhausted_.end() && (next.value == 0 || other->first < next);
      if (is_other) {
        floor_ = SequencePair{other->second.entry.consumer_seq - 1, other->first.prev()};
      } else if (next.value > 0) {
        floor_ = SequencePair{pending.find(next)->consumer_seq - 1, next.prev()};
      }
    }
  }
  // Everything up to `acked`, of which the file has the last as pending.
  void settled_through(SequencePair acked) {
    if (acked.consumer <= floor_.consumer) return;
    floor_ = acked;
    const auto end = exhausted_.upper_bound(acked.stream);
    for (auto it = exhausted_.begin(); it != end; ++it) dropped_.insert(it->first);
    exhausted_.erase(exhausted_.begin(), end);
  }

 private:
  bool is_kept_ = false;
  SequencePair floor_;
  std::map<Seq, Exhausted> exhausted_;
  std::set<Seq> dropped_;
};

}  // namespace windtunnel::core
