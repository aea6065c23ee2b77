// LeafLink: one leaf node connection, on either side (reference: wire 13, 14).
//
// The solicitor dialled, the acceptor was dialled; which of them is hub and which spoke is said in CONNECT. Messages and
// interest flow only between registration and close.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/server/account.h"
#include "core/server/interest_reading.h"
#include "core/server/leaf_interest.h"
#include "core/server/leaf_permissions.h"
#include "core/server/link.h"
#include "core/server/protocol_json.h"
#include "core/server/server_config.h"

namespace windtunnel::core {

class LeafLink final : public Link, private LeafReceiver {
 public:
  // `remote` is the configuration that was dialled, borrowed for the link's life; nullptr on the accepting side.
  LeafLink(ServerCore& core, std::uint64_t id, std::unique_ptr<Connection> connection, const LeafRemote* remote);

  // The acceptor's first INFO; the solicitor only waits.
  void greet();

  [[nodiscard]] bool is_solicitor() const { return remote_ != nullptr; }
  [[nodiscard]] bool is_registered() const { return is_registered_; }
  [[nodiscard]] Instant registered_at() const { return registered_at_; }
  [[nodiscard]] const std::string& remote_name() const { return remote_name_; }
  [[nodiscard]] const std::string& remote_domain() const { return remote_domain_; }
  // What a solicitor waits for on top of the reconnect time before it dials again.
  [[nodiscard]] Duration penalty() const { return penalty_; }
  // What a watcher is shown.
  [[nodiscard]] InterestReading::Link read() const;
  // What the remote announced as its addresses.
  [[nodiscard]] const std::vector<std::string>& announced_urls() const { return announced_urls_; }

 private:
  // Link.
  void handle(const Operation& operation) override;
  void on_close(std::string_view reason) override;
  void on_read_deadline() override;
  [[nodiscard]] bool may_skip_ping() const override { return !is_spoke_; }
  [[nodiscard]] bool keeps_slow_peer() override;

  // LeafReceiver.
  [[nodiscard]] std::uint64_t id() const override { return link_id(); }
  [[nodiscard]] const std::string& remote_cluster() const override { return remote_cluster_; }
  [[nodiscard]] bool is_spoke_side() const override { return is_spoke_; }
  [[nodiscard]] bool may_send(std::string_view subject) const override { return permissions_.may_send(subject); }
  void deliver(const MessageView& message, std::span<const std::string_view> queues) override;
  void on_interest(const AccountSubscription& subscription, std::int64_t delta) override;
  [[nodiscard]] ClientInfo client_info() const override;

  // The handshake.
  void handle_info(std::string_view json);
  void handle_first_info(const LeafInfo& info);
  void send_connect();
  void handle_connect(std::string_view json);
  [[nodiscard]] bool is_welcome(const LeafConnect& connect);
  void evict_duplicates();
  [[nodiscard]] bool is_dialling_own_spoke() const;
  void register_with_account();
  void send_all_interest();
  void handle_err(std::string_view text);

  // Interest and messages of the other side.
  void handle_leaf_subscribe(const Operation& operation);
  void handle_leaf_unsubscribe(const Operation& operation);
  void handle_leaf_message(const Operation& operation);
  void forget(AccountSubscription& subscription);
  void break_loop();
  // Whether interest in this subscription is passed on over this connection at all.
  [[nodiscard]] bool is_forwarded(const AccountSubscription& subscription) const;

  const LeafRemote* const remote_;
  std::string nonce_;
  bool is_spoke_;
  bool is_first_info_seen_ = false;
  bool is_connect_seen_ = false;
  bool is_registered_ = false;
  bool has_headers_ = true;  // both sides
  Instant registered_at_{};
  Duration penalty_{};

  std::string remote_name_;
  std::string remote_version_;  // of one that dialled us
  std::string remote_cluster_;
  std::string remote_domain_;
  std::string remote_account_;
  std::vector<std::string> announced_urls_;
  LeafPermissions permissions_;
  LeafInterest interest_;                            // what we have announced
  std::vector<AccountSubscription*> subscriptions_;  // what they have; in no order
  std::string mapped_;
  std::uint64_t heard_ = 0;      // LS+ and LS-
  std::uint64_t remote_id_ = 0;  // this connection's at the other side, which said it
};

}  // namespace windtunnel::core
