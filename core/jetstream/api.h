// The JetStream API's requests and answers. For the .cc files of this folder.
#pragma once

#include <string>
#include <string_view>

#include "core/jetstream/jetstream.h"

namespace windtunnel::core {

class JetStream::Api {
 public:
  explicit Api(JetStream& jetstream) : js_(jetstream) {}

  struct Answer {
    std::string json;  // empty: the request is not answered
    bool is_error = false;
    bool is_counted = false;  // in the account's API statistics
  };
  // Serves one request. Suspends.
  Answer serve(std::string_view subject, std::string_view body);

 private:
  // What a request is about: the tokens behind "$JS.API.".
  struct Call {
    std::string_view subject;
    std::string_view operation;  // "STREAM.CREATE"
    std::string_view stream;
    std::string_view rest;  // what follows the stream's name
    std::string_view body;
  };
  // Writes the members of a successful answer; returns the error otherwise.
  using Handler = ApiStatus (Api::*)(const Call& call, JsonWriter& json);
  struct Route {
    std::string_view operation;
    std::string_view type;  // of the answer: "stream_create_response"
    Handler handler;
    std::size_t tokens_min;  // behind the operation
    std::size_t tokens_max;
    std::string_view on_error;  // members that are printed beside an error
  };
  static const Route* find(std::string_view operation);

  ApiStatus account_info(const Call& call, JsonWriter& json);
  ApiStatus stream_create(const Call& call, JsonWriter& json);
  ApiStatus stream_update(const Call& call, JsonWriter& json);
  ApiStatus stream_info(const Call& call, JsonWriter& json);
  ApiStatus stream_names(const Call& call, JsonWriter& json);
  ApiStatus stream_list(const Call& call, JsonWriter& json);
  ApiStatus stream_delete(const Call& call, JsonWriter& json);
  ApiStatus stream_purge(const Call& call, JsonWriter& json);
  ApiStatus message_get(const Call& call, JsonWriter& json);
  ApiStatus message_delete(const Call& call, JsonWriter& json);
  ApiStatus consumer_create(const Call& call, JsonWriter& json);
  ApiStatus consumer_durable_create(const Call& call, JsonWriter& json);
  ApiStatus consumer_info(const Call& call, JsonWriter& json);
  ApiStatus consumer_names(const Call& call, JsonWriter& json);
  ApiStatus consumer_list(const Call& call, JsonWriter& json);
  ApiStatus consumer_delete(const Call& call, JsonWriter& json);

  ApiStatus put_consumer(const Call& call, const ConsumerRequest& request, std::string name, JsonWriter& json);
  // What a single server without a cluster does not do.
  ApiStatus snapshot(const Call& call, JsonWriter& json);
  ApiStatus restore(const Call& call, JsonWriter& json);
  ApiStatus template_create(const Call& call, JsonWriter& json);
  ApiStatus template_names(const Call& call, JsonWriter& json);
  ApiStatus template_info(const Call& call, JsonWriter& json);
  ApiStatus cluster_only(const Call& call, JsonWriter& json);

  ApiStatus check_stream_update(Stream& stream, StreamConfig& next) const;
  void write_domain(JsonWriter& json) const;

  JetStream& js_;
};

struct PageRequest {
  std::uint64_t offset = 0;
  std::string subject;
};
// False if the body is not as it should be.
[[nodiscard]] bool read_page(std::string_view body, PageRequest& out);

// "Empty" as the API means it: nothing, or a JSON object without members.
[[nodiscard]] bool is_empty_request(std::string_view body);

}  // namespace windtunnel::core
