#include "core/jetstream/consumer_config.h"

#include <algorithm>

#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/jetstream/json_fields.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kDeliver[] = {"all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"};
constexpr std::string_view kAck[] = {"none", "all", "explicit"};
constexpr std::string_view kReplay[] = {"instant", "original"};

constexpr std::size_t kNameMax = 255;
constexpr std::size_t kDescriptionMax = 4096;
constexpr std::size_t kMetadataMax = 131'072;
constexpr Duration kAckWait = 30s;
constexpr std::int64_t kMaxWaiting = 512;
constexpr std::int64_t kMaxAckPending = 1000;
constexpr Duration kEphemeralInactive = 5s;

bool read_config(const Json& json, ConsumerConfig& config) {
  std::string deliver;
  if (!read(json, "deliver_policy", deliver)) return false;
  if (deliver != "undefined" && !read_word(json, "deliver_policy", kDeliver, config.deliver_policy)) return false;
  if (const Json* backoff = member(json, "backoff"); backoff != nullptr) {
    if (!backoff->is_array()) return false;
    for (const Json& step : *backoff) {
      if (!step.is_number_integer()) return false;
      config.backoff.emplace_back(step.get<std::int64_t>());
    }
  }
  if (const Json* metadata = member(json, "metadata"); metadata != nullptr) {
    if (!metadata->is_object()) return false;
    for (const auto& [key, value] : metadata->items()) {
      if (!value.is_string()) return false;
      config.metadata[key] = value.get<std::string>();
    }
  }
  return read(json, "durable_name", config.durable_name) && read(json, "name", config.name) &&
         read(json, "description", config.description) && read(json, "opt_start_seq", config.opt_start_seq) &&
         read(json, "opt_start_time", config.opt_start_time) && read_word(json, "ack_policy", kAck, config.ack_policy) &&
         read(json, "ack_wait", config.ack_wait) && read(json, "max_deliver", config.max_deliver) &&
         read(json, "filter_subject", config.filter_subject) && read(json, "filter_subjects", config.filter_subjects) &&
         read_word(json, "replay_policy", kReplay, config.replay_policy) && read(json, "rate_limit_bps", config.rate_limit_bps) &&
         read(json, "sample_freq", config.sample_freq) && read(json, "max_waiting", config.max_waiting) &&
         read(json, "max_ack_pending", config.max_ack_pending) && read(json, "idle_heartbeat", config.idle_heartbeat) &&
         read(json, "flow_control", config.flow_control) && read(json, "headers_only", config.headers_only) &&
         read(json, "max_batch", config.max_batch) && read(json, "max_expires", config.max_expires) &&
         read(json, "max_bytes", config.max_bytes) && read(json, "deliver_subject", config.deliver_subject) &&
         read(json, "deliver_group", config.deliver_group) && read(json, "inactive_threshold", config.inactive_threshold) &&
         read(json, "num_replicas", config.num_replicas) && read(json, "mem_storage", config.mem_storage) &&
         read(json, "direct", config.direct);
}

// What would be taken and not done: refused by name until it is.
std::string unsupported_feature(const ConsumerConfig& config) {
  if (config.deliver_policy == DeliverPolicy::last_per_subject) return "deliver_policy last_per_subject";
  if (config.replay_policy == ReplayPolicy::original) return "replay_policy original";
  if (config.rate_limit_bps != 0) return "rate_limit_bps";
  if (!config.sample_freq.empty()) return "sample_freq";
  return {};
}

ApiStatus check_names(const ConsumerConfig& config) {
  if (!config.durable_name.empty() && !config.name.empty() && config.durable_name != config.name) {
    return api_errors::consumer(10132, "Consumer Durable and Name have to be equal if both are provided");
  }
  for (const std::string* name : {&config.durable_name, &config.name}) {
    if (name->size() > kNameMax) return api_errors::consumer(10102, "consumer name is too long, maximum allowed is 255");
    if (name->find_first_of(".*> \t\r\n\f") != std::string::npos) {
      return api_errors::consumer(10103, "durable name can not contain '.', '*', '>'");
    }
    if (name->find_first_of("/\\") != std::string::npos) return api_errors::consumer(10127, "Consumer name can not contain path separators");
  }
  if (config.description.size() > kDescriptionMax) {
    return api_errors::consumer(10107, "consumer description is too long, maximum allowed is 4096");
  }
  std::size_t metadata_size = 0;
  for (const auto& [key, value] : config.metadata) metadata_size += key.size() + value.size();
  if (metadata_size > kMetadataMax) return api_errors::consumer(10135, "consumer metadata exceeds maximum size of 128KB");
  return std::nullopt;
}

