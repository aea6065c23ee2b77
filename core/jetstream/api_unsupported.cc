// Requests that this server knows and does not serve: snapshots, templates (which are deprecated), clusters. What is wrong with
// them is told as nats-server tells it; what is right is refused by name.

#include "core/base/json_writer.h"
#include "core/jetstream/api.h"
#include "core/jetstream/json_fields.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

constexpr const char* kUnsupported = "not supported by this server";

}  // namespace

ApiStatus JetStream::Api::snapshot(const Call& call, JsonWriter&) {
  if (is_empty_request(call.body)) return api_errors::bad_request();
  const std::optional<Json> body = parse_request(call.body);
  std::string deliver;
  if (!body || !read(*body, "deliver_subject", deliver)) return api_errors::invalid_json();
  if (js_.stream(call.stream) == nullptr) return api_errors::stream_not_found();
  if (!is_valid_subject(deliver)) return api_errors::snapshot_subject_invalid();
  return api_errors::snapshot_failed(kUnsupported);
}

ApiStatus JetStream::Api::restore(const Call& call, JsonWriter&) {
  if (is_empty_request(call.body)) return api_errors::bad_request();
  const std::optional<Json> body = parse_request(call.body);
  if (!body) return api_errors::invalid_json();
  if (const Json* config = member(*body, "config"); config != nullptr && !config->is_object()) return api_errors::invalid_json();
  if (js_.stream(call.stream) != nullptr) return api_errors::restore_exists();
  return api_errors::restore_failed(kUnsupported);
}

ApiStatus JetStream::Api::template_create(const Call& call, JsonWriter&) {
  const std::optional<Json> body = parse_request(call.body);
  std::string name;
  if (!body || !read(*body, "name", name)) return api_errors::invalid_json();
  if (name != call.stream) return api_errors::template_name_mismatch();
  return api_errors::template_create(std::string("stream templates are ") + kUnsupported);
}

ApiStatus JetStream::Api::template_names(const Call& call, JsonWriter& json) {
  PageRequest page;
  if (!read_page(call.body, page)) return api_errors::invalid_json();
  json.field("total", 0).field("offset", 0).field("limit", 1024).key("streams").begin_array().end_array();
  return std::nullopt;
}

// As well of a deletion: there is none.
ApiStatus JetStream::Api::template_info(const Call& call, JsonWriter&) {
  if (!is_empty_request(call.body)) return api_errors::not_empty_request();
  return api_errors::template_not_found();
}

ApiStatus JetStream::Api::cluster_only(const Call&, JsonWriter&) { return api_errors::cluster_required(); }

}  // namespace windtunnel::core
