// Defaults and checks of a consumer's configuration, in nats-server's order (reference: jetstream-api 5.2 and 5.3).

#include <algorithm>
#include <charconv>

#include "core/base/time_text.h"
#include "core/jetstream/consumer_config.h"
#include "core/jetstream/go_duration.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNameMax = 255;
constexpr std::size_t kDescriptionMax = 4096;
constexpr std::size_t kMetadataMax = 131'072;
constexpr Duration kAckWait = 30s;
constexpr Duration kHeartbeatMin = 100ms;
constexpr Duration kExpiresMin = 1ms;
constexpr std::int64_t kMaxWaiting = 512;
constexpr std::int64_t kMaxAckPending = 1000;
constexpr Duration kEphemeralInactive = 5s;

ApiError refused(int err_code, std::string text) { return api_errors::consumer(err_code, std::move(text)); }

void set_defaults(ConsumerConfig& config, const ConsumerLimits& limits) {
  if (config.is_pull() && config.max_waiting == 0) config.max_waiting = kMaxWaiting;
  if (config.ack_wait == 0s && config.ack_policy != AckPolicy::none) config.ack_wait = kAckWait;
  if (config.max_deliver == 0) config.max_deliver = -1;
  if (!config.backoff.empty()) config.ack_wait = config.backoff.front();
  if (config.max_ack_pending == 0) config.max_ack_pending = limits.max_ack_pending;
  if (config.inactive_threshold == 0s) config.inactive_threshold = limits.inactive_threshold;
  if (config.max_ack_pending == 0 && config.ack_policy != AckPolicy::none) config.max_ack_pending = kMaxAckPending;
}

ApiStatus check_push(const ConsumerConfig& config, const StreamConfig& stream) {
  if (has_wildcard(config.deliver_subject)) return refused(10079, "consumer deliver subject has wildcards");
  if (!is_valid_subject(config.deliver_subject)) return refused(10112, "invalid push consumer deliver subject");
  for (const std::string& s : stream.subjects) {
    if (is_subset(config.deliver_subject, s)) return refused(10081, "consumer deliver subject forms a cycle");
  }
  if (config.max_waiting != 0) return refused(10080, "consumer in push mode can not set max waiting");
  if (config.max_ack_pending > 0 && config.ack_policy == AckPolicy::none) {
    return refused(10082, "consumer requires ack policy for max ack pending");
  }
  if (config.idle_heartbeat > 0s && config.idle_heartbeat < kHeartbeatMin)
    return refused(10083, "consumer idle heartbeat needs to be >= 100ms");
  return std::nullopt;
}

ApiStatus check_pull(const ConsumerConfig& config, const StreamConfig& stream) {
  if (config.ack_policy == AckPolicy::none && stream.retention == Retention::work_queue) {
    return refused(10084, "consumer in pull mode requires ack policy");
  }
  if (config.rate_limit_bps != 0) return refused(10086, "consumer in pull mode can not have rate limit set");
  if (config.max_waiting < 0) return refused(10087, "consumer max waiting needs to be positive");
  if (config.idle_heartbeat > 0s) return refused(10088, "consumer idle heartbeat requires a push based consumer");
  if (config.flow_control) return refused(10089, "consumer flow control requires a push based consumer");
  if (config.max_batch < 0) return refused(10114, "consumer max request batch needs to be > 0");
  if (config.max_expires != 0s && config.max_expires < kExpiresMin)
    return refused(10115, "consumer max request expires needs to be >= 1ms");
  return std::nullopt;
}

ApiStatus check_limits(const ConsumerConfig& config, const ConsumerLimits& limits) {
  if (limits.max_ack_pending > 0 && config.max_ack_pending > limits.max_ack_pending) {
    return refused(10121, "consumer max ack pending exceeds system limit of " + std::to_string(limits.max_ack_pending));
  }
  if (limits.inactive_threshold > 0s && config.inactive_threshold > limits.inactive_threshold) {
    return refused(10153, "consumer inactive threshold exceeds system limit of " + go_duration(limits.inactive_threshold));
  }
  return std::nullopt;
}

ApiStatus check_filters(const ConsumerConfig& config) {
  const auto bad_subject = [] { return api_errors::stream_config("invalid subject"); };
  if (!config.filter_subject.empty() && !config.filter_subjects.empty()) {
    return refused(10136, "consumer cannot have both FilterSubject and FilterSubjects specified");
  }
  if (!config.filter_subject.empty() && !is_valid_subject(config.filter_subject)) return bad_subject();
  for (const std::string& filter : config.filter_subjects) {
    if (filter.empty()) return refused(10139, "consumer filter in FilterSubjects cannot be empty");
  }
  const auto& filters = config.filter_subjects;
  for (auto it = filters.begin(); it != filters.end(); ++it) {
    if (!is_valid_subject(*it)) return bad_subject();
    const auto overlaps = [&](const std::string& other) { return &other != &*it && collide(other, *it); };
    if (std::any_of(filters.begin(), filters.end(), overlaps)) return refused(10138, "consumer subject filters cannot overlap");
  }
  return std::nullopt;
}

