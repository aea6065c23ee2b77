#include "core/jetstream/advisories.h"

#include <array>
#include <utility>

#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/nats/bus.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kIdSize = 22;

std::string subject_of(std::string_view kind, std::string_view stream, std::string_view consumer = {}) {
  std::string subject = "$JS.EVENT." + std::string(kind) + "." + std::string(stream);
  if (!consumer.empty()) subject.append(".").append(consumer);
  return subject;
}

}  // namespace

Advisories::Advisories(Env& env, Bus& bus, std::string domain)
    : env_(env), bus_(bus), domain_(std::move(domain)), random_(env.random.child("advisories")) {}

// False if nobody listens.
bool Advisories::begin(JsonWriter& json, const std::string& subject, std::string_view type) {
  if (!bus_.has_interest(subject)) return false;
  std::array<char, 32> buffer;
  json.begin_object().field("type", type).field("id", random_.token(kIdSize, buffer)).field("timestamp", env_.clock.wall_now());
  return true;
}

void Advisories::end(JsonWriter& json, const std::string& subject) {
  if (!domain_.empty()) json.field("domain", domain_);
  json.end_object();
  bus_.publish(MessageView{.subject = subject, .reply = {}, .headers = {}, .payload = json.view()});
}

void Advisories::stream_action(std::string_view stream, std::string_view action) {
  const std::string_view kind = action == "create"   ? "ADVISORY.STREAM.CREATED"
                                : action == "delete" ? "ADVISORY.STREAM.DELETED"
                                                     : "ADVISORY.STREAM.UPDATED";
  const std::string subject = subject_of(kind, stream);
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.advisory.v1.stream_action")) return;
  json.field("stream", stream).field("action", action);
  end(json, subject);
}

void Advisories::consumer_action(std::string_view stream, std::string_view consumer, std::string_view action) {
  const std::string subject = subject_of(action == "create" ? "ADVISORY.CONSUMER.CREATED" : "ADVISORY.CONSUMER.DELETED", stream, consumer);
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.advisory.v1.consumer_action")) return;
  json.field("stream", stream).field("consumer", consumer).field("action", action);
  end(json, subject);
}

void Advisories::max_deliveries(const Delivery& d) {
  const std::string subject = subject_of("ADVISORY.CONSUMER.MAX_DELIVERIES", d.stream, d.consumer);
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.advisory.v1.max_deliver")) return;
  json.field("stream", d.stream).field("consumer", d.consumer).field("stream_seq", d.stream_seq.value).field("deliveries", d.deliveries);
  end(json, subject);
}

void Advisories::negative_ack(const Delivery& d) {
  const std::string subject = subject_of("ADVISORY.CONSUMER.MSG_NAKED", d.stream, d.consumer);
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.advisory.v1.nak")) return;
  json.field("stream", d.stream)
      .field("consumer", d.consumer)
      .field("consumer_seq", d.consumer_seq)
      .field("stream_seq", d.stream_seq.value);
  json.field("deliveries", d.deliveries);
  end(json, subject);
}

void Advisories::terminated(const Delivery& d, std::string_view reason) {
  const std::string subject = subject_of("ADVISORY.CONSUMER.MSG_TERMINATED", d.stream, d.consumer);
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.advisory.v1.terminated")) return;
  json.field("stream", d.stream)
      .field("consumer", d.consumer)
      .field("consumer_seq", d.consumer_seq)
      .field("stream_seq", d.stream_seq.value);
  json.field("deliveries", d.deliveries);
  if (!reason.empty()) json.field("reason", reason);
  end(json, subject);
}

void Advisories::api_audit(const Audit& audit) {
  const std::string subject = "$JS.EVENT.ADVISORY.API";
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.advisory.v1.api_audit")) return;
  json.field("server", audit.server).key("client").begin_object();
  // What this server asks of itself has no connection.
  const ClientInfo client = audit.client.value_or(ClientInfo{});
  if (audit.client) json.field("start", client.start).field("host", client.host).field("id", client.id);
  json.field("acc", "$G");
  if (!client.name.empty()) json.field("name", client.name);
  if (!client.lang.empty()) json.field("lang", client.lang);
  if (!client.version.empty()) json.field("ver", client.version);
  if (client.rtt > Duration{0}) json.field("rtt", client.rtt.count());
  json.field("server", client.server.empty() ? audit.server : client.server);
  if (!client.cluster.empty()) json.field("cluster", client.cluster);
  json.field("kind", audit.client ? client.kind : "JetStream");
  if (!client.client_type.empty()) json.field("client_type", client.client_type);
  json.end_object().field("subject", audit.subject);
  if (!audit.request.empty()) json.field("request", audit.request);
  json.field("response", audit.response);
  end(json, subject);
}

void Advisories::ack_sample(const Delivery& d, Duration ack_time) {
  const std::string subject = subject_of("METRIC.CONSUMER.ACK", d.stream, d.consumer);
  JsonWriter json;
  if (!begin(json, subject, "io.nats.jetstream.metric.v1.consumer_ack")) return;
  json.field("stream", d.stream)
      .field("consumer", d.consumer)
      .field("consumer_seq", d.consumer_seq)
      .field("stream_seq", d.stream_seq.value);
  json.field("ack_time", ack_time.count()).field("deliveries", d.deliveries);
  end(json, subject);
}

}  // namespace windtunnel::core
