// LedgerWriter: what every publishing workload does with a message: it goes into the ledger, is sent, and what the client was
// told is written behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/env.h"
#include "scenarios/ledger.h"
#include "scenarios/scenario.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class LedgerWriter {
 public:
  // How its publishes are done.
  struct Terms {
    std::string domain;        // that the ack must name; empty: any
    core::Duration timeout{};  // of each attempt's ack
    RetryPolicy retries;       // with retries one message may be sent several times; it has one outcome
    bool msg_id = false;       // a Nats-Msg-Id, the same in all attempts
    faults::SizeRange size = faults::SizeRange::exactly(core::Bytes{64});  // of the payload
  };
  struct Letter {
    PublishId id;
    std::string headers;
    std::string payload;
  };

  // `number`: of the workload's book. All references must outlive it.
  LedgerWriter(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number, core::Client& client, Terms terms);

  // How publishing one message ended.
  struct Told {
    bool is_acked = false;
    core::Seq seq;               // of the ack; of a refused expectation: the last sequence that there is
    bool is_refused = false;     // it did not meet its expectation, and certainly was not stored
    bool may_be_stored = false;  // without an ack
  };

  // The next message, from now on in the ledger, with these headers and, if its messages have ids, its own or this one. Does not
  // suspend.
  Letter write(std::string headers = {}, std::optional<std::uint64_t> msg_id = std::nullopt);
  // Hands it to the connection: nobody ever answers. Suspends as Client::publish does.
  void publish_plain(std::string_view subject, const Letter& letter);
  // Until its outcome is known. Suspends.
  Told publish_awaited(std::string_view subject, const Letter& letter);

 private:
  void settle_acked(PublishId id, const core::PubAck& ack);
  void settle_failed(PublishId id, const core::PublishOutcome& told);
  void record(core::EventName name, PublishId id);

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const std::uint16_t number_;
  const sim::NodeId node_;
  core::Client& client_;
  core::JetStreamClient jetstream_;
  const Terms terms_;
  core::Random sizes_;
};

}  // namespace windtunnel::scenarios
