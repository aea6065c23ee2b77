// StreamConfig: a stream's configuration with NATS's field names and meanings (reference: jetstream-api 4).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "core/jetstream/api_error.h"
#include "core/store/store_options.h"

namespace windtunnel::core {

class JsonWriter;

enum class Retention : std::uint8_t { limits, interest, work_queue };

// Where a mirror's origin lies when it is not in the stream's own domain.
struct ExternalStream {
  std::string api;      // "$JS.hub.API"
  std::string deliver;  // prefix of the deliver subject; may be empty
  friend bool operator==(const ExternalStream&, const ExternalStream&) = default;
};

struct SubjectTransformConfig {
  std::string source;  // empty: every subject
  std::string destination;
  friend bool operator==(const SubjectTransformConfig&, const SubjectTransformConfig&) = default;
};

// What is stored is published again under another subject.
struct RepublishConfig {
  std::string source;
  std::string destination;
  bool headers_only = false;
  friend bool operator==(const RepublishConfig&, const RepublishConfig&) = default;
};

// What a mirror, or a stream with sources, copies.
struct StreamSource {
  std::string name;
  Seq opt_start_seq;
  std::string opt_start_time;  // RFC 3339; empty: none
  std::string filter_subject;
  std::vector<SubjectTransformConfig> subject_transforms;
  std::optional<ExternalStream> external;
  friend bool operator==(const StreamSource&, const StreamSource&) = default;
};

// What consumers of the stream get by default, and may not exceed. 0: nothing is said.
struct ConsumerLimits {
  Duration inactive_threshold{0};
  std::int64_t max_ack_pending = 0;
  friend bool operator==(const ConsumerLimits&, const ConsumerLimits&) = default;
};

// Where a cluster is to put the stream; a single server keeps and shows it.
struct Placement {
  std::string cluster;
  std::vector<std::string> tags;
  friend bool operator==(const Placement&, const Placement&) = default;
};

struct StreamConfig {
  std::string name;
  std::string description;
  std::vector<std::string> subjects;
  Retention retention = Retention::limits;
  std::int64_t max_consumers = 0;
  std::int64_t max_msgs = 0;
  std::int64_t max_bytes = 0;
  Duration max_age{0};
  std::int64_t max_msgs_per_subject = 0;
  std::int64_t max_msg_size = 0;
  Discard discard = Discard::old_messages;
  StorageType storage = StorageType::file;
  std::int64_t num_replicas = 0;
  bool no_ack = false;
  std::string template_owner;
  Duration duplicate_window{0};
  std::optional<StreamSource> mirror;
  std::vector<StreamSource> sources;
  Compression compression = Compression::none;
  Seq first_seq;
  std::optional<SubjectTransformConfig> subject_transform;
  std::optional<RepublishConfig> republish;
  bool allow_direct = false;
  bool mirror_direct = false;
  bool discard_new_per_subject = false;
  bool sealed = false;
  bool deny_delete = false;
  bool deny_purge = false;
  bool allow_rollup_hdrs = false;
  std::optional<Placement> placement;
  ConsumerLimits consumer_limits;
  std::map<std::string, std::string> metadata;
  friend bool operator==(const StreamConfig&, const StreamConfig&) = default;
};

// Reads the JSON of a create or update request, or of meta.inf (where `created` is found too, if asked for).
// Errors: invalid_argument (no JSON, or a field of the wrong type or with an unknown word).
[[nodiscard]] Result<StreamConfig> parse_stream_config(std::string_view json, std::string* created = nullptr);

// The configuration of another stream of the account, if it is there; nullptr otherwise.
using StreamLookup = std::function<const StreamConfig*(std::string_view name)>;

// Fills in the server's defaults and checks the configuration in nats-server's order (jetstream-api 4.1, 4.2): all but
// what the account or an existing stream of that name say, and what check_transforms looks at. `normalised` gets the result.
[[nodiscard]] ApiStatus normalise(const StreamConfig& config, const StreamLookup& streams, StreamConfig& normalised);

// Transforms that cannot be made. nats-server finds them when it makes the stream, after everything else.
[[nodiscard]] ApiStatus check_transforms(const StreamConfig& config);

// The configuration's members, in nats-server's order, into an object that is open.
void write_stream_config_fields(JsonWriter& json, const StreamConfig& config);

// "subject_transforms", if there are any.
void write_transforms(JsonWriter& json, const std::vector<SubjectTransformConfig>& transforms);

// What of it the store enforces.
[[nodiscard]] StoreLimits store_limits(const StreamConfig& config);
// The size of the stream's blocks (reference: filestore 2.12).
[[nodiscard]] Bytes block_size_for(const StreamConfig& config);

}  // namespace windtunnel::core
