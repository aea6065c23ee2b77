#include "core/jetstream/mirror.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/ack_subject.h"
#include "core/jetstream/json_fields.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

// nats-server's (streams H).
constexpr Duration kReplyWait = 30s;
constexpr Duration kRequestSpacing = 2s;
constexpr Duration kBackoffStep = 10s;
constexpr Duration kBackoffMax = 2min;
constexpr Duration kJitterMin = 100ms;
constexpr Duration kJitterMax = 199ms;
constexpr Duration kHeartbeat = 1s;
constexpr Duration kStalled = 10s;
constexpr Duration kOriginInactive = 10s;
constexpr Duration kAckWait = 22h;
// After a link has come up a live origin speaks within a heartbeat; this is two.
constexpr Duration kSuspect = 2s;
constexpr std::size_t kInboxMax = 1u << 20;
// With fewer messages to come than this a mirror is as good as its origin for direct gets.
constexpr std::uint64_t kCaughtUp = 10;
// A sabotaged mirror errs on one sequence in so many.
constexpr std::uint64_t kSabotageEvery = 50;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Mirror::Mirror(Stream& stream, StreamSource origin)
    : stream_(stream),
      origin_(std::move(origin)),
      env_(stream.env_),
      bus_(stream.bus_),
      random_(env_.random.child("mirror/" + stream.config().name)),
      inbox_(env_.tasks, kInboxMax),
      scope_(env_.tasks) {
  for (const SubjectTransformConfig& each : origin_.subject_transforms) {
    std::optional<SubjectTransform> rewrite;
    if (!each.destination.empty()) {
      Result<SubjectTransform> made = SubjectTransform::make(each.source, each.destination);
      if (made) rewrite = std::move(*made);
    }
    transforms_.emplace_back(each.source, std::move(rewrite));
  }
}

Mirror::~Mirror() {
  tear_down();
  for (const SubscriptionId id : watches_) bus_.unsubscribe(id);
}

void Mirror::start() {
  if (!env_.defects.is_on(Defect::nats_6981)) {
    watches_.push_back(bus_.watch_interest(request_subject(), [this] { on_interest_changed(); }));
    watches_.push_back(bus_.watch_leafs([this] { on_leaf_connected(); }));
  }
  scope_.spawn("mirror " + stream_.config().name, [this] { run(); });
}

void Mirror::stop() {
  is_closed_ = true;
  inbox_.close();
  waiting_.wake_all(env_.tasks);
  scope_.join();
}

// Interest in the origin's API came or went: with it the way there. Does not suspend.
void Mirror::on_interest_changed() {
  if (!bus_.has_interest(request_subject())) was_way_lost_ = true;  // what was asked is not answered any more
  suspect();
}

// Not necessarily the one to the origin, so a request that is under way goes on. Does not suspend.
void Mirror::on_leaf_connected() { suspect(); }

// A consumer of ours may be gone: if it stays silent, it is. Whoever waits for a retry looks again.
void Mirror::suspect() {
  has_way_changed_ = true;
  if (!consumer_.empty()) {
    suspect_at_ = std::min(suspect_at_, after(env_.clock.now(), kSuspect));
    Copy nudge;
    nudge.is_nudge = true;
    inbox_.try_push(std::move(nudge));
  }
  waiting_.wake_all(env_.tasks);
}

void Mirror::run() {
  const Instant first = after(env_.clock.now(), random_.between(kJitterMin, kJitterMax));
  while (!is_closed_ && env_.clock.now() < first) waiting_.wait(env_.tasks, "a mirror's first attempt", first);
  while (!is_closed_) {
    if (set_up()) {
      failures_ = 0;
      copy();
    } else {
      ++failures_;
    }
    tear_down();
    if (is_closed_ || env_.defects.is_on(Defect::break_mirror_never_resumes)) return;
    wait_before_retry();
  }
}

void Mirror::wait_before_retry() {
  const Duration jitter = random_.between(kJitterMin, kJitterMax);
  Instant spaced = env_.clock.now();
  if (last_request_) spaced = std::max(spaced, after(*last_request_, kRequestSpacing));
  const Duration backoff = std::min<Duration>(kBackoffStep * static_cast<std::int64_t>(failures_), kBackoffMax);
  Instant until = after(spaced, backoff + jitter);
  has_way_changed_ = false;
  while (!is_closed_ && env_.clock.now() < until) {
    if (waiting_.wait(env_.tasks, "a mirror's next attempt", until) == Wake::timed_out) return;
    if (std::exchange(has_way_changed_, false) && bus_.has_interest(request_subject())) {
      failures_ = 0;
      until = std::min(until, after(spaced, jitter));
    }
  }
}

