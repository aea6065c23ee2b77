// ConsumerConfig: a consumer's configuration with NATS's field names and meanings (reference: jetstream-api 5).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/jetstream/api_error.h"

namespace windtunnel::core {

class JsonWriter;
struct StreamConfig;

enum class DeliverPolicy : std::uint8_t { all, last, new_only, by_start_sequence, by_start_time, last_per_subject };
enum class AckPolicy : std::uint8_t { none, all, explicit_ };
enum class ReplayPolicy : std::uint8_t { instant, original };

struct ConsumerConfig {
  std::string durable_name;
  std::string name;
  std::string description;
  DeliverPolicy deliver_policy = DeliverPolicy::all;
  Seq opt_start_seq;
  std::string opt_start_time;  // RFC 3339; empty: none
  AckPolicy ack_policy = AckPolicy::none;
  Duration ack_wait{0};
  std::int64_t max_deliver = 0;
  std::vector<Duration> backoff;
  std::string filter_subject;
  std::vector<std::string> filter_subjects;
  ReplayPolicy replay_policy = ReplayPolicy::instant;
  std::uint64_t rate_limit_bps = 0;
  std::string sample_freq;
  std::int64_t max_waiting = 0;
  std::int64_t max_ack_pending = 0;
  Duration idle_heartbeat{0};
  bool flow_control = false;
  bool headers_only = false;
  std::int64_t max_batch = 0;
  Duration max_expires{0};
  std::int64_t max_bytes = 0;
  std::string deliver_subject;  // empty: a pull consumer
  std::string deliver_group;
  Duration inactive_threshold{0};
  std::int64_t num_replicas = 0;
  bool mem_storage = false;
  bool direct = false;  // a mirror's or source's: hidden, not stored, not counted
  std::map<std::string, std::string> metadata;
  friend bool operator==(const ConsumerConfig&, const ConsumerConfig&) = default;

  [[nodiscard]] bool is_pull() const { return deliver_subject.empty(); }
  [[nodiscard]] bool is_durable() const { return !durable_name.empty(); }
  // The filters as a list; empty: everything.
  [[nodiscard]] std::vector<std::string> filters() const;
};

struct ConsumerRequest {
  enum class Action : std::uint8_t { create_or_update, create, update };
  std::string stream_name;
  ConsumerConfig config;
  bool has_config = false;
  Action action = Action::create_or_update;
};

// The JSON of a create request. Errors: invalid_argument.
[[nodiscard]] Result<ConsumerRequest> parse_consumer_request(std::string_view json);
// The JSON of a consumer's meta.inf. Errors: invalid_argument.
[[nodiscard]] Result<ConsumerConfig> parse_consumer_config(std::string_view json, std::string* created = nullptr,
                                                           Seq* filters_since = nullptr);

// Fills in the server's defaults and checks what concerns the consumer and its stream's configuration, in nats-server's
// order (5.2, 5.3).
[[nodiscard]] ApiStatus normalise(ConsumerConfig& config, const StreamConfig& stream);
// A consumer that is not durable always has a threshold; its jitter is not shown. To be called after normalise, with what the
// consumer is; of one that is updated, with what it was: so it is at nats-server.
void set_inactive_threshold(ConsumerConfig& config, bool is_durable);
// Of a new consumer: whether it may be called so. Checked after everything else.
[[nodiscard]] ApiStatus check_consumer_name(const ConsumerConfig& config, std::string_view name);
// How many acknowledgements in a hundred are to be sampled. Requires: normalised.
[[nodiscard]] std::uint64_t sample_percent(const ConsumerConfig& config);

void write_consumer_config_fields(JsonWriter& json, const ConsumerConfig& config);

}  // namespace windtunnel::core
