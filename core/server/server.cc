#include "core/server/server.h"

#include <utility>

#include "core/base/assert.h"
#include "core/nats/subject.h"
#include "core/server/server_core.h"

namespace windtunnel::core {
namespace {

AccountSubscription own_subscription(std::string_view subject, std::string_view queue, Bus::Handler handler) {
  WT_ASSERT(handler != nullptr);
  AccountSubscription subscription;
  subscription.subject = subject;
  subscription.queue = queue;
  subscription.local = std::make_unique<LocalSubscription>();
  subscription.local->handler = std::move(handler);
  return subscription;
}

}  // namespace

Server::Server(Env& env, ServerConfig config) : core_(std::make_unique<ServerCore>(env, std::move(config))) {}
Server::~Server() = default;

Status Server::start() { return core_->start(); }
void Server::shutdown() { core_->shutdown(); }
void Server::lame_duck() { core_->lame_duck(); }

bool Server::is_running() const { return core_->is_running(); }
const ServerConfig& Server::config() const { return core_->config(); }
const std::string& Server::id() const { return core_->id(); }
std::uint16_t Server::client_port() const { return core_->client_port(); }
std::uint16_t Server::leaf_port() const { return core_->leaf_port(); }
std::size_t Server::client_count() const { return core_->clients().size(); }
std::vector<LeafStatus> Server::leafs() const { return core_->leaf_status(); }

void Server::watch_routes(RouteWatcher* watcher) { core_->account().set_watcher(watcher); }
InterestReading Server::read_interest() const { return core_->read_interest(); }
std::uint64_t Server::interest_version() const { return core_->account().version(); }

SubscriptionId Server::subscribe(std::string_view subject, std::string_view queue, Handler handler) {
  if (!is_valid_subject(subject)) return SubscriptionId::none;
  AccountSubscription subscription = own_subscription(subject, queue, std::move(handler));
  subscription.local->is_api = subject == "$JS.API.>";
  return core_->account().add(std::move(subscription)).id;
}

SubscriptionId Server::subscribe_reply(std::string_view subject, Handler handler) {
  if (!is_valid_subject(subject)) return SubscriptionId::none;
  AccountSubscription subscription = own_subscription(subject, {}, std::move(handler));
  subscription.local->is_reply = true;
  return core_->account().add(std::move(subscription)).id;
}

void Server::unsubscribe(SubscriptionId id) noexcept { core_->account().remove(id); }
bool Server::publish(const MessageView& message) { return core_->account().route(message, RouteOrigin{}); }
std::optional<ClientInfo> Server::publisher() const { return core_->account().publisher(); }
bool Server::has_interest(std::string_view subject, std::string_view queue) const { return core_->account().has_interest(subject, queue); }
bool Server::has_subscription(std::string_view subject, std::string_view queue) const {
  return core_->account().has_subscription(subject, queue);
}

SubscriptionId Server::watch_interest(std::string_view subject, std::function<void()> changed) {
  return core_->account().watch_interest(subject, std::move(changed));
}

SubscriptionId Server::watch_leafs(std::function<void()> connected) { return core_->account().watch_leafs(std::move(connected)); }
bool Server::has_leafs() const { return core_->has_leafs(); }

}  // namespace windtunnel::core
