// How one message finds its receivers (reference: wire 11 and 13.4).
#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/subject.h"
#include "core/server/account.h"

namespace windtunnel::core {
namespace {

constexpr std::string_view kAckPrefix = "$JS.ACK.";

AccountSubscription& of_account(Subscription* subscription) { return static_cast<AccountSubscription&>(*subscription); }

// A JetStream delivery that came over a leaf connection hides the subject to show behind its reply:
// "$JS.ACK.<stream>.<consumer>.<5 numbers>@<subject>". Stream, consumer and subject may themselves contain "@", so it is
// the first one behind the eighth dot.
bool split_shown_subject(MessageView& message) {
  if (!message.reply.starts_with(kAckPrefix)) return false;
  std::ptrdiff_t dots = 0;
  std::size_t counted = 0;
  for (std::size_t at = message.reply.find('@'); at != std::string_view::npos; at = message.reply.find('@', at + 1)) {
    const std::string_view piece = message.reply.substr(counted, at - counted);
    dots += std::count(piece.begin(), piece.end(), '.');
    counted = at;
    if (dots < 8 || at + 1 == message.reply.size()) continue;
    message.shown_subject = message.reply.substr(at + 1);
    message.reply = message.reply.substr(0, at);
    return true;
  }
  return false;
}

}  // namespace

// Consumers and streams subscribe to pull requests and direct gets for themselves: without them there is no responder. nats-server's
// import of the API leaves these subjects out in the same way.
bool AccountSubscription::passes_over(std::string_view literal) const {
  return local != nullptr && local->is_api &&
         (literal.starts_with("$JS.API.CONSUMER.MSG.NEXT.") || literal.starts_with("$JS.API.DIRECT.GET"));
}

bool AccountSubscription::can_take(std::string_view literal) const { return is_leaf() ? leaf->may_send(literal) : !passes_over(literal); }

// One message on its way. Receivers may be removed meanwhile, by handlers and by slow clients: dead ones are passed over.
class Account::Routing {
 public:
  Routing(Account& account, const MessageView& message, const RouteOrigin& origin)
      : account_(account), origin_(origin), onward_(message), local_(message) {
    if (origin.leaf != nullptr) split_shown_subject(local_);
    ++account_.routing_depth_;
    outer_ = account_.routing_;
    account_.routing_ = &origin_;
    targets_.swap(account_.spare_targets_);
  }
  ~Routing() {
    account_.routing_ = outer_;
    targets_.clear();
    account_.spare_targets_.swap(targets_);
    // A dead handler's own destructor may remove another subscription, so the list is taken before it is freed.
    if (--account_.routing_depth_ == 0 && !account_.dead_.empty()) std::list<AccountSubscription>().swap(account_.dead_);
  }
  Routing(const Routing&) = delete;
  Routing& operator=(const Routing&) = delete;

  bool run() {
    const bool is_watched = account_.watcher_ != nullptr && account_.watcher_->on_message(onward_, origin_id());
    if (is_watched) collect_candidates();
    const bool is_delivered = deliver_all();
    if (is_watched) report();
    return is_delivered;
  }

 private:
  bool deliver_all() {
    const std::shared_ptr<const SubscriptionMatch> match = account_.list_.match(onward_.subject);
    for (Subscription* const each : match->plain) {
      AccountSubscription& subscription = of_account(each);
      if (!subscription.is_leaf()) {
        deliver(subscription);
      } else if (is_open_to(subscription)) {
        target_of(subscription);
      }
    }
    for (const SubscriptionMatch::Group& group : match->groups) {
      if (is_wanted(group)) serve(group);
    }
    send_to_leafs();
    return is_delivered_;
  }

  [[nodiscard]] std::uint64_t origin_id() const { return origin_.leaf == nullptr ? 0 : origin_.leaf->id(); }

  // Of the two, without echo: a leaf connection, or another one of the same remote cluster.
  [[nodiscard]] bool is_origin(const LeafReceiver& leaf) const {
    if (origin_.leaf == nullptr) return false;
    return &leaf == origin_.leaf || (!leaf.remote_cluster().empty() && leaf.remote_cluster() == origin_.leaf->remote_cluster());
  }

