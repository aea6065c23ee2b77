#include "core/jetstream/consumer_config.h"

#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/jetstream/json_fields.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kDeliver[] = {"all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"};
constexpr std::string_view kAck[] = {"none", "all", "explicit"};
constexpr std::string_view kReplay[] = {"instant", "original"};

bool read_config(const Json& json, ConsumerConfig& config) {
  const Json* deliver = find_member(json, "deliver_policy");
  if (deliver != nullptr && *deliver != "undefined" && !read_word(json, "deliver_policy", kDeliver, config.deliver_policy)) return false;
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
  if (!read(json, "opt_start_time", config.opt_start_time)) return false;
  if (!config.opt_start_time.empty() && !parse_rfc3339(config.opt_start_time)) return false;
  return read(json, "durable_name", config.durable_name) && read(json, "name", config.name) &&
         read(json, "description", config.description) && read(json, "opt_start_seq", config.opt_start_seq) &&
         read_word(json, "ack_policy", kAck, config.ack_policy) && read(json, "ack_wait", config.ack_wait) &&
         read(json, "max_deliver", config.max_deliver) && read(json, "filter_subject", config.filter_subject) &&
         read(json, "filter_subjects", config.filter_subjects) && read_word(json, "replay_policy", kReplay, config.replay_policy) &&
         read(json, "rate_limit_bps", config.rate_limit_bps) && read(json, "sample_freq", config.sample_freq) &&
         read(json, "max_waiting", config.max_waiting) && read(json, "max_ack_pending", config.max_ack_pending) &&
         read(json, "idle_heartbeat", config.idle_heartbeat) && read(json, "flow_control", config.flow_control) &&
         read(json, "headers_only", config.headers_only) && read(json, "max_batch", config.max_batch) &&
         read(json, "max_expires", config.max_expires) && read(json, "max_bytes", config.max_bytes) &&
         read(json, "deliver_subject", config.deliver_subject) && read(json, "deliver_group", config.deliver_group) &&
         read(json, "inactive_threshold", config.inactive_threshold) && read(json, "num_replicas", config.num_replicas) &&
         read(json, "mem_storage", config.mem_storage) && read(json, "direct", config.direct);
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
  if (json && json->is_null()) return request;  // nothing was said
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

Result<ConsumerConfig> parse_consumer_config(std::string_view text, std::string* created, Seq* filters_since) {
  const std::optional<Json> json = parse_json(text);
  ConsumerConfig config;
  if (!json || !json->is_object() || !read_config(*json, config)) return error(Errc::invalid_argument, "not a consumer's configuration");
  if (!json->contains("name")) config.name.clear();  // what was read was "Name"
  // Files have "Name" beside the configuration's own "name": the consumer's, also where the configuration has none.
  std::string name;
  if (!read(*json, "Name", name)) return error(Errc::invalid_argument, "Name");
  if (config.name.empty() && config.durable_name.empty()) config.name = name;
  if (filters_since != nullptr && !read(*json, "windtunnel_filters_since", *filters_since)) {
    return error(Errc::invalid_argument, "windtunnel_filters_since");
  }
  if (created != nullptr && !read(*json, "Created", *created)) return error(Errc::invalid_argument, "Created");
  return config;
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
