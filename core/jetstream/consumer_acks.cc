// How a consumer takes acknowledgements (reference: streams C.3, jetstream-api 8.2 and 8.3).

#include <algorithm>
#include <charconv>

#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/go_duration.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/subject.h"

namespace windtunnel::core {

void Consumer::ack_loop() {
  while (const std::optional<Ack> ack = acks_.pop("acknowledgements")) process_ack(*ack);
}

void Consumer::process_ack(const Ack& ack) {
  if (is_closed_ || ack.seq >= next_seq_) return;  // not delivered yet: no answer either
  const std::string_view what = ack.payload;
  bool is_answered = true;
  if (what.empty() || what == "+ACK" || what == "+OK" || what.starts_with("+TERM") || what.starts_with("+NXT")) {
    if (config_.ack_policy == AckPolicy::all && !what.starts_with("+TERM")) {
      acknowledge_through(ack.seq);
    } else if (acknowledge(ack.seq)) {
      env_.log.trace("consumer.acked", {{"stream", host_.stream_name()}, {"consumer", name_}, {"seq", ack.seq.value}});
    }
    // The message leaves the stream before the acknowledgement is answered: a client that has the answer must find the
    // limits freed (streams B.4). May suspend.
    host_.acknowledged(*this, ack.seq);
    if (what.starts_with("+NXT")) {
      is_answered = false;
      std::string_view body = what.substr(4);
      while (!body.empty() && body.front() == ' ') body.remove_prefix(1);
      if (!is_closed_ && config_.is_pull()) on_pull_request(MessageView{.subject = {}, .reply = ack.reply, .headers = {}, .payload = body});
    }
  } else if (what.starts_with("-NAK")) {
    negative_ack(ack.seq, what.substr(4));
  } else if (what == "+WPI") {
    if (const auto it = pending_.find(ack.seq); it != pending_.end()) it->second.delivered_at = env_.clock.now();
  }
  if (is_answered && !ack.reply.empty()) bus_.publish(MessageView{.subject = ack.reply, .reply = {}, .headers = {}, .payload = {}});
}

// The one sequence. False if it was not pending; its redelivery record goes all the same.
bool Consumer::acknowledge(Seq seq) {
  const bool was_redelivered = redelivered_.erase(seq) > 0;
  const auto it = pending_.find(seq);
  if (it == pending_.end()) {
    if (was_redelivered && store_) store_->changed();
    return false;
  }
  floor_after(seq, it->second.consumer_seq);
  if (store_) store_->changed();
  wake();
  return true;
}

// Takes `seq` out of pending and moves the floor: all the way if nothing is pending, else up to just below the lowest
// pending one if the gap closed.
void Consumer::floor_after(Seq seq, std::uint64_t consumer_seq) {
  pending_.erase(seq);
  if (pending_.empty()) {
    ack_floor_ = SequencePair{next_delivery_ - 1, next_seq_.prev()};
  } else if (consumer_seq == ack_floor_.consumer + 1) {
    const auto next = pending_.upper_bound(seq);
    ack_floor_ = next == pending_.end() ? SequencePair{consumer_seq, seq} : SequencePair{next->second.consumer_seq - 1, next->first.prev()};
  }
}

void Consumer::acknowledge_through(Seq seq) {
  if (seq <= ack_floor_.stream) return;
  std::vector<Seq> acked;
  for (auto it = pending_.begin(); it != pending_.end() && it->first <= seq; ++it) acked.push_back(it->first);
  for (const Seq each : acked) {
    acknowledge(each);
    if (each != seq) host_.acknowledged(*this, each);  // suspends; the caller does the last one
    if (is_closed_) return;
  }
}

void Consumer::negative_ack(Seq seq, std::string_view payload) {
  const auto it = pending_.find(seq);
  if (it == pending_.end()) return;
  while (!payload.empty() && payload.front() == ' ') payload.remove_prefix(1);
  Duration delay{0};
  if (!payload.empty() && payload.front() == '{') {
    if (const std::optional<Json> json = parse_json(payload); !json || !read(*json, "delay", delay)) delay = Duration{0};
  } else if (!payload.empty()) {
    delay = parse_go_duration(payload).value_or(Duration{0});
  }
  if (delay > Duration{0}) {
    it->second.delivered_at = env_.clock.now() - ack_wait_of(seq) + delay;
    redeliver_.erase(std::remove(redeliver_.begin(), redeliver_.end(), seq), redeliver_.end());
    acks_due_ = std::min(acks_due_, after(env_.clock.now(), delay));
  } else if (std::find(redeliver_.begin(), redeliver_.end(), seq) == redeliver_.end()) {
    redeliver_.push_back(seq);
  }
  wake();
}

Duration Consumer::ack_wait_of(Seq seq) const {
  if (config_.backoff.empty()) return config_.ack_wait;
  const auto it = redelivered_.find(seq);
  const std::size_t step = it == redelivered_.end() ? 0 : static_cast<std::size_t>(it->second);
  return config_.backoff[std::min(step, config_.backoff.size() - 1)];
}

}  // namespace windtunnel::core
