#include "core/jetstream/mirror.h"

#include <utility>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/jetstream/rollup.h"
#include "core/jetstream/stream.h"

namespace windtunnel::core {
namespace {

// With fewer messages to come than this a mirror is as good as its origin for direct gets.
constexpr std::uint64_t kCaughtUp = 10;
// A sabotaged mirror errs on one sequence in so many.
constexpr std::uint64_t kSabotageEvery = 50;

}  // namespace

Mirror::Mirror(Stream& stream, const StreamSource& origin)
    : stream_(stream),
      env_(stream.env_),
      transforms_(origin.subject_transforms),
      consumer_(stream.env_, stream.bus_,
                {OriginConsumer::Kind::mirror, stream.config().name, stream.identity() + " mirror", "mirror/" + stream.config().name},
                origin, *this) {}

ApiStatus Mirror::meet(const OriginFacts&) { return std::nullopt; }

OriginStart Mirror::start_at() const {
  const StreamState state = stream_.store().state();
  if (state.messages > 0 || state.last_seq.value > 0) return {OriginStart::Policy::by_sequence, state.last_seq.next(), {}};
  const StreamSource& origin = consumer_.origin();
  if (origin.opt_start_seq.value > 0) return {OriginStart::Policy::by_sequence, origin.opt_start_seq, {}};
  if (!origin.opt_start_time.empty()) return {OriginStart::Policy::by_time, {}, origin.opt_start_time};
  return {};
}

// Brings our position to where the origin's consumer begins. Suspends.
ApiStatus Mirror::take_up(Seq position, bool is_acknowledged) {
  StreamStore& store = stream_.store();
  const StreamState state = store.state();
  if (position == state.last_seq) return std::nullopt;
  if (position < state.last_seq) {
    if (is_acknowledged) return std::nullopt;  // it sends again what was not acknowledged
    // The origin has fewer messages than we do: it was made anew, or lost what it had not synced. We keep what we have;
    // following it would give one sequence to two messages (streams D.7).
    return api_errors::general("origin's last sequence " + std::to_string(position.value) + " is lower than the mirror's " +
                               std::to_string(state.last_seq.value));
  }
  if (state.messages == 0) {
    const Result<std::uint64_t> moved = store.compact(position.next());
    return moved ? ApiStatus{} : api_errors::store_failed(moved.error().detail);
  }
  const Status skipped = store.skip_through(position, env_.clock.wall_now());
  return skipped ? ApiStatus{} : api_errors::store_failed(skipped.error().detail);
}

OriginTaken Mirror::receive(OriginMessage& message) {
  const Seq last = stream_.store().state().last_seq;
  if (message.seq <= last) return OriginTaken::kept;
  if (message.seq > last.next()) {
    // Consecutive deliveries with a hole between: the origin no longer has those messages.
    if (const Status skipped = stream_.store().skip_through(message.seq.prev(), message.time); !skipped) {
      consumer_.show_error(api_errors::store_failed(skipped.error().detail));
      return OriginTaken::failed;
    }
    if (consumer_.is_closed()) return OriginTaken::failed;
  }
  if (message.pending < kCaughtUp) stream_.caught_up();
  std::string subject = message.subject;
  transforms_.apply(subject);
  return store(message, subject) ? OriginTaken::kept : OriginTaken::failed;
}

// Verbatim, under the origin's sequence and time. What the origin accepted is not checked again. Suspends.
bool Mirror::store(const OriginMessage& message, const std::string& subject) {
  StreamStore& store = stream_.store();
  const NewMessage content{subject, message.headers, message.payload};
  if (const Status ready = store.ready(); !ready) {
    consumer_.show_error(api_errors::store_failed(ready.error().detail));
    return false;
  }
  const Seq previous = stream_.previous_of(subject);
  const bool is_sabotaged = env_.defects.is_on(Defect::break_mirror_skips) || env_.defects.is_on(Defect::break_mirror_duplicates);
  if (env_.defects.is_on(Defect::break_mirror_skips) && message.seq.value % kSabotageEvery == 0) return true;
  const Result<Seq> stored = is_sabotaged ? store.append(content, message.time) : store.append_at(message.seq, content, message.time);
  if (!stored) {
    consumer_.show_error(api_errors::store_failed(stored.error().detail));
    return false;
  }
  consumer_.clear_store_error();
  stream_.stored(*stored, content, message.time);
  stream_.republish(content, *stored, message.time, previous);
  if (env_.defects.is_on(Defect::break_mirror_duplicates) && message.seq.value % kSabotageEvery == 0) {
    if (const Result<Seq> twice = store.append(content, message.time)) stream_.stored(*twice, content, message.time);
  }
  roll_up(message, subject);
  return true;
}

// The mirror's own copies, if it may. Suspends.
void Mirror::roll_up(const OriginMessage& message, const std::string& subject) {
  const StreamConfig& config = stream_.config();
  if (!config.allow_rollup_hdrs || config.deny_purge) return;
  const Rollup rollup = rollup_of(message.headers);
  if (rollup != Rollup::subject && rollup != Rollup::all) return;
  std::uint64_t purged = 0;
  stream_.purge(PurgeRequest{.filter = rollup == Rollup::all ? std::string{} : subject, .below = Seq{}, .keep = 1}, purged);
}

}  // namespace windtunnel::core
