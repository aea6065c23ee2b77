// ServerCore: what stands behind Server and is shared by its connections: configuration, identity, the account, the table
// of connections, and the count of tasks that must end before it may go.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/defects.h"
#include "core/base/random.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/network.h"
#include "core/env/sync.h"
#include "core/env/tasks.h"
#include "core/server/account.h"
#include "core/server/domain_mapping.h"
#include "core/server/interest_reading.h"
#include "core/server/protocol_json.h"
#include "core/server/server_config.h"

namespace windtunnel::core {

class ClientLink;
class LeafLink;
class LeafSolicitor;
class Link;

class ServerCore {
 public:
  ServerCore(Env& env, ServerConfig config);
  ~ServerCore();
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  Status start();
  void shutdown();
  void lame_duck();

  [[nodiscard]] const ServerConfig& config() const { return config_; }
  [[nodiscard]] Env& env() { return env_; }
  [[nodiscard]] Tasks& tasks() { return env_.tasks; }
  [[nodiscard]] Log& log() { return env_.log; }
  [[nodiscard]] Instant now() const { return env_.clock.now(); }
  [[nodiscard]] WallTime wall_now() const { return env_.clock.wall_now(); }
  [[nodiscard]] Account& account() { return account_; }
  [[nodiscard]] const DomainMapping& mapping() const { return mapping_; }
  [[nodiscard]] Random& ping_random() { return ping_random_; }
  [[nodiscard]] Random& nonce_random() { return nonce_random_; }

  [[nodiscard]] const std::string& id() const { return id_; }
  // The name under which leaf nodes know this one: a server of no cluster that has remotes uses its own (wire 13.2).
  [[nodiscard]] std::string_view cluster() const { return config_.remotes.empty() ? std::string_view{} : std::string_view{config_.name}; }
  // The subject by which a loop of leaf connections is found (wire 13.6).
  [[nodiscard]] const std::string& loop_subject() const { return loop_subject_; }

  [[nodiscard]] InfoFields client_info(std::uint64_t link_id, std::string_view client_ip) const;
  [[nodiscard]] InfoFields leaf_info(std::uint64_t link_id, std::string_view nonce) const;

  [[nodiscard]] bool is_running() const { return is_running_; }
  [[nodiscard]] bool is_stopping() const { return stopping_.is_set(); }
  // Set when the server shuts down: what sleeps between dials waits on it.
  [[nodiscard]] Event& stopping() { return stopping_; }

  // Runs `body` as a task of the server's, which shutdown() awaits.
  void spawn(std::string_view name, std::function<void()> body);
  [[nodiscard]] std::uint64_t next_link_id() { return ++last_link_id_; }

  // The table of open connections. A link is owned by it while open, and by its two tasks.
  // Starts the writer; the caller runs or starts the reader.
  void add(const std::shared_ptr<ClientLink>& client);
  void add(const std::shared_ptr<LeafLink>& leaf);
  void remove_client(std::uint64_t link_id) { clients_.erase(link_id); }
  void remove_leaf(std::uint64_t link_id) { leafs_.erase(link_id); }
  [[nodiscard]] const std::map<std::uint64_t, std::shared_ptr<ClientLink>>& clients() const { return clients_; }
  [[nodiscard]] const std::map<std::uint64_t, std::shared_ptr<LeafLink>>& leaf_links() const { return leafs_; }
  [[nodiscard]] std::vector<LeafStatus> leaf_status() const;
  [[nodiscard]] InterestReading read_interest() const;
  [[nodiscard]] bool has_leafs() const { return !config_.remotes.empty() || account_.has_leafs(); }

  [[nodiscard]] std::uint16_t client_port() const { return client_listener_ ? client_listener_->address().port : std::uint16_t{0}; }
  [[nodiscard]] std::uint16_t leaf_port() const { return leaf_listener_ ? leaf_listener_->address().port : std::uint16_t{0}; }

  // The domain of the leaf remote that was last connected, and the PubAck that a server with a defect makes up in its name.
  void note_remote_domain(std::string_view domain) { remote_domain_ = domain; }
  [[nodiscard]] std::string made_up_ack() const;

  // A producer whose receivers are slow is held back (wire 11, "Stalling"): what the delivery under way asks for.
  void ask_to_stall(Duration by) { stall_ = by > stall_ ? by : stall_; }
  Duration take_stall() { return std::exchange(stall_, Duration{}); }

 private:
  [[nodiscard]] Status check_config() const;
  void accept_clients();
  void accept_leafs();
  void close_listeners();
  void close_clients_slowly();

  Env& env_;
  const ServerConfig config_;
  const Random random_;
  Random ping_random_;
  Random nonce_random_;
  std::string id_;
  std::string xkey_;
  std::string loop_subject_;
  std::string remote_domain_;
  Account account_;
  DomainMapping mapping_;

  std::unique_ptr<Listener> client_listener_;
  std::unique_ptr<Listener> leaf_listener_;
  std::map<std::uint64_t, std::shared_ptr<ClientLink>> clients_;
  std::map<std::uint64_t, std::shared_ptr<LeafLink>> leafs_;
  std::vector<std::unique_ptr<LeafSolicitor>> solicitors_;
  // Internal connections of nats-server take the first ids; clients see theirs start above them.
  std::uint64_t last_link_id_ = 3;

  bool is_running_ = false;
  Event stopping_;
  Event stopped_;
  std::size_t tasks_live_ = 0;
  WaitList tasks_ended_;
  Duration stall_{};
};

}  // namespace windtunnel::core