  // ---- for a watcher ----

  void collect_candidates() {
    record_ = std::make_unique<RoutedMessage>();
    record_->from_leaf = origin_id();
    record_->is_mapped = origin_.is_mapped;
    record_->queues.assign(origin_.queues.begin(), origin_.queues.end());
    account_.each([&](const AccountSubscription& each) {
      if (!matches(onward_.subject, each.subject) || (!each.is_leaf() && each.passes_over(local_.subject))) return;
      RoutedMessage::Candidate candidate;
      candidate.id = each.id;
      candidate.queue = each.queue;
      if (each.is_leaf()) {
        candidate.leaf = each.leaf->id();
        candidate.is_sender = is_origin(*each.leaf);
        candidate.is_permitted = each.leaf->may_send(onward_.subject);
      } else {
        candidate.is_sender = each.client != nullptr && each.client == origin_.client && !origin_.wants_echo;
      }
      record_->candidates.push_back(std::move(candidate));
      candidates_.push_back(&each);
    });
  }

  void note_taken(const AccountSubscription& subscription) {
    if (record_ == nullptr) return;
    for (RoutedMessage::Candidate& candidate : record_->candidates) {
      if (candidate.id == subscription.id) ++candidate.taken;
    }
  }

  void report() {
    for (std::size_t i = 0; i < candidates_.size(); ++i) record_->candidates[i].is_gone = candidates_[i]->is_dead;
    account_.watcher_->on_routed(onward_, *record_);
  }

  // ---- who gets it ----

  [[nodiscard]] bool is_wanted(const SubscriptionMatch::Group& group) const {
    if (origin_.leaf == nullptr) return true;
    // The sender of a leaf message has chosen this node for the groups that it names. A mapped subject is news to it.
    if (origin_.queues.empty()) return origin_.is_mapped;
    return std::find(origin_.queues.begin(), origin_.queues.end(), group.queue) != origin_.queues.end();
  }

  // Whether a leaf connection may be handed this message at all: never back where it came from.
  [[nodiscard]] bool is_open_to(const AccountSubscription& subscription) const {
    if (subscription.is_dead) return false;
    const LeafReceiver& leaf = *subscription.leaf;
    if (is_origin(leaf) && (account_.echo_every_ == 0 || ++account_.echo_chances_ % account_.echo_every_ != 0)) return false;
    return leaf.may_send(onward_.subject);
  }

  bool deliver(AccountSubscription& subscription) {
    if (subscription.is_dead || subscription.passes_over(local_.subject)) return false;
    LocalSubscription& local = *subscription.local;
    if (local.handler) {
      note_taken(subscription);  // before: it may go in its own handler
      local.handler(local_, origin_.leaf != nullptr);
      is_delivered_ = true;
      return true;
    }
    ClientReceiver& client = *subscription.client;
    if (&client == origin_.client && !origin_.wants_echo) return false;
    if (!client.deliver(subscription, local_)) return false;
    note_taken(subscription);
    is_delivered_ = true;
    ++local.delivered;
    if (!subscription.is_dead && local.max_msgs != 0 && local.delivered >= local.max_msgs) {
      client.on_auto_unsubscribed(subscription);
      account_.remove(subscription);
    }
    return true;
  }

  // One member: the first that takes it, from a random one on. A leaf only if nobody here does.
  void serve(const SubscriptionMatch::Group& group) {
    std::uint64_t total = 0;
    for (Subscription* const member : group.members) total += of_account(member).weight;
    std::uint64_t skip = total > 1 ? account_.random_.below(total) : 0;
    std::size_t start = 0;
    while (skip >= of_account(group.members[start]).weight) skip -= of_account(group.members[start++]).weight;

    AccountSubscription* leaf = nullptr;
    for (std::size_t i = 0; i < group.members.size(); ++i) {
      AccountSubscription& member = of_account(group.members[(start + i) % group.members.size()]);
      if (!member.is_leaf()) {
        if (deliver(member)) return;
      } else if (leaf == nullptr && is_open_to(member)) {
        leaf = &member;
        if (is_as_good_as_local(*member.leaf)) break;
      }
    }
    if (leaf != nullptr) target_of(*leaf).queues.push_back(group.queue);
  }

