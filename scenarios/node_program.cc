#include "scenarios/node_program.h"

#include <utility>

#include "core/env/log.h"

namespace windtunnel::scenarios {

core::NodeConfig node_config(const NodeSpec& spec, const NodeSpec* hub) {
  core::NodeConfig config;
  config.server.name = spec.name;
  config.server.domain = spec.domain;
  config.server.credentials = {spec.user, spec.password};
  config.server.leaf_credentials = {spec.user, spec.password};
  if (spec.ping_interval) config.server.ping_interval = *spec.ping_interval;
  if (spec.max_payload) config.server.max_payload = *spec.max_payload;
  if (hub != nullptr) {
    core::LeafRemote remote;
    remote.address = core::Address{hub->name, config.server.leaf_port};
    remote.credentials = {hub->user, hub->password};
    remote.deny_imports = spec.deny_imports;
    remote.deny_exports = spec.deny_exports;
    config.server.remotes.push_back(std::move(remote));
  }
  if (spec.block_size) config.store.block_size = *spec.block_size;
  if (spec.compact_min) config.store.compact_min = *spec.compact_min;
  if (spec.index_interval) config.store.index_interval = *spec.index_interval;
  if (spec.sync_interval) {
    config.store.sync_always = spec.sync_interval->always;
    config.store.sync_interval = spec.sync_interval->every;
  }
  return config;
}

NodeProgram::NodeProgram(core::Env& env, core::NodeConfig config) : env_(env), node_(env, std::move(config)), stopped_(env.tasks) {}

void NodeProgram::run() {
  if (const core::Status started = node_.start(); !started) {
    env_.log.error("node.start_failed", {{"error", started.error().text()}});
    return;
  }
  env_.log.info("node.started");
  stopped_.wait("a signal to stop");
}

bool NodeProgram::on_signal(sim::Signal signal) {
  if (is_stopping_) return true;
  is_stopping_ = true;
  if (signal == sim::Signal::usr2) {
    node_.lame_duck();
  } else {
    node_.stop();
  }
  stopped_.set();
  return true;
}

}  // namespace windtunnel::scenarios