// Without a filter this is what is asked; with one it still shows whether the origin's API can be reached.
std::string Mirror::request_subject() const {
  return (origin_.external ? origin_.external->api : "$JS.API") + ".CONSUMER.CREATE." + origin_.name;
}

std::string Mirror::request_body(const std::string& deliver) const {
  const StreamState state = stream_.store().state();
  JsonWriter json;
  json.begin_object().field("stream_name", origin_.name).key("config").begin_object();
  if (state.messages == 0 && state.last_seq.value == 0) {
    if (origin_.opt_start_seq.value > 0) {
      json.field("deliver_policy", "by_start_sequence").field("opt_start_seq", origin_.opt_start_seq.value);
    } else if (!origin_.opt_start_time.empty()) {
      json.field("deliver_policy", "by_start_time").field("opt_start_time", origin_.opt_start_time);
    } else {
      json.field("deliver_policy", "all");
    }
  } else {
    json.field("deliver_policy", "by_start_sequence").field("opt_start_seq", state.last_seq.next().value);
  }
  json.field("ack_policy", "none").field("ack_wait", Duration{kAckWait}.count()).field("max_deliver", 1);
  if (!origin_.filter_subject.empty()) json.field("filter_subject", origin_.filter_subject);
  if (!origin_.subject_transforms.empty()) {
    json.key("filter_subjects").begin_array();
    for (const SubjectTransformConfig& each : origin_.subject_transforms) json.text(each.source);
    json.end_array();
  }
  json.field("replay_policy", "instant")
      .field("idle_heartbeat", Duration{kHeartbeat}.count())
      .field("flow_control", true)
      .field("deliver_subject", deliver)
      .field("inactive_threshold", Duration{kOriginInactive}.count())
      .field("num_replicas", 0)
      .field("direct", true)
      .end_object()
      .field("action", "")
      .end_object();
  return json.take();
}

// Asks, and waits for the answer. False at the time-out, when nobody takes the request, or when the way to the origin
// changed meanwhile (the answer is then most likely lost). Suspends.
bool Mirror::await_reply(const std::string& subject, const std::string& body, const std::string& reply_to, std::string& reply) {
  bool has_reply = false;
  // The handler refers to this frame, so it goes with it, also when a kill unwinds the task.
  struct Inbox {
    Bus& bus;
    SubscriptionId id;
    ~Inbox() { bus.unsubscribe(id); }
  };
  const Inbox inbox{bus_, bus_.subscribe(reply_to, "", [&, this](const MessageView& message, bool) {
                      if (has_reply) return;
                      has_reply = true;
                      reply = message.payload;
                      waiting_.wake_all(env_.tasks);
                    })};
  last_request_ = env_.clock.now();
  ++attempts_;
  env_.log.debug("mirror.request",
                 {{"stream", stream_.config().name}, {"attempt", attempts_}, {"from", stream_.store().state().last_seq.next().value}});
  was_way_lost_ = false;
  const Instant deadline = after(env_.clock.now(), kReplyWait);
  bool is_lost = !bus_.publish(MessageView{.subject = subject, .reply = reply_to, .headers = {}, .payload = body});
  if (env_.defects.is_on(Defect::nats_6981)) is_lost = false;  // the release waits for the answer that cannot come
  while (!has_reply && !is_lost && !is_closed_) {
    if (waiting_.wait(env_.tasks, "a mirror's consumer", deadline) == Wake::timed_out) break;
    is_lost = was_way_lost_;
  }
  return has_reply && !is_closed_;
}

void Mirror::fail(ApiError failure) {
  env_.log.warn("mirror.failed", {{"stream", stream_.config().name}, {"err_code", failure.err_code}, {"error", failure.description}});
  error_ = std::move(failure);
}

