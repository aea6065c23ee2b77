// JetStreamClient: what an application does with streams: publish and await the ack, fetch, acknowledge.
//
// All calls suspend unless they say otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/client.h"
#include "core/client/delivery.h"
#include "core/client/pub_ack.h"

namespace windtunnel::core {

struct PublishOptions {
  std::string_view headers = {};              // a whole block, to which the following are added
  std::string_view msg_id = {};               // Nats-Msg-Id: a repeated one is stored once
  Duration timeout{std::chrono::seconds{5}};  // of each attempt
  // Attempts after the first one, if nobody answered or nobody listens. Without a msg_id a repetition after a timeout may
  // store the message twice.
  std::uint32_t retries = 0;
  Duration retry_wait{std::chrono::milliseconds{250}};  // nats.go's
  bool retries_timeouts = true;                // false: only no responders and a missing connection are tried again, as nats.go does
  std::string_view expect_stream = {};         // Nats-Expected-Stream, and what the ack must name
  std::string_view expect_domain = {};         // what the ack must name
  std::optional<Seq> expect_last_seq;          // Nats-Expected-Last-Sequence
  std::optional<Seq> expect_last_subject_seq;  // Nats-Expected-Last-Subject-Sequence
  std::string_view expect_last_msg_id = {};    // Nats-Expected-Last-Msg-Id
};

struct PublishOutcome {
  enum class Kind : std::uint8_t {
    acked,          // stored (or known already: ack.duplicate)
    error,          // refused: code, err_code, text. Or acked, but not as expected: code 0, text, and ack is what came
    no_responders,  // nobody listens to the subject: no stream here, or the way to it is cut
    timeout,        // no answer: stored or not, nobody knows
    disconnected,   // it was not sent
  };
  Kind kind = Kind::timeout;
  PubAck ack;
  int code = 0;
  int err_code = 0;
  std::string text;
  std::uint32_t attempts = 0;
  // An attempt before the last one had no answer, so the message may be stored whatever the last one says.
  bool may_be_stored = false;
};
[[nodiscard]] std::string_view name_of(PublishOutcome::Kind kind);  // "acked", "no_responders", ...

// Beyond the time of a pull request, for the server's word that it is over.
inline constexpr Duration kStatusPatience{std::chrono::seconds{1}};

struct FetchOptions {
  std::uint32_t batch = 1;
  Duration expires{std::chrono::seconds{5}};  // the server answers by then; we wait kStatusPatience longer
  bool is_no_wait = false;                    // only what is there already
  Bytes max_bytes{0};                         // 0: no limit
};

struct Fetched {
  enum class End : std::uint8_t {
    complete,       // `batch` messages
    expired,        // 408: the server's time for the request is over
    no_messages,    // 404
    no_responders,  // no such consumer, or no way to it
    refused,        // another status: code and text ("Consumer Deleted", ...)
    timeout,        // the server said nothing
    disconnected,   // the connection broke, or the request could not be sent
  };
  std::vector<Delivery> messages;  // in each case those that came
  End end = End::timeout;
  unsigned code = 0;
  std::string text;
};

enum class AckOutcome : std::uint8_t {
  confirmed,      // the server has processed it
  no_responders,  // the server knows no such consumer, or the way to it is cut
  timeout,
  disconnected,
};

class JetStreamClient {
 public:
  // `domain`: whose API to use; empty: that of the server we are connected to.
  explicit JetStreamClient(Client& client, std::string_view domain = {});

  // Publishes and awaits the ack.
  PublishOutcome publish(std::string_view subject, std::string_view payload, const PublishOptions& options = {});

  // Pulls from a durable consumer.
  Fetched fetch(std::string_view stream, std::string_view consumer, const FetchOptions& options);

  // These only hand the answer to the connection; see Client::publish for suspension and errors. invalid_argument if the
  // delivery has no ack subject.
  Status ack(const Delivery& delivery);
  Status nak(const Delivery& delivery, Duration delay = Duration{0});
  Status term(const Delivery& delivery, std::string_view reason = {});
  Status in_progress(const Delivery& delivery);
  // Awaits the server's confirmation (double ack).
  AckOutcome ack_confirmed(const Delivery& delivery, Duration timeout);

  // A request to the API, without its prefix ("STREAM.INFO.ORDERS").
  Reply api(std::string_view verb, std::string_view json, Instant deadline);

 private:
  PublishOutcome publish_once(std::string_view subject, std::string_view payload, std::string_view headers, const PublishOptions& options);
  void receive(ClientSubscription& subscription, std::string_view inbox, std::string_view stream, std::string_view consumer,
               const FetchOptions& options, Fetched& fetched);
  Status answer(const Delivery& delivery, std::string_view text);

  Client& client_;
  std::string api_;  // "$JS.API." or "$JS.<domain>.API."
};

}  // namespace windtunnel::core
