#include "core/server/node.h"

#include <utility>

namespace windtunnel::core {

Node::Node(Env& env, NodeConfig config) {
  JetStreamConfig jetstream{config.server.domain, config.server.name, config.store};
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
  jetstream_->stop();
  server_->shutdown();
}

void Node::lame_duck() {
  is_started_ = false;
  jetstream_->stop();
  server_->lame_duck();
}

}  // namespace windtunnel::core
