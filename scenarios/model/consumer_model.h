// ConsumerModel: a pull consumer of a StreamModel (reference: streams C.2 to C.5). It knows which sequences it has handed
// out and how often; the messages are the stream's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

enum class ModelAckPolicy : std::uint8_t { none, all, explicit_ };
enum class ModelDeliver : std::uint8_t { all, last, new_only, by_start_sequence };

struct ModelConsumerConfig {
  std::string name;
  ModelAckPolicy ack_policy = ModelAckPolicy::explicit_;
  ModelDeliver deliver = ModelDeliver::all;
  std::uint64_t start_seq = 0;
  core::Duration ack_wait = std::chrono::seconds{30};
  std::int64_t max_deliver = -1;
  std::int64_t max_ack_pending = 1000;
  std::string filter = {};  // empty: everything
};

struct ModelDelivery {
  std::uint64_t seq = 0;
  std::uint64_t count = 0;         // deliveries of this message, this one included
  std::uint64_t consumer_seq = 0;  // deliveries of this consumer, likewise
  std::uint64_t pending = 0;       // messages still to be delivered for the first time
  friend bool operator==(const ModelDelivery&, const ModelDelivery&) = default;
};

struct ModelFetch {
  std::uint64_t batch = 1;
  bool waits = false;  // for what may come, a while: the model does not
};

class ConsumerModel {
 public:
  // What it needs of its stream.
  struct Messages {
    std::function<std::uint64_t(std::string_view filter, std::uint64_t from)> next;  // 0: none
    std::function<bool(std::uint64_t seq)> has;
    std::uint64_t last_seq = 0;
  };

  // `start`: the first sequence that it may deliver, within the stream.
  ConsumerModel(ModelConsumerConfig config, std::uint64_t start) : config_(std::move(config)), start_(start), next_seq_(start) {}

  // What there is at once.
  std::vector<ModelDelivery> fetch(const ModelFetch& request, const Messages& messages, core::Instant now);
  // +ACK or +TERM. The sequences that are acknowledged by it, and were not before.
  std::vector<std::uint64_t> ack(const ModelDelivery& delivery);
  void nak(const ModelDelivery& delivery, std::optional<core::Duration> delay, core::Instant now);
  void in_progress(std::uint64_t seq, core::Instant now);
  // What was not acknowledged in time is to be delivered again.
  void pass_time(core::Instant now);
  // When they are due, one each.
  [[nodiscard]] std::vector<core::Instant> moments() const;
  // The message left the stream otherwise than by this consumer's acknowledgement.
  void removed(std::uint64_t seq);
  // Everything it may want below `first` is gone.
  void moved_up(std::uint64_t first);
  // The queue of redeliveries was in memory; before `now` nothing is due.
  void restart(core::Instant now);

  // Whether an interest or workqueue stream must keep the message for this consumer.
  [[nodiscard]] bool needs(std::uint64_t seq, std::string_view subject) const;
  [[nodiscard]] bool matches(std::string_view subject) const;

  [[nodiscard]] const ModelConsumerConfig& config() const { return config_; }
  [[nodiscard]] std::uint64_t next_seq() const { return next_seq_; }
  [[nodiscard]] std::uint64_t delivered() const { return deliveries_; }  // how many, redeliveries included
  [[nodiscard]] std::size_t ack_pending() const { return pending_.size(); }
  [[nodiscard]] std::size_t redelivered() const { return redelivered_.size(); }
  [[nodiscard]] std::uint64_t floor() const { return floor_; }  // of stream sequences
  // Whether the floor is known: only acknowledgements have moved it.
  [[nodiscard]] bool is_floor_exact() const { return is_floor_exact_; }
  [[nodiscard]] std::uint64_t lowest_pending() const { return pending_.empty() ? 0 : pending_.begin()->first; }
  [[nodiscard]] bool has_queued() const { return !again_.empty(); }  // deliveries that wait for a fetch

 private:
  struct Pending {
    std::uint64_t consumer_seq = 0;  // of its first delivery
    core::Instant due;
  };
  void settle(std::uint64_t seq);
  [[nodiscard]] core::Instant next_due() const;

  ModelConsumerConfig config_;
  std::uint64_t start_;
  std::uint64_t next_seq_;
  std::uint64_t deliveries_ = 0;
  std::uint64_t floor_ = 0;
  std::uint64_t floor_consumer_ = 0;
  bool is_floor_exact_ = true;
  std::map<std::uint64_t, Pending> pending_;
  std::map<std::uint64_t, std::uint64_t> redelivered_;  // how often again
  std::deque<std::uint64_t> again_;                     // to be delivered again, in this order
};

}  // namespace windtunnel::scenarios
