// How a consumer delivers (reference: streams C.4 to C.7, jetstream-api 6).

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/ack_subject.h"
#include "core/jetstream/advisories.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/disk_retry.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAckTimerSlack = 1ms;
constexpr std::size_t kFlowTokenSize = 4;
constexpr std::uint64_t kDeliveriesInARow = 32;
constexpr std::uint64_t kRateBurst = 1u << 20;          // a server's largest payload
constexpr std::uint64_t kRateWindowUs = 1'000'000'000;  // more elapsed time than this fills every bucket

}  // namespace

void Consumer::wake() {
  is_signalled_ = true;
  waiting_.wake_all(env_.tasks);
}

void Consumer::deliver_loop() {
  std::uint64_t delivered = 0;
  bool is_at_rest = false;  // it has waited since it last delivered
  while (!is_closed_) {
    is_signalled_ = false;
    check_requests(is_at_rest);
    is_at_rest = false;
    check_acks_due();
    check_retry();
    check_inactive();
    if (can_deliver() && deliver_next()) {
      // Loading need not suspend, and others have work to do.
      if (++delivered % kDeliveriesInARow == 0) env_.tasks.yield();
      continue;
    }
    if (is_closed_) return;
    if (!config_.is_pull() && is_active_ && env_.clock.now() >= next_heartbeat_) send_heartbeat();
    if (is_signalled_) continue;
    prune_requests();
    waiting_.wait(env_.tasks, "something to deliver", next_wakeup());
    is_at_rest = true;
  }
}

Instant Consumer::next_wakeup() const {
  Instant next = std::min({floor_due_, retry_at_, requests_.next_event()});
  if (!pending_.is_empty()) next = std::min(next, after(pending_.next_due(), kAckTimerSlack));
  if (is_active_) next = std::min(next, next_heartbeat_);
  if (config_.inactive_threshold > 0s) {
    const Duration threshold = sum(config_.inactive_threshold, inactive_jitter_);
    if (config_.is_pull()) {
      if (requests_.is_empty()) next = std::min(next, after(last_used_, threshold));
    } else if (!is_active_) {
      next = std::min(next, after(inactive_since_, threshold));
    }
  }
  return next;
}

bool Consumer::can_deliver() const {
  if (config_.is_pull()) return !requests_.is_empty();
  return is_active_ && flow_outstanding_ <= flow_window_;
}

// One message. False if there was nothing to deliver. Suspends.
bool Consumer::deliver_next() {
  StoredMessage message;
  std::uint64_t deliveries = 1;
  const Taken taken = take_next(message, deliveries);
  if (is_closed_) return false;
  if (taken != Taken::message) {
    // Requests that do not wait are not over while max_ack_pending holds messages back.
    if (taken == Taken::end_of_stream) stream_exhausted();
    return is_signalled_;
  }
  const bool is_redelivery = pending_.contains(message.seq);
  pace(message, deliveries);
  if (is_closed_ || (is_redelivery && !pending_.contains(message.seq))) return !is_closed_;  // acknowledged meanwhile
  if (!deliver(message, deliveries)) {
    put_back(message.seq, deliveries);
    return false;
  }
  return true;
}

