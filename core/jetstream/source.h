// Source: copies one origin stream into ours, under sequences of our own (reference: streams E).
//
// Each message is stored with a header that names its origin and its sequence there, so our messages tell where to go on;
// what they cannot tell (they may be gone) is in the notes of the set. A message is copied once, in the origin's order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/jetstream/origin_consumer.h"
#include "core/jetstream/source_transforms.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

class SourceSet;
class Stream;

// A message of ours, and the origin's sequence of what it is a copy of.
struct CopiedSeq {
  Seq seq;
  Seq at;
};

// How far a source has come.
struct SourcePosition {
  Seq seq;              // of the origin, everything up to here is here, or was
  Seq at;               // our sequence of that message, or of the last one before it; 0: none
  WallTime time;        // no later message of the origin's is here; 0: not known. It is that message's own if that was received
  std::string created;  // of the origin that this is of; empty: not known
};

class Source final : private OriginConsumer::Owner {
 public:
  Source(Stream& stream, SourceSet& set, const StreamSource& origin);

  void start() { consumer_.start(); }
  // Suspends until its task has ended. `is_final`: nobody will read on.
  void stop(bool is_final) { consumer_.stop(is_final); }

  void write_info(JsonWriter& json) const { consumer_.write_info(json); }
  [[nodiscard]] const StreamSource& origin() const { return consumer_.origin(); }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::uint64_t reported_lag() const { return consumer_.lag(); }
  [[nodiscard]] const ApiStatus& error() const { return consumer_.error(); }
  [[nodiscard]] bool is_reading() const { return consumer_.is_reading(); }
  // Setup attempts so far, and how many are under way.
  [[nodiscard]] std::uint64_t attempts() const { return consumer_.attempts(); }
  [[nodiscard]] std::uint64_t outstanding() const { return consumer_.outstanding(); }

  [[nodiscard]] const SourcePosition& position() const { return position_; }
  // The last position of which the origin's time is known, or else its position.
  [[nodiscard]] const SourcePosition& known() const { return position_.time.unix_ns == 0 && is_vouched() ? vouched_ : position_; }
  // Of the origin: what is behind known(), up to here, is here too, or was; 0: nothing is.
  [[nodiscard]] Seq copied_through() const;
  // As these two were noted in an earlier run.
  void set_noted(const SourcePosition& known, Seq copied_through, Seq own_last);
  // As the stream's messages tell it.
  void set_position(SourcePosition position);
  // Goes on where the other one of the same key, which has ended, was.
  void take_over(const Source& gone);
  // The subject under which the message at its position was stored; empty: not known.
  [[nodiscard]] const std::string& last_subject() const { return last_subject_; }

 private:
  Status recover() override;
  [[nodiscard]] bool knows_origin() const override { return !position_.created.empty(); }
  std::optional<OriginProbe> probe() override;
  ApiStatus meet(const OriginFacts& facts) override;
  [[nodiscard]] OriginStart start_at() const override;
  ApiStatus take_up(Seq position, bool is_acknowledged) override;
  OriginTaken receive(OriginMessage& message) override;

  // An origin that may have lost what was copied, and given the sequences to others: it is read again from where it is known, and
  // what it sends is compared with the copies, up to the first message that is another one. All behind that one is new.
  struct Doubt {
    std::vector<CopiedSeq> copied;  // since where it is known
    std::size_t next = 0;           // of them
    Seq through;                    // nothing behind it was copied
    Seq own_last;                   // our last sequence when that was noted; 0: it was not, or that is not known
    bool is_certain = false;        // it has lost something
  };

  [[nodiscard]] bool is_vouched() const { return vouched_.time.unix_ns > 0; }
  [[nodiscard]] ApiError is_behind_error(Seq last) const;
  // Whether the origin is the one whose message stands at our position, by what it has there. Suspends.
  Status compare(const OriginFacts& facts);
  Status begin_doubt(bool is_certain);
  [[nodiscard]] bool is_copy_of(const StoredMessage& copy, const OriginMessage& message) const;
  [[nodiscard]] bool is_agreed(const OriginMessage& message);
  void report_change(const OriginFacts& facts) const;
  [[nodiscard]] bool is_here(const OriginMessage& message) const;
  [[nodiscard]] bool is_before_start(const OriginMessage& message) const;
  void pass(const OriginMessage& message);
  void advance(const OriginMessage& message, Seq at, std::string stored_as);

  Stream& stream_;
  SourceSet& set_;
  Env& env_;
  std::string key_;
  SourceTransforms transforms_;
  SourcePosition position_;
  SourcePosition vouched_;  // the last one of which the time is known
  std::optional<Doubt> doubt_;
  Seq origin_last_;  // at this attempt; 0: not known
  WallTime origin_last_time_;
  std::string last_subject_;
  bool is_same_origin_ = false;  // as at the last attempt, or as the notes say
  OriginConsumer consumer_;
};

}  // namespace windtunnel::core
