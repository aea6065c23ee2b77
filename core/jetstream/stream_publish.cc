// The publish path of a stream: the checks in nats-server's order, the store, the acknowledgement (reference: streams
// A.2, jetstream-api 7).

#include <algorithm>
#include <charconv>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/rollup.h"
#include "core/jetstream/source_set.h"
#include "core/jetstream/store_usage.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kHeadersMax = 65'535;
constexpr std::uint64_t kSabotageEvery = 20;
constexpr Duration kUnreadIdsPatience = std::chrono::minutes{1};

// The value of an expected-sequence header; what is no number counts as a huge one and fails.
std::uint64_t expected_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() ? value : UINT64_MAX;
}

}  // namespace

void Stream::ingest_loop() {
  while (std::optional<Message> message = inbox_.pop("published messages")) {
    rewrites_.transform(message->subject);
    if (!message->headers.empty()) remove_header(message->headers, "Nats-Request-Info");
    const MutexLock lock{storing_};
    ingest(*message);
  }
}

// Rebuilds the table of message ids after a restart, when the first publish carries one. Suspends. Errors: of the disk; another time
// it may do, and until then nobody knows whether an id is new. A place that stays unreadable is passed over in the end.
Status Stream::load_dedupe() {
  if (is_dedupe_loaded_) return {};
  const Instant now = env_.clock.now();
  const bool is_patient =
      (!unread_ids_since_ || now - *unread_ids_since_ < kUnreadIdsPatience) && !env_.defects.is_on(Defect::break_disk_errors);
  const WallTime since = env_.clock.wall_now() - dedupe_.window();
  const Seq from = store_->seq_at_time(since);
  // Of the last message the id counts even if it is out of the window: for Nats-Expected-Last-Msg-Id. If that message is gone
  // no id is known, as at nats-server: one that an older message has is not the last.
  const Seq last = store_->last_seq();
  std::vector<StoredMessage> found;  // without what else is in them
  for (Seq seq = store_->next_matching({}, std::min(from, last)); seq.value != 0; seq = store_->next_matching({}, seq.next())) {
    const Result<StoredMessage> message = store_->load(seq);
    if (!message && is_device_error(message.error()) && is_patient) {
      if (!unread_ids_since_) unread_ids_since_ = now;
      return message.error();
    }
    if (!message) {
      env_.log.warn("stream.id_unreadable", {{"stream", config_.name}, {"seq", seq.value}, {"error", message.error().text()}});
      continue;
    }
    const std::string id{header_value(message->headers, "Nats-Msg-Id").value_or("")};
    if (!id.empty() || seq == last) found.push_back({.seq = seq, .time = message->time, .subject = {}, .headers = id, .payload = {}});
  }
  for (const StoredMessage& each : found) dedupe_.record(each.headers, each.seq, each.time);
  if (!found.empty() && found.back().seq == last) last_msg_id_ = found.back().headers;
  is_dedupe_loaded_ = true;
  return {};
}

ApiStatus Stream::check_expectations(const Message& message, bool& is_duplicate, Seq& duplicate_of) {
  if (message.headers.empty()) return std::nullopt;
  if (const auto stream = header_value(message.headers, "Nats-Expected-Stream"); stream && *stream != config_.name) {
    return api_errors::wrong_stream();
  }
  if (const auto id = header_value(message.headers, "Nats-Msg-Id"); id && !id->empty()) {
    if (const Status loaded = load_dedupe(); !loaded) return api_errors::store_failed(loaded.error().detail);
    if (const std::optional<Seq> seq = dedupe_.find(*id, env_.clock.wall_now()); seq && !env_.defects.is_on(Defect::break_dedupe)) {
      is_duplicate = true;
      duplicate_of = *seq;
      return std::nullopt;
    }
  }
  if (const auto expected = header_value(message.headers, "Nats-Expected-Last-Subject-Sequence")) {
    const std::uint64_t last = store_->last_seq_of(message.subject).value;
    if (expected_number(*expected) != last && !env_.defects.is_on(Defect::break_cas)) return api_errors::wrong_last_seq(last);
  }
  if (const auto expected = header_value(message.headers, "Nats-Expected-Last-Sequence")) {
    const std::uint64_t last = store_->last_seq().value;
    if (expected_number(*expected) != last) return api_errors::wrong_last_seq(last);
  }
  if (const auto expected = header_value(message.headers, "Nats-Expected-Last-Msg-Id")) {
    if (const Status loaded = load_dedupe(); !loaded) return api_errors::store_failed(loaded.error().detail);
    if (*expected != last_msg_id_) return api_errors::wrong_last_id(last_msg_id_);
  }
  return std::nullopt;
}

