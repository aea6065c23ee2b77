// StreamModel: one stream with its consumers, as small as it can be written: a map from sequence to message, and everything
// else found by looking through it. What a real node answers to the same operations must be the same (tests/scenarios/
// model_random_test.cc; reference: streams A.2, A.3, A.5, B, C).
//
// Not modelled: push consumers, mirrors and sources, subject transforms, memory and account limits, flow of bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "scenarios/model/consumer_model.h"

namespace windtunnel::scenarios {

enum class ModelRetention : std::uint8_t { limits, interest, workqueue };

struct ModelStreamConfig {  // as the fields of the same names; -1 or 0: no limit
  std::string name = {};
  ModelRetention retention = ModelRetention::limits;
  bool discard_new = false;
  bool discard_new_per_subject = false;
  std::int64_t max_msgs = -1;
  std::int64_t max_bytes = -1;
  std::int64_t max_msgs_per_subject = 0;
  std::int64_t max_msg_size = -1;
  core::Duration max_age{};
  core::Duration duplicate_window = std::chrono::minutes{2};
  bool allow_rollup_hdrs = false;
  bool deny_delete = false;
  bool deny_purge = false;
  bool sealed = false;
};

struct ModelMessage {
  std::string subject;
  std::string headers;  // the whole block
  std::string payload;
  core::Instant stored_at;
  // Of its record in a block file.
  [[nodiscard]] std::uint64_t size() const { return 22 + subject.size() + (headers.empty() ? 0 : 4 + headers.size()) + payload.size() + 8; }
};

// What a publisher is told.
struct ModelPubAck {
  bool is_silent = false;  // nothing at all
  int error = 0;           // err_code; 0: stored, or known already
  std::uint64_t seq = 0;
  bool is_duplicate = false;
  friend bool operator==(const ModelPubAck&, const ModelPubAck&) = default;
};

struct ModelPurge {
  std::string filter;
  std::uint64_t below = 0;  // seq of the request
  std::uint64_t keep = 0;
};

class StreamModel {
 public:
  explicit StreamModel(ModelStreamConfig config) : config_(std::move(config)) {}

  ModelPubAck publish(const std::string& subject, const std::string& headers, const std::string& payload, core::Instant now);
  // 0 and nullptr: there is none.
  [[nodiscard]] const ModelMessage* at(std::uint64_t seq) const;
  [[nodiscard]] std::uint64_t last_of(std::string_view subject) const;
  [[nodiscard]] std::uint64_t next_of(std::string_view filter, std::uint64_t from) const;
  bool remove(std::uint64_t seq);                               // false: refused, or nothing there
  std::optional<std::uint64_t> purge(const ModelPurge& purge);  // how many went; nullopt: refused
  std::uint64_t compact(std::uint64_t below);                   // how many went
  // An update to `sealed`: from now on nothing is published, removed by hand or expired.
  void seal();
  // Takes out what is older than max_age.
  void expire(core::Instant now);
  // When time alone will change something: messages that expire, ids that are forgotten, deliveries that are due again.
  [[nodiscard]] std::vector<core::Instant> moments() const;
  // The node has ended and come back by `now`: ids are known only of what is there.
  void restart(core::Instant now);

  // false: refused.
  bool add_consumer(const ModelConsumerConfig& config);
  bool delete_consumer(const std::string& name);
  [[nodiscard]] ConsumerModel* consumer(const std::string& name);
  [[nodiscard]] const std::map<std::string, ConsumerModel>& consumers() const { return consumers_; }
  std::vector<ModelDelivery> fetch(const std::string& name, const ModelFetch& request, core::Instant now);
  void ack(const std::string& name, const ModelDelivery& delivery);  // +ACK and +TERM

  [[nodiscard]] const std::map<std::uint64_t, ModelMessage>& messages() const { return messages_; }
  [[nodiscard]] std::uint64_t first_seq() const;
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] const ModelStreamConfig& config() const { return config_; }

 private:
  [[nodiscard]] std::vector<std::uint64_t> of_subject(std::string_view subject) const;
  [[nodiscard]] int check_limits(const ModelMessage& message) const;
  void enforce_limits(const std::string& subject);
  void drop(std::uint64_t seq);
  void drop_all(const std::vector<std::uint64_t>& seqs, const std::string& filter);
  [[nodiscard]] bool is_needed(std::uint64_t seq) const;
  void acknowledged(std::uint64_t seq);
  void load_ids(core::Instant now);
  [[nodiscard]] core::Instant next_expiry() const;
  [[nodiscard]] std::uint64_t known_id(std::string_view id, core::Instant now) const;

  ModelStreamConfig config_;
  std::map<std::uint64_t, ModelMessage> messages_;
  std::uint64_t last_seq_ = 0;
  std::string last_id_;
  bool are_ids_loaded_ = true;
  std::map<std::string, std::pair<std::uint64_t, core::Instant>, std::less<>> ids_;  // sequence and time of the message
  std::map<std::string, ConsumerModel> consumers_;
};

}  // namespace windtunnel::scenarios
