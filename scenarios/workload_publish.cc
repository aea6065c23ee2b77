// The `publish` workload: sends messages at its rate and writes into the ledger what its client was told.

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/hash.h"
#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/clock.h"
#include "core/env/sync.h"
#include "core/nats/headers.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

class Publisher final : public sim::Program {
 public:
  Publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number)
      : env_(env),
        world_(world),
        spec_(spec),
        publish_(std::get<PublishSpec>(spec.work)),
        number_(number),
        sizes_(env.random.child("sizes")),
        node_(world.client_node(spec.name)),
        client_(env, client_options(spec)),
        jetstream_(client_) {}

  void run() override {
    if (const core::Status connected = client_.connect(kTimeZero); !connected && client_.is_closed()) {
      world_.record(node_, core::LogLevel::error, "client.refused", {{"workload", spec_.name}, {"error", connected.error().text()}});
    }
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    const std::uint64_t messages = publish_.messages();
    for (std::uint64_t i = 0; i < messages; ++i) {
      env_.tasks.sleep_until(std::max(env_.clock.now(), core::after(begin, publish_.rate.due(i))));
      publish_one();
    }
    env_.tasks.park("the end of the run", core::kForever);  // its connection stays, as a real client's would
  }

 private:
  void publish_one() {
    Ledger& ledger = world_.ledger();
    const PublishId id = ledger.add(number_, env_.clock.now());
    core::Bytes size = publish_.size.low;
    if (publish_.size.high > publish_.size.low) size = core::Bytes{sizes_.between(publish_.size.low.value, publish_.size.high.value)};
    std::string payload = ledger.payload(id, size);
    std::string headers;
    if (publish_.msg_id) core::append_header(headers, "Nats-Msg-Id", spec_.name + "-" + std::to_string(id.index));
    ledger.at(id).content = core::hash_bytes(payload) ^ core::hash_bytes(headers);
    record("publish.sent", id);
    if (publish_.via == Via::core) return publish_plain(id, headers, payload);
    if (publish_.is_closed_loop) return publish_awaited(id, headers, payload);
    env_.tasks.spawn("publish", [this, id, h = std::move(headers), p = std::move(payload)] { publish_awaited(id, h, p); });
  }

  void publish_plain(PublishId id, const std::string& headers, const std::string& payload) {
    const core::Status sent =
        client_.publish(core::MessageView{.subject = publish_.subject, .reply = {}, .headers = headers, .payload = payload});
    PublishRecord& entry = world_.ledger().at(id);
    entry.attempts = 1;
    entry.outcome = sent ? Outcome::sent : Outcome::error;
    if (!sent) record("publish.refused", id);
  }

  // With retries one message may be sent several times; it has one outcome. Suspends.
  void publish_awaited(PublishId id, const std::string& headers, const std::string& payload) {
    core::PublishOptions options;
    options.headers = headers;
    options.timeout = publish_.timeout;
    options.expect_domain = publish_.domain;
    for (std::uint64_t attempt = 0;; ++attempt) {
      const core::PublishOutcome told = jetstream_.publish(publish_.subject, payload, options);
      ++world_.ledger().at(id).attempts;
      if (told.kind == core::PublishOutcome::Kind::acked) return settle_acked(id, told.ack);
      const bool may_retry = publish_.retries.until_acked || attempt < publish_.retries.max;
      if (!may_retry || client_.is_closed()) return settle_failed(id, told);
      record("publish.retry", id);
      env_.tasks.sleep_until(core::after(env_.clock.now(), publish_.retries.wait));
    }
  }

  void settle_acked(PublishId id, const core::PubAck& ack) {
    const std::uint16_t stream = world_.ledger().stream_number(ack.stream, ack.domain);
    PublishRecord& entry = world_.ledger().at(id);
    entry.outcome = Outcome::acked;
    entry.settled_at = env_.clock.now();
    entry.seq = ack.seq;
    entry.stream = stream;
    entry.is_duplicate = ack.duplicate;
    world_.record(
        node_, core::LogLevel::trace, "publish.acked",
        {{"workload", spec_.name}, {"n", id.index}, {"stream", ack.stream}, {"seq", ack.seq.value}, {"duplicate", ack.duplicate}});
  }

  void settle_failed(PublishId id, const core::PublishOutcome& told) {
    PublishRecord& entry = world_.ledger().at(id);
    entry.settled_at = env_.clock.now();
    if (told.kind == core::PublishOutcome::Kind::no_responders) {
      entry.outcome = Outcome::no_responders;
      return record("publish.no_responders", id);
    }
    if (told.kind == core::PublishOutcome::Kind::timeout) {
      entry.outcome = Outcome::timed_out;
      return record("publish.timed_out", id);
    }
    entry.outcome = Outcome::error;
    world_.record(node_, core::LogLevel::trace, "publish.error", {{"workload", spec_.name}, {"n", id.index}, {"error", told.text}});
  }

  void record(core::EventName name, PublishId id) {
    world_.record(node_, core::LogLevel::trace, name, {{"workload", spec_.name}, {"n", id.index}});
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const PublishSpec& publish_;
  std::uint16_t number_;
  core::Random sizes_;
  sim::NodeId node_;
  core::Client client_;
  core::JetStreamClient jetstream_;
};

}  // namespace

std::unique_ptr<sim::Program> make_publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number) {
  return std::make_unique<Publisher>(env, world, spec, number);
}

}  // namespace windtunnel::scenarios
