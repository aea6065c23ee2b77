#include "core/jetstream/consumer.h"

#include <algorithm>
#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/advisories.h"
#include "core/jetstream/consumer_flow.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAcksMax = 1u << 20;  // as many as can wait; more are dropped, and their messages redelivered
constexpr Duration kEphemeralInactive = 5s;
constexpr Duration kInactiveJitterMin = 100ms;
constexpr Duration kInactiveJitterMax = 999ms;

}  // namespace

Consumer::Consumer(Env& env, Bus& bus, ConsumerHost& host, ConsumerConfig config, std::string name, WallTime created, bool is_stored)
    : env_(env),
      bus_(bus),
      host_(host),
      config_(std::move(config)),
      filters_(config_.filters()),
      name_(std::move(name)),
      created_(created),
      is_stored_(is_stored),
      random_(env.random.child("consumer/" + host.stream_name() + "/" + name_)),
      flow_window_(kFlowWindowStart),
      acks_(env.tasks, kAcksMax),
      scope_(env.tasks) {
  draw_jitter();
}

// Of a push consumer only the default threshold is jittered (streams C.1).
void Consumer::draw_jitter() {
  const bool is_default = !config_.is_durable() && !config_.direct && config_.inactive_threshold == kEphemeralInactive;
  inactive_jitter_ = config_.is_pull() || is_default ? random_.between(kInactiveJitterMin, kInactiveJitterMax) : Duration{0};
}

Consumer::~Consumer() {
  for (const SubscriptionId id : subscriptions_) bus_.unsubscribe(id);
  bus_.unsubscribe(interest_watch_);
}

bool Consumer::matches_filter(std::string_view subject) const {
  return filters_.empty() || std::any_of(filters_.begin(), filters_.end(), [&](const std::string& f) { return matches(subject, f); });
}

Status Consumer::start(std::unique_ptr<ConsumerStore> store) {
  store_ = std::move(store);
  WT_CHECK(host_.store().ready());
  if (store_ && store_->recovered()) {
    restore(*store_->recovered());
    reconcile(host_.store().state());
    check_acks_due();  // what was due already is so at once
    store_->changed();
  } else {
    WT_CHECK(select_start());
    if (keeps_filed_position()) filed_.begin(ack_floor_);
    if (store_) WT_CHECK(store_->write());
  }
  count_pending();
  last_used_ = rate_filled_ = env_.clock.now();
  rate_tokens_ = rate_burst();
  subscribe();
  const std::string name = host_.stream_name() + "." + name_;
  scope_.spawn("consumer acks " + name, [this] { ack_loop(); });
  scope_.spawn("consumer " + name, [this] { deliver_loop(); });
  return {};
}

void Consumer::subscribe() {
  const std::string tail = host_.stream_name() + "." + name_;
  if (config_.ack_policy != AckPolicy::none) {
    subscriptions_.push_back(bus_.subscribe("$JS.ACK." + tail + ".*.*.*.*.*", "", [this](const MessageView& m, bool) { on_ack(m); }));
  }
  // A push consumer answers pull requests too: that it is push based.
  subscriptions_.push_back(
      bus_.subscribe("$JS.API.CONSUMER.MSG.NEXT." + tail, "", [this](const MessageView& m, bool) { on_pull_request(m); }));
  if (config_.is_pull()) return;
  if (config_.flow_control) {
    subscriptions_.push_back(bus_.subscribe("$JS.FC." + tail + ".*", "", [this](const MessageView& m, bool) {
      if (flow_reply_.empty() || m.subject != flow_reply_) return;
      flow_outstanding_ -= std::min(flow_outstanding_, flow_requested_);
      flow_window_ = std::min(flow_window_ * 2, kFlowWindowMax);
      flow_reply_.clear();
      wake();
    }));
  }
  watch_deliver_subject();
}

void Consumer::watch_deliver_subject() {
  bus_.unsubscribe(std::exchange(interest_watch_, bus_.watch_interest(config_.deliver_subject, [this] { refresh_active(); })));
  inactive_since_ = env_.clock.now();
  is_active_ = false;
  refresh_active();
}

