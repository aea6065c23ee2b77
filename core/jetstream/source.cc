#include "core/jetstream/source.h"

#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/source_header.h"
#include "core/jetstream/source_set.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

// A sabotaged source errs on one sequence in so many.
constexpr std::uint64_t kSabotageEvery = 50;

}  // namespace

Source::Source(Stream& stream, SourceSet& set, const StreamSource& origin)
    : stream_(stream),
      set_(set),
      env_(stream.env_),
      key_(source_key(origin)),
      transforms_(origin.subject_transforms),
      consumer_(stream.env_, stream.bus_,
                {OriginConsumer::Kind::source, stream.config().name, stream.identity() + " " + key_,
                 "source/" + stream.config().name + "/" + key_, stream.count_reading("source/" + stream.config().name + "/" + key_)},
                origin, *this) {}

Status Source::recover() { return set_.recover(); }

std::optional<OriginProbe> Source::probe() {
  if (position_.seq.value == 0) return std::nullopt;
  const bool is_timed = position_.time.unix_ns > 0;
  if (!is_timed && position_.at.value == 0) return std::nullopt;
  return OriginProbe{is_timed ? OriginProbe::By::latest_time : OriginProbe::By::content, position_.seq, position_.time};
}

// The origin has fewer messages than were copied, and nothing tells from where on they are others.
ApiError Source::is_behind_error(Seq last) const {
  return api_errors::general("origin's last sequence " + std::to_string(last.value) + " is lower than the source's " +
                             std::to_string(position_.seq.value));
}

void Source::report_change(const OriginFacts& facts) const {
  env_.log.warn("source.origin_changed", {{"stream", stream_.config().name},
                                          {"origin", origin().name},
                                          {"is_new", is_same_origin_ ? 0 : 1},
                                          {"seq", position_.seq.value},
                                          {"last_seq", facts.last_seq.value}});
}

// The sequences of an origin that was made anew begin again: none of its messages is here, whatever the numbers are (nats-6206
// is going on from the old one). One that lost what it had not synced gives their sequences to other messages: what it has from
// after the last one that we have is new.
ApiStatus Source::meet(const OriginFacts& facts) {
  is_same_origin_ = false;
  origin_last_ = Seq{};
  if (!facts.is_known || env_.defects.is_on(Defect::nats_6206)) return std::nullopt;
  origin_last_ = facts.last_seq;
  origin_last_time_ = facts.last_time;
  is_same_origin_ = facts.created == position_.created;
  if (!is_same_origin_ && !position_.created.empty()) {
    report_change(facts);
    position_.seq = Seq{};
    position_.time = WallTime{};
    vouched_ = position_;
    doubt_.reset();
  } else if (position_.seq.value > 0 && position_.time.unix_ns == 0) {
    if (const Status compared = compare(facts); !compared) return api_errors::store_failed(compared.error().text());
  } else if (facts.is_other || facts.last_seq < position_.seq) {
    report_change(facts);
    position_.seq = Seq{};
    if (doubt_) doubt_->is_certain = true;
    set_.changed();
  } else if (doubt_ && facts.is_gone && facts.first_seq <= position_.seq) {
    position_.seq = Seq{};  // it may be another one's by now; what is behind it in time is new
    set_.changed();
  }
  if (!is_same_origin_) {
    position_.created = facts.created;
    set_.changed();
  }
  return std::nullopt;
}

OriginStart Source::start_at() const {
  if (position_.seq.value > 0) return {OriginStart::Policy::by_sequence, position_.seq.next(), {}};
  if (position_.time.unix_ns > 0) return {OriginStart::Policy::by_time, {}, rfc3339(position_.time + Duration{1})};
  if (origin().opt_start_seq.value > 0) return {OriginStart::Policy::by_sequence, origin().opt_start_seq, {}};
  const StreamState state = stream_.store().state();
  const std::string& time = origin().opt_start_time;
  // The release begins at the time of our last message, whatever an origin that was away has from before (nats-8387).
  const bool guesses = env_.defects.is_on(Defect::nats_8387) && state.last_time.unix_ns > 0;
  if (!time.empty()) {
    const bool is_later = guesses && state.last_time > parse_rfc3339(time).value_or(WallTime{});
    return {OriginStart::Policy::by_time, {}, is_later ? rfc3339(state.last_time) : time};
  }
  if (guesses && state.first_seq.value > 1) return {OriginStart::Policy::by_time, {}, rfc3339(state.last_time)};
  return {};
}

