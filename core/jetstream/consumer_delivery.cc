// How a consumer delivers (reference: streams C.4 to C.7, jetstream-api 6).

#include <algorithm>
#include <array>
#include <utility>

#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/ack_subject.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/go_duration.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

// With leaf nodes about, a fresh request's interest may still be on its way (streams C.6).
constexpr Duration kRecentInterest = 2s;
constexpr Duration kAckTimerSlack = 1ms;
constexpr std::size_t kFlowTokenSize = 4;

}  // namespace

void Consumer::wake() {
  is_signalled_ = true;
  waiting_.wake_all(env_.tasks);
}

void Consumer::deliver_loop() {
  while (!is_closed_) {
    is_signalled_ = false;
    check_requests();
    check_acks_due();
    check_inactive();
    if (can_deliver() && deliver_next()) continue;
    if (is_closed_) return;
    if (!config_.is_pull() && is_active_ && env_.clock.now() >= next_heartbeat_) send_heartbeat();
    if (!is_signalled_) waiting_.wait(env_.tasks, "something to deliver", next_wakeup());
  }
}

Instant Consumer::next_wakeup() const {
  Instant next = std::min(acks_due_, requests_.next_event());
  if (is_active_) next = std::min(next, next_heartbeat_);
  if (config_.inactive_threshold > 0s) {
    const Duration threshold = config_.inactive_threshold + inactive_jitter_;
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
  std::uint64_t deliveries = 1;
  const std::optional<StoredMessage> message = take_next(deliveries);
  if (is_closed_) return false;
  if (!message) {
    stream_exhausted();
    return is_signalled_;
  }
  if (!deliver(*message, deliveries)) {
    put_back(message->seq, deliveries);
    return false;
  }
  return true;
}

// The next message to deliver: redeliveries first, also when max_ack_pending is reached. Suspends.
std::optional<StoredMessage> Consumer::take_next(std::uint64_t& deliveries) {
  while (!redeliver_.empty() && !is_closed_) {
    if (std::optional<StoredMessage> again = take_redelivery(deliveries)) return again;
  }
  if (is_closed_) return std::nullopt;
  if (config_.max_ack_pending > 0 && pending_.size() >= static_cast<std::size_t>(config_.max_ack_pending)) return std::nullopt;
  const Seq from = next_seq_;
  const Seq last_before = host_.store().state().last_seq;
  Result<std::optional<StoredMessage>> found = host_.store().load_next(filters_, from);
  if (is_closed_ || next_seq_ != from) {  // a purge moved the position while we were loading
    is_signalled_ = true;
    return std::nullopt;
  }
  if (!found) {
    env_.log.error("consumer.load_failed", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", from.value}, {"error", found.error().text()}});
    return std::nullopt;
  }
  if (!*found) {
    next_seq_ = std::max(next_seq_, last_before.next());
    num_pending_ = host_.store().count_matching(filters_, next_seq_);
    if (num_pending_ > 0) is_signalled_ = true;  // stored while we were loading
    return std::nullopt;
  }
  next_seq_ = (*found)->seq.next();
  if (num_pending_ > 0) --num_pending_;
  deliveries = 1;
  return std::move(*found);
}

std::optional<StoredMessage> Consumer::take_redelivery(std::uint64_t& deliveries) {
  const Seq seq = redeliver_.front();
  redeliver_.pop_front();
  if (!pending_.contains(seq)) return std::nullopt;
  const std::uint64_t count = ++redelivered_[seq] + 1;
  if (config_.max_deliver > 0 && count > static_cast<std::uint64_t>(config_.max_deliver)) {
    // Out of deliveries: it leaves pending, stays in the stream, and is not delivered again.
    --redelivered_[seq];
    floor_after(seq, pending_[seq].consumer_seq);
    if (store_) store_->changed();
    env_.log.info("consumer.max_deliveries", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", seq.value}});
    return std::nullopt;
  }
  Result<StoredMessage> message = host_.store().load(seq);
  if (is_closed_ || !pending_.contains(seq)) return std::nullopt;
  if (!message) {
    floor_after(seq, pending_[seq].consumer_seq);
    redelivered_.erase(seq);
    if (store_) store_->changed();
    return std::nullopt;
  }
  deliveries = count;
  return std::move(*message);
}

// It could not be handed out. A redelivery goes back to the head of its queue; only a first delivery takes the position
// back (the other way round is nats-5305).
void Consumer::put_back(Seq seq, std::uint64_t deliveries) {
  if (deliveries > 1) {
    if (--redelivered_[seq] == 0) redelivered_.erase(seq);
    redeliver_.push_front(seq);
  } else if (next_seq_ == seq.next()) {
    next_seq_ = seq;
    ++num_pending_;
  }
}

// Whom the next message goes to. False if nobody can take it.
bool Consumer::choose_destination(std::size_t size, std::string& destination) {
  if (!config_.is_pull()) {
    destination = config_.deliver_subject;
    return is_active_;
  }
  while (!requests_.is_empty()) {
    PullRequest& request = requests_.front();
    const bool is_recent = bus_.has_leafs() && env_.clock.now() - request.received < kRecentInterest;
    if (!is_recent && !bus_.has_interest(request.reply)) {
      requests_.take_front();
      continue;
    }
    if (request.has_max_bytes && size > request.max_bytes) {
      const PullRequest over = requests_.take_front();
      send_status(over.reply, "409 Message Size Exceeds MaxBytes", true, &over);
      continue;
    }
    destination = request.reply;
    return true;
  }
  return false;
}

// Hands one message out. Does not suspend. False if nobody took it: then nothing has changed.
bool Consumer::deliver(const StoredMessage& message, std::uint64_t deliveries) {
  const std::string reply = ack_subject(AckInfo{.stream = host_.stream_name(),
                                                .consumer = name_,
                                                .deliveries = deliveries,
                                                .stream_seq = message.seq,
                                                .consumer_seq = next_delivery_,
                                                .time = message.time,
                                                .pending = num_pending_});
  std::string headers = message.headers;
  std::string_view payload = message.payload;
  if (config_.headers_only) {
    append_header(headers, "Nats-Msg-Size", std::to_string(payload.size()));
    payload = {};
  }
  const std::size_t size = message.subject.size() + reply.size() + headers.size() + payload.size();
  std::string destination;
  if (!choose_destination(size, destination)) return false;
  const MessageView view{.subject = destination, .reply = reply, .headers = headers, .payload = payload, .shown_subject = message.subject};
  const bool was_taken = bus_.publish(view);
  if (!was_taken && !config_.is_pull()) {
    refresh_active();
    return false;
  }
  const Instant now = env_.clock.now();
  if (config_.is_pull()) {
    PullRequest& request = requests_.front();
    --request.batch;
    ++request.delivered;
    if (request.idle_heartbeat > 0s) request.next_heartbeat = after(now, request.idle_heartbeat);
    if (request.has_max_bytes) {
      request.max_bytes -= size;
      if (request.batch == 0 && request.max_bytes > 0) send_status(request.reply, "409 Batch Completed", true, &request);
    }
    requests_.served();
    last_used_ = now;
  } else {
    if (config_.idle_heartbeat > 0s) next_heartbeat_ = after(now, config_.idle_heartbeat);
    if (config_.flow_control) check_flow(size);
  }
  track(message.seq, deliveries);
  env_.log.trace("consumer.delivered", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", message.seq.value}, {"count", deliveries}});
  return true;
}

void Consumer::track(Seq seq, std::uint64_t deliveries) {
  const std::uint64_t delivery = next_delivery_++;
  last_delivered_ = env_.clock.wall_now();
  if (config_.ack_policy == AckPolicy::none) {
    ack_floor_ = SequencePair{delivery, seq};
  } else {
    const Instant now = env_.clock.now();
    if (deliveries > 1) {
      pending_[seq].delivered_at = now;  // the first consumer sequence stays bound to it
    } else {
      pending_[seq] = Pending{delivery, now};
    }
    acks_due_ = std::min(acks_due_, after(now, ack_wait_of(seq) + kAckTimerSlack));
  }
  if (store_) store_->changed();
}

// The end of the stream was reached: requests that do not wait are answered.
void Consumer::stream_exhausted() {
  auto& waiting = requests_.all();
  for (auto it = waiting.begin(); it != waiting.end();) {
    const bool is_over = it->no_wait && (it->delivered > 0 || !it->has_expires);
    if (!is_over) {
      ++it;
      continue;
    }
    const PullRequest request = std::move(*it);
    it = waiting.erase(it);
    if (request.delivered > 0) {
      send_status(request.reply, "408 Request Timeout", true, &request);
    } else {
      send_status(request.reply, "404 No Messages", false, nullptr);
    }
  }
}

void Consumer::check_requests() {
  const Instant now = env_.clock.now();
  auto& waiting = requests_.all();
  for (auto it = waiting.begin(); it != waiting.end();) {
    if (now >= it->expires) {
      const PullRequest request = std::move(*it);
      it = waiting.erase(it);
      send_status(request.reply, "408 Request Timeout", true, &request);
      last_used_ = now;
      continue;
    }
    if (now >= it->next_heartbeat) {
      it->next_heartbeat = after(now, it->idle_heartbeat);
      std::string headers = status_block(100, "Idle Heartbeat");
      append_header(headers, "Nats-Last-Consumer", std::to_string(next_delivery_ - 1));
      append_header(headers, "Nats-Last-Stream", std::to_string(next_seq_.prev().value));
      bus_.publish(MessageView{.subject = it->reply, .reply = {}, .headers = headers, .payload = {}});
    }
    ++it;
  }
}

// Queues for redelivery what was not acknowledged in time, in the order of its sequences.
void Consumer::check_acks_due() {
  const Instant now = env_.clock.now();
  if (now < acks_due_) return;
  acks_due_ = kForever;
  const Seq first = host_.store().state().first_seq;
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->first < first) {
      const Seq gone = it->first;
      const std::uint64_t consumer_seq = it->second.consumer_seq;
      ++it;
      floor_after(gone, consumer_seq);
      continue;
    }
    const Instant due = after(it->second.delivered_at, ack_wait_of(it->first));
    if (due <= now) {
      if (std::find(redeliver_.begin(), redeliver_.end(), it->first) == redeliver_.end()) redeliver_.push_back(it->first);
      it->second.delivered_at = now;  // it counts anew, whenever it is taken
    }
    acks_due_ = std::min(acks_due_, after(it->second.delivered_at, ack_wait_of(it->first) + kAckTimerSlack));
    ++it;
  }
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

void Consumer::send_heartbeat() {
  next_heartbeat_ = after(env_.clock.now(), config_.idle_heartbeat);
  std::string headers = status_block(100, "Idle Heartbeat");
  append_header(headers, "Nats-Last-Consumer", std::to_string(next_delivery_ - 1));
  append_header(headers, "Nats-Last-Stream", std::to_string(next_seq_.prev().value));
  if (!flow_reply_.empty()) append_header(headers, "Nats-Consumer-Stalled", flow_reply_);
  bus_.publish(MessageView{.subject = config_.deliver_subject, .reply = {}, .headers = headers, .payload = {}});
}

void Consumer::check_inactive() {
  if (config_.inactive_threshold <= 0s) return;
  const Instant now = env_.clock.now();
  const Duration threshold = config_.inactive_threshold + inactive_jitter_;
  const bool is_unused = config_.is_pull() ? requests_.is_empty() && now - last_used_ >= threshold : !is_active_ && now - inactive_since_ >= threshold;
  if (!is_unused) return;
  last_used_ = inactive_since_ = now;  // asked once; the stream deletes it soon
  host_.inactive(name_);
}

void Consumer::refresh_active() {
  const bool is_active = bus_.has_interest(config_.deliver_subject);
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

void Consumer::send_status(const std::string& reply, std::string_view status, bool with_pending, const PullRequest* request) {
  const unsigned code = static_cast<unsigned>((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
  std::string headers = status_block(code, status.substr(4));
  if (with_pending && request != nullptr) {
    append_header(headers, "Nats-Pending-Messages", std::to_string(request->batch));
    append_header(headers, "Nats-Pending-Bytes", std::to_string(request->max_bytes));
  }
  bus_.publish(MessageView{.subject = reply, .reply = {}, .headers = headers, .payload = {}});
}

// From the bus: checks, and queues. Does not suspend.
void Consumer::on_pull_request(const MessageView& message) {
  if (message.reply.empty() || is_closed_) return;
  const std::string reply{message.reply};
  const Instant now = env_.clock.now();
  Result<PullRequest> request = parse_pull_request(message.payload, now);
  if (!request) return send_status(reply, "400 Bad Request - " + request.error().detail, false, nullptr);
  if (config_.max_batch > 0 && request->batch > static_cast<std::uint64_t>(config_.max_batch)) {
    return send_status(reply, "409 Exceeded MaxRequestBatch of " + std::to_string(config_.max_batch), false, nullptr);
  }
  if (config_.max_expires > 0s && (!request->has_expires || request->expires - now > config_.max_expires)) {
    return send_status(reply, "409 Exceeded MaxRequestExpires of " + go_duration(config_.max_expires), false, nullptr);
  }
  if (config_.max_bytes > 0 && request->max_bytes > static_cast<std::uint64_t>(config_.max_bytes)) {
    return send_status(reply, "409 Exceeded MaxRequestMaxBytes of " + std::to_string(config_.max_bytes), false, nullptr);
  }
  last_used_ = now;
  if (request->no_wait && !request->has_expires) {
    const bool has_any = num_pending_ > 0 || !redeliver_.empty();
    if (!has_any) return send_status(reply, "404 No Messages", false, nullptr);
    if (num_pending_ + redeliver_.size() < requests_.demand()) return send_status(reply, "408 Requests Pending", false, nullptr);
  }
  if (requests_.size() >= static_cast<std::size_t>(config_.max_waiting)) return send_status(reply, "409 Exceeded MaxWaiting", false, nullptr);
  request->reply = reply;
  requests_.add(std::move(*request));
  wake();
}

}  // namespace windtunnel::core
