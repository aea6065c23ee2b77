#include "scenarios/hazards/refused.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/jetstream/api_error.h"
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

}  // namespace

void find_refused(const Scenario& scenario, Diagnostics& diagnostics) {
  std::map<std::string, Streams> of_node;
  for (const StreamSpec& stream : scenario.streams) {
    const core::Result<core::StreamConfig> given = core::parse_stream_config(stream.create_body);
    core::StreamConfig config;
    const core::ApiStatus failed = given ? refusal(*given, of_node[stream.on], config) : core::api_errors::invalid_json();
    if (failed) {
      diagnostics.add(stream.where, quoted(stream.on) + " refuses the stream " + quoted(stream.name) + ": " + failed->description + " (" +
                                        std::to_string(failed->err_code) + ")");
    } else {
      of_node[stream.on][stream.name] = std::move(config);
    }
  }
}

}  // namespace windtunnel::scenarios
