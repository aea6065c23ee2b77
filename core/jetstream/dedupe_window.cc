#include "core/jetstream/dedupe_window.h"

namespace windtunnel::core {

std::optional<Seq> DedupeWindow::find(std::string_view id, WallTime now) {
  if (id.empty() || window_ == Duration{0}) return std::nullopt;
  expire(now);
  const auto it = seqs_.find(id);
  return it == seqs_.end() ? std::nullopt : std::optional{it->second};
}

void DedupeWindow::record(std::string_view id, Seq seq, WallTime stored_at) {
  if (id.empty() || window_ == Duration{0}) return;
  seqs_.insert_or_assign(std::string(id), seq);
  arrivals_.push_back(Arrival{std::string(id), seq, stored_at});
}

// JetStream forgets ids from a timer, so there an id can outlive its window a little. Ours ends exactly at its window's
// end: the edge must not depend on when a timer happens to run.
void DedupeWindow::expire(WallTime now) {
  while (!arrivals_.empty() && now - arrivals_.front().stored_at >= window_) {
    const auto it = seqs_.find(arrivals_.front().id);
    if (it != seqs_.end() && it->second == arrivals_.front().seq) seqs_.erase(it);
    arrivals_.pop_front();
  }
}

}  // namespace windtunnel::core
