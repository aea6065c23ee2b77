// The programs that run as a scenario's clients. For the workload files of this folder.
#pragma once

#include <memory>

#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/env.h"
#include "scenarios/consumption.h"
#include "scenarios/lag_log.h"
#include "scenarios/scenario.h"
#include "scenarios/world.h"
#include "sim/process.h"

namespace windtunnel::scenarios {

// How a workload's client connects.
[[nodiscard]] core::ClientOptions client_options(const WorkloadSpec& spec);

// Connects, before time 0. What turned the client away for good is on record. Suspends.
void connect_or_record(core::Client& client, World& world, const WorkloadSpec& spec);

// A durable consumer, as a workload makes its own.
struct OwnConsumer {
  std::string stream;
  std::string name;
  AckPolicy ack = AckPolicy::explicit_;
  std::string filter_subject;
  std::uint64_t max_ack_pending = 0;  // 0: the server's default
};
// Asks for it until the server has it, which may be away for a while, or `end`. `refusal`: the last one, until then; may be nullptr.
// Suspends.
void create_consumer(core::Env& env, World& world, const WorkloadSpec& spec, core::JetStreamClient& jetstream, const OwnConsumer& consumer,
                     core::Instant end, std::string* refusal = nullptr);

// `progress`: when it last got anything done; kept up to date by who waits for each outcome, and may be late.
std::unique_ptr<sim::Program> make_republisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number,
                                               core::Instant& progress);
std::unique_ptr<sim::Program> make_publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number,
                                             core::Instant& progress);
std::unique_ptr<sim::Program> make_key_value(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number);
std::unique_ptr<sim::Program> make_reader(core::Env& env, World& world, const WorkloadSpec& spec);
std::unique_ptr<sim::Program> make_admin(core::Env& env, World& world, const WorkloadSpec& spec);
std::unique_ptr<sim::Program> make_monitor(core::Env& env, World& world, const WorkloadSpec& spec, const LagLog& log, LagRecord& record);
std::unique_ptr<sim::Program> make_consumer(core::Env& env, World& world, const WorkloadSpec& spec, Consumption& consumption);

}  // namespace windtunnel::scenarios
