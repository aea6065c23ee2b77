// How a consumer takes acknowledgements (reference: streams C.3, jetstream-api 8.2 and 8.3).

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/advisories.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/go_duration.h"
#include "core/jetstream/json_fields.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kPercent = 100;
constexpr Duration kRemovalTurnMax = 500us;  // of nats-5702b

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

void Consumer::ack_loop() {
  while (const std::optional<Ack> ack = acks_.pop("acknowledgements")) process_ack(*ack);
}

// From the bus. Of the numbers in the subject only the stream's sequence must be one: any other is taken for one that
// nothing has.
void Consumer::on_ack(const MessageView& message) {
  const auto number = [](std::string_view token) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (failed != std::errc{} || end != token.data() + token.size()) return std::nullopt;
    return value;
  };
  // "$JS.ACK.<stream>.<consumer>." and five more tokens, as it was subscribed to.
  std::array<std::string_view, 9> tokens;
  Tokens walk{message.subject};
  for (std::string_view& token : tokens) {
    if (!walk.next(token)) return;
  }
  const std::optional<std::uint64_t> seq = number(tokens[5]);
  if (!seq) return;
  acks_.try_push(Ack{Seq{*seq}, number(tokens[6]).value_or(UINT64_MAX), number(tokens[4]).value_or(UINT64_MAX), std::string(message.reply),
                     std::string(message.payload)});
}

void Consumer::process_ack(const Ack& ack) {
  if (is_closed_) return;
  if (ack.is_internal) {
    static_cast<void>(let_go(ack.seq));
    return;
  }
  const std::string_view what = ack.payload;
  if (what.empty() || what == "+ACK" || what == "+OK" || what.starts_with("+TERM") || what.starts_with("+NXT")) {
    // The message leaves the stream before the acknowledgement is answered: a client that has the answer must find the
    // limits freed (streams B.4). Where it cannot leave, in a stream that just closes, there is no answer; nor where it was
    // not delivered yet. The next one is asked for in any case. May suspend.
    const bool is_done = ack.seq < next_seq_ && (config_.ack_policy == AckPolicy::all ? acknowledge_through(ack) : acknowledge(ack));
    if (what.starts_with("+NXT")) {
      if (is_closed_) return;
      return on_pull_request(MessageView{.subject = {}, .reply = ack.reply, .headers = {}, .payload = trimmed(what.substr(4))});
    }
    if (!is_done) return;
    if (what.starts_with("+TERM"))
      host_.advisories().terminated({host_.stream_name(), name_, ack.consumer_seq, ack.seq, ack.deliveries}, trimmed(what.substr(5)));
    if (is_answered_early(ack)) return;
  } else if (what.starts_with("-NAK")) {
    negative_ack(ack);
  } else if (what == "+WPI") {
    progress(ack.seq);
  }
  answer(ack);
}

void Consumer::answer(const Ack& ack) {
  if (!ack.reply.empty()) bus_.publish(MessageView{.subject = ack.reply, .reply = {}, .headers = {}, .payload = {}});
}

// The historic order of effects: the client may be back before the message is gone.
bool Consumer::is_answered_early(const Ack& ack) const {
  return env_.defects.is_on(Defect::nats_5702b) && config_.ack_policy == AckPolicy::explicit_ && !ack.payload.starts_with("+NXT") &&
         host_.stream_config().retention != Retention::limits;
}

