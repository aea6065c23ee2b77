#include "core/jetstream/consumer.h"

#include <algorithm>
#include <utility>

#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/ack_subject.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAcksMax = 1u << 20;  // as many as can wait; more are dropped, and their messages redelivered
constexpr std::uint64_t kFlowWindowMax = 32u << 20;
constexpr std::uint64_t kFlowWindowStart = kFlowWindowMax / 16;
constexpr Duration kInactiveJitterMin = 100ms;
constexpr Duration kInactiveJitterMax = 999ms;

}  // namespace

Consumer::Consumer(Env& env, Bus& bus, ConsumerHost& host, ConsumerConfig config, std::string name, WallTime created)
    : env_(env),
      bus_(bus),
      host_(host),
      config_(std::move(config)),
      filters_(config_.filters()),
      name_(std::move(name)),
      created_(created),
      random_(env.random.child("consumer/" + host.stream_name() + "/" + name_)),
      flow_window_(kFlowWindowStart),
      acks_(env.tasks, kAcksMax),
      scope_(env.tasks) {
  const bool is_ephemeral_default = !config_.is_durable();
  if (config_.is_pull() || is_ephemeral_default) inactive_jitter_ = random_.between(kInactiveJitterMin, kInactiveJitterMax);
  if (config_.direct) inactive_jitter_ = 0s;
}

Consumer::~Consumer() {
  for (const SubscriptionId id : subscriptions_) bus_.unsubscribe(id);
}

bool Consumer::matches_filter(std::string_view subject) const {
  return filters_.empty() || std::any_of(filters_.begin(), filters_.end(), [&](const std::string& f) { return matches(subject, f); });
}

// Where a new consumer begins, before it is clamped into the stream (streams C.2). Last with a filter is looked up by
// select_start, since it must load.
Seq Consumer::starting_seq(const StreamState& stream) const {
  switch (config_.deliver_policy) {
    case DeliverPolicy::last: return stream.last_seq;
    case DeliverPolicy::new_only: return stream.last_seq.next();
    case DeliverPolicy::by_start_sequence: return config_.opt_start_seq;
    case DeliverPolicy::by_start_time: {
      const std::optional<WallTime> time = parse_rfc3339(config_.opt_start_time);
      WT_ASSERT(time.has_value());  // checked when the configuration was normalised
      return host_.store().seq_at_time(*time);
    }
    case DeliverPolicy::all:
    case DeliverPolicy::last_per_subject: break;
  }
  return stream.first_seq;
}

Status Consumer::select_start() {
  Seq start = starting_seq(host_.store().state());
  if (config_.deliver_policy == DeliverPolicy::last && !filters_.empty()) {
    Seq last;
    for (const std::string& filter : filters_) {
      WT_TRY(const std::optional<StoredMessage> message, host_.store().load_last(filter));
      if (message) last = std::max(last, message->seq);
    }
    start = last.value > 0 ? last : host_.store().state().last_seq.next();
  }
  const StreamState stream = host_.store().state();  // again: loading may have suspended
  if (stream.first_seq.value == 0) {
    start = Seq{1};
  } else if (start < stream.first_seq) {
    start = stream.first_seq;
  } else if (start > stream.last_seq) {
    start = stream.last_seq.next();
  }
  next_seq_ = start;
  next_delivery_ = 1;
  ack_floor_ = SequencePair{0, start.prev()};
  return {};
}

void Consumer::restore(const ConsumerState& saved) {
  next_seq_ = saved.delivered.stream.next();
  next_delivery_ = saved.delivered.consumer + 1;
  ack_floor_ = saved.ack_floor;
  redelivered_ = saved.redelivered;
  const WallTime now = env_.clock.wall_now();
  for (const auto& [seq, delivery] : saved.pending) {
    // The clock may have been set back since: a delivery in the future counts as one of now (fault D30).
    const Duration age = std::max(Duration{0}, now - delivery.delivered_at);
    pending_[seq] = Pending{delivery.consumer_seq, env_.clock.now() - age};
  }
  if (!pending_.empty()) acks_due_ = after(env_.clock.now(), std::min<Duration>(config_.ack_wait, random_.between(Duration{500ms}, Duration{1499ms})));
}

