// The checks of a stream's configuration, in nats-server's order (reference: jetstream-api 3 and 4).

#include <algorithm>
#include <deque>
#include <set>

#include "core/jetstream/stream_config.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDuplicateWindow = 2min;
constexpr Duration kShortestTime = 100ms;
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kDescriptionMax = 4096;
constexpr std::size_t kMetadataMax = 131'072;
constexpr std::int64_t kReplicasMax = 5;
constexpr std::string_view kApi = "$JS.API";

ApiError invalid(std::string text) { return api_errors::stream_config(std::move(text)); }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

bool is_valid_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) { return is_space(c) || c == '.' || c == '*' || c == '>'; });
}

ApiStatus check_texts(const StreamConfig& config) {
  if (!is_valid_name(config.name)) return invalid("stream name is required and can not contain '.', '*', '>'");
  if (config.name.size() > kNameMax) return invalid("stream name is too long, maximum allowed is 255");
  if (config.description.size() > kDescriptionMax) return invalid("stream description is too long, maximum allowed is 4096");
  std::size_t metadata_size = 0;
  for (const auto& [key, value] : config.metadata) metadata_size += key.size() + value.size();
  if (metadata_size > kMetadataMax) return invalid("stream metadata exceeds maximum size of 131072 bytes");
  return std::nullopt;
}

void set_defaults(StreamConfig& config) {
  if (config.num_replicas == 0) config.num_replicas = 1;
  for (std::int64_t* limit :
       {&config.max_msgs, &config.max_msgs_per_subject, &config.max_bytes, &config.max_msg_size, &config.max_consumers}) {
    if (*limit == 0) *limit = -1;
  }
  if (config.duplicate_window == 0s && !config.mirror) {
    config.duplicate_window = config.max_age != 0s && config.max_age < kDuplicateWindow ? config.max_age : kDuplicateWindow;
  }
}

ApiStatus check_replicas(const StreamConfig& config) {
  if (config.num_replicas > kReplicasMax) return invalid("maximum replicas is 5");
  if (config.num_replicas < 0) return api_errors::replicas_negative();
  return std::nullopt;
}

ApiStatus check_times(const StreamConfig& config) {
  if (config.max_age > 0s && config.max_age < kShortestTime) return invalid("max age needs to be >= 100ms");
  if (config.duplicate_window < 0s) return invalid("duplicates window can not be negative");
  if (config.max_age != 0s && config.duplicate_window > config.max_age) return invalid("duplicates window can not be larger then max age");
  if (config.duplicate_window > 0s && config.duplicate_window < kShortestTime) return invalid("duplicates window needs to be >= 100ms");
  return std::nullopt;
}

ApiStatus check_flags(const StreamConfig& config) {
  if (config.deny_purge && config.allow_rollup_hdrs) return invalid("roll-ups require the purge permission");
  if (!config.discard_new_per_subject) return std::nullopt;
  if (config.discard != Discard::new_messages) return invalid("discard new per subject requires discard new policy to be set");
  if (config.max_msgs_per_subject <= 0) return invalid("discard new per subject requires max msgs per subject > 0");
  return std::nullopt;
}

ApiStatus check_external(const ExternalStream& external) {
  if (!external.deliver.empty() && !is_valid_literal(external.deliver)) return api_errors::external_deliver_wildcards(external.deliver);
  if (external.api.empty()) return std::nullopt;
  if (!is_valid_literal(external.api)) {
    return invalid("stream external api prefix \"" + external.api + "\" must be a valid subject without wildcards");
  }
  if (collide(external.api, kApi)) return api_errors::external_overlaps(external.api, kApi);
  return std::nullopt;
}

