// Bodies of API requests: whatever a client sends, reading it ends in a request or in an error; a configuration that is taken
// reads back as itself, for that is how meta.inf keeps it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/assert.h"
#include "core/base/json_writer.h"
#include "core/jetstream/consumer_config.h"
#include "core/jetstream/direct_get.h"
#include "core/jetstream/rewrites.h"
#include "core/jetstream/stream_config.h"

using namespace windtunnel::core;

namespace {

const StreamConfig* no_stream(std::string_view) { return nullptr; }

void read_stream(std::string_view body) {
  const Result<StreamConfig> parsed = parse_stream_config(body);
  if (!parsed) return;
  StreamConfig config;
  if (normalise(*parsed, no_stream, config) || check_transforms(config)) return;
  JsonWriter json;
  json.begin_object();
  write_stream_config_fields(json, config);
  json.end_object();
  const Result<StreamConfig> again = parse_stream_config(json.view());
  WT_ASSERT(again.has_value());
  StreamConfig normalised;
  const ApiStatus failed = normalise(*again, no_stream, normalised);
  WT_ASSERT(!failed);
  WT_ASSERT(normalised == config);

  const Rewrites rewrites{config};
  for (const char* subject : {"a", "a.b", "a.b-c.d", "$JS.x"}) {
    std::string rewritten = subject;
    rewrites.transform(rewritten);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  read_stream(body);
  static_cast<void>(parse_consumer_request(body));
  static_cast<void>(parse_message_query(body));
  return 0;
}
