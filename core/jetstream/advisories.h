// What JetStream tells operators: advisories and metrics, published in the account while somebody listens (reference:
// jetstream-api 13).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/random.h"
#include "core/base/types.h"
#include "core/nats/client_info.h"

namespace windtunnel::core {

class Bus;
class JsonWriter;
struct Env;

class Advisories {
 public:
  Advisories(Env& env, Bus& bus, std::string domain);

  // One delivery of a message, as the following name it.
  struct Delivery {
    std::string_view stream;
    std::string_view consumer;
    std::uint64_t consumer_seq = 0;
    Seq stream_seq;
    std::uint64_t deliveries = 0;
  };

  // A request of the API, and what became of it.
  struct Audit {
    std::string_view server;
    const std::optional<ClientInfo>& client;
    std::string_view subject;
    std::string_view request;
    std::string_view response;
  };

  // None suspends. `action`: "create", "modify" or "delete".
  void stream_action(std::string_view stream, std::string_view action);
  void consumer_action(std::string_view stream, std::string_view consumer, std::string_view action);
  // A message ran out of deliveries.
  void max_deliveries(const Delivery& delivery);
  void negative_ack(const Delivery& delivery);
  void terminated(const Delivery& delivery, std::string_view reason);
  void api_audit(const Audit& audit);
  // The sample of an acknowledgement (a consumer's sample_freq). ack_time: from the delivery on.
  void ack_sample(const Delivery& delivery, Duration ack_time);

 private:
  bool begin(JsonWriter& json, const std::string& subject, std::string_view type);
  void end(JsonWriter& json, const std::string& subject);

  Env& env_;
  Bus& bus_;
  std::string domain_;
  Random random_;
};

}  // namespace windtunnel::core
