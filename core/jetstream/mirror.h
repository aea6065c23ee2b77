// Mirror: copies an origin stream into ours, same sequences, same times (reference: streams D).
//
// Stores verbatim what its origin's consumer sends (core/jetstream/origin_consumer.h), from our last sequence on. What it
// cannot follow, its status says; our last sequence never goes back, and no sequence gets a second message.
#pragma once

#include <cstdint>
#include <string>

#include "core/jetstream/copy_notes.h"
#include "core/jetstream/origin_consumer.h"
#include "core/jetstream/source_transforms.h"

namespace windtunnel::core {

class Stream;

class Mirror final : private OriginConsumer::Owner {
 public:
  Mirror(Stream& stream, const StreamSource& origin);

  void start() { consumer_.start(); }
  // Suspends until its task has ended. `is_final`: the stream goes, or is a mirror no more.
  void stop(bool is_final);

  // To be called before messages of ours go on demand: what was copied last may be among them, and is noted first. Suspend.
  void before_removal(Seq seq);
  void before_purge();

  // {"name":...,"lag":...,"active":...}
  void write_info(JsonWriter& json) const { consumer_.write_info(json); }
  [[nodiscard]] bool is_reading() const { return consumer_.is_reading(); }
  [[nodiscard]] std::uint64_t reported_lag() const { return consumer_.lag(); }
  [[nodiscard]] const ApiStatus& error() const { return consumer_.error(); }
  // Whether the origin is not what was copied any more: it keeps what it has, and says so.
  [[nodiscard]] bool has_parted() const { return has_parted_; }
  // Setup attempts so far.
  [[nodiscard]] std::uint64_t attempts() const { return consumer_.attempts(); }

 private:
  Status recover() override;
  [[nodiscard]] bool knows_origin() const override { return !created_.empty(); }
  std::optional<OriginProbe> probe() override;
  ApiStatus meet(const OriginFacts& facts) override;
  [[nodiscard]] OriginStart start_at() const override;
  ApiStatus take_up(Seq position, bool is_acknowledged) override;
  OriginTaken receive(OriginMessage& message) override;

  ApiStatus part(std::string why);
  // Whether its last message may go while the origin has it, and nobody asked for that.
  [[nodiscard]] bool may_lose_last() const;
  ApiStatus fall_back(Seq position);
  // The releases' way, with the checks of a publish (nats-6383, nats-8040).
  [[nodiscard]] bool checks_copies() const;
  OriginTaken receive_checked(const OriginMessage& message, const std::string& subject);
  [[nodiscard]] bool is_refused(const OriginMessage& message);
  bool store(const OriginMessage& message, const std::string& subject);
  void copied(const OriginMessage& message);
  void roll_up(const OriginMessage& message, const std::string& subject);

  Stream& stream_;
  Env& env_;
  SourceTransforms transforms_;
  std::string created_;      // of the origin; empty: not known
  bool has_parted_ = false;  // the origin is not the one any more that was copied
  OriginProbe copied_last_;  // of the origin, whether or not it is still here
  CopyNotes notes_;
  Mutex recovering_;
  bool is_recovered_ = false;  // the notes have been read
  // Of the releases: how far they think they are, and how many messages they refused since the start.
  Seq upstream_;
  std::uint64_t refused_ = 0;
  OriginConsumer consumer_;
};

}  // namespace windtunnel::core