// One published message. Suspends while it is stored.
void Stream::ingest(const Message& message) {
  if (const Status ready = store_->ready(); !ready) return answer(message, api_errors::store_failed(ready.error().detail));
  if (config_.sealed) return answer(message, api_errors::sealed());
  bool is_duplicate = false;
  Seq duplicate_of;
  if (const ApiStatus refused = check_expectations(message, is_duplicate, duplicate_of)) return answer(message, *refused);
  if (is_duplicate) return answer(message, duplicate_of, true);
  const Rollup rollup = rollup_of(message.headers);
  if (rollup != Rollup::none && (!config_.allow_rollup_hdrs || config_.deny_purge)) {
    return answer(message, api_errors::rollup("rollup not permitted"));
  }
  if (rollup == Rollup::unknown) return;  // refused without an answer: the publisher times out, as at nats-server
  if (config_.max_msg_size >= 0 && message.headers.size() + message.payload.size() > static_cast<std::size_t>(config_.max_msg_size)) {
    return answer(message, api_errors::message_too_large());
  }
  if (message.headers.size() > kHeadersMax) return answer(message, api_errors::headers_too_large());
  if (context_.usage.is_exceeded(config_.storage)) {
    env_.log.warn("stream.no_resources", {{"stream", config_.name}, {"subject", message.subject}});
    return answer(message, api_errors::insufficient_resources());
  }
  if (env_.defects.is_on(Defect::break_ack_before_store)) return answer(message, store_->last_seq().next(), false);

  const NewMessage content{message.subject, message.headers, message.payload};
  const WallTime now = env_.clock.wall_now();
  const Seq previous = previous_of(message.subject);
  bool is_stored = true;
  const Result<Seq> seq = keep(nullptr, content, now, is_stored);
  if (!seq) {
    env_.log.warn("stream.refused", {{"stream", config_.name}, {"subject", message.subject}, {"error", seq.error().text()}});
    return answer(message, api_errors::store_failed(seq.error().detail));
  }
  last_msg_id_ = header_value(message.headers, "Nats-Msg-Id").value_or("");
  const bool forgets_seq = !is_stored && env_.defects.is_on(Defect::nats_5818);
  dedupe_.record(last_msg_id_, forgets_seq ? Seq{0} : *seq, now);
  if (rollup != Rollup::none && is_stored) {
    const PurgeRequest older{.filter = rollup == Rollup::subject ? message.subject : std::string{}, .below = Seq{}, .keep = 1};
    roll_up(older, *seq);
  }
  if (is_stored) republish(content, *seq, now, previous);
  answer(message, *seq, false);
}

// What the message of this sequence makes superfluous. Suspends.
void Stream::roll_up(const PurgeRequest& older, Seq seq) {
  if (sources_) sources_->before_purge();
  ++purges_;
  const Result<std::uint64_t> purged = store_->purge(older);
  --purges_;
  if (!purged) env_.log.error("stream.rollup_failed", {{"stream", config_.name}, {"seq", seq.value}, {"error", purged.error().text()}});
  for (const auto& [name, consumer] : consumers_) consumer->on_purged(older.filter);
}

// Stores it, unless the stream keeps only what somebody is interested in and nobody is: then its sequence is used up all
// the same, and its publisher is told so. Suspends.
Result<Seq> Stream::keep(const Source* bringing, const NewMessage& message, WallTime now, bool& is_stored) {
  if (sources_) sources_->before_append(bringing, message);
  if (!is_wanted(message.subject)) {
    const Seq seq = store_->last_seq().next();
    WT_CHECK(store_->skip_through(seq, now));
    is_stored = false;
    return seq;
  }
  WT_TRY(const Seq seq, store_->append(message, now));
  stored(seq, message, now);
  return seq;
}

bool Stream::is_wanted(std::string_view subject) const {
  if (config_.retention != Retention::interest) return true;
  if (env_.defects.is_on(Defect::break_interest_missed) && store_->last_seq().value % kSabotageEvery == 0) return false;
  return std::any_of(consumers_.begin(), consumers_.end(), [&](const auto& c) { return c.second->matches_filter(subject); });
}

void Stream::answer(const Message& message, Seq seq, bool is_duplicate) {
  if (message.reply.empty() || config_.no_ack) return;
  std::string ack;
  ack.reserve(config_.name.size() + context_.domain.size() + 80);
  ack.append("{\"stream\":\"").append(config_.name).append("\",");
  if (!context_.domain.empty()) ack.append(" \"domain\":\"").append(context_.domain).append("\",");
  ack.append(" \"seq\":").append(std::to_string(seq.value));
  if (is_duplicate) ack += ",\"duplicate\": true";
  ack += "}";
  bus_.publish(MessageView{.subject = message.reply, .reply = {}, .headers = {}, .payload = ack});
}

void Stream::answer(const Message& message, const ApiError& failure) {
  if (message.reply.empty() || config_.no_ack) return;
  JsonWriter json;
  json.begin_object().key("error");
  write_error(json, failure);
  json.field("stream", config_.name).field("seq", 0).end_object();
  bus_.publish(MessageView{.subject = message.reply, .reply = {}, .headers = {}, .payload = json.view()});
}

}  // namespace windtunnel::core