bool Mirror::set_up() {
  std::array<char, 32> buffer;
  const std::string token{random_.token(8, buffer)};
  const std::string reply_token{random_.token(8, buffer)};
  const bool has_prefix = origin_.external && !origin_.external->deliver.empty();
  const std::string deliver = (has_prefix ? origin_.external->deliver + ".M." : "$JS.M.") + token;
  std::string answer;
  std::string subject = request_subject();
  if (!origin_.filter_subject.empty()) subject += ".mirror-" + token + "." + origin_.filter_subject;
  if (!await_reply(subject, request_body(deliver), "$JSC.R." + reply_token, answer)) return false;

  const std::optional<Json> json = parse_json(answer);
  if (!json || !json->is_object()) {
    fail(api_errors::general("the origin's answer is no JSON"));
    return false;
  }
  if (const Json* refused = member(*json, "error"); refused != nullptr) {
    ApiError failure;
    std::int64_t code = 0;
    std::int64_t err_code = 0;
    if (read(*refused, "code", code) && read(*refused, "err_code", err_code) && read(*refused, "description", failure.description)) {
      failure.code = static_cast<int>(code);
      failure.err_code = static_cast<int>(err_code);
    }
    fail(std::move(failure));
    return false;
  }
  std::string name;
  Seq position;
  const Json* delivered = member(*json, "delivered");
  if (!read(*json, "name", name) || name.empty() || delivered == nullptr || !read(*delivered, "stream_seq", position)) {
    fail(api_errors::general("the origin's answer names no consumer"));
    return false;
  }
  if (!take_up(position)) return false;
  if (!has_store_error_) error_.reset();
  consumer_ = name;
  consumer_seq_ = 0;
  last_heard_ = env_.clock.now();
  suspect_at_ = kForever;
  inbox_.clear();
  deliveries_ = bus_.subscribe(deliver, "", [this](const MessageView& message, bool) {
    const std::string_view shown = message.shown_subject.empty() ? message.subject : message.shown_subject;
    inbox_.try_push(
        Copy{std::string(shown), std::string(message.reply), std::string(message.headers), std::string(message.payload), false});
  });
  env_.log.info("mirror.connected", {{"stream", stream_.config().name}, {"from", position.next().value}});
  return true;
}

// Brings our position to where the origin's consumer begins. Suspends.
bool Mirror::take_up(Seq position) {
  StreamStore& store = stream_.store();
  const StreamState state = store.state();
  if (position == state.last_seq) return true;
  if (position < state.last_seq) {
    // The origin has fewer messages than we do: it was made anew, or lost what it had not synced. We keep what we have;
    // following it would give one sequence to two messages (streams D.7).
    fail(api_errors::general("origin's last sequence " + std::to_string(position.value) + " is lower than the mirror's " +
                             std::to_string(state.last_seq.value)));
    return false;
  }
  if (state.messages == 0) {
    const Result<std::uint64_t> moved = store.compact(position.next());
    if (!moved) fail(api_errors::store_failed(moved.error().detail));
    return moved.has_value();
  }
  const Status skipped = store.skip_through(position, env_.clock.wall_now());
  if (!skipped) fail(api_errors::store_failed(skipped.error().detail));
  return skipped.has_value();
}

void Mirror::tear_down() {
  if (deliveries_ != SubscriptionId::none) bus_.unsubscribe(std::exchange(deliveries_, SubscriptionId::none));
  consumer_.clear();
  suspect_at_ = kForever;
}

