// The checks of a stream's configuration, in nats-server's order (reference: jetstream-api 3 and 4).

#include <algorithm>
#include <deque>
#include <set>

#include "core/jetstream/stream_config.h"
#include "core/nats/subject.h"
#include "core/nats/subject_transform.h"

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

// Sequences have to leave room for those that follow, and for the two bits that a record on disk needs.
ApiStatus check_first_seq(const StreamConfig& config) {
  return config.first_seq > kSeqMax ? ApiStatus{invalid("first sequence is too large")} : std::nullopt;
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

// What lies outside: prefixes of the API and of deliver subjects.
ApiStatus check_externals(const StreamConfig& config, const std::vector<std::string>& origin_subjects) {
  std::vector<const ExternalStream*> externals;
  if (config.mirror && config.mirror->external) externals.push_back(&*config.mirror->external);
  for (const StreamSource& source : config.sources) {
    if (source.external) externals.push_back(&*source.external);
  }
  for (const ExternalStream* external : externals) {
    if (external->deliver.empty()) continue;
    if (!is_valid_literal(external->deliver)) return api_errors::external_deliver_wildcards(external->deliver);
    for (const std::string& subject : origin_subjects) {
      if (collide(subject, external->deliver + "." + subject)) return api_errors::external_deliver_overlaps(external->deliver, subject);
    }
  }
  for (const ExternalStream* external : externals) {
    if (external->api.empty()) continue;
    if (!is_valid_literal(external->api)) {
      return invalid("stream external api prefix \"" + external->api + "\" must be a valid subject without wildcards");
    }
    if (collide(external->api, kApi)) return api_errors::external_overlaps(external->api, kApi);
  }
  return std::nullopt;
}

bool is_too_small(const StreamConfig& copy, const StreamConfig& origin) {
  return copy.max_msg_size > 0 && origin.max_msg_size > 0 && copy.max_msg_size < origin.max_msg_size;
}

// Whether what one transform takes another takes too. A subject may be invalid: then they do not.
template <typename Meets>
bool any_two_meet(const std::vector<SubjectTransformConfig>& transforms, const Meets& meets) {
  for (const SubjectTransformConfig& one : transforms) {
    for (const SubjectTransformConfig& other : transforms) {
      if (&one != &other && meets(one.source, other.source)) return true;
    }
  }
  return false;
}

// Also takes over the origin's permission of direct gets, where the origin can be seen.
ApiStatus check_mirror(StreamConfig& config, const StreamLookup& streams, std::vector<std::string>& origin_subjects) {
  if (!config.mirror) return std::nullopt;
  const StreamSource& mirror = *config.mirror;
  if (config.first_seq.value > 0) return api_errors::mirror_with_first_seq();
  if (!config.subjects.empty()) return api_errors::mirror_with_subjects();
  if (!config.sources.empty()) return api_errors::mirror_with_sources();
  if (!mirror.filter_subject.empty() && !mirror.subject_transforms.empty()) return api_errors::mirror_filter_and_transforms();
  for (const SubjectTransformConfig& transform : mirror.subject_transforms) {
    if (!is_valid_subject(transform.source)) return api_errors::mirror_filter_invalid();
  }
  if (any_two_meet(mirror.subject_transforms, collide)) return api_errors::mirror_filters_overlap();
  if (mirror.external) return std::nullopt;
  if (!is_valid_name(mirror.name)) return api_errors::mirror_name_invalid();
  const StreamConfig* origin = streams(mirror.name);
  if (origin == nullptr) return std::nullopt;  // it need not be there yet
  origin_subjects.insert(origin_subjects.end(), origin->subjects.begin(), origin->subjects.end());
  if (is_too_small(config, *origin)) return api_errors::mirror_too_small();
  config.mirror_direct = origin->allow_direct;
  return std::nullopt;
}

// What tells two sources of a stream from each other (streams E.1).
std::string index_name(const StreamSource& source) {
  std::string name = source.name;
  if (source.external) name += ":" + source.external->api;
  name += ' ' + source.filter_subject;
  for (const SubjectTransformConfig& transform : source.subject_transforms) name += '\f' + transform.source;
  name += ' ';
  for (const SubjectTransformConfig& transform : source.subject_transforms) name += '\f' + transform.destination;
  return name;
}

ApiStatus check_sources(const StreamConfig& config, const StreamLookup& streams, std::vector<std::string>& origin_subjects) {
  std::set<std::string> seen;
  for (const StreamSource& source : config.sources) {
    if (!is_valid_name(source.name)) return api_errors::source_name_invalid();
    if (!seen.insert(index_name(source)).second) return api_errors::source_duplicate();
    if (source.external) continue;
    if (const StreamConfig* origin = streams(source.name); origin != nullptr) {
      origin_subjects.insert(origin_subjects.end(), origin->subjects.begin(), origin->subjects.end());
      if (is_too_small(config, *origin)) return api_errors::source_too_small();
    }
    if (!source.filter_subject.empty() && !source.subject_transforms.empty()) return api_errors::source_filter_and_transforms();
    for (const SubjectTransformConfig& transform : source.subject_transforms) {
      if (!is_valid_subject(transform.source)) return api_errors::source_filter_invalid();
      if (!SubjectTransform::is_destination(transform.destination)) return api_errors::source_destination_invalid();
    }
    if (any_two_meet(source.subject_transforms, is_subset)) return api_errors::source_filters_overlap();
  }
  return std::nullopt;
}

bool takes_from(const std::vector<std::string>& subjects, const std::string& filter) {
  return filter.empty() ||
         std::any_of(subjects.begin(), subjects.end(), [&](const std::string& subject) { return is_subset(subject, filter); });
}

// Copies that lead back to a stream already visited. What lies in another domain is not followed.
ApiStatus check_cycle(const StreamConfig& config, const StreamLookup& streams) {
  std::set<std::string_view> visited;
  std::deque<const StreamConfig*> to_visit{&config};
  const auto follow = [&](const std::string& name) {
    if (const StreamConfig* next = streams(name); next != nullptr) to_visit.push_back(next);
  };
  while (!to_visit.empty()) {
    const StreamConfig& at = *to_visit.front();
    to_visit.pop_front();
    visited.insert(at.name);
    for (const StreamSource& source : at.sources) {
      if (source.external) continue;
      if (!visited.contains(source.name)) {
        follow(source.name);
      } else if (takes_from(at.subjects, source.filter_subject)) {
        return invalid("detected cycle");
      }
    }
    if (!at.mirror || at.mirror->external) continue;
    if (visited.contains(at.mirror->name)) return invalid("detected cycle");
    follow(at.mirror->name);
  }
  return std::nullopt;
}

// Also: an empty source means every subject.
ApiStatus check_republish(StreamConfig& config) {
  if (!config.republish) return std::nullopt;
  RepublishConfig& republish = *config.republish;
  if (republish.source.empty()) republish.source = ">";
  const bool is_cycle = std::any_of(config.subjects.begin(), config.subjects.end(),
                                    [&](const std::string& subject) { return collide(republish.destination, subject); });
  if (is_cycle) return invalid("stream configuration for republish destination forms a cycle");
  if (republish.destination.empty() || SubjectTransform::make(republish.source, republish.destination)) return std::nullopt;
  return invalid("stream configuration for republish with transform from '" + republish.source + "' to '" + republish.destination +
                 "' not valid");
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
  if (ApiStatus failed = check_first_seq(config)) return failed;
  std::vector<std::string> origin_subjects;
  if (ApiStatus failed = check_mirror(config, streams, origin_subjects)) return failed;
  if (ApiStatus failed = check_sources(config, streams, origin_subjects)) return failed;
  if (ApiStatus failed = check_externals(config, origin_subjects)) return failed;
  if (ApiStatus failed = check_cycle(config, streams)) return failed;
  if (config.subjects.empty() && !config.mirror && config.sources.empty()) config.subjects = {config.name};
  if (ApiStatus failed = check_subjects(config)) return failed;
  return check_republish(config);
}

namespace {

// nullopt if it can be made, or says nothing.
std::optional<std::string> transform_problem(const SubjectTransformConfig& transform) {
  if (transform.destination.empty()) return std::nullopt;
  const Result<SubjectTransform> made = SubjectTransform::make(transform.source, transform.destination);
  return made ? std::nullopt : std::optional{made.error().detail};
}

std::string from_to(const SubjectTransformConfig& transform) {
  return "from '" + transform.source + "' to '" + transform.destination + "'";
}

// `whose`: "mirror" or "source". nats-server leaves a colon out for one of them.
ApiStatus check_copy(const StreamSource& copy, const std::string& whose) {
  if (!copy.filter_subject.empty() && !is_valid_subject(copy.filter_subject)) {
    const std::string colon = whose == "source" ? ":" : "";
    return api_errors::stream_create("subject filter '" + copy.filter_subject + "' for the " + whose + colon + " invalid subject");
  }
  for (const SubjectTransformConfig& transform : copy.subject_transforms) {
    if (const auto problem = transform_problem(transform)) {
      return api_errors::stream_create("subject transform " + from_to(transform) + " for the " + whose + ": " + *problem);
    }
  }
  return std::nullopt;
}

}  // namespace

ApiStatus check_transforms(const StreamConfig& config) {
  if (config.mirror) {
    if (ApiStatus failed = check_copy(*config.mirror, "mirror")) return failed;
  }
  for (const StreamSource& source : config.sources) {
    if (ApiStatus failed = check_copy(source, "source")) return failed;
  }
  if (!config.subject_transform) return std::nullopt;
  const auto problem = transform_problem(*config.subject_transform);
  if (!problem) return std::nullopt;
  return api_errors::stream_create("stream subject transform " + from_to(*config.subject_transform) + ": " + *problem);
}

}  // namespace windtunnel::core
