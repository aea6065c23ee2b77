// Account: the subscriptions of $G and the routing of messages between them (reference: wire 11, 13.4, 13.5, 14).
//
// It knows connections only as receivers, and never suspends: to route a message is to append to output buffers and to
// call internal handlers. A handler may come back (publish, subscribe, unsubscribe) while a message is being routed.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/nats/bus.h"
#include "core/nats/client_info.h"
#include "core/nats/subscription_list.h"
#include "core/server/interest_names.h"
#include "core/server/route_watcher.h"

namespace windtunnel::core {

struct AccountSubscription;

// A client connection as the account sees it.
class ClientReceiver {
 public:
  // False if the message was not taken: the connection is closed.
  virtual bool deliver(const AccountSubscription& subscription, const MessageView& message) = 0;
  // The subscription has had the last message that it asked for, and is gone.
  virtual void on_auto_unsubscribed(const AccountSubscription& subscription) = 0;
  [[nodiscard]] virtual ClientInfo client_info() const = 0;

 protected:
  ~ClientReceiver() = default;
};

// A registered leaf connection as the account sees it.
class LeafReceiver {
 public:
  [[nodiscard]] virtual std::uint64_t id() const = 0;
  [[nodiscard]] virtual const std::string& remote_cluster() const = 0;
  [[nodiscard]] virtual bool is_spoke_side() const = 0;  // this node is the spoke of it
  [[nodiscard]] virtual bool may_send(std::string_view subject) const = 0;
  virtual void deliver(const MessageView& message, std::span<const std::string_view> queues) = 0;
  // `delta` more (or fewer) subscriptions like this one are there.
  virtual void on_interest(const AccountSubscription& subscription, std::int64_t delta) = 0;
  [[nodiscard]] virtual ClientInfo client_info() const = 0;

 protected:
  ~LeafReceiver() = default;
};

// What only the subscriptions of this node have, of its clients and its own: those of leaf nodes are far more.
struct LocalSubscription {
  Bus::Handler handler;        // its own
  std::string sid;             // of a client
  std::uint32_t max_msgs = 0;  // auto-unsubscribe; 0: never
  std::uint32_t delivered = 0;
  bool is_api = false;                   // takes what is asked of JetStream, but for what it need not see
  bool is_reply = false;                 // for answers: only those leaf connections are told of it that need to know
  std::vector<std::uint64_t> told = {};  // of these, by their ids; they may have gone since
};

struct AccountSubscription : Subscription {
  SubscriptionId id = SubscriptionId::none;  // in order of creation
  // Whose it is: a leaf connection's, a client's, or with neither this server's own. Receivers outlive their subscriptions, dead
  // ones excepted.
  LeafReceiver* leaf = nullptr;
  ClientReceiver* client = nullptr;
  std::unique_ptr<LocalSubscription> local;  // nullptr: a leaf connection's

  std::uint32_t weight = 1;  // of a leaf's queue: how many members stand behind it
  std::uint32_t place = 0;   // of a leaf: where the connection keeps it
  bool is_dead = false;      // removed while a message was being routed

  // The account's own.
  InterestNames::Id name = InterestNames::kNone;  // by which leaf connections are told of it; none until they are
  std::list<AccountSubscription>::iterator self;