// Copies until something is wrong. Suspends.
void Mirror::copy() {
  while (!is_closed_) {
    const Instant silent_until = after(*last_heard_, kStalled);
    const std::optional<Copy> next = inbox_.pop("a mirror's origin", std::min(silent_until, suspect_at_));
    if (is_closed_) return;
    const Instant now = env_.clock.now();
    if (!next || next->is_nudge) {
      if (now >= std::min(suspect_at_, silent_until)) {
        env_.log.warn("mirror.stalled", {{"stream", stream_.config().name}, {"last_seq", stream_.store().state().last_seq.value}});
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
bool Mirror::process(const Copy& copy) {
  const std::optional<AckInfo> info = parse_ack_subject(copy.reply);
  // By its reply: the origin may hold a message with such a status line.
  if (!info) {
    const auto status = header_status(copy.headers);
    return status && status->code == 100 && copy.payload.empty() ? process_control(copy) : true;
  }
  if (info->consumer != consumer_ || info->deliveries > 1) return true;  // not of this consumer, or a second copy
  const Seq last = stream_.store().state().last_seq;
  if (info->stream_seq <= last) return true;
  if (info->stream_seq > last.next()) {
    if (info->consumer_seq != consumer_seq_ + 1) {
      env_.log.warn("mirror.gap", {{"stream", stream_.config().name}, {"expected", last.next().value}, {"got", info->stream_seq.value}});
      return false;
    }
    // Consecutive deliveries with a hole between: the origin no longer has those messages.
    if (const Status skipped = stream_.store().skip_through(info->stream_seq.prev(), info->time); !skipped) {
      fail(api_errors::store_failed(skipped.error().detail));
      return false;
    }
    if (is_closed_) return false;
  }
  consumer_seq_ = info->consumer_seq;
  lag_ = info->pending == 0 ? 0 : info->pending - 1;
  if (info->pending < kCaughtUp) stream_.caught_up();
  return store(copy, info->stream_seq, info->time);
}

bool Mirror::process_control(const Copy& copy) {
  const auto answer = [this](std::string_view to) { bus_.publish(MessageView{.subject = to, .reply = {}, .headers = {}, .payload = {}}); };
  if (!copy.reply.empty()) {  // flow control
    answer(copy.reply);
    return true;
  }
  if (const auto last = header_value(copy.headers, "Nats-Last-Consumer")) {
    const std::optional<std::uint64_t> delivered = number(*last);
    if (delivered && *delivered > 0 && *delivered != consumer_seq_) {
      env_.log.warn("mirror.missed", {{"stream", stream_.config().name}, {"delivered", *delivered}, {"received", consumer_seq_}});
      return false;
    }
  }
  if (const auto stalled = header_value(copy.headers, "Nats-Consumer-Stalled"); stalled && !stalled->empty()) answer(*stalled);
  return true;
}

// Verbatim, under the origin's sequence and time. What the origin accepted is not checked again. Suspends.
bool Mirror::store(const Copy& copy, Seq seq, WallTime time) {
  StreamStore& store = stream_.store();
  std::string subject = copy.subject;
  transform(subject);
  const NewMessage message{subject, copy.headers, copy.payload};
  if (const Status ready = store.ready(); !ready) {
    has_store_error_ = true;
    fail(api_errors::store_failed(ready.error().detail));
    return false;
  }
  const Seq previous = stream_.previous_of(subject);
  const bool is_sabotaged = env_.defects.is_on(Defect::break_mirror_skips) || env_.defects.is_on(Defect::break_mirror_duplicates);
  if (env_.defects.is_on(Defect::break_mirror_skips) && seq.value % kSabotageEvery == 0) return true;
  const Result<Seq> stored = is_sabotaged ? store.append(message, time) : store.append_at(seq, message, time);
  if (!stored) {
    has_store_error_ = true;
    fail(api_errors::store_failed(stored.error().detail));
    return false;
  }
  if (std::exchange(has_store_error_, false)) error_.reset();
  stream_.stored(*stored, message, time);
  stream_.republish(message, *stored, time, previous);
  if (env_.defects.is_on(Defect::break_mirror_duplicates) && seq.value % kSabotageEvery == 0) {
    if (const Result<Seq> twice = store.append(message, time)) stream_.stored(*twice, message, time);
  }
  roll_up(copy, subject);
  return !is_closed_;
}

// The mirror's own copies, if it may. Suspends.
// The first transform whose source matches counts.
void Mirror::transform(std::string& subject) const {
  for (const auto& [source, rewrite] : transforms_) {
    if (!matches(subject, source)) continue;
    if (std::optional<std::string> becomes = rewrite ? rewrite->apply(subject) : std::nullopt) subject = std::move(*becomes);
    return;
  }
}

void Mirror::roll_up(const Copy& copy, const std::string& subject) {
  const StreamConfig& config = stream_.config();
  const auto rollup = header_value(copy.headers, "Nats-Rollup");
  if (!rollup || !config.allow_rollup_hdrs || config.deny_purge) return;
  std::string word{*rollup};
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (word != "sub" && word != "all") return;
  std::uint64_t purged = 0;
  stream_.purge(PurgeRequest{.filter = word == "all" ? std::string{} : subject, .below = Seq{}, .keep = 1}, purged);
}

void Mirror::write_info(JsonWriter& json) const {
  json.begin_object().field("name", origin_.name);
  if (origin_.external) {
    json.key("external").begin_object().field("api", origin_.external->api).field("deliver", origin_.external->deliver).end_object();
  }
  json.field("lag", lag_).field("active", last_heard_ ? (env_.clock.now() - *last_heard_).count() : std::int64_t{-1});
  // nats-server knows it when it has asked the origin.
  if (!origin_.filter_subject.empty() && attempts_ > 0) json.field("filter_subject", origin_.filter_subject);
  write_transforms(json, origin_.subject_transforms);
  if (error_) {
    json.key("error");
    write_error(json, *error_);
  }
  json.end_object();
}

}  // namespace windtunnel::core
