// The program that runs on a scenario's node: the real server.
#pragma once

#include "core/server/node.h"
#include "scenarios/scenario.h"
#include "sim/process.h"

namespace windtunnel::scenarios {

// `leaf_host`: the host that the node dials as a leaf; empty: none.
[[nodiscard]] core::NodeConfig node_config(const NodeSpec& spec, const NodeSpec* hub);

class NodeProgram final : public sim::Program {
 public:
  NodeProgram(core::Env& env, core::NodeConfig config);
  void run() override;
  bool on_signal(sim::Signal signal) override;
  [[nodiscard]] core::Node& node() { return node_; }

 private:
  core::Env& env_;
  core::Node node_;
  core::Event stopped_;
  bool is_stopping_ = false;
};

}  // namespace windtunnel::scenarios
