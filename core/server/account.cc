#include "core/server/account.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/subject.h"

namespace windtunnel::core {

AccountSubscription& Account::add(AccountSubscription subscription) {
  WT_ASSERT((subscription.leaf == nullptr) == (subscription.local != nullptr));
  WT_ASSERT(subscription.local == nullptr || (subscription.client == nullptr) == (subscription.local->handler != nullptr));
  AccountSubscription& added = subscriptions_.emplace_back(std::move(subscription));
  added.self = std::prev(subscriptions_.end());
  added.id = next_id();
  if (added.local != nullptr && added.client == nullptr) inner_.emplace_hint(inner_.end(), added.id, &added);
  if (added.is_reply()) ++replies_;
  list_.insert(added);
  ++version_;
  tell(added, added.count());
  return added;
}

void Account::remove(AccountSubscription& subscription) {
  if (subscription.is_dead) return;
  WT_ASSERT(&*subscription.self == &subscription);
  subscription.is_dead = true;
  std::list<AccountSubscription> removed;
  removed.splice(removed.end(), subscriptions_, subscription.self);
  if (subscription.local != nullptr && subscription.client == nullptr) inner_.erase(subscription.id);
  if (subscription.is_reply()) --replies_;
  list_.remove(subscription);
  ++version_;
  tell(subscription, -subscription.count());
  if (subscription.name != InterestNames::kNone) names_.release(subscription.name);
  // A handler may be the one that is running, and a match that is being walked may name it.
  if (routing_depth_ > 0) dead_.splice(dead_.end(), removed);
}

void Account::remove(SubscriptionId id) noexcept {
  if (const auto found = inner_.find(id); found != inner_.end()) {
    remove(*found->second);
  } else {
    watches_.erase(id);
  }
}

void Account::set_weight(AccountSubscription& subscription, std::uint32_t weight) {
  const std::int64_t before = subscription.count();
  subscription.weight = weight;
  ++version_;
  tell_leafs(subscription, subscription.count() - before);
}

AccountSubscription* Account::find(const LeafReceiver& leaf, std::string_view subject, std::string_view queue) const {
  for (Subscription* each = list_.first_of(subject); each != nullptr; each = each->behind) {
    auto& subscription = static_cast<AccountSubscription&>(*each);
    if (subscription.leaf == &leaf && subscription.queue == queue) return &subscription;
  }
  return nullptr;
}

void Account::tell_leafs(AccountSubscription& subscription, std::int64_t delta) {
  if (subscription.is_reply()) {
    for (const std::uint64_t id : subscription.local->told) {
      if (const auto leaf = leafs_.find(id); leaf != leafs_.end()) tell_leaf(*leaf->second, subscription, delta);
    }
    return;
  }
  for (const auto& [id, leaf] : leafs_) {
    if (leaf != subscription.leaf) tell_leaf(*leaf, subscription, delta);
  }
}

void Account::tell_leaf(LeafReceiver& leaf, AccountSubscription& subscription, std::int64_t delta) {
  if (subscription.name == InterestNames::kNone) subscription.name = names_.take(subscription.subject, subscription.queue);
  leaf.on_interest(subscription, delta);
}

void Account::tell_of_reply(LeafReceiver& leaf, std::string_view reply) {
  for (Subscription* each = list_.first_of(reply); each != nullptr; each = each->behind) {
    auto& subscription = static_cast<AccountSubscription&>(*each);
    if (!subscription.is_reply()) continue;
    std::vector<std::uint64_t>& told = subscription.local->told;
    if (std::find(told.begin(), told.end(), leaf.id()) != told.end()) continue;
    told.push_back(leaf.id());
    ++version_;
    tell_leaf(leaf, subscription, subscription.count());
  }
}

void Account::tell(AccountSubscription& subscription, std::int64_t delta) {
  tell_leafs(subscription, delta);
  if (!watches_.empty()) call_watches(subscription.subject, false);
}

bool Account::has_hub() const {
  return std::any_of(leafs_.begin(), leafs_.end(), [](const auto& each) { return each.second->is_spoke_side(); });
}

void Account::add_leaf(LeafReceiver& leaf) {
  const bool is_new = leafs_.emplace(leaf.id(), &leaf).second;
  WT_ASSERT(is_new);
  ++version_;
  if (replies_ == 0) return;
  for (const auto& [id, subscription] : inner_) {
    if (subscription->is_reply()) subscription->local->told.push_back(leaf.id());
  }
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
