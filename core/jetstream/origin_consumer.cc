#include "core/jetstream/origin_consumer.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/copy_timing.h"
#include "core/jetstream/origin_consumer_names.h"
#include "core/nats/headers.h"
#include "core/nats/subject.h"

namespace windtunnel::core {

using namespace std::chrono_literals;
using namespace copy_timing;

namespace {

constexpr std::size_t kInboxMax = 1u << 20;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

OriginConsumer::OriginConsumer(Env& env, Bus& bus, Reader reader, StreamSource origin, Owner& owner)
    : env_(env),
      bus_(bus),
      reader_(std::move(reader)),
      origin_(std::move(origin)),
      owner_(owner),
      names_([](Kind kind) -> const Names& {
        static constexpr Names kMirror{
            "mirror.request", "mirror.failed", "mirror.connected", "mirror.stalled", "mirror.gap", "mirror.missed", "M", "mirror-", 10029};
        static constexpr Names kSource{
            "source.request", "source.failed", "source.connected", "source.stalled", "source.gap", "source.missed", "S", "src-", 10045};
        return kind == Kind::mirror ? kMirror : kSource;
      }(reader_.kind)),
      random_(env_.random.child(reader_.times == 1 ? reader_.name : reader_.name + " " + std::to_string(reader_.times))),
      inbox_(env_.tasks, kInboxMax),
      scope_(env_.tasks) {}

OriginConsumer::~OriginConsumer() {
  tear_down();
  for (const SubscriptionId id : watches_) bus_.unsubscribe(id);
}

void OriginConsumer::start() {
  if (!env_.defects.is_on(Defect::nats_6981)) {
    watches_.push_back(bus_.watch_interest(request_subject({}), [this] { on_interest_changed(); }));
    watches_.push_back(bus_.watch_leafs([this] { on_leaf_connected(); }));
  }
  scope_.spawn(reader_.name, [this] { run(); });
}

void OriginConsumer::stop(bool is_final) {
  is_closed_ = true;
  inbox_.close();
  waiting_.wake_all(env_.tasks);
  scope_.join();
  // Best effort: one that stays behind holds the origin's messages back until it is deleted by hand.
  if (is_final && is_kept_ && !consumer_.empty()) publish(api("CONSUMER.DELETE") + "." + consumer_);
  tear_down();
}

// Interest in the origin's API came or went: with it the way there. Does not suspend.
void OriginConsumer::on_interest_changed() {
  if (!bus_.has_interest(request_subject({}))) was_way_lost_ = true;  // what was asked is not answered any more
  suspect();
}

// Not necessarily the one to the origin, so a request that is under way goes on. Does not suspend.
void OriginConsumer::on_leaf_connected() {
  const bool is_source = reader_.kind == Kind::source;
  if (is_source && !consumer_.empty() && env_.defects.is_on(Defect::nats_7796)) {
    is_replaced_ = true;  // the release takes every consumer for closed
    nudge();
  }
  if (is_source && consumer_.empty() && attempts_ > 0 && env_.defects.is_on(Defect::nats_8111)) {
    failures_ = 0;
    scope_.spawn(reader_.name, [this] { extra_attempt(); });
  }
  suspect();
}

// Does not suspend.
void OriginConsumer::nudge() {
  Arrival nothing;
  nothing.is_nudge = true;
  inbox_.try_push(std::move(nothing));
}

// A consumer of ours may be gone: if it stays silent, it is. Whoever waits for a retry looks again.
void OriginConsumer::suspect() {
  has_way_changed_ = true;
  if (!consumer_.empty()) {
    suspect_at_ = std::min(suspect_at_, after(env_.clock.now(), kSuspect));
    nudge();
  }
  waiting_.wake_all(env_.tasks);
}

void OriginConsumer::run() {
  static_cast<void>(owner_.recover());  // in vain: each attempt begins with it
  const Instant first = after(env_.clock.now(), random_.between(kJitterMin, kJitterMax));
  while (!is_closed_ && env_.clock.now() < first) waiting_.wait(env_.tasks, "a copy's first attempt", first);
  const Defect gives_up = reader_.kind == Kind::mirror ? Defect::break_mirror_never_resumes : Defect::break_source_never_resumes;
  while (!is_closed_) {
    if (set_up()) {
      failures_ = 0;
      copy();
    } else {
      ++failures_;
    }
    if (is_closed_) return;
    tear_down();
    if (env_.defects.is_on(gives_up)) return;
    wait_before_retry();
  }
}

void OriginConsumer::wait_before_retry() {
  const Duration jitter = random_.between(kJitterMin, kJitterMax);
  Instant spaced = env_.clock.now();
  if (last_request_) spaced = std::max(spaced, after(*last_request_, kRequestSpacing));
  const Duration backoff = std::min<Duration>(kBackoffStep * static_cast<std::int64_t>(failures_), kBackoffMax);
  Instant until = after(spaced, backoff + jitter);
  has_way_changed_ = false;
  while (!is_closed_ && env_.clock.now() < until) {
    if (waiting_.wait(env_.tasks, "a copy's next attempt", until) == Wake::timed_out) return;
    if (std::exchange(has_way_changed_, false) && bus_.has_interest(request_subject({}))) {
      failures_ = 0;
      until = std::min(until, after(spaced, jitter));
    }
  }
}

void OriginConsumer::fail(ApiError failure) {
  env_.log.warn(names_.failed,
                {{"stream", reader_.stream}, {"origin", origin_.name}, {"err_code", failure.err_code}, {"error", failure.description}});
  error_ = std::move(failure);
  has_store_error_ = false;
}

// What nobody answers, or what cannot be stored, is an error as any other: whoever looks at the status must see that nothing
// comes. The releases show what the origin says, and nothing else (nats-7530).
void OriginConsumer::unanswered(const std::string& subject) {
  if (is_closed_ || env_.defects.is_on(Defect::nats_7530)) return;
  ApiError failure;
  failure.err_code = names_.err_code;
  failure.description = "no answer to " + subject;
  fail(std::move(failure));
}

void OriginConsumer::show_error(ApiError failure) {
  if (env_.defects.is_on(Defect::nats_7530)) return;
  fail(std::move(failure));
  has_store_error_ = true;
}

void OriginConsumer::clear_store_error() {
  if (std::exchange(has_store_error_, false)) error_.reset();
}

void OriginConsumer::tear_down() {
  if (deliveries_ != SubscriptionId::none) bus_.unsubscribe(std::exchange(deliveries_, SubscriptionId::none));
  consumer_.clear();
  suspect_at_ = kForever;
}

// Hands on until something is wrong. Suspends.
void OriginConsumer::copy() {
  while (!is_closed_) {
    const Instant silent_until = after(*last_heard_, kStalled);
    std::optional<Arrival> next = inbox_.pop("a copy's origin", std::min(silent_until, suspect_at_));
    if (is_closed_) return;
    const Instant now = env_.clock.now();
    if (is_replaced_) return;
    if (!next || next->is_nudge) {
      if (now >= std::min(suspect_at_, silent_until)) {
        env_.log.warn(names_.stalled, {{"stream", reader_.stream}, {"origin", origin_.name}});
        return;
      }
      continue;
    }
    last_heard_ = now;
    suspect_at_ = kForever;
    if (!process(*next)) return;
  }
}

// False: this consumer is of no more use.
bool OriginConsumer::process(Arrival& arrival) {
  const std::optional<AckInfo> info = parse_ack_subject(arrival.reply);
  // By its reply: the origin may hold a message with such a status line.
  if (!info) {
    const auto status = header_status(arrival.headers);
    return status && status->code == 100 && arrival.payload.empty() ? process_control(arrival) : true;
  }
  if (info->consumer != consumer_) return true;
  if (info->stream_seq > kSeqMax || info->stream_seq.value == 0) {
    fail(api_errors::general("the origin sent an impossible sequence: " + std::to_string(info->stream_seq.value)));
    return false;
  }
  // A second copy. A durable consumer sends none: its origin came back with an older state of it, and what it counts again is
  // other messages, which nobody but a new consumer gets.
  const bool is_again = info->deliveries > 1 || info->consumer_seq <= consumer_seq_;
  if (is_again && !is_acknowledged_) return true;
  if (is_again || info->consumer_seq != consumer_seq_ + 1) {
    env_.log.warn(names_.gap,
                  {{"stream", reader_.stream}, {"origin", origin_.name}, {"expected", consumer_seq_ + 1}, {"got", info->consumer_seq}});
    return false;
  }
  consumer_seq_ = info->consumer_seq;
  lag_ = info->pending == 0 ? 0 : info->pending - 1;
  OriginMessage message{.subject = std::move(arrival.subject),
                        .headers = std::move(arrival.headers),
                        .payload = std::move(arrival.payload),
                        .seq = info->stream_seq,
                        .time = info->time,
                        .pending = info->pending};
  const OriginTaken taken = owner_.receive(message);
  if (taken == OriginTaken::failed) return false;
  if (is_acknowledged_ && taken == OriginTaken::kept) publish(arrival.reply, "+ACK");
  return !is_closed_;
}

bool OriginConsumer::process_control(const Arrival& arrival) {
  if (!arrival.reply.empty()) {  // flow control
    publish(arrival.reply);
    return true;
  }
  if (const auto last = header_value(arrival.headers, "Nats-Last-Consumer")) {
    const std::optional<std::uint64_t> delivered = number(*last);
    if (delivered && *delivered > 0 && *delivered != consumer_seq_) {
      env_.log.warn(names_.missed,
                    {{"stream", reader_.stream}, {"origin", origin_.name}, {"delivered", *delivered}, {"received", consumer_seq_}});
      return false;
    }
  }
  if (const auto stalled = header_value(arrival.headers, "Nats-Consumer-Stalled"); stalled && !stalled->empty()) publish(*stalled);
  return true;
}

void OriginConsumer::publish(std::string_view to, std::string_view payload) {
  bus_.publish(MessageView{.subject = to, .reply = {}, .headers = {}, .payload = payload});
}

void OriginConsumer::write_info(JsonWriter& json) const {
  json.begin_object().field("name", origin_.name);
  if (origin_.external) {
    json.key("external").begin_object().field("api", origin_.external->api).field("deliver", origin_.external->deliver).end_object();
  }
  json.field("lag", lag_).field("active", last_heard_ ? (env_.clock.now() - *last_heard_).count() : std::int64_t{-1});
  if (error_) {
    json.key("error");
    write_error(json, *error_);
  }
  // nats-server's mirror knows it when it has asked the origin.
  if (!origin_.filter_subject.empty() && (attempts_ > 0 || reader_.kind == Kind::source))
    json.field("filter_subject", origin_.filter_subject);
  write_transforms(json, origin_.subject_transforms);
  json.end_object();
}

}  // namespace windtunnel::core