// Explicit: the one sequence. One that ran out of deliveries is still known here, and may still be acknowledged. Of any
// other the stream hears nothing: whoever makes up an ack subject must not remove what was never delivered. May suspend.
bool Consumer::acknowledge(const Ack& ack) {
  last_acked_ = env_.clock.wall_now();
  const PendingDeliveries::Entry* entry = pending_.find(ack.seq);
  const bool was_pending = entry != nullptr;
  const bool was_known = was_pending || redelivered_.contains(ack.seq);
  const auto exhausted = filed_.exhausted().find(ack.seq);
  const bool was_exhausted = exhausted != filed_.exhausted().end();
  const std::uint64_t filed_seq = was_pending ? entry->consumer_seq : was_exhausted ? exhausted->second.entry.consumer_seq : 0;
  if (was_pending && !ack.payload.starts_with("+TERM")) sample(ack, entry->delivered_at);
  forget(ack.seq);
  if (was_pending) floor_after(ack.seq, filed_seq);
  if (filed_seq > 0) filed_.settled(ack.seq, filed_seq, pending_, delivered());
  // With the defect the file hears of what it has as pending, and of nothing else: one that ran out of deliveries is among that with
  // max_deliver 1 (recorded in tests/fixtures/consumer_state).
  const bool is_filed = was_pending || was_exhausted;
  if (store_ && (is_filed || (was_known && !env_.defects.is_on(Defect::nats_8168)))) store_->changed();
  if (is_answered_early(ack)) {
    answer(ack);
    // The release's removal is another goroutine's, which runs when it is its turn.
    env_.tasks.sleep_until(after(env_.clock.now(), random_.between(Duration{0}, kRemovalTurnMax)));
    if (is_closed_) return false;
  }
  if (!was_known && !unremoved_.contains(ack.seq)) return true;
  env_.log.trace("consumer.acked", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", ack.seq.value}});
  wake();
  return let_go(ack.seq);
}

// Whether the stream has what was acknowledged no more, or keeps it for others. If it cannot remove it now, that is tried again, and
// whoever asks meanwhile is not told that it is done. May suspend.
bool Consumer::let_go(Seq seq) {
  const bool has_left = host_.acknowledged(*this, seq);
  if (has_left) {
    unremoved_.erase(seq);
  } else if (!is_closed_) {
    unremoved_.insert(seq);
    if (!env_.defects.is_on(Defect::break_disk_errors)) retry_soon();
    wake();
  }
  return has_left;
}

// It is neither pending nor to be delivered again.
void Consumer::forget(Seq seq) {
  pending_.remove(seq);
  redeliver_.remove(seq);
  redelivered_.erase(seq);
  untaken_.erase(seq);
  filed_.forget(seq);
}

std::uint64_t Consumer::deliveries_of(Seq seq) const {
  const auto it = redelivered_.find(seq);
  return it == redelivered_.end() ? 1 : it->second + 1;
}

// `seq` is no longer pending: moves the floor all the way if nothing is, else up to just below the lowest pending
// one if the gap closed.
void Consumer::floor_after(Seq seq, std::uint64_t consumer_seq) {
  if (env_.defects.is_on(Defect::break_ack_floor)) return;
  if (pending_.is_empty()) {
    ack_floor_ = delivered();
  } else if (consumer_seq == ack_floor_.consumer + 1) {
    const Seq next = pending_.after(seq);
    ack_floor_ = next.value == 0 ? SequencePair{consumer_seq, seq} : SequencePair{pending_.find(next)->consumer_seq - 1, next.prev()};
  }
}

// All: this one and everything below it. At or below the floor there is nothing to do but what was left. May suspend.
bool Consumer::acknowledge_through(const Ack& ack) {
  if (ack.consumer_seq <= ack_floor_.consumer || ack.seq <= ack_floor_.stream) return unremoved_.empty() || *unremoved_.begin() > ack.seq;
  last_acked_ = env_.clock.wall_now();
  const bool is_filed = is_filed_pending(ack.seq);
  std::set<Seq> acked;
  for (const auto& [seq, entry] : pending_.all()) {
    if (seq > ack.seq) break;
    acked.insert(seq);
  }
  // What ran out of deliveries goes too, if the stream keeps messages until they are consumed. Elsewhere it is only counted on, unless
  // it is less work for 2.10.27 to walk the numbers than what is pending (tests/fixtures/consumer_state has the other case).
  const bool walks_numbers = ack.seq.value - ack_floor_.stream.value <= pending_.size();
  if (walks_numbers || host_.stream_config().retention != Retention::limits) {
    const auto end = redelivered_.upper_bound(ack.seq);
    for (auto it = redelivered_.upper_bound(ack_floor_.stream); it != end; ++it) acked.insert(it->first);
  }
  for (const Seq seq : acked) forget(seq);
  if (env_.defects.is_on(Defect::nats_8423)) {  // every number, delivered or not
    acked.clear();
    for (Seq seq = std::max(ack_floor_.stream.next(), host_.store().state().first_seq); seq <= ack.seq; seq = seq.next()) acked.insert(seq);
  }
  ack_floor_ = SequencePair{ack.consumer_seq, ack.seq};
  if (is_filed) filed_.settled_through(ack_floor_);
  if (store_) store_->changed();
  env_.log.trace("consumer.acked", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", ack.seq.value}});
  wake();
  bool have_left = true;
  for (const Seq seq : acked) {
    if (is_closed_) return false;
    have_left = let_go(seq) && have_left;
  }
  return have_left;
}

void Consumer::progress(Seq seq) {
  const Instant now = env_.clock.now();
  pending_.set_due(seq, now, after(now, ack_wait_of(seq)));
}

void Consumer::negative_ack(const Ack& ack) {
  if (ack.consumer_seq <= ack_floor_.consumer || ack.consumer_seq > next_delivery_ || !pending_.contains(ack.seq)) return;
  host_.advisories().negative_ack({host_.stream_name(), name_, ack.consumer_seq, ack.seq, ack.deliveries});
  const std::string_view argument = trimmed(std::string_view(ack.payload).substr(4));
  std::optional<Duration> delay;
  if (argument.starts_with("{")) {
    Duration asked{0};
    const std::optional<Json> json = parse_json(argument);
    if (json && json->is_object() && read(*json, "delay", asked)) delay = asked;
  } else if (!argument.empty()) {
    delay = parse_go_duration(argument);
  }
  if (delay) {
    // As if it had been delivered so long ago that it is due when the delay is over.
    const Instant now = env_.clock.now();
    const Instant due = after(now, std::max(Duration{0}, *delay));
    redeliver_.remove(ack.seq);
    pending_.set_due(ack.seq, due - ack_wait_of(ack.seq), due);
    if (store_) store_->changed();
  } else {
    redeliver_.push_back(ack.seq);
  }
  wake();
}

// An ack's time on the way, of as many in a hundred as sample_freq says.
void Consumer::sample(const Ack& ack, Instant delivered_at) {
  const std::uint64_t percent = sample_percent(config_);
  if (percent == 0) return;
  if (percent < kPercent && random_.below(kPercent) > percent) return;
  host_.advisories().ack_sample({host_.stream_name(), name_, ack.consumer_seq, ack.seq, ack.deliveries}, env_.clock.now() - delivered_at);
}

// Until the next delivery: by the number of those there were so far.
Duration Consumer::ack_wait_of(Seq seq) const {
  if (config_.backoff.empty()) return config_.ack_wait;
  const auto it = redelivered_.find(seq);
  const std::size_t step = it == redelivered_.end() ? 0 : static_cast<std::size_t>(it->second);
  return config_.backoff[std::min(step, config_.backoff.size() - 1)];
}

}  // namespace windtunnel::core
