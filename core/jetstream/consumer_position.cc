// Where a consumer begins, and how it takes up what its store kept (reference: streams B.6, C.2 and C.9).

#include <algorithm>
#include <set>

#include "core/base/defects.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/position_repair.h"
#include "core/jetstream/stream_config.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kClockRounding = 1s;  // of the time in a consumer's file

}  // namespace

// Before it is clamped into the stream. Last with a filter is looked up by select_start, since it must load.
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
    start = last;  // none: from the first message on
  }
  if (config_.deliver_policy == DeliverPolicy::by_start_time && !filters_.empty()) {
    WT_TRY(const std::optional<StoredMessage> first, host_.store().load_next(filters_, start));
    if (first) start = first->seq;  // what does not match is passed over at once
  }
  const StreamState stream = host_.store().state();  // again: loading may have suspended
  if (stream.first_seq.value == 0) {
    start = Seq{1};
  } else if (config_.deliver_policy == DeliverPolicy::last && filters_.empty()) {
    start = stream.last_seq;  // also where that is gone: nats-server shows one less as delivered then
  } else if (start < stream.first_seq) {
    start = stream.first_seq;
  } else if (start > stream.last_seq) {
    start = stream.last_seq.next();
  }
  next_seq_ = start;
  next_delivery_ = 1;
  // Stays 0 until something is acknowledged, wherever the consumer begins (as nats-server's, which the transcripts show).
  ack_floor_ = SequencePair{};
  // Where each subject has one message, the last of each subject is everything.
  if (config_.deliver_policy == DeliverPolicy::last_per_subject && host_.stream_config().max_msgs_per_subject != 1)
    select_last_per_subject();
  if (config_.replay_policy == ReplayPolicy::original) replay_through_ = stream.last_seq;
  return {};
}

// The last message of each subject first, then everything that comes later.
void Consumer::select_last_per_subject() {
  const StreamStore& store = host_.store();
  std::set<Seq> last;
  for (const std::string& filter : filters_) {
    for (const auto& [subject, count] : store.subject_counts(filter)) last.insert(store.last_seq_of(subject));
  }
  resume_after_ = store.last_seq();
  last_of_subjects_.assign(last.begin(), last.end());
  next_seq_ = last.empty() ? std::max(resume_after_, std::max(store.state().first_seq, Seq{1})) : *last.begin();
}

void Consumer::restore(const ConsumerState& saved) {
  next_seq_ = saved.delivered.stream.next();
  next_delivery_ = saved.delivered.consumer + 1;
  take_floor(saved);
  redelivered_ = saved.redelivered;
  if (saved.pending.empty()) return;
  const WallTime wall = env_.clock.wall_now();
  const Instant now = env_.clock.now();
  const bool was_set_back = saved.written_at > wall + kClockRounding;  // fault D30
  for (const auto& [seq, delivery] : saved.pending) {
    // What was put off for longer than the ack wait counts as delivered in the future. Not if the clock has been set back since.
    const Duration ago = wall - delivery.delivered_at;
    const Duration age = was_set_back ? std::max(Duration{0}, ago) : ago;
    const Duration left = std::max(Duration{0}, Duration{saturating_subtract(ack_wait_of(seq).count(), age.count())});
    const Instant due = after(now, left);
    pending_.put(seq, {delivery.consumer_seq, age < Duration{0} ? due - ack_wait_of(seq) : now - age, due});
  }
}

// As it is in the file, but for stored_state()'s way to keep a message that ran out of deliveries at the floor.
void Consumer::take_floor(const ConsumerState& saved) {
  ack_floor_ = saved.ack_floor;
  const bool is_all = saved.pending.empty() && ack_floor_.consumer == saved.delivered.consumer;
  const bool is_next = !saved.pending.empty() && ack_floor_.consumer + 1 == saved.pending.begin()->second.consumer_seq;
  if (is_all || is_next) {
    const Seq tight = is_all ? saved.delivered.stream : saved.pending.begin()->first.prev();
    Seq floor = ack_floor_.stream;
    while (floor < tight && saved.redelivered.contains(floor.next())) floor = floor.next();
    if (floor == tight) ack_floor_.stream = tight;
  }
  if (keeps_filed_position()) filed_.begin(ack_floor_);
}

// A consumer must not wait ahead of its stream, where new messages would pass it by (nats-7692; streams B.6).
void Consumer::reconcile(const StreamState& stream) {
  if (next_seq_.prev() > stream.last_seq && repairs_positions(env_.defects)) {
    env_.log.warn("consumer.ahead_of_stream", {{"stream", host_.stream_name()},
                                               {"consumer", name_},
                                               {"delivered", next_seq_.prev().value},
                                               {"stream_last", stream.last_seq.value}});
    pending_.remove_above(stream.last_seq);
    redelivered_.erase(redelivered_.upper_bound(stream.last_seq), redelivered_.end());
    if (ack_floor_.stream > stream.last_seq) ack_floor_ = SequencePair{next_delivery_ - 1, stream.last_seq};
    // What was delivered below stays so: everything up to the stream's last sequence was, for delivery goes upwards.
    next_seq_ = stream.last_seq.next();
  }
  // What the stream no longer has needs no acknowledgement.
  const bool had_pending = !pending_.is_empty();
  if (stream.first_seq.value > 0) {
    pending_.remove_below(stream.first_seq);
    redelivered_.erase(redelivered_.begin(), redelivered_.lower_bound(stream.first_seq));
    if (next_seq_ < stream.first_seq) next_seq_ = stream.first_seq;
  }
  if (pending_.is_empty()) {
    // Where messages ran out of deliveries it may lie below, with nothing pending: as the file says.
    const bool is_filed = filed_.is_kept() && !had_pending;
    if (next_delivery_ > 1 && !is_filed) ack_floor_ = delivered();
  } else {
    repair_floor(stream.first_seq);
  }
}

// The floor of a consumer that has something pending must not lie below the stream's first message: nothing there is left to
// be acknowledged. The lowest pending message itself is not acknowledged, though (nats-5227).
void Consumer::repair_floor(Seq first) {
  if (pending_.is_empty() || first.value == 0 || ack_floor_.stream >= first.prev()) return;
  const auto& [lowest, entry] = *pending_.all().begin();
  const std::uint64_t off = env_.defects.is_on(Defect::nats_5227) ? 0 : 1;
  ack_floor_ = SequencePair{std::max(ack_floor_.consumer, entry.consumer_seq - off), std::max(ack_floor_.stream, Seq{lowest.value - off})};
}

void Consumer::count_pending() {
  if (last_of_subjects_.empty()) {
    const bool is_at_end = next_seq_ > host_.store().last_seq();
    num_pending_ = is_at_end ? 0 : static_cast<std::int64_t>(host_.store().count_matching(filters_, next_seq_));
  } else {
    num_pending_ = static_cast<std::int64_t>(last_of_subjects_.size() + host_.store().count_matching(filters_, resume_after_.next()));
  }
}

}  // namespace windtunnel::core
