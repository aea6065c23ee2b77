// The API's requests about single messages (reference: jetstream-api 3).

#include "core/base/json_writer.h"
#include "core/jetstream/api.h"
#include "core/jetstream/direct_get.h"
#include "core/jetstream/json_fields.h"

namespace windtunnel::core {

ApiStatus JetStream::Api::message_get(const Call& call, JsonWriter& json) {
  if (is_empty_request(call.body)) return api_errors::bad_request();
  const std::optional<MessageQuery> query = parse_message_query(call.body);
  if (!query) return api_errors::invalid_json();
  if (query->is_empty() || query->is_contradictory()) return api_errors::bad_request();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  const std::optional<StoredMessage> message = find_message(stream->store(), *query);
  if (!message) return api_errors::message_not_found();
  json.key("message").begin_object().field("subject", message->subject).field("seq", message->seq.value);
  if (!message->headers.empty()) json.field("hdrs", base64(message->headers));
  if (!message->payload.empty()) json.field("data", base64(message->payload));
  json.field("time", message->time).end_object();
  return std::nullopt;
}

ApiStatus JetStream::Api::message_delete(const Call& call, JsonWriter& json) {
  if (is_empty_request(call.body)) return api_errors::bad_request();
  const std::optional<Json> body = parse_request(call.body);
  Seq seq;
  bool no_erase = false;
  if (!body || !read(*body, "seq", seq) || !read(*body, "no_erase", no_erase)) return api_errors::invalid_json();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  if (ApiStatus failed = stream->remove_message(seq, !no_erase)) return failed;
  json.field("success", true);
  return std::nullopt;
}

}  // namespace windtunnel::core