void Consumer::stop(std::string_view description) {
  if (is_closed_) return;
  is_closed_ = true;
  for (const SubscriptionId id : std::exchange(subscriptions_, {})) bus_.unsubscribe(id);
  bus_.unsubscribe(std::exchange(interest_watch_, SubscriptionId::none));
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
    const bool is_wrong = env_.defects.is_on(Defect::break_consumer_shutdown);
    if (const Status stopped = is_wrong ? store_->destroy() : store_->stop(); !stopped) {
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

void Consumer::on_removed(Seq seq, std::string_view subject, bool is_purge) {
  unremoved_.erase(seq);
  const bool is_ahead = seq >= next_seq_;
  const bool is_counted =
      env_.defects.is_on(Defect::nats_6343) ? (is_ahead || !pending_.contains(seq)) && seq > ack_floor_.stream : is_ahead;
  if (!last_of_subjects_.empty() && seq <= resume_after_) {
    const auto it = std::lower_bound(last_of_subjects_.begin(), last_of_subjects_.end(), seq);
    if (it != last_of_subjects_.end() && *it == seq) {
      last_of_subjects_.erase(it);
      --num_pending_;
      if (last_of_subjects_.empty()) next_seq_ = std::max(next_seq_, resume_after_.next());
    }
  } else if (is_counted && matches_filter(subject)) {
    --num_pending_;
  }
  const PendingDeliveries::Entry* entry = pending_.find(seq);
  if (entry == nullptr && !redelivered_.contains(seq)) return;
  const std::uint64_t consumer_seq = entry == nullptr ? 0 : entry->consumer_seq;
  const std::uint64_t deliveries = redeliveries_of(seq);
  forget(seq);
  if (is_purge) {  // it is not worth a word, and sees to the floor when it is over
    if (consumer_seq > 0) purged_.emplace(seq, consumer_seq);
  } else if (consumer_seq > 0) {
    floor_after(seq, consumer_seq);
    filed_.settled(seq, consumer_seq, pending_, delivered());
    // As if it had been terminated.
    last_acked_ = env_.clock.wall_now();
    host_.advisories().terminated({host_.stream_name(), name_, consumer_seq, seq, deliveries}, "Unacknowledged message was deleted");
  }
  if (store_) store_->changed();
  wake();  // a place below max_ack_pending is free
}

// Positions move past what a purge took; never back (streams C.10). A purge of a subject concerns only consumers whose filters lie
// within it or cover it. Who wants nothing else goes on at what is left of it; nats-server lets one that has other filters as well go on
// there, who then misses what lies between.
void Consumer::on_purged(std::string_view filter) {
  const auto lies_within = [&](const std::string& mine) { return is_subset(mine, filter); };
  const auto is_touched = [&](const std::string& mine) { return is_subset(mine, filter) || is_subset(filter, mine); };
  const StreamStore& store = host_.store();
  Seq gone_below = store.state().first_seq;
  if (!filter.empty() && !filters_.empty()) {
    // Filters may overlap all the same: what was taken counts.
    if (purged_.empty() && std::none_of(filters_.begin(), filters_.end(), is_touched)) return;
    if (std::all_of(filters_.begin(), filters_.end(), lies_within)) {
      gone_below = store.next_matching({std::string(filter)}, Seq{1});
      if (gone_below.value == 0) gone_below = store.last_seq().next();
    }
  }
  next_seq_ = std::max(next_seq_, gone_below);
  std::uint64_t last_gone = 0;  // the delivery; what went beyond the first that is left says nothing of those before it
  for (const auto& [seq, consumer_seq] : purged_) {
    if (seq < gone_below) last_gone = std::max(last_gone, consumer_seq);
  }
  for (const auto& [seq, delivery] : pending_.all()) {
    if (seq < gone_below) last_gone = std::max(last_gone, delivery.consumer_seq);
  }
  pending_.remove_below(gone_below);
  redeliver_.remove_below(gone_below);
  redelivered_.erase(redelivered_.begin(), redelivered_.lower_bound(gone_below));
  if (pending_.is_empty()) {
    ack_floor_ = delivered();
  } else if (env_.defects.is_on(Defect::nats_5227)) {
    repair_floor(gone_below);
  } else if (ack_floor_.stream < gone_below) {
    ack_floor_ = SequencePair{std::max(ack_floor_.consumer, last_gone), gone_below.prev()};
  }
  purged_.clear();
  if (filed_.is_kept()) filed_.begin(ack_floor_);
  count_pending();
  if (store_) store_->changed();
  wake();
}

void Consumer::update(const ConsumerConfig& config) {
  const bool has_new_subject = config.deliver_subject != config_.deliver_subject;
  const bool has_new_waits = config.ack_wait != config_.ack_wait || config.backoff != config_.backoff;
  const bool has_new_threshold = config.inactive_threshold != config_.inactive_threshold;
  const bool has_new_filters = config.filters() != filters_;
  if (config.rate_limit_bps != config_.rate_limit_bps) rate_tokens_ = rate_burst();
  config_ = config;
  filters_ = config_.filters();
  if (keeps_filed_position() && !filed_.is_kept()) filed_.begin(ack_floor_);
  if (has_new_filters) filters_since_ = next_seq_.prev();
  if (has_new_threshold) draw_jitter();
  if (has_new_subject) watch_deliver_subject();
  if (has_new_waits) {
    const std::map<Seq, PendingDeliveries::Entry> entries = pending_.all();
    for (const auto& [seq, entry] : entries) pending_.set_due(seq, entry.delivered_at, after(entry.delivered_at, ack_wait_of(seq)));
  }
  if (has_new_subject) {
    // Whoever listens there has none of it: a client that comes back with another inbox.
    const std::map<Seq, PendingDeliveries::Entry> entries = pending_.all();
    for (const auto& [seq, entry] : entries) {
      if (!redeliver_.contains(seq)) pending_.set_due(seq, entry.delivered_at, env_.clock.now());
    }
  }
  count_pending();
  wake();
}

ConsumerState Consumer::state() const {
  ConsumerState out;
  out.delivered = delivered();
  out.ack_floor = ack_floor_;
  const Instant now = env_.clock.now();
  const WallTime wall = env_.clock.wall_now();
  for (const auto& [seq, delivery] : pending_.all())
    out.pending[seq] = PendingDelivery{delivery.consumer_seq, wall - (now - delivery.delivered_at)};
  out.redelivered = redelivered_;
  return out;
}

// The file counts from the floor, and has no place for a message that ran out of deliveries at the floor itself, which nats-server
// forgets, and its interest stream loses it: it is kept by a lower floor, which take_floor() raises again.
ConsumerState Consumer::stored_state() const {
  ConsumerState out = state();
  SequencePair& floor = out.ack_floor;
  if (filed_.is_kept()) {
    floor = filed_.floor();
    for (const Seq seq : filed_.dropped()) out.redelivered.erase(seq);
    const Instant now = env_.clock.now();
    const WallTime wall = env_.clock.wall_now();
    for (const auto& [seq, exhausted] : filed_.exhausted()) {
      out.pending[seq] = PendingDelivery{exhausted.entry.consumer_seq, wall - (now - exhausted.entry.delivered_at)};
      if (exhausted.redelivered == 0) {
        out.redelivered.erase(seq);
      } else {
        out.redelivered[seq] = exhausted.redelivered;
      }
    }
  }
  while (floor.stream.value > 0 && out.redelivered.contains(floor.stream)) floor.stream = floor.stream.prev();
  return out;
}

bool Consumer::is_done_with(Seq seq, std::string_view subject) const {
  return seq > filters_since_ && matches_filter(subject) && !needs(seq, subject);
}

bool Consumer::needs(Seq seq, std::string_view subject) const {
  if (!matches_filter(subject)) return false;
  if (redelivered_.contains(seq)) return true;  // also when it ran out of deliveries: then it is kept
  return seq >= next_seq_ || pending_.contains(seq) || std::binary_search(last_of_subjects_.begin(), last_of_subjects_.end(), seq);
}

void Consumer::write_info(JsonWriter& json) {
  prune_requests();
  json.field("stream_name", host_.stream_name()).field("name", name_).field("created", created_);
  json.key("config").begin_object();
  write_consumer_config_fields(json, config_);
  json.end_object();
  json.key("delivered").begin_object().field("consumer_seq", next_delivery_ - 1).field("stream_seq", next_seq_.prev().value);
  if (last_delivered_) json.field("last_active", *last_delivered_);
  json.end_object();
  json.key("ack_floor").begin_object().field("consumer_seq", ack_floor_.consumer).field("stream_seq", ack_floor_.stream.value);
  if (last_acked_) json.field("last_active", *last_acked_);
  json.end_object();
  json.field("num_ack_pending", pending_.size())
      .field("num_redelivered", redelivered_.size())
      .field("num_waiting", requests_.size())
      .field("num_pending", num_pending());
  if (is_active_ && !config_.is_pull()) json.field("push_bound", true);
  json.field("ts", env_.clock.wall_now());
}

}  // namespace windtunnel::core