  // What clients and leafs publish goes to members of a queue here first. What the server itself does (JetStream's deliveries) goes, as
  // 2.10.27 has it, also to one behind a hub that is no cluster, if it is drawn.
  [[nodiscard]] bool is_as_good_as_local(const LeafReceiver& leaf) const {
    return is_from_here() && leaf.is_spoke_side() && leaf.remote_cluster().empty();
  }

  [[nodiscard]] bool is_from_here() const { return origin_.leaf == nullptr && origin_.client == nullptr; }

  LeafTarget& target_of(AccountSubscription& subscription) {
    for (LeafTarget& target : targets_) {
      if (target.subscription->leaf == subscription.leaf) return target;
    }
    targets_.push_back(LeafTarget{&subscription, {}});
    return targets_.back();
  }

  void send_to_leafs() {
    for (const LeafTarget& target : targets_) {
      // The connection may have gone since: then all its subscriptions are dead.
      if (target.subscription->is_dead) continue;
      if (record_ != nullptr)
        record_->sent.push_back({target.subscription->leaf->id(), std::vector<std::string>(target.queues.begin(), target.queues.end())});
      LeafReceiver& leaf = *target.subscription->leaf;
      if (account_.replies_ > 0 && is_from_here() && !onward_.reply.empty()) account_.tell_of_reply(leaf, onward_.reply);
      leaf.deliver(onward_, target.queues);
      is_delivered_ = true;
    }
  }

  Account& account_;
  const RouteOrigin& origin_;
  const MessageView& onward_;  // as it came: what leaf connections get
  MessageView local_;          // what clients and handlers here get
  const RouteOrigin* outer_ = nullptr;
  std::vector<LeafTarget> targets_;  // one a connection, in order of the first subscription that matched
  bool is_delivered_ = false;
  std::unique_ptr<RoutedMessage> record_;               // while somebody watches
  std::vector<const AccountSubscription*> candidates_;  // of the record
};

bool Account::route(const MessageView& message, const RouteOrigin& origin) { return Routing{*this, message, origin}.run(); }

std::optional<ClientInfo> Account::publisher() const {
  if (routing_ == nullptr) return std::nullopt;
  if (routing_->client != nullptr) return routing_->client->client_info();
  if (routing_->leaf != nullptr) return routing_->leaf->client_info();
  return std::nullopt;
}

bool Account::has_subscription(std::string_view subject, std::string_view queue) const {
  for (Subscription* each = list_.first_of(subject); each != nullptr; each = each->behind) {
    if (each->queue == queue && of_account(each).can_take(subject)) return true;
  }
  return false;
}

bool Account::has_interest(std::string_view subject, std::string_view queue) {
  const std::shared_ptr<const SubscriptionMatch> match = list_.match(subject);
  const auto can_take = [&](Subscription* each) { return of_account(each).can_take(subject); };
  if (queue.empty() && std::any_of(match->plain.begin(), match->plain.end(), can_take)) return true;
  return std::any_of(match->groups.begin(), match->groups.end(), [&](const SubscriptionMatch::Group& group) {
    return (queue.empty() || group.queue == queue) && std::any_of(group.members.begin(), group.members.end(), can_take);
  });
}

const AccountSubscription* Account::plain_of(const ClientReceiver& client, std::string_view subject) {
  const std::shared_ptr<const SubscriptionMatch> match = list_.match(subject);
  for (Subscription* const each : match->plain) {
    const AccountSubscription& subscription = of_account(each);
    if (subscription.client == &client) return &subscription;
  }
  return nullptr;
}

}  // namespace windtunnel::core
