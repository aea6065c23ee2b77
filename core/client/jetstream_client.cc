#include "core/client/jetstream_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/nats/headers.h"

namespace windtunnel::core {
namespace {

std::string publish_headers(const PublishOptions& options) {
  std::string block(options.headers);
  if (!options.msg_id.empty()) append_header(block, "Nats-Msg-Id", options.msg_id);
  if (!options.expect_stream.empty()) append_header(block, "Nats-Expected-Stream", options.expect_stream);
  if (options.expect_last_seq) append_header(block, "Nats-Expected-Last-Sequence", std::to_string(options.expect_last_seq->value));
  if (options.expect_last_subject_seq) {
    append_header(block, "Nats-Expected-Last-Subject-Sequence", std::to_string(options.expect_last_subject_seq->value));
  }
  if (!options.expect_last_msg_id.empty()) append_header(block, "Nats-Expected-Last-Msg-Id", options.expect_last_msg_id);
  return block;
}

PublishOutcome judge(const Message& answer, const PublishOptions& options) {
  PublishOutcome outcome;
  outcome.kind = PublishOutcome::Kind::error;
  const Result<PubAnswer> parsed = parse_pub_ack(answer.payload);
  if (!parsed) {
    outcome.text = parsed.error().detail;
    return outcome;
  }
  outcome.ack = parsed->ack;
  if (parsed->failure) {
    outcome.code = parsed->failure->code;
    outcome.err_code = parsed->failure->err_code;
    outcome.text = parsed->failure->description;
  } else if (!options.expect_stream.empty() && parsed->ack.stream != options.expect_stream) {
    outcome.text = "acked by stream " + parsed->ack.stream + ", expected " + std::string(options.expect_stream);
  } else if (!options.expect_domain.empty() && parsed->ack.domain != options.expect_domain) {
    outcome.text = "acked by domain \"" + parsed->ack.domain + "\", expected " + std::string(options.expect_domain);
  } else {
    outcome.kind = PublishOutcome::Kind::acked;
  }
  return outcome;
}

bool is_worth_retrying(const PublishOutcome& outcome, const PublishOptions& options) {
  switch (outcome.kind) {
    case PublishOutcome::Kind::no_responders:
    case PublishOutcome::Kind::disconnected: return true;
    case PublishOutcome::Kind::timeout: return options.retries_timeouts;
    default: return false;
  }
}

}  // namespace

std::string_view name_of(PublishOutcome::Kind kind) {
  static constexpr std::array<std::string_view, 5> kNames{"acked", "error", "no_responders", "timeout", "disconnected"};
  return kNames[static_cast<std::size_t>(kind)];
}

JetStreamClient::JetStreamClient(Client& client, std::string_view domain) : client_(client) {
  api_ = domain.empty() ? "$JS.API." : "$JS." + std::string(domain) + ".API.";
}

PublishOutcome JetStreamClient::publish(std::string_view subject, std::string_view payload, const PublishOptions& options) {
  const std::string headers = publish_headers(options);
  Tasks& tasks = client_.env().tasks;
  bool may_be_stored = false;
  for (std::uint32_t attempt = 1;; ++attempt) {
    PublishOutcome outcome = publish_once(subject, payload, headers, options);
    outcome.attempts = attempt;
    outcome.may_be_stored = may_be_stored;
    if (attempt > options.retries || client_.is_closed() || !is_worth_retrying(outcome, options)) return outcome;
    may_be_stored = may_be_stored || outcome.kind == PublishOutcome::Kind::timeout;
    tasks.sleep_until(after(client_.env().clock.now(), options.retry_wait));
  }
}

PublishOutcome JetStreamClient::publish_once(std::string_view subject, std::string_view payload, std::string_view headers,
                                             const PublishOptions& options) {
  PublishOutcome outcome;
  const Reply reply = client_.request(subject, payload, after(client_.env().clock.now(), options.timeout), headers);
  switch (reply.kind) {
    case Reply::Kind::message: return judge(reply.message, options);
    case Reply::Kind::no_responders: outcome.kind = PublishOutcome::Kind::no_responders; break;
    case Reply::Kind::timeout: outcome.kind = PublishOutcome::Kind::timeout; break;
    case Reply::Kind::disconnected: outcome.kind = PublishOutcome::Kind::disconnected; break;
    case Reply::Kind::refused: outcome.kind = PublishOutcome::Kind::error; break;
  }
  outcome.text = reply.why;
  return outcome;
}

Fetched JetStreamClient::fetch(std::string_view stream, std::string_view consumer, const FetchOptions& options) {
  Fetched fetched;
  fetched.end = Fetched::End::disconnected;
  const std::string inbox = client_.new_inbox();
  const Result<std::unique_ptr<ClientSubscription>> subscribed = client_.subscribe(inbox);
  if (!subscribed) return fetched;
  receive(**subscribed, inbox, stream, consumer, options, fetched);
  (*subscribed)->unsubscribe();
  return fetched;
}

void JetStreamClient::receive(ClientSubscription& subscription, std::string_view inbox, std::string_view stream, std::string_view consumer,
                              const FetchOptions& options, Fetched& fetched) {
  JsonWriter json;
  json.begin_object().field("batch", options.batch);
  if (options.is_no_wait) {
    json.field("no_wait", true);
  } else {
    json.field("expires", options.expires.count());
  }
  if (options.max_bytes.value > 0) json.field("max_bytes", options.max_bytes.value);
  json.end_object();

  const Instant deadline = after(client_.env().clock.now(), options.expires + kStatusPatience);
  const std::string subject = api_ + "CONSUMER.MSG.NEXT." + std::string(stream) + "." + std::string(consumer);
  if (!client_.publish({.subject = subject, .reply = inbox, .headers = {}, .payload = json.view()})) return;
  while (fetched.messages.size() < options.batch) {
    // The server forgets the request with the connection, so nothing more will come after that.
    std::optional<Message> message = subscription.next(deadline, true);
    if (!message) {
      const bool is_lost = subscription.is_interrupted() || client_.is_closed();
      fetched.end = is_lost ? Fetched::End::disconnected : Fetched::End::timeout;
      return;
    }
    // A status comes without an ack subject, whatever headers a stored message may have.
    const std::optional<HeaderStatus> status = message->reply.empty() ? header_status(message->headers) : std::nullopt;
    if (!status) {
      if (std::optional<Delivery> delivery = to_delivery(std::move(*message))) fetched.messages.push_back(std::move(*delivery));
      continue;
    }
    if (status->code == 100) continue;  // a heartbeat
    fetched.code = status->code;
    fetched.text = status->description;
    fetched.end = Fetched::End::refused;
    if (status->code == 503) fetched.end = Fetched::End::no_responders;
    if (status->code == 404) fetched.end = Fetched::End::no_messages;
    if (status->code == 408) fetched.end = Fetched::End::expired;
    return;
  }
  fetched.end = Fetched::End::complete;
}

Status JetStreamClient::answer(const Delivery& delivery, std::string_view text) {
  if (delivery.message.reply.empty()) return error(Errc::invalid_argument, "the message has no ack subject");
  return client_.publish({.subject = delivery.message.reply, .reply = {}, .headers = {}, .payload = text});
}

Status JetStreamClient::ack(const Delivery& delivery) { return answer(delivery, "+ACK"); }

Status JetStreamClient::nak(const Delivery& delivery, Duration delay) {
  if (delay <= Duration{0}) return answer(delivery, "-NAK");
  return answer(delivery, "-NAK {\"delay\":" + std::to_string(delay.count()) + "}");
}

Status JetStreamClient::term(const Delivery& delivery, std::string_view reason) {
  return answer(delivery, reason.empty() ? std::string("+TERM") : "+TERM " + std::string(reason));
}

Status JetStreamClient::in_progress(const Delivery& delivery) { return answer(delivery, "+WPI"); }

AckOutcome JetStreamClient::ack_confirmed(const Delivery& delivery, Duration timeout) {
  if (delivery.message.reply.empty()) return AckOutcome::disconnected;
  const Reply reply = client_.request(delivery.message.reply, "+ACK", after(client_.env().clock.now(), timeout));
  switch (reply.kind) {
    case Reply::Kind::message: return AckOutcome::confirmed;
    case Reply::Kind::no_responders: return AckOutcome::no_responders;
    case Reply::Kind::timeout: return AckOutcome::timeout;
    case Reply::Kind::disconnected:
    case Reply::Kind::refused: break;
  }
  return AckOutcome::disconnected;
}

Reply JetStreamClient::api(std::string_view verb, std::string_view json, Instant deadline) {
  return client_.request(api_ + std::string(verb), json, deadline);
}

}  // namespace windtunnel::core
