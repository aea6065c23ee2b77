#include "core/jetstream/api.h"

#include <algorithm>
#include <array>

#include "core/base/json_writer.h"
#include "core/env/env.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

constexpr std::string_view kPrefix = "$JS.API.";

// Takes the first token off.
std::string_view take_token(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  const std::string_view token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

}  // namespace

bool is_empty_request(std::string_view body) {
  if (body.empty()) return true;
  const std::optional<Json> json = parse_json(body);
  return json && json->is_object() && json->empty();
}

const JetStream::Api::Route* JetStream::Api::find(std::string_view operation) {
  static constexpr std::string_view kPage = R"("total":0,"offset":0,"limit":0)";
  static constexpr std::array<Route, 16> kRoutes = {{
      {"INFO", "account_info_response", &Api::account_info, {}},
      {"STREAM.CREATE", "stream_create_response", &Api::stream_create, {}},
      {"STREAM.UPDATE", "stream_update_response", &Api::stream_update, {}},
      {"STREAM.INFO", "stream_info_response", &Api::stream_info, kPage},
      {"STREAM.NAMES", "stream_names_response", &Api::stream_names, kPage},
      {"STREAM.LIST", "stream_list_response", &Api::stream_list, kPage},
      {"STREAM.DELETE", "stream_delete_response", &Api::stream_delete, {}},
      {"STREAM.PURGE", "stream_purge_response", &Api::stream_purge, R"("purged":0)"},
      {"STREAM.MSG.GET", "stream_msg_get_response", &Api::message_get, {}},
      {"STREAM.MSG.DELETE", "stream_msg_delete_response", &Api::message_delete, {}},
      {"CONSUMER.CREATE", "consumer_create_response", &Api::consumer_create, {}},
      {"CONSUMER.DURABLE.CREATE", "consumer_create_response", &Api::consumer_durable_create, {}},
      {"CONSUMER.INFO", "consumer_info_response", &Api::consumer_info, {}},
      {"CONSUMER.NAMES", "consumer_names_response", &Api::consumer_names, kPage},
      {"CONSUMER.LIST", "consumer_list_response", &Api::consumer_list, kPage},
      {"CONSUMER.DELETE", "consumer_delete_response", &Api::consumer_delete, {}},
  }};
  const auto route = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& r) { return r.operation == operation; });
  return route == kRoutes.end() ? nullptr : &*route;
}

std::string JetStream::Api::serve(std::string_view subject, std::string_view body, bool& is_error) {
  std::string_view rest = subject.substr(kPrefix.size());
  const Route* route = nullptr;
  Call call{subject, {}, {}, {}, body};
  // An operation is one to three tokens; the longest that is known counts ("STREAM.MSG.GET" before "STREAM.MSG").
  for (std::size_t tokens = 3; tokens > 0 && route == nullptr; --tokens) {
    std::size_t end = 0;
    std::size_t seen = 0;
    while (seen < tokens && end != std::string_view::npos) {
      end = rest.find('.', seen == 0 ? 0 : end + 1);
      ++seen;
    }
    if (seen < tokens) continue;
    call.operation = rest.substr(0, end);
    route = find(call.operation);
    if (route != nullptr) call.rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  JsonWriter json;
  json.begin_object();
  if (route == nullptr) {
    is_error = true;
    json.field("type", "io.nats.jetstream.api.v1.system_response").key("error");
    write_error(json, api_errors::bad_request());
    return json.end_object().take();
  }
  call.stream = take_token(call.rest);
  json.field("type", "io.nats.jetstream.api.v1." + std::string(route->type));
  JsonWriter members = json;
  if (const ApiStatus failed = (this->*route->handler)(call, members)) {
    is_error = true;
    json.key("error");
    write_error(json, *failed);
    if (!route->on_error.empty()) json.raw(route->on_error);
    return json.end_object().take();
  }
  return members.end_object().take();
}

void JetStream::Api::write_domain(JsonWriter& json) const {
  if (!js_.config_.domain.empty()) json.field("domain", js_.config_.domain);
}

ApiStatus JetStream::Api::account_info(const Call&, JsonWriter& json) {
  std::uint64_t memory = 0;
  std::uint64_t storage = 0;
  std::size_t consumers = 0;
  for (const auto& [name, stream] : js_.streams_) {
    (stream->config().storage == StorageType::memory ? memory : storage) += stream->store().state().bytes.value;
    consumers += stream->consumers().size();
  }
  json.field("memory", memory).field("storage", storage).field("reserved_memory", 0).field("reserved_storage", 0);
  json.field("streams", js_.streams_.size()).field("consumers", consumers);
  json.key("limits").begin_object();
  for (const char* limit : {"max_memory", "max_storage", "max_streams", "max_consumers", "max_ack_pending", "memory_max_stream_bytes",
                            "storage_max_stream_bytes"}) {
    json.field(limit, -1);
  }
  json.field("max_bytes_required", false).end_object();
  write_domain(json);
  json.key("api").begin_object().field("total", js_.api_total_ - 1).field("errors", js_.api_errors_).end_object();
  return std::nullopt;
}

}  // namespace windtunnel::core
