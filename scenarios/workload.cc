#include "scenarios/workload.h"

#include <algorithm>

#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "scenarios/api_answer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

constexpr core::Duration kApiTimeout = std::chrono::seconds{5};
// Between a request that could not be served and the next.
constexpr core::Duration kApiRetryWait = std::chrono::milliseconds{250};

}  // namespace

core::ClientOptions client_options(const WorkloadSpec& spec) {
  core::ClientOptions options;
  options.servers = {core::Address{spec.at, core::ServerConfig{}.client_port}};
  options.name = spec.name;
  options.user = spec.user;
  options.password = spec.password;
  return options;
}

void connect_or_record(core::Client& client, World& world, const WorkloadSpec& spec) {
  const core::Status connected = client.connect(kTimeZero);
  if (connected || !client.is_closed()) return;
  world.record(world.client_node(spec.name), core::LogLevel::error, "client.refused",
               {{"workload", spec.name}, {"error", connected.error().text()}});
}

void create_consumer(core::Env& env, World& world, const WorkloadSpec& spec, core::JetStreamClient& jetstream, const OwnConsumer& consumer,
                     core::Instant end, std::string* refusal) {
  core::JsonWriter json;
  json.begin_object().field("stream_name", consumer.stream).key("config").begin_object().field("durable_name", consumer.name);
  json.field("ack_policy", name_of(consumer.ack));
  if (!consumer.filter_subject.empty()) json.field("filter_subject", consumer.filter_subject);
  if (consumer.max_ack_pending > 0) json.field("max_ack_pending", consumer.max_ack_pending);
  json.end_object().end_object();
  const std::string verb = "CONSUMER.DURABLE.CREATE." + consumer.stream + "." + consumer.name;
  while (env.clock.now() < end) {
    const core::Reply reply = jetstream.api(verb, json.view(), core::after(env.clock.now(), kApiTimeout));
    if (reply.kind == core::Reply::Kind::message) {
      const std::optional<std::string> refused = api_error_text(reply.message.payload);
      if (refusal != nullptr) *refusal = refused.value_or("");
      if (!refused) return;
      world.record(world.client_node(spec.name), core::LogLevel::warn, "consume.refused", {{"workload", spec.name}, {"error", *refused}});
    }
    env.tasks.sleep_until(core::after(env.clock.now(), kApiRetryWait));
  }
}

Workloads::Workloads(World& world) : world_(world) {}

Workloads::~Workloads() = default;

void Workloads::start() {
  for (const WorkloadSpec& spec : world_.scenario().workloads) {
    sim::Process& process = world_.add_client(spec.name, spec.at);
    World& world = world_;
    if (const auto* publish = std::get_if<PublishSpec>(&spec.work)) {
      const std::uint16_t number = world_.ledger().open(spec.name, publish->via);
      core::Instant& progress = add_progress(spec);
      process.start([&world, &spec, number, &progress](core::Env& env) { return make_publisher(env, world, spec, number, progress); });
      const std::uint64_t messages = publish->messages();
      if (messages > 0) {
        const core::Duration last = spec.start + publish->rate.due(messages - 1);
        publishing_until_ = std::max(publishing_until_, core::after(kTimeZero, last));
      }
    } else if (std::holds_alternative<RepublishSpec>(spec.work)) {
      const std::uint16_t number = world_.ledger().open(spec.name, Via::jetstream);
      core::Instant& progress = add_progress(spec);
      process.start([&world, &spec, number, &progress](core::Env& env) { return make_republisher(env, world, spec, number, progress); });
    } else if (const auto* admin = std::get_if<AdminSpec>(&spec.work)) {
      process.start([&world, &spec](core::Env& env) { return make_admin(env, world, spec); });
      publishing_until_ = std::max(publishing_until_, core::after(kTimeZero, spec.start + admin->every * static_cast<int>(admin->times())));
    } else if (const auto* bucket = std::get_if<KeyValueSpec>(&spec.work)) {
      const std::uint16_t number = world_.ledger().open(spec.name, Via::jetstream);
      process.start([&world, &spec, number](core::Env& env) { return make_key_value(env, world, spec, number); });
      publishing_until_ = std::max(publishing_until_, core::after(kTimeZero, spec.start + bucket->duration));
    } else if (const auto* read = std::get_if<ReadSpec>(&spec.work)) {
      process.start([&world, &spec](core::Env& env) { return make_reader(env, world, spec); });
      publishing_until_ = std::max(publishing_until_, core::after(kTimeZero, spec.start + read->duration));
    } else if (const auto* watch = std::get_if<WatchSpec>(&spec.work)) {
      const LagLog& log = lag_log_;
      LagRecord& record = lag_log_.open(spec.name, watch->on, watch->stream);
      process.start([&world, &spec, &log, &record](core::Env& env) { return make_monitor(env, world, spec, log, record); });
    } else {
      consumptions_.push_back(std::make_unique<Consumption>());
      Consumption& consumption = *consumptions_.back();
      consumption.workload = spec.name;
      process.start([&world, &spec, &consumption](core::Env& env) { return make_consumer(env, world, spec, consumption); });
    }
  }
}

core::Instant& Workloads::add_progress(const WorkloadSpec& spec) {
  return *progress_.emplace_back(std::make_unique<core::Instant>(core::after(kTimeZero, spec.start)));
}

core::Instant Workloads::publishing_until() const {
  core::Instant until = publishing_until_;
  for (const auto& progress : progress_) until = std::max(until, *progress);
  return until;
}

std::vector<Consumption> Workloads::consumptions() const {
  std::vector<Consumption> out;
  for (const auto& consumption : consumptions_) out.push_back(*consumption);
  return out;
}

}  // namespace windtunnel::scenarios