ApiStatus check_start(const ConsumerConfig& config) {
  static constexpr std::string_view kPolicies[] = {"all", "last", "new", "by start sequence", "by start time", "last per subject"};
  const std::string policy =
      "consumer delivery policy is deliver " + std::string(kPolicies[static_cast<std::size_t>(config.deliver_policy)]);
  const auto also_set = [&](const char* what) { return refused(10094, policy + ", but optional start " + what + " is also set"); };
  const auto not_set = [&](const char* what) { return refused(10094, policy + ", but optional " + what + " is not set"); };
  const bool has_seq = config.opt_start_seq.value > 0;
  const bool has_time = !config.opt_start_time.empty();
  switch (config.deliver_policy) {
    case DeliverPolicy::by_start_sequence:
      if (!has_seq) return not_set("start sequence");
      if (has_time) return also_set("time");
      return std::nullopt;
    case DeliverPolicy::by_start_time:
      if (!has_time) return not_set("start time");
      if (has_seq) return also_set("start sequence");  // sic: "start start sequence"
      return std::nullopt;
    default: break;
  }
  if (has_seq) return also_set("sequence");
  if (has_time) return also_set("time");
  if (config.deliver_policy == DeliverPolicy::last_per_subject && config.filters().empty()) return not_set("filter subject");
  return std::nullopt;
}

// "30", "30%". nullopt with the text of the error.
std::optional<std::uint64_t> parse_sample(std::string_view text, std::string& failure) {
  if (text.ends_with("%")) text.remove_suffix(1);
  std::int64_t percent = 0;
  const char* begin = text.data();
  if (text.starts_with("+")) ++begin;
  const auto [end, failed] = std::from_chars(begin, text.data() + text.size(), percent);
  const bool is_whole = end == text.data() + text.size();
  if (failed != std::errc{} || !is_whole) {
    const char* why = failed == std::errc::result_out_of_range && is_whole ? "value out of range" : "invalid syntax";
    failure = "strconv.Atoi: parsing \"" + std::string(text) + "\": " + why;
    return std::nullopt;
  }
  if (percent < 0) {
    failure = "<nil>";  // what Go prints for the error that there is not
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(percent);
}

ApiStatus check_last(const ConsumerConfig& config) {
  if (!config.sample_freq.empty()) {
    std::string failure;
    if (!parse_sample(config.sample_freq, failure)) return refused(10095, "failed to parse consumer sampling configuration: " + failure);
  }
  if (config.flow_control && config.idle_heartbeat == 0s) return refused(10108, "consumer with flow control also needs heartbeats");
  if (!config.durable_name.empty() && !config.name.empty() && config.durable_name != config.name) {
    return refused(10132, "Consumer Durable and Name have to be equal if both are provided");
  }
  std::size_t metadata_size = 0;
  for (const auto& [key, value] : config.metadata) metadata_size += key.size() + value.size();
  if (metadata_size > kMetadataMax) return refused(10135, "consumer metadata exceeds maximum size of 128KB");
  return std::nullopt;
}

}  // namespace

ApiStatus normalise(ConsumerConfig& config, const StreamConfig& stream) {
  set_defaults(config, stream.consumer_limits);
  if (config.num_replicas > stream.num_replicas) return refused(10126, "consumer config replica count exceeds parent stream");
  if (config.num_replicas < 0) return api_errors::replicas_negative();
  if (!config.backoff.empty() && config.max_deliver != -1 && static_cast<std::int64_t>(config.backoff.size()) > config.max_deliver) {
    return refused(10116, "max deliver is required to be > length of backoff values");
  }
  if (config.description.size() > kDescriptionMax) return refused(10107, "consumer description is too long, maximum allowed is 4096");
  if (ApiStatus failed = config.is_pull() ? check_pull(config, stream) : check_push(config, stream)) return failed;
  if (ApiStatus failed = check_limits(config, stream.consumer_limits)) return failed;
  if (config.direct && config.is_pull()) return refused(10090, "consumer direct requires a push based consumer");
  if (config.direct && config.is_durable()) return refused(10091, "consumer direct requires an ephemeral consumer");
  if (ApiStatus failed = check_filters(config)) return failed;
  if (ApiStatus failed = check_start(config)) return failed;
  if (ApiStatus failed = check_last(config)) return failed;
  return std::nullopt;
}

void set_inactive_threshold(ConsumerConfig& config, bool is_durable) {
  if (!is_durable && config.inactive_threshold <= 0s) config.inactive_threshold = kEphemeralInactive;
}

ApiStatus check_consumer_name(const ConsumerConfig& config, std::string_view name) {
  if (name.size() > kNameMax) {
    if (config.is_durable()) return refused(10102, "consumer name is too long, maximum allowed is 255");
    return api_errors::consumer_create("error creating store for consumer");  // nobody checks it before its directory is to be made
  }
  if (name.find_first_of(".*> \t\r\n\f") != std::string_view::npos || name.empty()) {
    return refused(10103, "durable name can not contain '.', '*', '>'");
  }
  if (name.find_first_of("/\\") != std::string_view::npos) return refused(10127, "Consumer name can not contain path separators");
  return std::nullopt;
}

std::uint64_t sample_percent(const ConsumerConfig& config) {
  std::string failure;
  return config.sample_freq.empty() ? 0 : parse_sample(config.sample_freq, failure).value_or(0);
}

}  // namespace windtunnel::core