// The next message to deliver: redeliveries first, also when max_ack_pending is reached. Suspends.
Consumer::Taken Consumer::take_next(StoredMessage& message, std::uint64_t& deliveries) {
  while (!redeliver_.is_empty() && !is_closed_) {
    if (take_redelivery(message, deliveries)) return Taken::message;
  }
  if (is_closed_) return Taken::stalled;
  const bool is_full = config_.max_ack_pending > 0 && pending_.size() >= static_cast<std::size_t>(config_.max_ack_pending);
  if (is_full && !env_.defects.is_on(Defect::break_max_ack_pending)) return Taken::stalled;
  deliveries = 1;
  if (!last_of_subjects_.empty()) return take_last_of_subject(message);
  const Seq from = next_seq_;
  const Seq last_before = host_.store().last_seq();
  Result<std::optional<StoredMessage>> found = host_.store().load_next(filters_, from);
  if (is_closed_ || next_seq_ != from) {  // a purge moved the position while we were loading
    is_signalled_ = true;
    return Taken::stalled;
  }
  if (!found) {
    report_unread(from, found.error());
    return Taken::stalled;
  }
  if (*found && env_.defects.is_on(Defect::break_skip_delivery) && (*found)->seq.value % 11 == 0) {
    next_seq_ = (*found)->seq.next();
    is_signalled_ = true;
    return Taken::stalled;
  }
  if (!*found) {
    next_seq_ = std::max(next_seq_, last_before.next());
    count_pending();
    if (num_pending_ <= 0) return Taken::end_of_stream;
    is_signalled_ = true;  // stored while we were loading
    return Taken::stalled;
  }
  next_seq_ = (*found)->seq.next();
  --num_pending_;
  message = std::move(**found);
  return Taken::message;
}

// Deliver policy last_per_subject, before the rest of the stream. Suspends.
Consumer::Taken Consumer::take_last_of_subject(StoredMessage& message) {
  const Seq seq = last_of_subjects_.front();
  Result<StoredMessage> found = host_.store().load(seq);
  if (!is_closed_ && !found && may_be_read_later(found.error())) {
    report_unread(seq, found.error());
    return Taken::stalled;
  }
  is_signalled_ = true;  // whatever comes of it, look again
  if (is_closed_ || last_of_subjects_.empty() || last_of_subjects_.front() != seq) return Taken::stalled;  // removed meanwhile
  last_of_subjects_.pop_front();
  next_seq_ = last_of_subjects_.empty() ? resume_after_.next() : seq.next();
  --num_pending_;
  if (!found) {
    report_unread(seq, found.error());
    return Taken::stalled;
  }
  message = std::move(*found);
  return Taken::message;
}

bool Consumer::may_be_read_later(const Error& why) const { return is_device_error(why) && !env_.defects.is_on(Defect::break_disk_errors); }