// A consumer must not wait ahead of its stream, where new messages would pass it by (nats-7692; streams B.6).
void Consumer::reconcile(const StreamState& stream) {
  if (next_seq_.prev() > stream.last_seq) {
    env_.log.warn("consumer.ahead_of_stream", {{"stream", host_.stream_name()},
                                               {"consumer", name_},
                                               {"delivered", next_seq_.prev().value},
                                               {"stream_last", stream.last_seq.value}});
    if (ack_floor_.stream > stream.last_seq) {
      ack_floor_ = SequencePair{next_delivery_ - 1, stream.last_seq};
      pending_.clear();
      redelivered_.clear();
    } else {
      pending_.erase(pending_.upper_bound(stream.last_seq), pending_.end());
      redelivered_.erase(redelivered_.upper_bound(stream.last_seq), redelivered_.end());
    }
    next_seq_ = pending_.empty() ? ack_floor_.stream.next() : pending_.rbegin()->first.next();
  }
  // What the stream no longer has needs no acknowledgement.
  if (stream.first_seq.value > 0) {
    pending_.erase(pending_.begin(), pending_.lower_bound(stream.first_seq));
    redelivered_.erase(redelivered_.begin(), redelivered_.lower_bound(stream.first_seq));
    if (next_seq_ < stream.first_seq) next_seq_ = stream.first_seq;
  }
  if (pending_.empty() && config_.ack_policy != AckPolicy::none) ack_floor_ = SequencePair{next_delivery_ - 1, next_seq_.prev()};
}

void Consumer::count_pending() { num_pending_ = host_.store().count_matching(filters_, next_seq_); }

Status Consumer::start(std::unique_ptr<ConsumerStore> store) {
  store_ = std::move(store);
  if (store_ && store_->recovered()) {
    restore(*store_->recovered());
    reconcile(host_.store().state());
    store_->changed();
  } else {
    WT_CHECK(select_start());
    if (store_) WT_CHECK(store_->write());
  }
  count_pending();
  last_used_ = env_.clock.now();

  const std::string tail = host_.stream_name() + "." + name_;
  if (config_.ack_policy != AckPolicy::none) {
    subscriptions_.push_back(bus_.subscribe("$JS.ACK." + tail + ".*.*.*.*.*", "", [this](const MessageView& m, bool) {
      const std::optional<AckInfo> info = parse_ack_subject(m.subject);
      if (info) acks_.try_push(Ack{info->stream_seq, info->consumer_seq, std::string(m.reply), std::string(m.payload)});
    }));
    scope_.spawn("consumer acks " + tail, [this] { ack_loop(); });
  }
  if (config_.is_pull()) {
    subscriptions_.push_back(
        bus_.subscribe("$JS.API.CONSUMER.MSG.NEXT." + tail, "", [this](const MessageView& m, bool) { on_pull_request(m); }));
  } else {
    subscriptions_.push_back(bus_.watch_interest(config_.deliver_subject, [this] { refresh_active(); }));
    if (config_.flow_control) {
      subscriptions_.push_back(bus_.subscribe("$JS.FC." + tail + ".*", "", [this](const MessageView& m, bool) {
        if (flow_reply_.empty() || m.subject != flow_reply_) return;
        flow_outstanding_ -= std::min(flow_outstanding_, flow_requested_);
        flow_window_ = std::min(flow_window_ * 2, kFlowWindowMax);
        flow_reply_.clear();
        wake();
      }));
    }
    inactive_since_ = env_.clock.now();
    refresh_active();
  }
  scope_.spawn("consumer " + tail, [this] { deliver_loop(); });
  return {};
}

void Consumer::stop(std::string_view description) {
  if (is_closed_) return;
  is_closed_ = true;
  for (const SubscriptionId id : std::exchange(subscriptions_, {})) bus_.unsubscribe(id);
  if (!description.empty()) {
    while (!requests_.is_empty()) {
      const PullRequest request = requests_.take_front();
      send_status(request.reply, description, description == "409 Server Shutdown", &request);
    }
  }
  acks_.close();
  waiting_.wake_all(env_.tasks);
  scope_.join();
  if (store_) {
    if (const Status stopped = store_->stop(); !stopped) {
      env_.log.error("consumer.store_failed", {{"stream", host_.stream_name()}, {"consumer", name_}, {"error", stopped.error().text()}});
    }
  }
}

