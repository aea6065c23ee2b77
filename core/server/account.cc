#include "core/server/account.h"

#include "core/base/assert.h"
#include "core/nats/subject.h"

namespace windtunnel::core {

AccountSubscription& Account::add(AccountSubscription subscription) {
  WT_ASSERT((subscription.client != nullptr) + (subscription.leaf != nullptr) + (subscription.handler != nullptr) == 1);
  subscription.id = next_id();
  const SubscriptionId id = subscription.id;
  auto owned = std::make_unique<AccountSubscription>(std::move(subscription));
  AccountSubscription& added = *owned;
  subscriptions_.emplace_hint(subscriptions_.end(), id, std::move(owned));
  list_.insert(added);
  ++version_;
  tell(added, added.count());
  return added;
}

void Account::remove(AccountSubscription& subscription) {
  if (subscription.is_dead) return;
  const auto found = subscriptions_.find(subscription.id);
  WT_ASSERT(found != subscriptions_.end());
  WT_ASSERT(found->second.get() == &subscription);
  subscription.is_dead = true;
  std::unique_ptr<AccountSubscription> removed = std::move(found->second);
  subscriptions_.erase(found);
  list_.remove(*removed);
  ++version_;
  tell(*removed, -removed->count());
  // A handler may be the one that is running, and a match that is being walked may name it.
  if (routing_depth_ > 0) dead_.push_back(std::move(removed));
}

void Account::remove(SubscriptionId id) noexcept {
  if (const auto found = subscriptions_.find(id); found != subscriptions_.end()) {
    remove(*found->second);
  } else {
    watches_.erase(id);
  }
}

void Account::set_weight(AccountSubscription& subscription, std::uint32_t weight) {
  const std::int64_t before = subscription.count();
  subscription.weight = weight;
  ++version_;
  const std::int64_t delta = subscription.count() - before;
  for (const auto& [id, leaf] : leafs_) {
    if (leaf != subscription.leaf) leaf->on_interest(subscription, delta);
  }
}

void Account::tell(const AccountSubscription& subscription, std::int64_t delta) {
  for (const auto& [id, leaf] : leafs_) {
    if (leaf != subscription.leaf) leaf->on_interest(subscription, delta);
  }
  if (!watches_.empty()) call_watches(subscription.subject, false);
}

void Account::add_leaf(LeafReceiver& leaf) {
  const bool is_new = leafs_.emplace(leaf.id(), &leaf).second;
  WT_ASSERT(is_new);
  ++version_;
}

void Account::remove_leaf(LeafReceiver& leaf) {
  leafs_.erase(leaf.id());
  ++version_;
}

SubscriptionId Account::watch_interest(std::string_view subject, std::function<void()> changed) {
  WT_ASSERT(!subject.empty());
  const SubscriptionId id = next_id();
  watches_.emplace(id, std::make_shared<Watch>(Watch{std::string(subject), std::move(changed)}));
  return id;
}

SubscriptionId Account::watch_leafs(std::function<void()> connected) {
  const SubscriptionId id = next_id();
  watches_.emplace(id, std::make_shared<Watch>(Watch{{}, std::move(connected)}));
  return id;
}

void Account::announce_leaf() { call_watches({}, true); }

void Account::call_watches(std::string_view pattern, bool of_leafs) {
  // Whoever is called may watch, unwatch and subscribe: so the list is made first.
  std::vector<SubscriptionId> due;
  for (const auto& [id, watch] : watches_) {
    if (watch->subject.empty() == of_leafs && (of_leafs || matches(watch->subject, pattern))) due.push_back(id);
  }
  for (const SubscriptionId id : due) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) continue;
    const std::shared_ptr<Watch> watch = found->second;
    watch->call();
  }
}

}  // namespace windtunnel::core
