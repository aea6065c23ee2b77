// Mirror: copies an origin stream into ours, same sequences, same times (reference: streams D).
//
// Stores verbatim what its origin's consumer sends (core/jetstream/origin_consumer.h), from our last sequence on. What it
// cannot follow, its status says; our last sequence never goes back, and no sequence gets a second message.
#pragma once

#include <cstdint>
#include <string>

#include "core/jetstream/origin_consumer.h"
#include "core/jetstream/source_transforms.h"

namespace windtunnel::core {

class Stream;

class Mirror final : private OriginConsumer::Owner {
 public:
  Mirror(Stream& stream, const StreamSource& origin);

  void start() { consumer_.start(); }
  // Suspends until its task has ended. `is_final`: the stream goes, or is a mirror no more.
  void stop(bool is_final) { consumer_.stop(is_final); }

  // {"name":...,"lag":...,"active":...}
  void write_info(JsonWriter& json) const { consumer_.write_info(json); }
  [[nodiscard]] std::uint64_t reported_lag() const { return consumer_.lag(); }
  [[nodiscard]] const ApiStatus& error() const { return consumer_.error(); }
  // Setup attempts so far.
  [[nodiscard]] std::uint64_t attempts() const { return consumer_.attempts(); }

 private:
  void recover() override {}
  ApiStatus meet(const OriginFacts& facts) override;
  [[nodiscard]] OriginStart start_at() const override;
  ApiStatus take_up(Seq position, bool is_acknowledged) override;
  OriginTaken receive(OriginMessage& message) override;

  bool store(const OriginMessage& message, const std::string& subject);
  void roll_up(const OriginMessage& message, const std::string& subject);

  Stream& stream_;
  Env& env_;
  SourceTransforms transforms_;
  OriginConsumer consumer_;
};

}  // namespace windtunnel::core
