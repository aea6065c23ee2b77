#include "scenarios/hazards/refused.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/jetstream/api_error.h"
#include "core/jetstream/consumer_config.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/subject.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

using Streams = std::map<std::string, core::StreamConfig, std::less<>>;

// As nats-server does it, in its order. What would be created comes to `config`.
core::ApiStatus refusal(const core::StreamConfig& given, const Streams& others, core::StreamConfig& config) {
  const core::StreamLookup lookup = [&others](std::string_view name) {
    const auto found = others.find(name);
    return found == others.end() ? nullptr : &found->second;
  };
  if (core::ApiStatus failed = core::normalise(given, lookup, config)) return failed;
  for (const auto& [name, other] : others) {
    for (const std::string& subject : config.subjects) {
      const bool is_taken =
          std::any_of(other.subjects.begin(), other.subjects.end(), [&subject](const auto& each) { return core::collide(each, subject); });
      if (is_taken) return core::api_errors::subjects_overlap();
    }
  }
  return core::check_transforms(config);
}

std::string told(const core::ApiError& failed) { return failed.description + " (" + std::to_string(failed.err_code) + ")"; }

// `others`: how many consumers the stream has before this one.
core::ApiStatus refusal(const ConsumerSpec& spec, const core::StreamConfig& stream, std::int64_t others) {
  core::Result<core::ConsumerRequest> request = core::parse_consumer_request(spec.create_body);
  if (!request) return core::api_errors::invalid_json();
  core::ConsumerConfig& config = request->config;
  if (core::ApiStatus failed = core::normalise(config, stream)) {
    static constexpr int kPullWithoutAcks = 10084;  // of a work queue: the hazard workqueue-ack-policy
    if (failed->err_code != kPullWithoutAcks) return failed;
  }
  if (stream.max_consumers > 0 && others >= stream.max_consumers) return core::api_errors::max_consumers();
  return core::check_consumer_name(config, spec.name);
}

void find_refused_consumers(const Scenario& scenario, const std::map<std::string, Streams>& of_node, Diagnostics& diagnostics) {
  std::map<std::pair<std::string, std::string>, std::int64_t> taken;  // consumers, by node and stream
  for (const ConsumerSpec& consumer : scenario.consumers) {
    const auto node = of_node.find(consumer.on);
    if (node == of_node.end()) continue;
    const auto stream = node->second.find(consumer.stream);
    if (stream == node->second.end()) continue;  // refused itself
    std::int64_t& others = taken[{consumer.on, consumer.stream}];
    if (const core::ApiStatus failed = refusal(consumer, stream->second, others)) {
      diagnostics.add(consumer.where, quoted(consumer.on) + " refuses the consumer " + quoted(consumer.name) + " of the stream " +
                                          quoted(consumer.stream) + ": " + told(*failed));
    } else {
      ++others;
    }
  }
}

}  // namespace

void find_refused(const Scenario& scenario, Diagnostics& diagnostics) {
  std::map<std::string, Streams> of_node;
  for (const StreamSpec& stream : scenario.streams) {
    const core::Result<core::StreamConfig> given = core::parse_stream_config(stream.create_body);
    core::StreamConfig config;
    const core::ApiStatus failed = given ? refusal(*given, of_node[stream.on], config) : core::api_errors::invalid_json();
    if (failed) {
      diagnostics.add(stream.where, quoted(stream.on) + " refuses the stream " + quoted(stream.name) + ": " + told(*failed));
    } else {
      of_node[stream.on][stream.name] = std::move(config);
    }
  }
  find_refused_consumers(scenario, of_node, diagnostics);
}

}  // namespace windtunnel::scenarios
