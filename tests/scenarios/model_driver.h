// Random operations against a real node and against the model at once: where the answers part, the shortest sequence that
// still shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "scenarios/model/stream_model.h"

namespace windtunnel::scenarios {

struct ModelOperation {
  enum class Kind : std::uint8_t {
    publish,
    get,       // by sequence
    get_last,  // of a subject, by the API and directly
    get_next,
    remove,
    purge,
    add_consumer,
    delete_consumer,
    fetch,
    ack,
    nak,
    term,
    in_progress,
    wait,
    seal,
    restart,
    count_,
  };
  Kind kind = Kind::wait;
  std::string subject;  // or filter
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint64_t size = 0;    // of a payload
  std::uint64_t number = 0;  // a sequence, a batch, which of the deliveries
  std::uint64_t keep = 0;
  core::Duration time{};  // to wait, or of a nak
  ModelConsumerConfig consumer;
};
[[nodiscard]] std::string text_of(const ModelOperation& operation);

struct ModelSequence {
  ModelStreamConfig config;
  std::vector<ModelOperation> operations;
  std::uint64_t block_size = 0;  // 0: the server's
};
// Configuration and operations, a line each.
[[nodiscard]] std::string text_of(const ModelSequence& sequence);

// The members of a configuration, as the API takes it, without the braces around them.
[[nodiscard]] std::string json_of(const ModelStreamConfig& config);
[[nodiscard]] std::string json_of(const ModelConsumerConfig& config);

// By the seed alone. `size`: how many operations.
[[nodiscard]] ModelSequence draw_sequence(std::uint64_t seed, std::size_t size);
// What the node answered otherwise than the model; empty: nothing.
[[nodiscard]] std::string run_sequence(const ModelSequence& sequence, const core::Defects& defects);
// Leaves out what is not needed for a difference.
[[nodiscard]] ModelSequence shrink_sequence(ModelSequence sequence, const core::Defects& defects);

}  // namespace windtunnel::scenarios
