#include "core/jetstream/stream_config.h"

#include <algorithm>

#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRetention[] = {"limits", "interest", "workqueue"};
constexpr std::string_view kDiscard[] = {"old", "new"};
constexpr std::string_view kStorage[] = {"file", "memory"};
constexpr std::string_view kCompression[] = {"none", "s2"};

bool is_set(const Json& json, const char* key) {
  const Json* value = member(json, key);
  return value != nullptr && !(value->is_array() && value->empty()) && !(value->is_object() && value->empty());
}

bool read_source(const Json& json, StreamSource& source, std::string& unsupported) {
  if (!json.is_object()) return false;
  if (is_set(json, "subject_transforms")) unsupported = "subject_transforms of a mirror";
  if (const Json* external = member(json, "external"); external != nullptr) {
    if (!external->is_object()) return false;
    ExternalStream where;
    if (!read(*external, "api", where.api) || !read(*external, "deliver", where.deliver)) return false;
    source.external = where;
  }
  if (!read(json, "opt_start_time", source.opt_start_time)) return false;
  if (!source.opt_start_time.empty() && !parse_rfc3339(source.opt_start_time)) return false;
  return read(json, "name", source.name) && read(json, "opt_start_seq", source.opt_start_seq) &&
         read(json, "filter_subject", source.filter_subject);
}

bool read_metadata(const Json& json, std::map<std::string, std::string>& out) {
  const Json* value = member(json, "metadata");
  if (value == nullptr) return true;
  if (!value->is_object()) return false;
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string()) return false;
    out[key] = text.get<std::string>();
  }
  return true;
}

bool read_placement(const Json& json, std::optional<Placement>& out) {
  const Json* value = member(json, "placement");
  if (value == nullptr) return true;
  Placement placement;
  if (!value->is_object() || !read(*value, "cluster", placement.cluster) || !read(*value, "tags", placement.tags)) return false;
  out = std::move(placement);
  return true;
}

bool read_consumer_limits(const Json& json, ConsumerLimits& out) {
  const Json* value = member(json, "consumer_limits");
  if (value == nullptr) return true;
  return value->is_object() && read(*value, "inactive_threshold", out.inactive_threshold) &&
         read(*value, "max_ack_pending", out.max_ack_pending);
}

}  // namespace

Result<StreamConfig> parse_stream_config(std::string_view text, std::string* created) {
  const auto invalid = [](const char* what) { return error(Errc::invalid_argument, what); };
  const std::optional<Json> parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return invalid("not a JSON object");
  const Json& json = *parsed;
  StreamConfig config;
  if (!read(json, "name", config.name) || !read(json, "description", config.description) || !read(json, "subjects", config.subjects) ||
      !read_word(json, "retention", kRetention, config.retention) || !read(json, "max_consumers", config.max_consumers) ||
      !read(json, "max_msgs", config.max_msgs) || !read(json, "max_bytes", config.max_bytes) || !read(json, "max_age", config.max_age) ||
      !read(json, "max_msgs_per_subject", config.max_msgs_per_subject) || !read(json, "max_msg_size", config.max_msg_size) ||
      !read_word(json, "discard", kDiscard, config.discard) || !read_word(json, "storage", kStorage, config.storage) ||
      !read(json, "num_replicas", config.num_replicas) || !read(json, "no_ack", config.no_ack) ||
      !read(json, "duplicate_window", config.duplicate_window) || !read_word(json, "compression", kCompression, config.compression) ||
      !read(json, "first_seq", config.first_seq) || !read(json, "allow_direct", config.allow_direct) ||
      !read(json, "mirror_direct", config.mirror_direct) || !read(json, "discard_new_per_subject", config.discard_new_per_subject) ||
      !read(json, "sealed", config.sealed) || !read(json, "deny_delete", config.deny_delete) ||
      !read(json, "deny_purge", config.deny_purge) || !read(json, "allow_rollup_hdrs", config.allow_rollup_hdrs) ||
      !read_placement(json, config.placement) || !read_consumer_limits(json, config.consumer_limits) ||
      !read_metadata(json, config.metadata)) {
    return invalid("a field has the wrong type");
  }
  for (const char* feature : {"sources", "subject_transform", "republish", "template_owner"}) {
    if (is_set(json, feature)) config.unsupported = feature;
  }
  if (const Json* mirror = member(json, "mirror"); mirror != nullptr) {
    StreamSource source;
    if (!read_source(*mirror, source, config.unsupported)) return invalid("mirror");
    if (is_set(json, "sources")) config.unsupported = "mirror and sources";
    config.mirror = source;
  }
  if (created != nullptr && !read(json, "created", *created)) return invalid("created");
  if (created != nullptr && created->empty() && !read(json, "Created", *created)) return invalid("Created");
  return config;
}

