// ClientLink: a client's connection (reference: wire 2 to 8).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/server/account.h"
#include "core/server/link.h"
#include "core/server/protocol_json.h"

namespace windtunnel::core {

class ClientLink final : public Link, private ClientReceiver {
 public:
  ClientLink(ServerCore& core, std::uint64_t id, std::unique_ptr<Connection> connection);

  // The first INFO.
  void greet();
  // Tells the client to move away, if it can be told.
  void announce_lame_duck();

 private:
  void handle(const Operation& operation) override;
  void on_close(std::string_view reason) override;
  void on_read_deadline() override;
  [[nodiscard]] bool may_skip_ping() const override { return true; }
  void after_batch() override;

  bool deliver(const AccountSubscription& subscription, const MessageView& message) override;
  void on_auto_unsubscribed(const AccountSubscription& subscription) override;
  [[nodiscard]] ClientInfo client_info() const override;

  void handle_connect(std::string_view json);
  // Why these credentials will not do; empty if they will.
  [[nodiscard]] std::string_view objection() const;
  void handle_publish(const Operation& operation);
  void handle_subscribe(const Operation& operation);
  void handle_unsubscribe(const Operation& operation);
  void unsubscribe(std::map<std::string, AccountSubscription*, std::less<>>::iterator at);
  [[nodiscard]] bool makes_up_ack(std::string_view subject) const;
  void send_no_responders(const MessageView& message);
  void accept();  // +OK, if the client is verbose
  void complain(std::string_view err);

  ClientConnect connect_;
  std::map<std::string, AccountSubscription*, std::less<>> subscriptions_;  // by sid
  std::string mapped_;                                                      // of the publish under way
  Duration stalled_{};                                                      // in the batch under way
  bool is_connected_ = false;                                               // CONNECT was accepted
  bool has_answered_ping_ = false;                                          // so it may be sent INFO again
};

}  // namespace windtunnel::core
