#include "core/jetstream/stream_config.h"

#include <algorithm>

#include "core/base/json_writer.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRetention[] = {"limits", "interest", "workqueue"};
constexpr std::string_view kDiscard[] = {"old", "new"};
constexpr std::string_view kStorage[] = {"file", "memory"};
constexpr std::string_view kCompression[] = {"none", "s2"};

constexpr Duration kDuplicateWindow = 2min;
constexpr Duration kShortestTime = 100ms;
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kDescriptionMax = 4096;
constexpr std::size_t kMetadataMax = 131'072;

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
  return read(json, "name", source.name) && read(json, "opt_start_seq", source.opt_start_seq) &&
         read(json, "opt_start_time", source.opt_start_time) && read(json, "filter_subject", source.filter_subject);
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

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

bool is_valid_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) { return is_space(c) || c == '.' || c == '*' || c == '>'; });
}

bool has_path_separator(std::string_view name) { return name.find_first_of("/\\") != std::string_view::npos; }

void limit_default(std::int64_t& value) {
  if (value == 0) value = -1;
}

ApiStatus check_duplicate_window(StreamConfig& config) {
  if (config.mirror) {  // a mirror reproduces its origin, duplicates included (streams A.5)
    config.duplicate_window = 0s;
    return std::nullopt;
  }
  if (config.duplicate_window == 0s) {
    config.duplicate_window = config.max_age != 0s && config.max_age < kDuplicateWindow ? config.max_age : kDuplicateWindow;
  }
  if (config.duplicate_window < 0s) return api_errors::stream_config("duplicates window can not be negative");
  if (config.max_age != 0s && config.duplicate_window > config.max_age) {
    return api_errors::stream_config("duplicates window can not be larger then max age");
  }
  if (config.duplicate_window < kShortestTime) return api_errors::stream_config("duplicates window needs to be >= 100ms");
  return std::nullopt;
}

ApiStatus check_mirror(const StreamConfig& config) {
  if (!config.mirror) {
    if (config.mirror_direct) return api_errors::stream_config("stream has no mirror but does have mirror direct");
    return std::nullopt;
  }
  if (config.first_seq.value > 0) return api_errors::mirror_with_first_seq();
  if (!config.subjects.empty()) return api_errors::mirror_with_subjects();
  if (!config.mirror->external) {
    if (!is_valid_name(config.mirror->name)) return api_errors::mirror_name_invalid();
    if (config.mirror->name == config.name) return api_errors::stream_config("detected cycle");
    return std::nullopt;
  }
  const ExternalStream& external = *config.mirror->external;
  if (external.api.empty() || !is_valid_literal(external.api)) {
    return api_errors::stream_config("stream external api prefix \"" + external.api + "\" must not contain wildcards");
  }
  if (external.api == "$JS.API") return api_errors::external_overlaps(external.api, "$JS.API.>");
  if (!external.deliver.empty() && !is_valid_literal(external.deliver)) {
    return api_errors::external_deliver_wildcards(external.deliver);
  }
  return std::nullopt;
}

// Subjects of the server's own, which a stream may only capture if it does not answer on them.
bool is_reserved(std::string_view s) {
  if (is_subset(s, "$JS.EVENT.>") || is_subset(s, "$SYS.ACCOUNT.>")) return false;
  return is_subset(s, "$JS.>") || is_subset(s, "$JSC.>") || is_subset(s, "$SYS.>");
}

ApiStatus check_subjects(const StreamConfig& config) {
  for (auto it = config.subjects.begin(); it != config.subjects.end(); ++it) {
    if (std::find(config.subjects.begin(), it, *it) != it) return api_errors::stream_config("duplicate subjects detected");
    if (!is_valid_subject(*it)) return api_errors::stream_config("invalid subject");
    if (*it == ">" && !config.no_ack) {
      return api_errors::stream_config("capturing all subjects requires no-ack to be true");
    }
    if (is_reserved(*it) && !config.no_ack) {
      return api_errors::stream_config("subjects that overlap with jetstream api require no-ack to be true");
    }
    const auto overlapping = std::find_if(config.subjects.begin(), it, [&](const std::string& other) { return collide(other, *it); });
    if (overlapping != it) return api_errors::stream_config("subject \"" + *it + "\" overlaps with \"" + *overlapping + "\"");
  }
  return std::nullopt;
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
      !read_metadata(json, config.metadata)) {
    return invalid("a field has the wrong type");
  }
  for (const char* feature : {"sources", "subject_transform", "republish", "placement", "template_owner"}) {
    if (is_set(json, feature)) config.unsupported = feature;
  }
  if (const Json* mirror = member(json, "mirror"); mirror != nullptr) {
    StreamSource source;
    if (!read_source(*mirror, source, config.unsupported)) return invalid("mirror");
    if (is_set(json, "sources")) config.unsupported = "mirror and sources";
    config.mirror = source;
  }
  if (created != nullptr && !read(json, "created", *created) ) return invalid("created");
  if (created != nullptr && created->empty() && !read(json, "Created", *created)) return invalid("Created");
  return config;
}

ApiStatus normalise(const StreamConfig& given, StreamConfig& config) {
  config = given;
  if (!is_valid_name(config.name)) return api_errors::stream_config("stream name is required and can not contain '.', '*', '>'");
  if (config.name.size() > kNameMax) return api_errors::stream_config("stream name is too long, maximum allowed is 255");
  if (config.description.size() > kDescriptionMax) return api_errors::stream_config("stream description is too long, maximum allowed is 4096");
  std::size_t metadata_size = 0;
  for (const auto& [key, value] : config.metadata) metadata_size += key.size() + value.size();
  if (metadata_size > kMetadataMax) return api_errors::stream_config("stream metadata exceeds maximum size of 128KB");
  if (has_path_separator(config.name)) return api_errors::stream_path_separator();
  if (config.unsupported == "mirror and sources") return api_errors::mirror_with_sources();

  if (config.num_replicas == 0) config.num_replicas = 1;
  if (config.num_replicas > 5) return api_errors::stream_config("maximum replicas is 5");
  if (config.num_replicas < 0) return api_errors::replicas_negative();
  limit_default(config.max_msgs);
  limit_default(config.max_msgs_per_subject);
  limit_default(config.max_bytes);
  limit_default(config.max_msg_size);
  limit_default(config.max_consumers);
  if (config.max_age > 0s && config.max_age < kShortestTime) return api_errors::stream_config("max age needs to be >= 100ms");
  if (ApiStatus failed = check_duplicate_window(config)) return failed;
  if (config.deny_purge && config.allow_rollup_hdrs) return api_errors::stream_config("roll-ups require the purge permission");
  if (config.discard_new_per_subject) {
    if (config.discard != Discard::new_messages) {
      return api_errors::stream_config("discard new per subject requires discard new policy to be set");
    }
    if (config.max_msgs_per_subject <= 0) {
      return api_errors::stream_config("discard new per subject requires max msgs per subject > 0");
    }
  }
  if (ApiStatus failed = check_mirror(config)) return failed;
  if (config.subjects.empty() && !config.mirror) config.subjects = {config.name};
  if (ApiStatus failed = check_subjects(config)) return failed;
  if (config.num_replicas > 1) return api_errors::replicas_unclustered();
  if (!config.unsupported.empty()) return api_errors::stream_create(config.unsupported + " is not supported by this server");
  return std::nullopt;
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
  json.key("consumer_limits").begin_object().end_object();
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
