#include "core/jetstream/mirror.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/rollup.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

// With fewer messages to come than this a mirror is as good as its origin for direct gets.
constexpr std::uint64_t kCaughtUp = 10;
// A sabotaged mirror errs on one sequence in so many.
constexpr std::uint64_t kSabotageEvery = 50;
constexpr const char* kNoteKey = "mirror";
// How long what was copied last may wait to be written, where the message may be gone before.
constexpr Duration kNoteWithin = std::chrono::seconds{1};
constexpr Duration kNoteLazilyWithin = std::chrono::minutes{1};

}  // namespace

Mirror::Mirror(Stream& stream, const StreamSource& origin)
    : stream_(stream),
      env_(stream.env_),
      transforms_(origin.subject_transforms),
      notes_(stream.env_, stream.config().storage == StorageType::file ? stream.directory() : std::string{},
             stream.context_.settings.sync_always,
             [this] {
               return std::vector<CopyNote>{CopyNote{kNoteKey, copied_last_.seq, {}, copied_last_.time, created_, {}, {}, has_parted_}};
             }),
      recovering_(stream.env_.tasks),
      consumer_(stream.env_, stream.bus_,
                {OriginConsumer::Kind::mirror, stream.config().name, stream.identity() + " mirror", "mirror/" + stream.config().name,
                 stream.count_reading("mirror/" + stream.config().name)},
                origin, *this) {}

void Mirror::stop(bool is_final) {
  consumer_.stop(is_final);
  notes_.stop(/*writes=*/!is_final);
}

Status Mirror::recover() {
  const MutexLock lock{recovering_};
  if (is_recovered_) return {};
  WT_TRY(const std::vector<CopyNote> notes, notes_.load());
  for (const CopyNote& note : notes) {
    if (note.key != kNoteKey) continue;
    created_ = note.created;
    has_parted_ = note.has_parted;
    copied_last_ = OriginProbe{OriginProbe::By::time, note.seq, note.time};
  }
  is_recovered_ = true;
  return {};
}

bool Mirror::may_lose_last() const {
  const StreamConfig& config = stream_.config();
  return config.max_age > Duration{0} || config.retention != Retention::limits || stream_.store().state().messages == 0;
}

void Mirror::before_removal(Seq seq) {
  const Result<std::optional<StoredMessage>> last = stream_.store().load_last(">");
  if (last && *last && (*last)->seq == seq) before_purge();
}

void Mirror::before_purge() {
  const Status recovered = recover();
  const std::optional<OriginProbe> last = probe();
  if (!recovered || !last) return;
  copied_last_ = *last;
  notes_.write();
}

// Our last message, which the origin must have too, or have had.
std::optional<OriginProbe> Mirror::probe() {
  const Result<std::optional<StoredMessage>> last = stream_.store().load_last(">");
  const bool is_known = copied_last_.seq.value > 0 && copied_last_.seq <= stream_.store().last_seq();
  if (last && *last && (!is_known || (*last)->seq >= copied_last_.seq))
    return OriginProbe{OriginProbe::By::time, (*last)->seq, (*last)->time};
  return is_known ? std::optional{copied_last_} : std::nullopt;
}

// From now on, and over restarts: the origin may come to have as many messages as we do, but they are others.
ApiStatus Mirror::part(std::string why) {
  if (!std::exchange(has_parted_, true)) notes_.changed(Duration{0});
  return api_errors::general(std::move(why));
}

