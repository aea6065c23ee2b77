// The programs that run as a scenario's clients. For the workload files of this folder.
#pragma once

#include <memory>

#include "core/client/client.h"
#include "core/env/env.h"
#include "scenarios/consumption.h"
#include "scenarios/scenario.h"
#include "scenarios/world.h"
#include "sim/process.h"

namespace windtunnel::scenarios {

// How a workload's client connects.
[[nodiscard]] core::ClientOptions client_options(const WorkloadSpec& spec);

std::unique_ptr<sim::Program> make_publisher(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number);
std::unique_ptr<sim::Program> make_admin(core::Env& env, World& world, const WorkloadSpec& spec);
std::unique_ptr<sim::Program> make_consumer(core::Env& env, World& world, const WorkloadSpec& spec, Consumption& consumption);

}  // namespace windtunnel::scenarios