ApiStatus check_push(const ConsumerConfig& config, const StreamConfig& stream) {
  if (has_wildcard(config.deliver_subject)) return api_errors::consumer(10079, "consumer deliver subject has wildcards");
  if (!is_valid_literal(config.deliver_subject)) return api_errors::consumer(10112, "invalid push consumer deliver subject");
  for (const std::string& s : stream.subjects) {
    if (is_subset(config.deliver_subject, s)) return api_errors::consumer(10081, "consumer deliver subject forms a cycle");
  }
  if (config.max_waiting != 0) return api_errors::consumer(10080, "consumer in push mode can not set max waiting");
  if (config.max_ack_pending > 0 && config.ack_policy == AckPolicy::none) {
    return api_errors::consumer(10082, "consumer requires ack policy for max ack pending");
  }
  if (config.idle_heartbeat > 0s && config.idle_heartbeat < 100ms) {
    return api_errors::consumer(10083, "consumer idle heartbeat needs to be >= 100ms");
  }
  if (config.flow_control && config.idle_heartbeat == 0s) {
    return api_errors::consumer(10108, "consumer with flow control also needs heartbeats");
  }
  return std::nullopt;
}

ApiStatus check_pull(const ConsumerConfig& config) {
  if (config.rate_limit_bps != 0) return api_errors::consumer(10086, "consumer in pull mode can not have rate limit set");
  if (config.max_waiting < 0) return api_errors::consumer(10087, "consumer max waiting needs to be positive");
  if (config.idle_heartbeat > 0s) return api_errors::consumer(10088, "consumer idle heartbeat requires a push based consumer");
  if (config.flow_control) return api_errors::consumer(10089, "consumer flow control requires a push based consumer");
  if (config.max_batch < 0) return api_errors::consumer(10114, "consumer max request batch needs to be > 0");
  if (config.max_expires != 0s && config.max_expires < 1ms) {
    return api_errors::consumer(10115, "consumer max request expires needs to be >= 1ms");
  }
  return std::nullopt;
}

ApiStatus check_filters(const ConsumerConfig& config) {
  if (!config.filter_subject.empty() && !config.filter_subjects.empty()) {
    return api_errors::consumer(10136, "consumer cannot have both FilterSubject and FilterSubjects specified");
  }
  for (auto it = config.filter_subjects.begin(); it != config.filter_subjects.end(); ++it) {
    if (it->empty()) return api_errors::consumer(10139, "consumer filter in FilterSubjects cannot be empty");
    if (std::any_of(config.filter_subjects.begin(), it, [&](const std::string& other) { return collide(other, *it); })) {
      return api_errors::consumer(10138, "consumer subject filters cannot overlap");
    }
  }
  for (const std::string& filter : config.filters()) {
    if (!is_valid_subject(filter)) return api_errors::stream_config("consumer filter subject is not a valid subject");
  }
  return std::nullopt;
}

ApiStatus check_start(const ConsumerConfig& config) {
  const auto wrong = [](const std::string& policy, const char* what) {
    return api_errors::consumer(10094, "consumer delivery policy is " + policy + ", " + what);
  };
  const bool has_seq = config.opt_start_seq.value > 0;
  const bool has_time = !config.opt_start_time.empty();
  switch (config.deliver_policy) {
    case DeliverPolicy::by_start_sequence:
      if (!has_seq) return wrong("deliver by start sequence", "but optional start sequence is not set");
      if (has_time) return wrong("deliver by start sequence", "but optional start time is also set");
      return std::nullopt;
    case DeliverPolicy::by_start_time:
      if (!has_time) return wrong("deliver by start time", "but optional start time is not set");
      if (has_seq) return wrong("deliver by start time", "but optional start sequence is also set");
      if (!parse_rfc3339(config.opt_start_time)) return api_errors::invalid_json();
      return std::nullopt;
    default: break;
  }
  const std::string policy = config.deliver_policy == DeliverPolicy::all    ? "deliver all"
                             : config.deliver_policy == DeliverPolicy::last ? "deliver last"
                                                                            : "deliver new";
  if (has_seq) return wrong(policy, "but optional start sequence is also set");
  if (has_time) return wrong(policy, "but optional start time is also set");
  return std::nullopt;
}

void set_defaults(ConsumerConfig& config) {
  if (config.max_deliver == 0) config.max_deliver = -1;
  if (config.ack_policy != AckPolicy::none) {
    if (config.ack_wait == 0s) config.ack_wait = kAckWait;
    if (!config.backoff.empty()) config.ack_wait = config.backoff.front();
    if (config.max_ack_pending == 0) config.max_ack_pending = kMaxAckPending;
  }
  if (config.is_pull() && config.max_waiting == 0) config.max_waiting = kMaxWaiting;
  if (!config.is_durable() && config.inactive_threshold == 0s) config.inactive_threshold = kEphemeralInactive;
}

}  // namespace

std::vector<std::string> ConsumerConfig::filters() const {
  if (!filter_subjects.empty()) return filter_subjects;
  if (!filter_subject.empty()) return {filter_subject};
  return {};
}

Result<ConsumerRequest> parse_consumer_request(std::string_view text) {
  static constexpr std::string_view kActions[] = {"", "create", "update"};
  const std::optional<Json> json = parse_json(text);
  ConsumerRequest request;
  if (!json || !json->is_object() || !read(*json, "stream_name", request.stream_name) ||
      !read_word(*json, "action", kActions, request.action)) {
    return error(Errc::invalid_argument, "not a consumer create request");
  }
  if (const Json* config = member(*json, "config"); config != nullptr) {
    request.has_config = true;
    if (!config->is_object() || !read_config(*config, request.config)) return error(Errc::invalid_argument, "config");
  }
  return request;
}

