#include "core/server/node.h"

#include <utility>

#include "core/base/defects.h"
#include "core/env/tasks.h"

namespace windtunnel::core {

Node::Node(Env& env, NodeConfig config) : env_(env) {
  const std::string cluster = config.server.remotes.empty() ? std::string{} : config.server.name;
  JetStreamConfig jetstream{config.server.domain, config.server.name, cluster, config.store, config.max};
  server_ = std::make_unique<Server>(env, std::move(config.server));
  jetstream_ = std::make_unique<JetStream>(env, *server_, std::move(jetstream));
}

Node::~Node() = default;

Status Node::start() {
  WT_CHECK(jetstream_->start());
  WT_CHECK(server_->start());
  is_started_ = true;
  return {};
}

void Node::stop() {
  is_started_ = false;
  stop_jetstream();
  server_->shutdown();
}

void Node::lame_duck() {
  is_started_ = false;
  stop_jetstream();
  server_->lame_duck();
}

void Node::stop_jetstream() {
  if (env_.defects.is_on(Defect::nats_5497b)) {
    // Nobody waits for it (PR 5497): what it has not written when the process ends, it never writes.
    return env_.tasks.spawn("JetStream's stop", [this] { jetstream_->stop(); });
  }
  jetstream_->stop();
}

}  // namespace windtunnel::core