void Consumer::destroy() {
  stop("409 Consumer Deleted");
  if (store_) {
    if (const Status gone = store_->destroy(); !gone) {
      env_.log.error("consumer.store_failed", {{"stream", host_.stream_name()}, {"consumer", name_}, {"error", gone.error().text()}});
    }
  }
}

void Consumer::on_stored(Seq seq, std::string_view subject) {
  if (seq < next_seq_ || !matches_filter(subject)) return;
  ++num_pending_;
  wake();
}

void Consumer::on_removed(Seq seq, std::string_view subject) {
  if (seq >= next_seq_) {
    if (num_pending_ > 0 && matches_filter(subject)) --num_pending_;
    return;
  }
  const auto it = pending_.find(seq);
  if (it == pending_.end()) return;
  floor_after(seq, it->second.consumer_seq);
  redelivered_.erase(seq);
  if (store_) store_->changed();
  wake();  // a place below max_ack_pending is free
}

// Positions move past what a purge took; never back (streams C.10).
void Consumer::on_purged() {
  const StreamState stream = host_.store().state();
  if (stream.first_seq > next_seq_) next_seq_ = stream.first_seq;
  if (stream.messages == 0) next_seq_ = std::max(next_seq_, stream.last_seq.next());
  const Seq gone_below = stream.messages == 0 ? stream.last_seq.next() : stream.first_seq;
  pending_.erase(pending_.begin(), pending_.lower_bound(gone_below));
  redelivered_.erase(redelivered_.begin(), redelivered_.lower_bound(gone_below));
  if (pending_.empty()) {
    ack_floor_ = SequencePair{next_delivery_ - 1, next_seq_.prev()};
  } else if (ack_floor_.stream < gone_below.prev()) {
    ack_floor_ = SequencePair{pending_.begin()->second.consumer_seq - 1, pending_.begin()->first.prev()};
  }
  count_pending();
  if (store_) store_->changed();
  wake();
}

void Consumer::update(const ConsumerConfig& config) {
  config_ = config;
  filters_ = config_.filters();
  count_pending();
  wake();
}

ConsumerState Consumer::state() const {
  ConsumerState out;
  out.delivered = SequencePair{next_delivery_ - 1, next_seq_.prev()};
  out.ack_floor = ack_floor_;
  const Instant now = env_.clock.now();
  const WallTime wall = env_.clock.wall_now();
  for (const auto& [seq, delivery] : pending_) out.pending[seq] = PendingDelivery{delivery.consumer_seq, wall - (now - delivery.delivered_at)};
  out.redelivered = redelivered_;
  return out;
}

bool Consumer::needs(Seq seq, std::string_view subject) const {
  if (!matches_filter(subject)) return false;
  if (redelivered_.contains(seq) && !pending_.contains(seq)) return true;  // it ran out of deliveries and is kept
  if (seq <= ack_floor_.stream) return false;
  if (config_.ack_policy != AckPolicy::explicit_) return true;
  return seq >= next_seq_ || pending_.contains(seq);
}

void Consumer::write_info(JsonWriter& json) const {
  json.field("stream_name", host_.stream_name()).field("name", name_).field("created", created_);
  json.key("config").begin_object();
  write_consumer_config_fields(json, config_);
  json.end_object();
  json.key("delivered").begin_object().field("consumer_seq", next_delivery_ - 1).field("stream_seq", next_seq_.prev().value);
  if (last_delivered_) json.field("last_active", *last_delivered_);
  json.end_object();
  json.key("ack_floor").begin_object().field("consumer_seq", ack_floor_.consumer).field("stream_seq", ack_floor_.stream.value).end_object();
  json.field("num_ack_pending", pending_.size())
      .field("num_redelivered", redelivered_.size())
      .field("num_waiting", requests_.size())
      .field("num_pending", num_pending_)
      .field("ts", env_.clock.wall_now());
  if (is_active_ && !config_.is_pull()) json.field("push_bound", true);
}

}  // namespace windtunnel::core
