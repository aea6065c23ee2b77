// The `consume` workload: pulls from a durable consumer, acknowledges, and remembers what it got.

#include <algorithm>
#include <string>

#include "core/base/json_writer.h"
#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/clock.h"
#include "scenarios/api_answer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// Between a request that could not be served (no way to the consumer) and the next.
constexpr core::Duration kRetryWait = 250ms;
constexpr core::Duration kApiTimeout = 5s;
constexpr core::Duration kAckTimeout = 5s;

class ConsumerProgram final : public sim::Program {
 public:
  ConsumerProgram(core::Env& env, World& world, const WorkloadSpec& spec, Consumption& consumption)
      : env_(env),
        world_(world),
        spec_(spec),
        consume_(std::get<ConsumeSpec>(spec.work)),
        consumption_(consumption),
        node_(world.client_node(spec.name)),
        client_(env, client_options(spec)),
        jetstream_(client_, consume_.domain) {}

  void run() override {
    if (const core::Status connected = client_.connect(kTimeZero); !connected && client_.is_closed()) {
      world_.record(node_, core::LogLevel::error, "client.refused", {{"workload", spec_.name}, {"error", connected.error().text()}});
    }
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    env_.tasks.sleep_until(std::max(env_.clock.now(), begin));
    const core::Instant end = consume_.duration ? core::after(begin, *consume_.duration) : core::kForever;
    if (consume_.creates_consumer) create_consumer(end);
    while (env_.clock.now() < end) fetch(end);
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  // Until the server has it: it may be away for a while.
  void create_consumer(core::Instant end) {
    core::JsonWriter json;
    json.begin_object().field("stream_name", consume_.stream).key("config").begin_object().field("durable_name", consume_.consumer);
    json.field("ack_policy", name_of(consume_.ack));
    if (!consume_.filter_subject.empty()) json.field("filter_subject", consume_.filter_subject);
    json.end_object().end_object();
    const std::string verb = "CONSUMER.DURABLE.CREATE." + consume_.stream + "." + consume_.consumer;
    while (env_.clock.now() < end) {
      const core::Reply reply = jetstream_.api(verb, json.view(), core::after(env_.clock.now(), kApiTimeout));
      if (reply.kind == core::Reply::Kind::message) {
        const std::optional<std::string> refused = api_error_text(reply.message.payload);
        if (!refused) return;
        world_.record(node_, core::LogLevel::warn, "consume.refused", {{"workload", spec_.name}, {"error", *refused}});
      }
      env_.tasks.sleep_until(core::after(env_.clock.now(), kRetryWait));
    }
  }

  void fetch(core::Instant end) {
    core::FetchOptions options;
    options.batch = static_cast<std::uint32_t>(consume_.batch);
    options.expires = std::min(consume_.expires, end - env_.clock.now());
    const core::Fetched fetched = jetstream_.fetch(consume_.stream, consume_.consumer, options);
    for (const core::Delivery& delivery : fetched.messages) take(delivery);
    if (consume_.ack == AckPolicy::all && !fetched.messages.empty()) acknowledge(fetched.messages.back());
    const bool was_served = fetched.end == core::Fetched::End::complete || fetched.end == core::Fetched::End::expired;
    if (!was_served) env_.tasks.sleep_until(core::after(env_.clock.now(), kRetryWait));
  }

  void take(const core::Delivery& delivery) {
    ++consumption_.deliveries;
    if (!consumption_.got.insert(delivery.stream_seq).second) ++consumption_.duplicates;
    world_.record(
        node_, core::LogLevel::trace, "consume.got",
        {{"workload", spec_.name}, {"stream", delivery.stream}, {"seq", delivery.stream_seq.value}, {"count", delivery.deliveries}});
    if (consume_.ack == AckPolicy::explicit_) acknowledge(delivery);
  }

  void acknowledge(const core::Delivery& delivery) {
    if (jetstream_.ack_confirmed(delivery, kAckTimeout) == core::AckOutcome::confirmed) ++consumption_.acks_confirmed;
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const ConsumeSpec& consume_;
  Consumption& consumption_;
  sim::NodeId node_;
  core::Client client_;
  core::JetStreamClient jetstream_;
};

}  // namespace

std::unique_ptr<sim::Program> make_consumer(core::Env& env, World& world, const WorkloadSpec& spec, Consumption& consumption) {
  return std::make_unique<ConsumerProgram>(env, world, spec, consumption);
}

}  // namespace windtunnel::scenarios