ApiStatus Source::take_up(Seq position, bool is_acknowledged) {
  if (position == position_.seq || is_acknowledged) return std::nullopt;  // one that acknowledges sends again what it has left
  if (env_.defects.is_on(Defect::nats_8069)) {
    position_.seq = position.next();  // one too many: it was not received yet
    return std::nullopt;
  }
  if (env_.defects.is_on(Defect::nats_6206)) {
    position_.time = WallTime{};
  } else if (position < position_.seq) {
    return is_behind_error(position);  // nothing tells which origin this is, or it lost them since it was asked
  } else if (position == origin_last_) {
    position_.time = origin_last_time_;
  }
  position_.seq = position;
  set_.changed();
  return std::nullopt;
}

// One that acknowledges sends what is here already until it knows. What an origin gave to a new message after it had lost the
// first one is not here.
bool Source::is_here(const OriginMessage& message) const {
  const bool is_timed = position_.time.unix_ns > 0;
  if (position_.seq.value == 0) return is_timed && message.time <= position_.time;
  return message.seq <= position_.seq && !(is_timed && message.time > position_.time);
}

// An origin whose messages wait for their acknowledgement sends all that it has.
bool Source::is_before_start(const OriginMessage& message) const {
  if (!consumer_.is_acknowledged() || position_.seq.value > 0 || position_.time.unix_ns > 0) return false;
  if (message.seq < origin().opt_start_seq) return true;
  const std::string& time = origin().opt_start_time;
  return !time.empty() && message.time < parse_rfc3339(time).value_or(WallTime{});
}

// No message of ours tells it.
void Source::pass(const OriginMessage& message) {
  position_.seq = message.seq;
  position_.time = message.time;
  vouched_ = position_;
  set_.changed();
}

void Source::advance(const OriginMessage& message, Seq at, std::string stored_as) {
  position_.seq = message.seq;
  position_.time = message.time;
  position_.at = at;
  vouched_ = position_;
  last_subject_ = std::move(stored_as);
  set_.advanced();
}

OriginTaken Source::receive(OriginMessage& message) {
  if (is_here(message) && !env_.defects.is_on(Defect::nats_8069)) return OriginTaken::kept;
  if (is_before_start(message)) return OriginTaken::left;
  if (doubt_ && is_agreed(message)) return OriginTaken::kept;
  const bool is_odd = message.seq.value % kSabotageEvery == 0;
  if (is_odd && env_.defects.is_on(Defect::break_source_skips)) {
    pass(message);
    return OriginTaken::kept;
  }
  if (!message.headers.empty()) {
    remove_header(message.headers, kStreamSourceHeader);
    remove_headers_with_prefix(message.headers, kExpectationPrefix);
  }
  append_header(message.headers, kStreamSourceHeader, source_header(key_, message.seq));
  transforms_.apply(message.subject);
  CopyOutcome outcome = stream_.take_copy(*this, message.subject, message.headers, message.payload);
  if (is_odd && env_.defects.is_on(Defect::break_source_duplicates))
    stream_.take_copy(*this, message.subject, message.headers, message.payload);
  switch (outcome.kind) {
    case CopyOutcome::Kind::stored: {
      advance(message, outcome.seq, std::move(outcome.subject));
      consumer_.clear_store_error();
      return OriginTaken::kept;
    }
    case CopyOutcome::Kind::duplicate: {
      // The id is known here: the message is not wanted. The release tries it again and again (nats-7896).
      if (env_.defects.is_on(Defect::nats_7896) && set_.find_again(*this)) return OriginTaken::failed;
      [[fallthrough]];
    }
    case CopyOutcome::Kind::passed_by: {
      pass(message);
      return OriginTaken::kept;
    }
    case CopyOutcome::Kind::refused: break;
  }
  if (outcome.error) consumer_.show_error(std::move(*outcome.error));
  return OriginTaken::failed;
}

}  // namespace windtunnel::core
