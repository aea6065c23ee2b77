#include "core/server/server_core.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/json_writer.h"
#include "core/nats/subject.h"
#include "core/server/client_link.h"
#include "core/server/leaf_link.h"
#include "core/server/leaf_solicitor.h"

namespace windtunnel::core {
namespace {

constexpr EventName kStarted{"server.started"};
constexpr EventName kStopping{"server.stopping"};
constexpr EventName kStopped{"server.stopped"};
constexpr EventName kLameDuck{"server.lame_duck"};
constexpr EventName kAcceptFailed{"server.accept_failed"};

constexpr std::uint64_t kEchoEvery = 5;  // of a sabotaged server
constexpr Duration kLameDuckStepMax = std::chrono::seconds(1);

// A public key as nats-server prints it: a letter for its kind, then 55 characters of base 32.
std::string make_key(char kind, Random random) {
  static constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string key(1, kind);
  while (key.size() < 56) key.push_back(kBase32[random.below(kBase32.size())]);
  return key;
}

std::string make_loop_subject(Random random) {
  std::array<char, 32> buffer{};
  return "$LDS." + std::string(random.token(22, buffer));
}

// The server's task count, whichever way the task ends.
class LiveTask {
 public:
  LiveTask(std::size_t& live, WaitList& ended, Tasks& tasks) : live_(live), ended_(ended), tasks_(tasks) {}
  ~LiveTask() {
    --live_;
    ended_.wake_all(tasks_);
  }
  LiveTask(const LiveTask&) = delete;
  LiveTask& operator=(const LiveTask&) = delete;