// Also takes over the origin's permission of direct gets, where the origin can be seen.
ApiStatus check_mirror(StreamConfig& config, const StreamLookup& streams) {
  if (!config.mirror) return std::nullopt;
  if (config.first_seq.value > 0) return api_errors::mirror_with_first_seq();
  if (!config.subjects.empty()) return api_errors::mirror_with_subjects();
  if (config.unsupported == "mirror and sources") return api_errors::mirror_with_sources();
  if (config.mirror->external) return check_external(*config.mirror->external);
  if (!is_valid_name(config.mirror->name)) return api_errors::mirror_name_invalid();
  const StreamConfig* origin = streams(config.mirror->name);
  if (origin == nullptr) return std::nullopt;  // it need not be there yet
  if (config.max_msg_size > 0 && origin->max_msg_size > 0 && config.max_msg_size < origin->max_msg_size)
    return api_errors::mirror_too_small();
  config.mirror_direct = origin->allow_direct;
  return std::nullopt;
}

// Mirrors that lead back to a stream already visited. What lies in another domain is not followed.
ApiStatus check_cycle(const StreamConfig& config, const StreamLookup& streams) {
  std::set<std::string_view> visited;
  for (const StreamConfig* at = &config; at != nullptr;) {
    visited.insert(at->name);
    if (!at->mirror || at->mirror->external) return std::nullopt;
    if (visited.contains(at->mirror->name)) return invalid("detected cycle");
    at = streams(at->mirror->name);
  }
  return std::nullopt;
}

// Subjects of the server's own may only be captured by a stream that does not answer on them.
ApiStatus check_reserved(const std::string& subject) {
  if ((is_subset(subject, "$JS.>") || is_subset(subject, "$JSC.>")) && !is_subset(subject, "$JS.EVENT.>")) {
    return invalid("subjects that overlap with jetstream api require no-ack to be true");
  }
  if (is_subset(subject, "$SYS.>") && !is_subset(subject, "$SYS.ACCOUNT.>")) {
    return invalid("subjects that overlap with system api require no-ack to be true");
  }
  return std::nullopt;
}

ApiStatus check_subjects(const StreamConfig& config) {
  std::set<std::string_view> seen;
  for (const std::string& subject : config.subjects) {
    if (!is_valid_subject(subject)) return invalid("invalid subject");
    if (!seen.insert(subject).second) return invalid("duplicate subjects detected");
    if (subject == ">") {
      if (!config.no_ack) return invalid("capturing all subjects requires no-ack to be true");
      if (config.num_replicas != 1) return invalid("capturing all subjects requires replicas of 1");
    }
    if (config.no_ack) continue;
    if (ApiStatus failed = check_reserved(subject)) return failed;
  }
  for (const std::string& subject : config.subjects) {
    const auto other = std::find_if(config.subjects.begin(), config.subjects.end(),
                                    [&](const std::string& o) { return o != subject && collide(o, subject); });
    if (other != config.subjects.end()) return invalid("subject \"" + subject + "\" overlaps with \"" + *other + "\"");
  }
  return std::nullopt;
}

}  // namespace

ApiStatus normalise(const StreamConfig& given, const StreamLookup& streams, StreamConfig& config) {
  config = given;
  if (ApiStatus failed = check_texts(config)) return failed;
  set_defaults(config);
  if (ApiStatus failed = check_replicas(config)) return failed;
  if (ApiStatus failed = check_times(config)) return failed;
  if (ApiStatus failed = check_flags(config)) return failed;
  if (ApiStatus failed = check_mirror(config, streams)) return failed;
  // A mirror reproduces its origin, duplicates included (streams A.5). nats-server keeps a window that was asked for until
  // its next start.
  if (config.mirror) config.duplicate_window = 0s;
  if (ApiStatus failed = check_cycle(config, streams)) return failed;
  if (config.subjects.empty() && !config.mirror) config.subjects = {config.name};
  if (ApiStatus failed = check_subjects(config)) return failed;
  if (config.num_replicas > 1) return api_errors::replicas_unclustered();
  if (!config.unsupported.empty()) return api_errors::stream_create(config.unsupported + " is not supported by this server");
  return std::nullopt;
}

}  // namespace windtunnel::core
