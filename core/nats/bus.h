// Bus: how the inside of a server (JetStream) takes part in the server's messaging: one account's subscriptions, seen
// from within. The server implements it; nothing here suspends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/nats/client_info.h"
#include "core/nats/message.h"

namespace windtunnel::core {

enum class SubscriptionId : std::uint64_t { none = 0 };

class Bus {
 public:
  virtual ~Bus() = default;

  // Called for each message, in the publisher's order, while it is routed: must copy what it keeps and must not
  // suspend. `from_leaf` says that the message came over a leaf connection.
  using Handler = std::function<void(const MessageView& message, bool from_leaf)>;

  // An internal subscription; `queue` may be empty. Announced to leaf nodes as any other. Returns none, and subscribes to
  // nothing, if the subject is not valid: it may come from a user.
  virtual SubscriptionId subscribe(std::string_view subject, std::string_view queue, Handler handler) = 0;
  virtual void unsubscribe(SubscriptionId id) noexcept = 0;

  // The same, for the answers to what is published here with `subject` as its reply. A leaf connection is told of it before the first
  // such message that goes out over it, for only from there can an answer come; one that is made meanwhile is told at once. (nats-server
  // tells all of them, and withdraws it from all of them.)
  virtual SubscriptionId subscribe_reply(std::string_view subject, Handler handler) = 0;

  // Routes a message as if an internal client had published it. True if anybody took it: a local subscriber or a leaf
  // connection. The permission rules of leaf connections apply; subject mappings do not.
  virtual bool publish(const MessageView& message) = 0;

  // Inside a handler: who sent the message; nullopt if the inside of this server did.
  [[nodiscard]] virtual std::optional<ClientInfo> publisher() const = 0;

  // Whether anybody (locally, or behind a leaf connection that may be sent it) listens to this literal subject; with a `queue`,
  // as a member of that queue group.
  [[nodiscard]] virtual bool has_interest(std::string_view subject, std::string_view queue = {}) const = 0;

  // Whether anybody subscribes to exactly this text, in exactly this queue group (empty: in none): who listens to a pattern does not
  // count. Of leaf connections those that may be sent it.
  [[nodiscard]] virtual bool has_subscription(std::string_view subject, std::string_view queue = {}) const = 0;

  // Calls `changed` each time interest in this literal subject may have come or gone, until unwatched.
  virtual SubscriptionId watch_interest(std::string_view subject, std::function<void()> changed) = 0;

  // Calls `connected` each time a leaf connection of this account has been registered (in either direction): copies
  // that wait for a retry resume by it. Returned id is for unsubscribe.
  virtual SubscriptionId watch_leafs(std::function<void()> connected) = 0;

  // True while at least one leaf connection is registered or configured.
  [[nodiscard]] virtual bool has_leafs() const = 0;
};

}  // namespace windtunnel::core