  [[nodiscard]] bool is_leaf() const { return leaf != nullptr; }
  [[nodiscard]] bool passes_over(std::string_view literal) const;
  [[nodiscard]] bool can_take(std::string_view literal) const;  // provided that it matches
  [[nodiscard]] std::int64_t count() const { return queue.empty() ? 1 : weight; }
  [[nodiscard]] bool is_reply() const { return local != nullptr && local->is_reply; }
};

// Where a message came from.
struct RouteOrigin {
  const ClientReceiver* client = nullptr;  // a client connection,
  const LeafReceiver* leaf = nullptr;      // a leaf connection, or neither: the inside of this server
  bool wants_echo = true;
  bool is_mapped = false;                         // the subject was changed by a mapping
  std::span<const std::string_view> queues = {};  // from a leaf: the groups that this node is to serve
};

class Account {
 public:
  explicit Account(Random random) : random_(random) {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  // Requires: subject is valid. The reference lives until the subscription is removed.
  AccountSubscription& add(AccountSubscription subscription);
  void remove(AccountSubscription& subscription);
  // One of this server's own, or a watch.
  void remove(SubscriptionId id) noexcept;
  void set_weight(AccountSubscription& subscription, std::uint32_t weight);

  // What this leaf connection has announced; nullptr if it has not.
  [[nodiscard]] AccountSubscription* find(const LeafReceiver& leaf, std::string_view subject, std::string_view queue) const;

  // True if anybody took it: a client, an internal subscription or a leaf connection that may be sent it.
  bool route(const MessageView& message, const RouteOrigin& origin);
  // With a `queue`: of that group.
  [[nodiscard]] bool has_interest(std::string_view subject, std::string_view queue);
  // To exactly this text, in exactly this group.
  [[nodiscard]] bool has_subscription(std::string_view subject, std::string_view queue) const;
  // Whose message is being routed; nullopt: nobody's, or the inside of this server sent it.
  [[nodiscard]] std::optional<ClientInfo> publisher() const;
  // The first plain subscription of this client that matches; nullptr if there is none.
  [[nodiscard]] const AccountSubscription* plain_of(const ClientReceiver& client, std::string_view subject);

  // Calls `visit` for every subscription, in order of creation.
  template <typename Visit>
  void each(Visit visit) const {
    for (const AccountSubscription& subscription : subscriptions_) visit(subscription);
  }
  [[nodiscard]] std::size_t size() const { return subscriptions_.size(); }

  // Everything is announced to it by whoever adds it, right then.
  void add_leaf(LeafReceiver& leaf);
  void remove_leaf(LeafReceiver& leaf);
  [[nodiscard]] bool has_leafs() const { return !leafs_.empty(); }
  // A leaf connection of which this node is the spoke.
  [[nodiscard]] bool has_hub() const;
  // What leaf connections are told of.
  [[nodiscard]] InterestNames& names() { return names_; }

  SubscriptionId watch_interest(std::string_view subject, std::function<void()> changed);
  SubscriptionId watch_leafs(std::function<void()> connected);
  // Tells those who watch. Called when a leaf connection is ready to take messages.
  void announce_leaf();

  // nullptr: nobody watches. Borrowed.
  void set_watcher(RouteWatcher* watcher) { watcher_ = watcher; }
  // A sabotage: every so many messages of a leaf connection go back over it. 0: none.
  void set_echo_every(std::uint64_t every) { echo_every_ = every; }
  // Another one whenever a subscription or a leaf connection came, changed or went.
  [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
  struct Watch {
    std::string subject;  // empty: leaf connections are watched
    std::function<void()> call;
  };
  struct LeafTarget {
    AccountSubscription* subscription;
    std::vector<std::string_view> queues;
  };
  class Routing;

  [[nodiscard]] SubscriptionId next_id() { return static_cast<SubscriptionId>(++last_id_); }
  void tell(AccountSubscription& subscription, std::int64_t delta);
  void tell_leafs(AccountSubscription& subscription, std::int64_t delta);
  void tell_leaf(LeafReceiver& leaf, AccountSubscription& subscription, std::int64_t delta);
  // Before a message with that reply goes out from here: who is to answer must know where to.
  void tell_of_reply(LeafReceiver& leaf, std::string_view reply);
  void call_watches(std::string_view pattern, bool of_leafs);

  SubscriptionList list_;
  std::list<AccountSubscription> subscriptions_;          // in order of creation
  std::map<SubscriptionId, AccountSubscription*> inner_;  // this server's own
  std::size_t replies_ = 0;                               // of these: for answers
  InterestNames names_;
  std::map<std::uint64_t, LeafReceiver*> leafs_;              // by connection id
  std::map<SubscriptionId, std::shared_ptr<Watch>> watches_;  // owners: this map, and the call that is under way
  std::uint64_t last_id_ = 0;
  Random random_;
  RouteWatcher* watcher_ = nullptr;
  std::uint64_t version_ = 0;
  std::uint64_t echo_every_ = 0;
  std::uint64_t echo_chances_ = 0;

  // Removed while a message was being routed: freed when nobody can still be looking at them.
  std::list<AccountSubscription> dead_;
  unsigned routing_depth_ = 0;
  std::vector<LeafTarget> spare_targets_;  // memory for the next message's; empty
  const RouteOrigin* routing_ = nullptr;   // of the innermost message under way
};

}  // namespace windtunnel::core
