// A source whose position no origin's time vouches for: what its notes were written for is older than its last messages. Then the
// messages themselves have to tell whether the origin is still the one that was copied, or one that lost some and grew again.
#include <algorithm>
#include <utility>

#include "core/base/defects.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/source.h"
#include "core/jetstream/source_header.h"
#include "core/jetstream/source_set.h"
#include "core/jetstream/stream.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

// What an origin's message and its copy have in common.
std::string common_headers(std::string headers) {
  if (headers.empty()) return headers;
  remove_header(headers, kStreamSourceHeader);
  remove_headers_with_prefix(headers, kExpectationPrefix);
  if (headers == std::string(kHeaderVersion) + "\r\n\r\n") headers.clear();
  return headers;
}

}  // namespace

Seq Source::copied_through() const {
  if (doubt_) return doubt_->is_certain ? Seq{} : doubt_->through;
  return &known() == &position_ ? Seq{} : position_.seq;
}

void Source::set_noted(const SourcePosition& known, Seq copied_through, Seq own_last) {
  position_ = known;
  // A sequence without a time tells nothing of what is before it.
  vouched_ = known.time.unix_ns > 0 || known.seq.value == 0 ? known : SourcePosition{};
  if (copied_through.value > 0)
    doubt_ = Doubt{.copied = {}, .next = 0, .through = copied_through, .own_last = own_last, .is_certain = false};
}

void Source::set_position(SourcePosition position) {
  position_ = std::move(position);
  last_subject_.clear();
  if (!doubt_) return;
  // What was stored since the note was written is new, whatever its number: the origin had lost what had that one.
  const bool is_behind_note = doubt_->own_last.value > 0 && position_.at > doubt_->own_last;
  if (is_behind_note || position_.seq >= doubt_->through) doubt_.reset();
}

void Source::take_over(const Source& gone) {
  position_ = gone.position_;
  vouched_ = gone.vouched_;
  doubt_ = gone.doubt_;
}

bool Source::is_copy_of(const StoredMessage& copy, const OriginMessage& message) const {
  if (copy.payload != message.payload || common_headers(copy.headers) != common_headers(message.headers)) return false;
  if (copy.subject == message.subject) return true;  // whatever the transforms are now
  std::string subject = message.subject;
  transforms_.apply(subject);
  stream_.rewrites_.transform(subject);
  return copy.subject == subject;
}

// An origin that has less than was copied has lost some, and so has one that has another message there. One whose message is gone,
// or may not be read, may have. So may one that has the same message again, of later than when we had it: a publisher repeats what was
// not acknowledged. These are read again from where the origin is known, if that is noted; else they are trusted.
Status Source::compare(const OriginFacts& facts) {
  if (env_.defects.is_on(Defect::nats_8069)) return {};
  if (env_.defects.is_on(Defect::break_source_rereads)) {
    position_.seq = Seq{position_.seq.value - std::min<std::uint64_t>(position_.seq.value, 3)};
    position_.time = {};
    return {};
  }
  bool is_certain = facts.last_seq < position_.seq;
  if (facts.at_probe && !is_certain) {
    const OriginMessage& theirs = *facts.at_probe;
    const Result<StoredMessage> ours = stream_.store().load(position_.at);
    const auto value = ours ? header_value(ours->headers, kStreamSourceHeader) : std::nullopt;
    const std::optional<SourcedFrom> from = value ? parse_source_header(*value) : std::nullopt;
    if (from && from->is_of(origin(), key_) && from->seq == position_.seq) {
      is_certain = !is_copy_of(*ours, theirs);
      if (!is_certain && theirs.time <= ours->time) {
        position_.time = theirs.time;
        vouched_ = position_;
        set_.changed();
        return {};
      }
    }
  }
  if (is_certain) report_change(facts);
  return is_certain || is_vouched() ? begin_doubt(is_certain) : Status{};
}

// Suspends.
Status Source::begin_doubt(bool is_certain) {
  Doubt doubt;
  doubt.is_certain = is_certain;
  WT_TRY(doubt.copied, set_.copies_of(*this, vouched_.at));
  doubt.through = position_.seq;
  if (doubt_) doubt.through = std::max(doubt.through, doubt_->through);
  if (!doubt.copied.empty()) doubt.through = std::max(doubt.through, doubt.copied.back().seq);
  doubt_ = std::move(doubt);
  position_.seq = vouched_.seq;
  position_.at = vouched_.at;
  last_subject_.clear();
  position_.time = vouched_.time;
  set_.changed();
  env_.log.debug("source.in_doubt", {{"stream", stream_.config().name},
                                     {"origin", origin().name},
                                     {"is_certain", is_certain ? 1 : 0},
                                     {"through", doubt_->through.value},
                                     {"copies", doubt_->copied.size()}});
  return {};
}

// Whether the message of an origin in doubt is here already. The first that is not ends the doubt. Suspends.
bool Source::is_agreed(const OriginMessage& message) {
  bool is_new = message.seq > doubt_->through || message.seq <= position_.seq;
  Seq at;
  while (doubt_->next < doubt_->copied.size() && doubt_->copied[doubt_->next].seq < message.seq) ++doubt_->next;
  if (!is_new && doubt_->next < doubt_->copied.size()) {
    const CopiedSeq copied = doubt_->copied[doubt_->next];
    const Result<StoredMessage> ours = stream_.store().load(copied.at);
    if (ours && copied.seq == message.seq) {
      at = copied.at;
      is_new = !is_copy_of(*ours, message);
    } else if (ours) {
      // Its copy is gone, or there was none. It was here if it is from before we had what came behind it.
      is_new = doubt_->is_certain && message.time > ours->time;
    }
  }
  if (is_new) {
    doubt_.reset();
    return false;
  }
  pass(message);
  if (at.value > 0) {
    position_.at = vouched_.at = at;
    last_subject_.clear();
  }
  if (message.seq == doubt_->through) doubt_.reset();
  return true;
}

}  // namespace windtunnel::core