 private:
  std::size_t& live_;
  WaitList& ended_;
  Tasks& tasks_;
};

}  // namespace

ServerCore::ServerCore(Env& env, ServerConfig config)
    : env_(env),
      config_(std::move(config)),
      random_(env.random.child("server")),
      ping_random_(random_.child("ping")),
      nonce_random_(random_.child("nonce")),
      id_(make_key('N', random_.child("id"))),
      xkey_(make_key('X', random_.child("xkey"))),
      loop_subject_(make_loop_subject(random_.child("loop"))),
      account_(random_.child("queue")),
      stopping_(env.tasks),
      stopped_(env.tasks) {
  if (env.defects.is_on(Defect::break_leaf_echo)) account_.set_echo_every(kEchoEvery);
  if (config_.jetstream && is_valid_literal(config_.domain) && token_count(config_.domain) == 1) mapping_ = DomainMapping{config_.domain};
}

ServerCore::~ServerCore() = default;

Status ServerCore::check_config() const {
  const auto is_name = [](std::string_view name) { return !name.empty() && name.find_first_of(" \t\r\n") == std::string_view::npos; };
  if (!is_name(config_.name)) return error(Errc::invalid_argument, "the server needs a name without white space");
  if (!config_.domain.empty() && (!is_valid_literal(config_.domain) || token_count(config_.domain) != 1)) {
    return error(Errc::invalid_argument, "JetStream domain \"" + config_.domain + "\" may not contain \".\", \"*\", \">\" or white space");
  }
  if (config_.ping_interval <= Duration{}) return error(Errc::invalid_argument, "the ping interval must be positive");
  for (const LeafRemote& remote : config_.remotes) {
    if (remote.address.host.empty() || remote.address.port == 0) return error(Errc::invalid_argument, "a leaf remote needs host and port");
    for (const auto* const rules : {&remote.deny_imports, &remote.deny_exports}) {
      const auto bad = std::find_if_not(rules->begin(), rules->end(), [](const std::string& rule) { return is_valid_subject(rule); });
      if (bad != rules->end()) return error(Errc::invalid_argument, "\"" + *bad + "\" is no valid subject for a leaf's deny rule");
    }
  }
  return {};
}

Status ServerCore::start() {
  WT_ASSERT(!is_running_);
  WT_ASSERT(!is_stopping());
  WT_CHECK(check_config());
  WT_TRY(client_listener_, env_.network.listen(config_.client_port));
  if (config_.accepts_leafs) {
    Result<std::unique_ptr<Listener>> listener = env_.network.listen(config_.leaf_port);
    if (!listener) {
      close_listeners();
      return listener.error();
    }
    leaf_listener_ = std::move(*listener);
  }
  is_running_ = true;
  log().info(kStarted,
             {{"name", config_.name}, {"id", id_}, {"domain", config_.domain}, {"client_port", client_port()}, {"leaf_port", leaf_port()}});
  spawn("accept clients", [this] { accept_clients(); });
  if (leaf_listener_ != nullptr) spawn("accept leafs", [this] { accept_leafs(); });
  for (std::size_t i = 0; i < config_.remotes.size(); ++i) {
    const Random random = random_.child("solicitor/" + std::to_string(i));
    solicitors_.push_back(std::make_unique<LeafSolicitor>(*this, config_.remotes[i], random));
    LeafSolicitor* const solicitor = solicitors_.back().get();
    spawn("leaf remote", [solicitor] { solicitor->run(); });
  }
  return {};
}

void ServerCore::spawn(std::string_view name, std::function<void()> body) {
  ++tasks_live_;
  env_.tasks.spawn(name, [this, run = std::move(body)] {
    const LiveTask live{tasks_live_, tasks_ended_, env_.tasks};
    run();
  });
}

void ServerCore::accept_clients() {
  for (;;) {
    Result<std::unique_ptr<Connection>> accepted = client_listener_->accept();
    if (!accepted) {
      if (accepted.error().code == Errc::closed) return;
      log().warn(kAcceptFailed, {{"port", client_port()}, {"why", accepted.error().detail}});
      env_.tasks.sleep_until(after(now(), std::chrono::milliseconds(10)));
      continue;
    }
    const bool is_full = clients_.size() >= config_.max_connections;
    const auto client = std::make_shared<ClientLink>(*this, next_link_id(), std::move(*accepted));
    add(client);
    spawn("client reader", [client] { client->read_loop(); });
    client->greet();
    if (is_full) client->refuse("maximum connections exceeded", "Maximum Connections Exceeded");
    if (is_stopping()) client->close("Server Shutdown");
  }
}

void ServerCore::accept_leafs() {
  for (;;) {
    Result<std::unique_ptr<Connection>> accepted = leaf_listener_->accept();
    if (!accepted) {
      if (accepted.error().code == Errc::closed) return;
      log().warn(kAcceptFailed, {{"port", leaf_port()}, {"why", accepted.error().detail}});
      env_.tasks.sleep_until(after(now(), std::chrono::milliseconds(10)));
      continue;
    }
    const auto leaf = std::make_shared<LeafLink>(*this, next_link_id(), std::move(*accepted), nullptr);
    add(leaf);
    spawn("leaf reader", [leaf] { leaf->read_loop(); });
    leaf->greet();
    if (is_stopping()) leaf->close("Server Shutdown");
  }
}

void ServerCore::add(const std::shared_ptr<ClientLink>& client) {
  clients_.emplace(client->link_id(), client);
  spawn("client writer", [client] { client->write_loop(); });
}

void ServerCore::add(const std::shared_ptr<LeafLink>& leaf) {
  leafs_.emplace(leaf->link_id(), leaf);
  spawn("leaf writer", [leaf] { leaf->write_loop(); });
}

void ServerCore::close_listeners() {
  if (client_listener_ != nullptr) client_listener_->close();
  if (leaf_listener_ != nullptr) leaf_listener_->close();
}

void ServerCore::shutdown() {
  if (!is_running_) return;
  if (is_stopping()) {  // by somebody else
    stopped_.wait("server: shutting down");
    return;
  }
  log().info(kStopping, {{"name", config_.name}});
  stopping_.set();
  close_listeners();
  // close() takes a link out of its table.
  while (!clients_.empty()) std::shared_ptr<ClientLink>(clients_.begin()->second)->close("Server Shutdown");
  while (!leafs_.empty()) std::shared_ptr<LeafLink>(leafs_.begin()->second)->close("Server Shutdown");
  // No deadline: each task ends within that of the call in which it is, and a paused node has none.
  while (tasks_live_ > 0) tasks_ended_.wait(tasks(), "server: shutting down");
  is_running_ = false;
  log().info(kStopped, {{"name", config_.name}});
  stopped_.set();
}

// Spread over what is left of the lame duck duration, but no more than a second apart: with some jitter, so that they do not all
// come back at once.
void ServerCore::close_clients_slowly() {
  if (clients_.empty()) return;
  Random random = random_.child("lame duck");
  const Duration left = config_.lame_duck_duration - config_.lame_duck_grace;
  const Duration rest = left > Duration{} ? left : kLameDuckStepMax;
  const Duration step = std::min(rest / static_cast<Duration::rep>(clients_.size()), kLameDuckStepMax);
  while (!is_stopping()) {
    std::shared_ptr<ClientLink>(clients_.begin()->second)->close("Server Shutdown");
    if (clients_.empty()) return;
    const Duration pause = random.between(step / 2, step);
    stopping_.wait("server: lame duck", after(now(), pause));
    if (clients_.empty()) return;
  }
}

void ServerCore::lame_duck() {
  if (!is_running_ || is_stopping()) return;
  log().info(kLameDuck, {{"name", config_.name}, {"clients", clients_.size()}});
  client_listener_->close();  // leaf nodes stay, and may even come back, until the end
  if (!clients_.empty()) {
    for (const auto& [id, client] : clients_) client->announce_lame_duck();
    stopping_.wait("server: lame duck grace", after(now(), config_.lame_duck_grace));
    close_clients_slowly();
  }
  shutdown();
}

InfoFields ServerCore::client_info(std::uint64_t link_id, std::string_view client_ip) const {
  InfoFields info;
  info.server_id = id_;
  info.server_name = config_.name;
  info.host = config_.host;
  info.port = client_port();
  info.auth_required = !config_.credentials.is_none();
  info.max_payload = config_.max_payload;
  info.jetstream = config_.jetstream;
  info.client_id = link_id;
  info.client_ip = client_ip;
  info.cluster = cluster();
  info.domain = config_.domain;
  info.xkey = xkey_;
  return info;
}

InfoFields ServerCore::leaf_info(std::uint64_t link_id, std::string_view nonce) const {
  InfoFields info = client_info(link_id, {});
  info.port = leaf_port();
  info.auth_required = true;
  info.nonce = nonce;
  info.xkey = {};
  info.is_leaf = true;
  // Where others may dial. An address that stands for any tells them nothing; then the list is empty, but must be there.
  const auto is_any = [](std::string_view host) { return host == "0.0.0.0" || host == "::"; };
  const std::string& host = is_any(config_.host) && leaf_listener_ != nullptr ? leaf_listener_->address().host : config_.host;
  if (!is_any(host)) {
    info.ip = host + ":" + std::to_string(leaf_port());
    info.leaf_urls.push_back(info.ip);
  }
  return info;
}

std::vector<LeafStatus> ServerCore::leaf_status() const {
  std::vector<LeafStatus> all;
  for (const auto& solicitor : solicitors_) all.push_back(solicitor->status());
  for (const auto& [id, link] : leafs_) {
    if (link->is_solicitor() || !link->is_registered()) continue;
    LeafStatus status;
    status.remote_name = link->remote_name();
    status.address = link->peer();
    status.is_connected = true;
    status.since = link->registered_at();
    all.push_back(std::move(status));
  }
  return all;
}

InterestReading ServerCore::read_interest() const {
  InterestReading reading;
  reading.server_id = id_;
  reading.version = account_.version();
  account_.each([&](const AccountSubscription& each) {
    InterestReading::Held held;
    held.subject = each.subject;
    held.queue = each.queue;
    held.count = each.count();
    held.leaf = each.is_leaf() ? each.leaf->id() : 0;
    if (each.is_reply()) held.told = each.local->told;
    reading.held.push_back(std::move(held));
  });
  for (const auto& [id, link] : leafs_) {
    if (link->is_registered()) reading.links.push_back(link->read());
  }
  reading.loop_subject = loop_subject_;
  reading.mapped = mapping_.sources();
  return reading;
}

std::string ServerCore::made_up_ack() const {
  JsonWriter json;
  json.begin_object().field("stream", "NOWHERE");
  const std::string& domain = remote_domain_.empty() ? config_.domain : remote_domain_;
  if (!domain.empty()) json.field("domain", domain);
  json.field("seq", 1).end_object();
  return json.take();
}

}  // namespace windtunnel::core
