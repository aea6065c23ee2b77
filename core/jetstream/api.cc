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
  static constexpr std::string_view kStreamNames = R"("total":0,"offset":0,"limit":0,"streams":null)";
  static constexpr std::string_view kStreams = R"("total":0,"offset":0,"limit":0,"streams":[])";
  static constexpr std::string_view kConsumers = R"("total":0,"offset":0,"limit":0,"consumers":[])";
  static constexpr std::size_t kMany = 256;  // the tokens of a filter
  static constexpr std::array<Route, 25> kRoutes = {{
      {"INFO", "account_info_response", &Api::account_info, 0, 0, {}},
      {"STREAM.CREATE", "stream_create_response", &Api::stream_create, 1, 1, {}},
      {"STREAM.UPDATE", "stream_update_response", &Api::stream_update, 1, 1, {}},
      {"STREAM.INFO", "stream_info_response", &Api::stream_info, 1, 1, kPage},
      {"STREAM.NAMES", "stream_names_response", &Api::stream_names, 0, 0, kStreamNames},
      {"STREAM.LIST", "stream_list_response", &Api::stream_list, 0, 0, kStreams},
      {"STREAM.DELETE", "stream_delete_response", &Api::stream_delete, 1, 1, {}},
      {"STREAM.PURGE", "stream_purge_response", &Api::stream_purge, 1, 1, R"("purged":0)"},
      {"STREAM.SNAPSHOT", "stream_snapshot_response", &Api::snapshot, 1, 1, {}},
      {"STREAM.RESTORE", "stream_restore_response", &Api::restore, 1, 1, R"("deliver_subject":"")"},
      {"STREAM.MSG.GET", "stream_msg_get_response", &Api::message_get, 1, 1, {}},
      {"STREAM.MSG.DELETE", "stream_msg_delete_response", &Api::message_delete, 1, 1, {}},
      {"STREAM.TEMPLATE.CREATE", "stream_template_create_response", &Api::template_create, 1, 1, {}},
      {"STREAM.TEMPLATE.NAMES", "stream_template_names_response", &Api::template_names, 0, 0, kStreamNames},
      {"STREAM.TEMPLATE.INFO", "stream_template_info_response", &Api::template_info, 1, 1, {}},
      {"STREAM.TEMPLATE.DELETE", "stream_template_delete_response", &Api::template_info, 1, 1, {}},
      {"STREAM.PEER.REMOVE", "stream_remove_peer_response", &Api::cluster_only, 1, 1, {}},
      {"STREAM.LEADER.STEPDOWN", "stream_leader_stepdown_response", &Api::cluster_only, 1, 1, {}},
      {"CONSUMER.LEADER.STEPDOWN", "consumer_leader_stepdown_response", &Api::cluster_only, 2, 2, {}},
      {"CONSUMER.CREATE", "consumer_create_response", &Api::consumer_create, 1, kMany, {}},
      {"CONSUMER.DURABLE.CREATE", "consumer_create_response", &Api::consumer_durable_create, 2, 2, {}},
      {"CONSUMER.INFO", "consumer_info_response", &Api::consumer_info, 2, 2, {}},
      {"CONSUMER.NAMES", "consumer_names_response", &Api::consumer_names, 1, 1, kConsumers},
      {"CONSUMER.LIST", "consumer_list_response", &Api::consumer_list, 1, 1, kConsumers},
      {"CONSUMER.DELETE", "consumer_delete_response", &Api::consumer_delete, 2, 2, {}},
  }};
  const auto route = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& r) { return r.operation == operation; });
  return route == kRoutes.end() ? nullptr : &*route;
}

JetStream::Api::Answer JetStream::Api::serve(std::string_view subject, std::string_view body) {
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
  // What is no request of ours is not answered at all: nats-server's transcripts have silence there.
  if (route == nullptr) return {};
  const std::size_t arguments = call.rest.empty() ? 0 : token_count(call.rest);
  if (arguments < route->tokens_min || arguments > route->tokens_max) return {};
  call.stream = take_token(call.rest);
  JsonWriter json;
  json.begin_object().field("type", "io.nats.jetstream.api.v1." + std::string(route->type));
  JsonWriter members = json;
  if (const ApiStatus failed = (this->*route->handler)(call, members)) {
    json.key("error");
    write_error(json, *failed);
    if (!route->on_error.empty()) json.raw(route->on_error);
    return {json.end_object().take(), failed->is_counted, true};
  }
  // nats-server counts a message that was got as traffic, not as a request.
  return {members.end_object().take(), false, route->handler != &Api::message_get};
}

void JetStream::Api::write_domain(JsonWriter& json) const {
  if (!js_.config_.domain.empty()) json.field("domain", js_.config_.domain);
}

ApiStatus JetStream::Api::account_info(const Call&, JsonWriter& json) {
  std::int64_t reserved_memory = 0;
  std::int64_t reserved_storage = 0;
  std::size_t consumers = 0;
  for (const auto& [name, stream] : js_.streams_) {
    const bool is_memory = stream->config().storage == StorageType::memory;
    (is_memory ? reserved_memory : reserved_storage) += std::max<std::int64_t>(0, stream->config().max_bytes);
    consumers += stream->consumers().size();
  }
  json.field("memory", js_.used(StorageType::memory))
      .field("storage", js_.used(StorageType::file))
      .field("reserved_memory", reserved_memory)
      .field("reserved_storage", reserved_storage);
  json.field("streams", js_.streams_.size()).field("consumers", consumers);
  json.key("limits").begin_object();
  for (const char* limit : {"max_memory", "max_storage", "max_streams", "max_consumers", "max_ack_pending", "memory_max_stream_bytes",
                            "storage_max_stream_bytes"}) {
    json.field(limit, -1);
  }
  json.field("max_bytes_required", false).end_object();
  write_domain(json);
  json.key("api").begin_object().field("total", js_.api_total_).field("errors", js_.api_errors_).end_object();
  return std::nullopt;
}

}  // namespace windtunnel::core
