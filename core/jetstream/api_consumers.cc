// The API's consumer requests (reference: jetstream-api 5.1).

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/json_writer.h"
#include "core/base/random.h"
#include "core/env/env.h"
#include "core/jetstream/api.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

constexpr std::uint64_t kNamesPage = 1024;
constexpr std::uint64_t kListPage = 256;
constexpr std::size_t kNameSize = 8;

bool read_offset(std::string_view body, std::uint64_t& offset) {
  if (body.empty()) return true;
  const std::optional<Json> json = parse_request(body);
  return json && read(*json, "offset", offset);
}

bool has_path_separator(std::string_view name) { return name.find_first_of("/\\") != std::string_view::npos; }

}  // namespace

ApiStatus JetStream::Api::put_consumer(const Call& call, const ConsumerRequest& request, std::string name, JsonWriter& json) {
  if (request.config.num_replicas > 1) return api_errors::replicas_unclustered();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  Consumer* consumer = nullptr;
  if (ApiStatus failed = stream->put_consumer(request, std::move(name), consumer)) return failed;
  consumer->write_info(json);
  return std::nullopt;
}

// CONSUMER.CREATE.<stream>, .<stream>.<consumer> and .<stream>.<consumer>.<filter>.
ApiStatus JetStream::Api::consumer_create(const Call& call, JsonWriter& json) {
  Result<ConsumerRequest> request = parse_consumer_request(call.body);
  if (!request) return api_errors::invalid_json();
  if (request->stream_name != call.stream) return api_errors::stream_name_mismatch();
  if (call.rest.empty()) {
    if (request->config.is_durable()) {
      return api_errors::consumer(10020, "consumer expected to be ephemeral but a durable name was set in request");
    }
    std::string name = request->config.name;
    Stream* stream = js_.stream(call.stream);
    while (name.empty() || (request->config.name.empty() && stream != nullptr && stream->consumer(name) != nullptr)) {
      std::array<char, 32> buffer;
      Random names = js_.env_.random.child("consumer names/" + std::to_string(++js_.generated_names_));
      name = names.token(kNameSize, buffer);
    }
    return put_consumer(call, *request, std::move(name), json);
  }
  const std::size_t dot = call.rest.find('.');
  const std::string name{call.rest.substr(0, dot)};
  if (has_path_separator(name)) return api_errors::consumer(10127, "Consumer name can not contain path separators");
  const std::string_view filter = dot == std::string_view::npos ? std::string_view{} : call.rest.substr(dot + 1);
  if (request->config.is_durable() && request->config.durable_name != name) {
    return api_errors::consumer(10017, "consumer name in subject does not match durable name in request");
  }
  request->config.name = name;
  if (!filter.empty()) {
    if (!request->config.filter_subjects.empty()) {
      return api_errors::consumer(10137, "consumer with multiple subject filters cannot use subject based API");
    }
    if (request->config.filter_subject != filter) {
      return api_errors::consumer(10131, "Consumer create request did not match filtered subject from create subject");
    }
  }
  return put_consumer(call, *request, name, json);
}

ApiStatus JetStream::Api::consumer_durable_create(const Call& call, JsonWriter& json) {
  Result<ConsumerRequest> request = parse_consumer_request(call.body);
  if (!request) return api_errors::invalid_json();
  if (request->stream_name != call.stream) return api_errors::stream_name_mismatch();
  if (has_path_separator(call.rest)) return api_errors::consumer(10127, "Consumer name can not contain path separators");
  if (!request->config.is_durable()) {
    return api_errors::consumer(10018, "consumer expected to be durable but a durable name was not set");
  }
  if (request->config.durable_name != call.rest) {
    return api_errors::consumer(10017, "consumer name in subject does not match durable name in request");
  }
  return put_consumer(call, *request, std::string(call.rest), json);
}

ApiStatus JetStream::Api::consumer_info(const Call& call, JsonWriter& json) {
  if (!is_empty_request(call.body)) return api_errors::not_empty_request();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  Consumer* consumer = stream->consumer(call.rest);
  if (consumer == nullptr) return api_errors::consumer_not_found();
  consumer->write_info(json);
  return std::nullopt;
}

ApiStatus JetStream::Api::consumer_names(const Call& call, JsonWriter& json) {
  std::uint64_t offset = 0;
  if (!read_offset(call.body, offset)) return api_errors::invalid_json();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  const std::vector<Consumer*> all = stream->consumers();
  offset = std::min<std::uint64_t>(offset, all.size());
  json.field("total", all.size()).field("offset", offset).field("limit", kNamesPage).key("consumers").begin_array();
  for (std::size_t i = offset; i < all.size() && i - offset < kNamesPage; ++i) json.text(all[i]->name());
  json.end_array();
  return std::nullopt;
}

ApiStatus JetStream::Api::consumer_list(const Call& call, JsonWriter& json) {
  std::uint64_t offset = 0;
  if (!read_offset(call.body, offset)) return api_errors::invalid_json();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  const std::vector<Consumer*> all = stream->consumers();
  offset = std::min<std::uint64_t>(offset, all.size());
  json.field("total", all.size()).field("offset", offset).field("limit", kListPage).key("consumers").begin_array();
  for (std::size_t i = offset; i < all.size() && i - offset < kListPage; ++i) {
    json.begin_object();
    all[i]->write_info(json);
    json.end_object();
  }
  json.end_array();
  return std::nullopt;
}

ApiStatus JetStream::Api::consumer_delete(const Call& call, JsonWriter& json) {
  if (!is_empty_request(call.body)) return api_errors::not_empty_request();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  if (!stream->delete_consumer(call.rest)) return api_errors::consumer_not_found();
  json.field("success", true);
  return std::nullopt;
}

}  // namespace windtunnel::core