Result<ConsumerConfig> parse_consumer_config(std::string_view text, std::string* created) {
  const std::optional<Json> json = parse_json(text);
  ConsumerConfig config;
  if (!json || !json->is_object() || !read_config(*json, config)) return error(Errc::invalid_argument, "not a consumer's configuration");
  // Files have "Name" beside the configuration's own "name": the consumer's, also where the configuration has none.
  std::string name;
  if (!read(*json, "Name", name)) return error(Errc::invalid_argument, "Name");
  if (config.name.empty() && config.durable_name.empty()) config.name = name;
  if (created != nullptr && !read(*json, "Created", *created)) return error(Errc::invalid_argument, "Created");
  return config;
}

ApiStatus normalise(ConsumerConfig& config, const StreamConfig& stream) {
  if (ApiStatus failed = check_names(config)) return failed;
  if (config.num_replicas < 0) return api_errors::replicas_negative();
  if (config.num_replicas > 1) return api_errors::replicas_unclustered();
  if (config.is_pull() && config.direct) return api_errors::consumer(10090, "consumer direct requires a push based consumer");
  if (config.direct && config.is_durable()) return api_errors::consumer(10091, "consumer direct requires an ephemeral consumer");
  if (ApiStatus failed = config.is_pull() ? check_pull(config) : check_push(config, stream)) return failed;
  if (config.max_deliver > 0 && config.backoff.size() > static_cast<std::size_t>(config.max_deliver)) {
    return api_errors::consumer(10116, "max deliver is required to be > length of backoff values");
  }
  if (ApiStatus failed = check_filters(config)) return failed;
  if (ApiStatus failed = check_start(config)) return failed;
  if (const std::string feature = unsupported_feature(config); !feature.empty()) {
    return api_errors::consumer_create(feature + " is not supported by this server");
  }
  set_defaults(config);
  return std::nullopt;
}

void write_consumer_config_fields(JsonWriter& json, const ConsumerConfig& config) {
  if (!config.durable_name.empty()) json.field("durable_name", config.durable_name);
  if (!config.name.empty()) json.field("name", config.name);
  if (!config.description.empty()) json.field("description", config.description);
  json.field("deliver_policy", kDeliver[static_cast<std::size_t>(config.deliver_policy)]);
  if (config.opt_start_seq.value > 0) json.field("opt_start_seq", config.opt_start_seq.value);
  if (!config.opt_start_time.empty()) json.field("opt_start_time", config.opt_start_time);
  json.field("ack_policy", kAck[static_cast<std::size_t>(config.ack_policy)]);
  if (config.ack_wait != 0s) json.field("ack_wait", config.ack_wait.count());
  if (config.max_deliver != 0) json.field("max_deliver", config.max_deliver);
  if (!config.backoff.empty()) {
    json.key("backoff").begin_array();
    for (const Duration step : config.backoff) json.number(static_cast<std::int64_t>(step.count()));
    json.end_array();
  }
  if (!config.filter_subject.empty()) json.field("filter_subject", config.filter_subject);
  if (!config.filter_subjects.empty()) {
    json.key("filter_subjects").begin_array();
    for (const std::string& filter : config.filter_subjects) json.text(filter);
    json.end_array();
  }
  json.field("replay_policy", kReplay[static_cast<std::size_t>(config.replay_policy)]);
  if (config.rate_limit_bps != 0) json.field("rate_limit_bps", config.rate_limit_bps);
  if (!config.sample_freq.empty()) json.field("sample_freq", config.sample_freq);
  if (config.max_waiting != 0) json.field("max_waiting", config.max_waiting);
  if (config.max_ack_pending != 0) json.field("max_ack_pending", config.max_ack_pending);
  if (config.idle_heartbeat != 0s) json.field("idle_heartbeat", config.idle_heartbeat.count());
  if (config.flow_control) json.field("flow_control", true);
  if (config.headers_only) json.field("headers_only", true);
  if (config.max_batch != 0) json.field("max_batch", config.max_batch);
  if (config.max_expires != 0s) json.field("max_expires", config.max_expires.count());
  if (config.max_bytes != 0) json.field("max_bytes", config.max_bytes);
  if (!config.deliver_subject.empty()) json.field("deliver_subject", config.deliver_subject);
  if (!config.deliver_group.empty()) json.field("deliver_group", config.deliver_group);
  if (config.inactive_threshold != 0s) json.field("inactive_threshold", config.inactive_threshold.count());
  json.field("num_replicas", config.num_replicas);
  if (config.mem_storage) json.field("mem_storage", true);
  if (config.direct) json.field("direct", true);
  if (!config.metadata.empty()) {
    json.key("metadata").begin_object();
    for (const auto& [key, value] : config.metadata) json.field(key, value);
    json.end_object();
  }
}

}  // namespace windtunnel::core