// An origin that has fewer messages than we do was made anew, or lost what it had not synced. We keep what we have: following it
// would give one sequence to two messages (streams D.7; nats-8152 is following it).
ApiStatus Mirror::meet(const OriginFacts& facts) {
  if (!facts.is_known || env_.defects.is_on(Defect::nats_8152) || checks_copies()) return std::nullopt;
  const StreamState state = stream_.store().state();
  if (state.last_seq.value == 0) {  // nothing was copied yet: any will do
    has_parted_ = false;
    created_.clear();
  }
  if (facts.last_seq < state.last_seq) {
    return part("origin's last sequence " + std::to_string(facts.last_seq.value) + " is lower than the mirror's " +
                std::to_string(state.last_seq.value));
  }
  // One that was made to begin above ours gives none of our sequences to another message: this is how an operator replaces an origin.
  const bool is_successor = !has_parted_ && facts.begins_at > state.last_seq;
  if (is_successor && !created_.empty() && created_ != facts.created) {
    env_.log.warn("mirror.origin_changed",
                  {{"stream", stream_.config().name}, {"origin", consumer_.origin().name}, {"from", facts.begins_at.value}});
    created_.clear();
  }
  if (!created_.empty() && created_ != facts.created) {
    return part("origin was created at " + facts.created + ", and what is mirrored at " + created_);
  }
  if (facts.is_other) return part("origin has another message than the mirror's last one at its sequence");
  if (has_parted_) return part("origin once had fewer messages than the mirror, and has given their sequences to others");
  if (created_.empty()) {
    created_ = facts.created;
    notes_.changed(Duration{0});
  }
  return std::nullopt;
}

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
  upstream_ = position;
  if (position == state.last_seq) return std::nullopt;
  if (position < state.last_seq) {
    if (env_.defects.is_on(Defect::nats_8152)) return fall_back(position);
    if (is_acknowledged) return std::nullopt;  // it sends again what was not acknowledged
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

// The release takes the origin's last sequence for its own, keeps its messages above it, and gives their sequences again. In a
// store of ours two messages cannot have one sequence: what is above goes at once. Suspends.
ApiStatus Mirror::fall_back(Seq position) {
  StreamStore& store = stream_.store();
  if (position < store.state().first_seq) return std::nullopt;
  const Status cut = store.truncate(position);
  return cut ? ApiStatus{} : api_errors::store_failed(cut.error().detail);
}

bool Mirror::checks_copies() const { return env_.defects.is_on(Defect::nats_6383) || env_.defects.is_on(Defect::nats_8040); }

// Whether the checks of a publish refuse it here, though the origin has taken it. May suspend.
bool Mirror::is_refused(const OriginMessage& message) {
  const StreamConfig& config = stream_.config();
  if (env_.defects.is_on(Defect::nats_6383) && config.duplicate_window > Duration{0}) {
    const auto id = header_value(message.headers, "Nats-Msg-Id");
    static_cast<void>(stream_.load_dedupe());
    if (id && !id->empty() && stream_.dedupe_.find(*id, env_.clock.wall_now())) return true;
  }
  if (!env_.defects.is_on(Defect::nats_8040)) return false;
  if (const auto stream = header_value(message.headers, "Nats-Expected-Stream"); stream && *stream != config.name) return true;
  return rollup_of(message.headers) != Rollup::none && (!config.allow_rollup_hdrs || config.deny_purge);
}

// As the releases do: the position is advanced whether or not the message is taken, and what was refused is counted, and
// subtracted from the sequences of all that follows (streams D.6). Suspends.
OriginTaken Mirror::receive_checked(const OriginMessage& message, const std::string& subject) {
  StreamStore& store = stream_.store();
  if (message.seq <= upstream_) return OriginTaken::kept;
  if (message.seq > upstream_.next() && refused_ == 0) {
    if (!store.skip_through(message.seq.prev(), message.time)) return OriginTaken::failed;
  }
  const Seq before = std::exchange(upstream_, message.seq);
  const StreamState state = store.state();
  if (message.seq.prev().value != state.last_seq.value + refused_) {
    if (message.seq <= state.last_seq) return OriginTaken::kept;
    upstream_ = before;
    return OriginTaken::failed;  // and the next attempt asks for it again
  }
  if (is_refused(message)) {
    ++refused_;
    consumer_.drop_arrivals();  // what came with it
    return OriginTaken::kept;
  }
  const NewMessage content{subject, message.headers, message.payload};
  const Seq seq = Seq{message.seq.value - refused_};
  if (!store.append_at(seq, content, message.time)) {
    ++refused_;
    return OriginTaken::kept;
  }
  if (const auto id = header_value(message.headers, "Nats-Msg-Id"); id && !id->empty()) stream_.dedupe_.record(*id, seq, message.time);
  stream_.stored(seq, content, message.time);
  roll_up(message, subject);
  return OriginTaken::kept;
}

OriginTaken Mirror::receive(OriginMessage& message) {
  if (stream_.config().sealed) {
    consumer_.show_error(api_errors::sealed());
    return OriginTaken::failed;
  }
  if (checks_copies()) {
    if (message.pending < kCaughtUp) stream_.caught_up();
    std::string subject = message.subject;
    transforms_.apply(subject);
    return receive_checked(message, subject);
  }
  const Seq last = stream_.store().last_seq();
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
  stream_.rewrites_.transform(subject);
  return store(message, subject) ? OriginTaken::kept : OriginTaken::failed;
}

// Verbatim, under the origin's sequence and time. What the origin accepted is not checked again; but a mirror that keeps only what
// somebody is interested in uses the sequence up when nobody is, as the original does (streams A.1). Suspends.
bool Mirror::store(const OriginMessage& message, const std::string& subject) {
  StreamStore& store = stream_.store();
  const NewMessage content{subject, message.headers, message.payload};
  if (const Status ready = store.ready(); !ready) {
    consumer_.show_error(api_errors::store_failed(ready.error().detail));
    return false;
  }
  if (!stream_.is_wanted(subject)) {
    if (const Status skipped = store.skip_through(message.seq, message.time); !skipped) {
      consumer_.show_error(api_errors::store_failed(skipped.error().detail));
      return false;
    }
    copied(message);
    return true;
  }
  const Seq previous = stream_.previous_of(subject);
  const bool is_sabotaged = env_.defects.is_on(Defect::break_mirror_skips) || env_.defects.is_on(Defect::break_mirror_duplicates);
  if (env_.defects.is_on(Defect::break_mirror_skips) && message.seq.value % kSabotageEvery == 0) return true;
  const Result<Seq> stored = is_sabotaged ? store.append(content, message.time) : store.append_at(message.seq, content, message.time);
  if (!stored) {
    consumer_.show_error(api_errors::store_failed(stored.error().detail));
    return false;
  }
  copied(message);
  stream_.stored(*stored, content, message.time);
  stream_.republish(content, *stored, message.time, previous);
  if (env_.defects.is_on(Defect::break_mirror_duplicates) && message.seq.value % kSabotageEvery == 0) {
    if (const Result<Seq> twice = store.append(content, message.time)) stream_.stored(*twice, content, message.time);
  }
  roll_up(message, subject);
  return true;
}

void Mirror::copied(const OriginMessage& message) {
  consumer_.clear_store_error();
  copied_last_ = OriginProbe{OriginProbe::By::time, message.seq, message.time};
  if (may_lose_last()) notes_.changed(std::clamp<Duration>(stream_.config().max_age / 4, kNoteWithin, kNoteLazilyWithin));
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