void write_stream_config_fields(JsonWriter& json, const StreamConfig& config) {
  json.field("name", config.name);
  if (!config.description.empty()) json.field("description", config.description);
  if (!config.subjects.empty()) {
    json.key("subjects").begin_array();
    for (const std::string& s : config.subjects) json.text(s);
    json.end_array();
  }
  json.field("retention", kRetention[static_cast<std::size_t>(config.retention)])
      .field("max_consumers", config.max_consumers)
      .field("max_msgs", config.max_msgs)
      .field("max_bytes", config.max_bytes)
      .field("max_age", config.max_age.count())
      .field("max_msgs_per_subject", config.max_msgs_per_subject);
  if (config.max_msg_size != 0) json.field("max_msg_size", config.max_msg_size);
  json.field("discard", kDiscard[static_cast<std::size_t>(config.discard)])
      .field("storage", kStorage[static_cast<std::size_t>(config.storage)])
      .field("num_replicas", config.num_replicas);
  if (config.no_ack) json.field("no_ack", true);
  if (config.duplicate_window != 0s) json.field("duplicate_window", config.duplicate_window.count());
  if (config.placement) {
    json.key("placement").begin_object();
    if (!config.placement->cluster.empty()) json.field("cluster", config.placement->cluster);
    if (!config.placement->tags.empty()) {
      json.key("tags").begin_array();
      for (const std::string& tag : config.placement->tags) json.text(tag);
      json.end_array();
    }
    json.end_object();
  }
  if (config.mirror) {
    const StreamSource& mirror = *config.mirror;
    json.key("mirror").begin_object().field("name", mirror.name);
    if (mirror.opt_start_seq.value > 0) json.field("opt_start_seq", mirror.opt_start_seq.value);
    if (!mirror.opt_start_time.empty()) json.field("opt_start_time", mirror.opt_start_time);
    if (!mirror.filter_subject.empty()) json.field("filter_subject", mirror.filter_subject);
    if (mirror.external) {
      json.key("external").begin_object().field("api", mirror.external->api).field("deliver", mirror.external->deliver).end_object();
    }
    json.end_object();
  }
  json.field("compression", kCompression[static_cast<std::size_t>(config.compression)]);
  if (config.first_seq.value > 0) json.field("first_seq", config.first_seq.value);
  json.field("allow_direct", config.allow_direct).field("mirror_direct", config.mirror_direct);
  if (config.discard_new_per_subject) json.field("discard_new_per_subject", true);
  json.field("sealed", config.sealed)
      .field("deny_delete", config.deny_delete)
      .field("deny_purge", config.deny_purge)
      .field("allow_rollup_hdrs", config.allow_rollup_hdrs);
  json.key("consumer_limits").begin_object();
  if (config.consumer_limits.inactive_threshold != 0s) json.field("inactive_threshold", config.consumer_limits.inactive_threshold.count());
  if (config.consumer_limits.max_ack_pending != 0) json.field("max_ack_pending", config.consumer_limits.max_ack_pending);
  json.end_object();
  if (!config.metadata.empty()) {
    json.key("metadata").begin_object();
    for (const auto& [key, value] : config.metadata) json.field(key, value);
    json.end_object();
  }
}

StoreLimits store_limits(const StreamConfig& config) {
  return StoreLimits{.max_msgs = config.max_msgs,
                     .max_bytes = config.max_bytes,
                     .max_msgs_per_subject = config.max_msgs_per_subject,
                     .max_age = config.max_age,
                     .discard = config.discard,
                     .discard_new_per_subject = config.discard_new_per_subject};
}

Bytes block_size_for(const StreamConfig& config) {
  constexpr std::uint64_t kSmall = 32'000;
  constexpr std::uint64_t kMiddle = 4'194'304;
  constexpr std::uint64_t kLarge = 8'388'608;
  const auto by_bytes = [&](std::uint64_t bytes) {
    const std::uint64_t quarter = (bytes / 4 + 1 + 99) / 100 * 100;
    if (quarter <= kSmall) return Bytes{kSmall};
    return Bytes{quarter >= kLarge ? kLarge : kMiddle};  // what lies between is discarded, as in the original
  };
  if (config.max_bytes > 0) return by_bytes(static_cast<std::uint64_t>(config.max_bytes));
  if (config.max_msgs > 0) {
    std::size_t longest = 0;
    for (const std::string& s : config.subjects) {
      if (is_valid_literal(s)) longest = std::max(longest, s.size());
    }
    if (longest == 0) longest = 256;
    const std::uint64_t message = config.max_msg_size > 0 ? static_cast<std::uint64_t>(config.max_msg_size) : 1'048'576;
    return by_bytes(static_cast<std::uint64_t>(config.max_msgs) * (30 + longest + 4 + message));
  }
  if (config.max_msgs_per_subject > 0) return Bytes{kMiddle};
  return Bytes{config.retention == Retention::limits ? kLarge : kMiddle};
}

}  // namespace windtunnel::core
