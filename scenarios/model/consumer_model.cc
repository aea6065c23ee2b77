#include "scenarios/model/consumer_model.h"

#include <algorithm>

#include "core/nats/subject.h"

namespace windtunnel::scenarios {
namespace {

// What falls due so shortly after another is found due together with it.
constexpr core::Duration kTimerSlack = std::chrono::milliseconds{1};

}  // namespace

bool ConsumerModel::matches(std::string_view subject) const { return config_.filter.empty() || core::matches(subject, config_.filter); }

std::vector<ModelDelivery> ConsumerModel::fetch(const ModelFetch& request, const Messages& messages, core::Instant now) {
  std::vector<ModelDelivery> out;
  const auto pending_messages = [&] {
    std::uint64_t count = 0;
    for (std::uint64_t seq = messages.next(config_.filter, next_seq_); seq != 0; seq = messages.next(config_.filter, seq + 1)) ++count;
    return count;
  };
  if (!request.waits && again_.empty() && messages.next(config_.filter, next_seq_) == 0) return out;  // it does not even look
  while (out.size() < request.batch) {
    // Redeliveries first, whatever max_ack_pending says.
    if (!again_.empty()) {
      const std::uint64_t seq = again_.front();
      again_.pop_front();
      if (!pending_.contains(seq) || !messages.has(seq)) continue;
      const std::uint64_t count = redelivered_.contains(seq) ? redelivered_[seq] + 1 : 1;  // deliveries so far
      if (config_.max_deliver > 0 && count >= static_cast<std::uint64_t>(config_.max_deliver)) {
        redelivered_[seq] = std::max<std::uint64_t>(1, count - 1);
        pending_.erase(seq);
        is_floor_exact_ = false;
        continue;
      }
      redelivered_[seq] = count;
      pending_[seq].due = core::after(now, config_.ack_wait);
      out.push_back({seq, count + 1, ++deliveries_, pending_messages()});
      continue;
    }
    if (config_.ack_policy != ModelAckPolicy::none && config_.max_ack_pending > 0 &&
        pending_.size() >= static_cast<std::size_t>(config_.max_ack_pending))
      break;
    const std::uint64_t seq = messages.next(config_.filter, next_seq_);
    if (seq == 0) {
      next_seq_ = std::max(next_seq_, messages.last_seq + 1);  // it has looked at everything
      break;
    }
    next_seq_ = seq + 1;
    out.push_back({seq, 1, ++deliveries_, pending_messages()});
    if (config_.ack_policy == ModelAckPolicy::none) {
      floor_ = seq;
    } else {
      pending_[seq] = {deliveries_, core::after(now, config_.ack_wait)};
    }
  }
  return out;
}

std::vector<std::uint64_t> ConsumerModel::ack(const ModelDelivery& delivery) {
  std::vector<std::uint64_t> out;
  if (config_.ack_policy == ModelAckPolicy::none || delivery.seq >= next_seq_) return out;
  if (config_.ack_policy == ModelAckPolicy::all) {
    if (delivery.consumer_seq <= floor_consumer_ || delivery.seq <= floor_) return out;
    for (const auto& [seq, entry] : pending_) {
      if (seq <= delivery.seq) out.push_back(seq);
    }
    for (const std::uint64_t seq : out) settle(seq);
    floor_ = delivery.seq;
    floor_consumer_ = delivery.consumer_seq;
    return out;
  }
  // One that ran out of deliveries is not pending any more, and may still be acknowledged.
  const auto entry = pending_.find(delivery.seq);
  if (entry == pending_.end() && !redelivered_.contains(delivery.seq)) return out;
  const std::uint64_t consumer_seq = entry == pending_.end() ? 0 : entry->second.consumer_seq;
  settle(delivery.seq);
  out.push_back(delivery.seq);
  if (consumer_seq == 0) return out;
  if (pending_.empty()) {
    floor_ = next_seq_ - 1;
    floor_consumer_ = deliveries_;
  } else if (consumer_seq == floor_consumer_ + 1) {
    floor_ = delivery.seq;
    floor_consumer_ = consumer_seq;
    if (const auto above = pending_.upper_bound(delivery.seq); above != pending_.end()) {
      floor_ = above->first - 1;
      floor_consumer_ = above->second.consumer_seq - 1;
    }
  }
  return out;
}

void ConsumerModel::settle(std::uint64_t seq) {
  pending_.erase(seq);
  redelivered_.erase(seq);
  again_.erase(std::remove(again_.begin(), again_.end(), seq), again_.end());
}

void ConsumerModel::nak(const ModelDelivery& delivery, std::optional<core::Duration> delay, core::Instant now) {
  if (delivery.consumer_seq <= floor_consumer_ || !pending_.contains(delivery.seq)) return;
  const auto queued = std::find(again_.begin(), again_.end(), delivery.seq);
  if (delay) {
    if (queued != again_.end()) again_.erase(queued);
    pending_[delivery.seq].due = core::after(now, *delay);
  } else if (queued == again_.end()) {
    again_.push_back(delivery.seq);
  }
}

void ConsumerModel::in_progress(std::uint64_t seq, core::Instant now) {
  if (pending_.contains(seq)) pending_[seq].due = core::after(now, config_.ack_wait);
}

core::Instant ConsumerModel::next_due() const {
  core::Instant out = core::kForever;
  for (const auto& [seq, entry] : pending_) out = std::min(out, entry.due);
  return out;
}

std::vector<core::Instant> ConsumerModel::moments() const {
  std::vector<core::Instant> out;
  for (const auto& [seq, entry] : pending_) out.push_back(entry.due);
  return out;
}

void ConsumerModel::pass_time(core::Instant now) {
  for (core::Instant due = next_due(); due <= now; due = next_due()) {
    std::vector<std::uint64_t> over;
    for (auto& [seq, entry] : pending_) {
      if (entry.due > core::after(due, kTimerSlack)) continue;
      entry.due = core::after(due, config_.ack_wait);  // counts anew, whenever it is fetched
      if (std::find(again_.begin(), again_.end(), seq) != again_.end()) continue;
      // The timer knows how often it was delivered again, not how often it was delivered.
      const std::uint64_t again = redelivered_.contains(seq) ? std::max<std::uint64_t>(1, redelivered_[seq]) : 1;
      if (config_.max_deliver > 0 && again >= static_cast<std::uint64_t>(config_.max_deliver)) {
        over.push_back(seq);
      } else {
        again_.push_back(seq);
      }
    }
    for (const std::uint64_t seq : over) {
      redelivered_[seq] = redelivered_.contains(seq) ? std::max<std::uint64_t>(1, redelivered_[seq]) : 1;
      pending_.erase(seq);
      is_floor_exact_ = false;
    }
  }
}

void ConsumerModel::removed(std::uint64_t seq) {
  if (pending_.contains(seq)) is_floor_exact_ = false;
  settle(seq);
}

void ConsumerModel::moved_up(std::uint64_t first) {
  is_floor_exact_ = false;
  next_seq_ = std::max(next_seq_, first);
  redelivered_.erase(redelivered_.begin(), redelivered_.lower_bound(first));
}

void ConsumerModel::restart(core::Instant now) {
  is_floor_exact_ = false;
  for (auto& [seq, entry] : pending_) entry.due = std::max(entry.due, now);
  again_.clear();
}

bool ConsumerModel::needs(std::uint64_t seq, std::string_view subject) const {
  if (!matches(subject)) return false;
  if (redelivered_.contains(seq)) return true;
  if (config_.ack_policy == ModelAckPolicy::explicit_) return seq >= next_seq_ || pending_.contains(seq);
  return config_.ack_policy == ModelAckPolicy::all ? seq > std::max(floor_, start_ - 1) : seq >= next_seq_;
}

}  // namespace windtunnel::scenarios
