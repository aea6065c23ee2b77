#include "scenarios/workload.h"

#include <algorithm>

#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {

core::ClientOptions client_options(const WorkloadSpec& spec) {
  core::ClientOptions options;
  options.servers = {core::Address{spec.at, core::ServerConfig{}.client_port}};
  options.name = spec.name;
  options.user = spec.user;
  options.password = spec.password;
  return options;
}

Workloads::Workloads(World& world) : world_(world) {}

Workloads::~Workloads() = default;

void Workloads::start() {
  for (const WorkloadSpec& spec : world_.scenario().workloads) {
    sim::Process& process = world_.add_client(spec.name, spec.at);
    World& world = world_;
    if (const auto* publish = std::get_if<PublishSpec>(&spec.work)) {
      const std::uint16_t number = world_.ledger().open(spec.name, publish->via);
      process.start([&world, &spec, number](core::Env& env) { return make_publisher(env, world, spec, number); });
      const std::uint64_t messages = publish->messages();
      if (messages > 0) {
        const core::Duration last = spec.start + publish->rate.due(messages - 1);
        publishing_until_ = std::max(publishing_until_, core::after(kTimeZero, last));
      }
    } else if (const auto* admin = std::get_if<AdminSpec>(&spec.work)) {
      process.start([&world, &spec](core::Env& env) { return make_admin(env, world, spec); });
      publishing_until_ = std::max(publishing_until_, core::after(kTimeZero, spec.start + admin->every * static_cast<int>(admin->times())));
    } else {
      consumptions_.push_back(std::make_unique<Consumption>());
      Consumption& consumption = *consumptions_.back();
      consumption.workload = spec.name;
      process.start([&world, &spec, &consumption](core::Env& env) { return make_consumer(env, world, spec, consumption); });
    }
  }
}

core::Instant Workloads::publishing_until() const { return publishing_until_; }

std::vector<Consumption> Workloads::consumptions() const {
  std::vector<Consumption> out;
  for (const auto& consumption : consumptions_) out.push_back(*consumption);
  return out;
}

}  // namespace windtunnel::scenarios
