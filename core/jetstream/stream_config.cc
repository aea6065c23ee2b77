#include "core/jetstream/stream_config.h"

#include <algorithm>
#include <iterator>
#include <limits>

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

bool read_transform(const Json& json, SubjectTransformConfig& out) {
  return json.is_object() && read(json, "src", out.source) && read(json, "dest", out.destination);
}

bool read_transforms(const Json& json, std::vector<SubjectTransformConfig>& out) {
  const Json* value = member(json, "subject_transforms");
  if (value == nullptr) return true;
  if (!value->is_array()) return false;
  for (const Json& item : *value) {
    if (!read_transform(item, out.emplace_back())) return false;
  }
  return true;
}

bool read_external(const Json& json, std::optional<ExternalStream>& out) {
  const Json* value = member(json, "external");
  if (value == nullptr) return true;
  ExternalStream where;
  if (!value->is_object() || !read(*value, "api", where.api) || !read(*value, "deliver", where.deliver)) return false;
  out = std::move(where);
  return true;
}

bool read_source(const Json& json, StreamSource& source) {
  if (!json.is_object() || !read(json, "opt_start_time", source.opt_start_time)) return false;
  if (!source.opt_start_time.empty() && !parse_rfc3339(source.opt_start_time)) return false;
  return read(json, "name", source.name) && read(json, "opt_start_seq", source.opt_start_seq) &&
         read(json, "filter_subject", source.filter_subject) && read_transforms(json, source.subject_transforms) &&
         read_external(json, source.external);
}

// The members that are objects themselves.
bool read_copies(const Json& json, StreamConfig& config) {
  if (const Json* mirror = member(json, "mirror"); mirror != nullptr) {
    if (!read_source(*mirror, config.mirror.emplace())) return false;
  }
  const Json* sources = member(json, "sources");
  if (sources == nullptr) return true;
  if (!sources->is_array()) return false;
  for (const Json& source : *sources) {
    if (!read_source(source, config.sources.emplace_back())) return false;  // of a null nats-server dies
  }
  return true;
}

bool read_rewrites(const Json& json, StreamConfig& config) {
  if (const Json* transform = member(json, "subject_transform"); transform != nullptr) {
    if (!read_transform(*transform, config.subject_transform.emplace())) return false;
  }
  const Json* republish = member(json, "republish");
  if (republish == nullptr) return true;
  RepublishConfig& out = config.republish.emplace();
  return republish->is_object() && read(*republish, "src", out.source) && read(*republish, "dest", out.destination) &&
         read(*republish, "headers_only", out.headers_only);
}

// nats-server reads this word in any case, and no other.
bool read_discard(const Json& json, Discard& out) {
  std::string word;
  if (!read(json, "discard", word)) return false;
  if (member(json, "discard") == nullptr) return true;
  for (std::size_t i = 0; i < std::size(kDiscard); ++i) {
    if (lower_case(word) != kDiscard[i]) continue;
    out = static_cast<Discard>(i);
    return true;
  }
  return false;
}

bool read_int32(const Json& json, const char* key, std::int64_t& out) {
  return read(json, key, out) && out >= std::numeric_limits<std::int32_t>::min() && out <= std::numeric_limits<std::int32_t>::max();
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
  const std::optional<Json> parsed = parse_request(text);
  if (!parsed) return invalid("not a JSON object");
  const Json& json = *parsed;
  StreamConfig config;
  if (!read(json, "name", config.name) || !read(json, "description", config.description) || !read(json, "subjects", config.subjects) ||
      !read_word(json, "retention", kRetention, config.retention) || !read(json, "max_consumers", config.max_consumers) ||
      !read(json, "max_msgs", config.max_msgs) || !read(json, "max_bytes", config.max_bytes) || !read(json, "max_age", config.max_age) ||
      !read(json, "max_msgs_per_subject", config.max_msgs_per_subject) || !read_int32(json, "max_msg_size", config.max_msg_size) ||
      !read_discard(json, config.discard) || !read_word(json, "storage", kStorage, config.storage) ||
      !read(json, "num_replicas", config.num_replicas) || !read(json, "no_ack", config.no_ack) ||
      !read(json, "template_owner", config.template_owner) || !read(json, "duplicate_window", config.duplicate_window) ||
      !read_word(json, "compression", kCompression, config.compression) || !read(json, "first_seq", config.first_seq) ||
      !read(json, "allow_direct", config.allow_direct) || !read(json, "mirror_direct", config.mirror_direct) ||
      !read(json, "discard_new_per_subject", config.discard_new_per_subject) || !read(json, "sealed", config.sealed) ||
      !read(json, "deny_delete", config.deny_delete) || !read(json, "deny_purge", config.deny_purge) ||
      !read(json, "allow_rollup_hdrs", config.allow_rollup_hdrs) || !read_placement(json, config.placement) ||
      !read_consumer_limits(json, config.consumer_limits) || !read_metadata(json, config.metadata) || !read_copies(json, config) ||
      !read_rewrites(json, config)) {
    return invalid("a field has the wrong type");
  }
  if (created != nullptr && !read(json, "created", *created)) return invalid("created");
  return config;
}

namespace {

void write_transform(JsonWriter& json, const SubjectTransformConfig& transform) {
  json.begin_object().field("src", transform.source).field("dest", transform.destination).end_object();
}

void write_source(JsonWriter& json, const StreamSource& source) {
  json.begin_object().field("name", source.name);
  if (source.opt_start_seq.value > 0) json.field("opt_start_seq", source.opt_start_seq.value);
  if (!source.opt_start_time.empty()) json.field("opt_start_time", source.opt_start_time);
  if (!source.filter_subject.empty()) json.field("filter_subject", source.filter_subject);
  write_transforms(json, source.subject_transforms);
  if (source.external) {
    json.key("external").begin_object().field("api", source.external->api).field("deliver", source.external->deliver).end_object();
  }
  json.end_object();
}

}  // namespace

void write_transforms(JsonWriter& json, const std::vector<SubjectTransformConfig>& transforms) {
  if (transforms.empty()) return;
  json.key("subject_transforms").begin_array();
  for (const SubjectTransformConfig& transform : transforms) write_transform(json, transform);
  json.end_array();
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
  if (!config.template_owner.empty()) json.field("template_owner", config.template_owner);
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
    json.key("mirror");
    write_source(json, *config.mirror);
  }
  if (!config.sources.empty()) {
    json.key("sources").begin_array();
    for (const StreamSource& source : config.sources) write_source(json, source);
    json.end_array();
  }
  json.field("compression", kCompression[static_cast<std::size_t>(config.compression)]);
  if (config.first_seq.value > 0) json.field("first_seq", config.first_seq.value);
  if (config.subject_transform) {
    json.key("subject_transform");
    write_transform(json, *config.subject_transform);
  }
  if (config.republish) {
    json.key("republish").begin_object().field("src", config.republish->source).field("dest", config.republish->destination);
    if (config.republish->headers_only) json.field("headers_only", true);
    json.end_object();
  }
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