// Does not suspend.
void Consumer::report_unread(Seq seq, const Error& why) {
  env_.log.error("consumer.load_failed", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", seq.value}, {"error", why.text()}});
  retry_soon();
}

void Consumer::retry_soon() { retry_at_ = std::min(retry_at_, after(env_.clock.now(), kDiskRetry)); }

// A disk is well again without an event: whoever could not read looks again, and what could not leave the stream is tried again.
void Consumer::check_retry() {
  if (env_.clock.now() < retry_at_) return;
  retry_at_ = kForever;
  for (const Seq seq : unremoved_) acks_.try_push(Ack{seq, 0, 0, {}, {}, /*is_internal=*/true});
}

bool Consumer::is_exhausted(std::uint64_t deliveries) const {
  return config_.max_deliver > 0 && deliveries >= static_cast<std::uint64_t>(config_.max_deliver);
}

// Out of deliveries: it leaves pending and stays in the stream, and the floor stays below it until something later is
// acknowledged, or nothing is pending when the timer looks. Does not suspend.
void Consumer::exhaust(Seq seq, Exhausts how) {
  const std::uint64_t deliveries = deliveries_of(seq);
  const std::uint64_t again = deliveries - 1;
  // A delivery that is one too many counts; the timer counts none, and the file keeps what it has not seen delivered too often.
  if (how == Exhausts::by_delivery) {
    redelivered_[seq] = deliveries;
  } else {
    if (redeliveries_of(seq) <= static_cast<std::uint64_t>(config_.max_deliver)) filed_.exhaust(seq, {*pending_.find(seq), again});
    redelivered_[seq] = redeliveries_of(seq);
  }
  pending_.remove(seq);
  if (pending_.is_empty()) floor_due_ = after(env_.clock.now(), config_.ack_wait);
  if (store_) store_->changed();
  host_.advisories().max_deliveries({host_.stream_name(), name_, 0, seq, deliveries});
  env_.log.info("consumer.max_deliveries", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", seq.value}});
}

// The next one that is due again. False: try the one after it. Suspends.
bool Consumer::take_redelivery(StoredMessage& message, std::uint64_t& deliveries) {
  const Seq seq = redeliver_.take_front();
  if (!pending_.contains(seq)) return false;
  const std::uint64_t told = deliveries_of(seq);
  const std::size_t untaken = untaken_.erase(seq);
  const std::uint64_t before = told - untaken;
  if (is_exhausted(before)) {
    exhaust(seq, Exhausts::by_delivery);
    return false;
  }
  redelivered_[seq] = before;
  Result<StoredMessage> found = host_.store().load(seq);
  if (is_closed_ || !pending_.contains(seq)) return false;  // acknowledged or removed meanwhile
  if (!found && may_be_read_later(found.error())) {
    // Another time it may be read: as if it had not been its turn yet, and others have theirs.
    report_unread(seq, found.error());
    if (untaken > 0) untaken_.insert(seq);
    redelivered_[seq] = told - 1;
    if (told == 1) redelivered_.erase(seq);
    const Instant due = after(env_.clock.now(), kDiskRetry);
    pending_.set_due(seq, due - ack_wait_of(seq), due);
    return false;
  }
  if (!found) {
    // It is gone from the stream, or can never be read again: then there is nothing to wait for.
    const std::uint64_t consumer_seq = pending_.find(seq)->consumer_seq;
    forget(seq);
    floor_after(seq, consumer_seq);
    filed_.settled(seq, consumer_seq, pending_, delivered());
    if (store_) store_->changed();
    return false;
  }
  deliveries = before + 1;
  message = std::move(*found);
  return true;
}

// It could not be handed out. A redelivery goes to the end of its queue, so that one which is too large for those who ask does not keep
// others from them; only a first delivery takes the position back (the other way round is nats-5305).
void Consumer::put_back(Seq seq, std::uint64_t deliveries) {
  if (deliveries > 1 && env_.defects.is_on(Defect::nats_5305)) {
    next_seq_ = next_seq_.prev();
    return;
  }
  if (deliveries > 1) {
    if (!pending_.contains(seq)) return;
    if (--redelivered_[seq] == 0) redelivered_.erase(seq);
    redeliver_.push_back(seq);
  } else if (pending_.contains(seq)) {
    untaken_.insert(seq);
    redeliver_.push_back(seq);
  } else if (resume_after_.value > 0 && seq <= resume_after_) {
    last_of_subjects_.push_front(seq);
    next_seq_ = seq;
    ++num_pending_;
  } else if (next_seq_ == seq.next()) {
    next_seq_ = seq;
    ++num_pending_;
  }
}

// Waits as long as the replay policy and the rate limit say. Suspends.
void Consumer::pace(const StoredMessage& message, std::uint64_t deliveries) {
  Duration wait{0};
  if (message.seq <= replay_through_) {
    if (last_replayed_) wait = std::max(Duration{0}, message.time - *last_replayed_);
    last_replayed_ = message.time;
  }
  if (config_.rate_limit_bps > 0) {
    // A bucket that holds what one message may be at most, full at the beginning and filled at the limit.
    const std::uint64_t per_second = std::max<std::uint64_t>(1, config_.rate_limit_bps / 8);
    const std::uint64_t burst = rate_burst();
    const Outgoing out = outgoing(message, deliveries);
    const std::uint64_t size = message.subject.size() + out.reply.size() + out.headers.size() + out.payload.size();
    const Instant now = env_.clock.now();
    const std::uint64_t elapsed_us = static_cast<std::uint64_t>((now - rate_filled_).count()) / 1000;
    rate_tokens_ = std::min(burst, rate_tokens_ + std::min(burst, per_second * std::min(elapsed_us, kRateWindowUs) / 1'000'000));
    rate_filled_ = now;
    if (size > rate_tokens_) {
      const std::uint64_t missing = size - rate_tokens_;
      wait = std::max(wait, Duration{static_cast<std::int64_t>(missing * 1'000'000 / per_second) * 1000});
      rate_tokens_ = size;
      rate_filled_ = after(now, wait);
    }
    rate_tokens_ -= size;
  }
  if (wait <= Duration{0}) return;
  const Instant until = after(env_.clock.now(), wait);
  while (!is_closed_ && env_.clock.now() < until) waiting_.wait(env_.tasks, "a delivery's time", until);
}

std::uint64_t Consumer::rate_burst() const {
  const std::int64_t max_msg_size = host_.stream_config().max_msg_size;
  return max_msg_size > 0 ? static_cast<std::uint64_t>(max_msg_size) : kRateBurst;
}

// How a message is handed out at its so many'th delivery, if it is the next one.
Consumer::Outgoing Consumer::outgoing(const StoredMessage& message, std::uint64_t deliveries) const {
  Outgoing out;
  out.told = env_.defects.is_on(Defect::break_delivery_count) ? 1 : deliveries;
  out.reply = ack_subject(AckInfo{.stream = host_.stream_name(),
                                  .consumer = name_,
                                  .deliveries = out.told,
                                  .stream_seq = message.seq,
                                  .consumer_seq = next_delivery_,
                                  .time = message.time,
                                  .pending = num_pending()});
  out.headers = message.headers;
  out.payload = message.payload;
  if (config_.headers_only) {
    append_header(out.headers, "Nats-Msg-Size", std::to_string(out.payload.size()));
    out.payload = {};
  }
  return out;
}

// Hands one message out. Does not suspend. False if nobody took it: then nothing has changed.
bool Consumer::deliver(const StoredMessage& message, std::uint64_t deliveries) {
  const auto [told, reply, headers, payload] = outgoing(message, deliveries);
  const std::size_t size = message.subject.size() + reply.size() + headers.size() + payload.size();
  std::optional<PullRequest> request;
  if (config_.is_pull()) {
    request = take_request(size);
    if (!request) return false;
  }
  const std::string& destination = request ? request->reply : config_.deliver_subject;
  const MessageView view{.subject = destination, .reply = reply, .headers = headers, .payload = payload, .shown_subject = message.subject};
  const bool was_taken = bus_.publish(view);
  const Instant now = env_.clock.now();
  const bool is_lost = request && !was_taken && config_.ack_policy != AckPolicy::none;
  if (request) {
    // Who does not hear gets nothing more: else each of a batch would be sent in vain.
    if (!is_lost) served(std::move(*request), size);
    last_used_ = now;
  } else if (!was_taken) {
    refresh_active();
    return false;
  } else {
    if (config_.idle_heartbeat > 0s) next_heartbeat_ = after(now, config_.idle_heartbeat);
    if (config_.flow_control) check_flow(size);
  }
  track(message.seq, deliveries);
  env_.log.trace("consumer.delivered", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", message.seq.value}, {"count", told}});
  if (is_lost) {
    // Nobody has it: whoever asks next gets it at once, and as if this had not been.
    untaken_.insert(message.seq);
    redeliver_.push_back(message.seq);
    env_.log.trace("consumer.untaken", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", message.seq.value}});
  }
  return true;
}

void Consumer::track(Seq seq, std::uint64_t deliveries) {
  const std::uint64_t delivery = next_delivery_++;
  last_delivered_ = env_.clock.wall_now();
  if (config_.ack_policy == AckPolicy::none) {
    ack_floor_ = SequencePair{delivery, seq};
    // Delivered is acknowledged: a stream that keeps only what is wanted may let it go.
    if (host_.stream_config().retention != Retention::limits) acks_.try_push(Ack{seq, delivery, deliveries, {}, {}, /*is_internal=*/true});
  } else {
    const Instant now = env_.clock.now();
    const Instant due = after(now, ack_wait_of(seq));
    if (pending_.contains(seq)) {
      pending_.set_due(seq, now, due);  // the first consumer sequence stays bound to it
    } else {
      pending_.put(seq, {delivery, now, due});
    }
  }
  if (store_) store_->changed();
}

// Queues for redelivery what was not acknowledged in time, in the order of its sequences.
void Consumer::check_acks_due() {
  const Instant now = env_.clock.now();
  bool is_changed = false;
  if (pending_.next_due() <= now) {
    for (const Seq seq : pending_.due_at(now)) {
      if (seq <= ack_floor_.stream) {  // counts as acknowledged
        forget(seq);
        is_changed = true;
      } else if (is_exhausted(redeliveries_of(seq)) && !redeliver_.contains(seq)) {
        exhaust(seq, Exhausts::by_timer);  // or it is when its turn comes: the timer is not the one to know the last delivery but one
      } else {
        redeliver_.push_back(seq);
        pending_.set_due(seq, now, after(now, ack_wait_of(seq)));  // it counts anew, whenever it is taken
      }
    }
    if (pending_.is_empty()) floor_due_ = now;
  }
  if (now >= floor_due_) {
    floor_due_ = kForever;
    if (pending_.is_empty()) ack_floor_ = delivered();
    is_changed = true;
  }
  if (is_changed && store_) store_->changed();
}

void Consumer::check_flow(std::size_t bytes) {
  flow_outstanding_ += bytes;
  if (!flow_reply_.empty() || flow_outstanding_ <= flow_window_ / 2) return;
  std::array<char, 32> buffer;
  flow_reply_ = "$JS.FC." + host_.stream_name() + "." + name_ + "." + std::string(random_.token(kFlowTokenSize, buffer));
  flow_requested_ = flow_outstanding_;
  const std::string headers = status_block(100, "FlowControl Request");
  bus_.publish(MessageView{.subject = config_.deliver_subject, .reply = flow_reply_, .headers = headers, .payload = {}});
}

std::string Consumer::heartbeat_headers() const {
  std::string headers = status_block(100, "Idle Heartbeat");
  append_header(headers, "Nats-Last-Consumer", std::to_string(next_delivery_ - 1));
  append_header(headers, "Nats-Last-Stream", std::to_string(next_seq_.prev().value));
  return headers;
}

void Consumer::send_heartbeat() {
  next_heartbeat_ = after(env_.clock.now(), config_.idle_heartbeat);
  std::string headers = heartbeat_headers();
  if (!flow_reply_.empty()) append_header(headers, "Nats-Consumer-Stalled", flow_reply_);
  bus_.publish(MessageView{.subject = config_.deliver_subject, .reply = {}, .headers = headers, .payload = {}});
}

void Consumer::check_inactive() {
  if (config_.inactive_threshold <= 0s) return;
  const Instant now = env_.clock.now();
  const Duration threshold = sum(config_.inactive_threshold, inactive_jitter_);
  const bool is_unused =
      config_.is_pull() ? requests_.is_empty() && now - last_used_ >= threshold : !is_active_ && now - inactive_since_ >= threshold;
  if (!is_unused) return;
  last_used_ = inactive_since_ = now;  // asked once; the stream deletes it soon
  host_.inactive(name_);
}

void Consumer::refresh_active() {
  // As nats-server has it: a listener to everything, or a stream that takes the subject by a pattern, is no consumer's client.
  const bool is_active = bus_.has_subscription(config_.deliver_subject, config_.deliver_group);
  if (is_active == is_active_) return;
  is_active_ = is_active;
  const Instant now = env_.clock.now();
  if (is_active) {
    if (config_.idle_heartbeat > 0s) next_heartbeat_ = after(now, config_.idle_heartbeat);
    flow_outstanding_ = 0;  // whoever listens now has nothing outstanding
    flow_reply_.clear();
  } else {
    inactive_since_ = now;
    next_heartbeat_ = kForever;
  }
  wake();
}

}  // namespace windtunnel::core
