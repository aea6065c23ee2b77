#include "core/nats/subscription_trie.h"

#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kSlotsMin = 16;

std::uint32_t hash_of(SubscriptionTrie::Id parent, std::string_view token) {
  return static_cast<std::uint32_t>(fold(hash_bytes(token), parent));
}

}  // namespace

void SubscriptionTrie::Chain::append(Subscription& s) {
  s.behind = nullptr;
  if (first == nullptr) {
    first = s.before = &s;
    return;
  }
  s.before = std::exchange(first->before, &s);
  s.before->behind = &s;
}

void SubscriptionTrie::Chain::erase(Subscription& s) {
  if (first == &s) {
    first = s.behind;
  } else {
    WT_ASSERT(s.before->behind == &s);
    s.before->behind = s.behind;
  }
  if (Subscription* const next = s.behind != nullptr ? s.behind : first; next != nullptr) next->before = s.before;
  s.before = s.behind = nullptr;
}

SubscriptionTrie::SubscriptionTrie() : nodes_(1), slots_(kSlotsMin) {}

void SubscriptionTrie::add(Subscription& s) {
  Id id = kRoot;
  Tokens tokens{s.subject};
  s.is_open = false;
  for (std::string_view token; !s.is_open && tokens.next(token);) {
    s.is_open = token == ">";
    if (!s.is_open) id = find_or_add(id, token);
  }
  s.node = id;
  chain_of(s).append(s);
}

void SubscriptionTrie::erase(Subscription& s) {
  chain_of(s).erase(s);
  prune(s.node);
}

Subscription* SubscriptionTrie::find(std::string_view subject) const {
  Id id = kRoot;
  Tokens tokens{subject};
  for (std::string_view token; tokens.next(token);) {
    if (token == ">") return nodes_[id].rest.first;
    id = child(id, token);
    if (id == kNone) return nullptr;
  }
  return nodes_[id].here.first;
}

SubscriptionTrie::Id SubscriptionTrie::literal(Id parent, std::string_view token) const {
  const std::uint32_t hash = hash_of(parent, token);
  for (std::size_t at = hash & mask(); slots_[at].node != kNone; at = (at + 1) & mask()) {
    if (slots_[at].hash != hash) continue;
    const Node& node = nodes_[slots_[at].node];
    if (node.parent == parent && node.token == token) return slots_[at].node;
  }
  return kNone;
}

SubscriptionTrie::Id SubscriptionTrie::find_or_add(Id parent, std::string_view token) {
  if (const Id known = child(parent, token); known != kNone) return known;
  const Id id = take_node();
  Node& node = nodes_[id];
  node.parent = parent;
  node.token = token;
  if (token == "*") return nodes_[parent].any = id;
  node.hash = hash_of(parent, token);
  ++nodes_[parent].children;
  enter(id);
  return id;
}

SubscriptionTrie::Id SubscriptionTrie::take_node() {
  if (free_ == kNone) {
    nodes_.emplace_back();
    return static_cast<Id>(nodes_.size() - 1);
  }
  return std::exchange(free_, std::exchange(nodes_[free_].parent, kNone));
}

void SubscriptionTrie::prune(Id id) {
  while (id != kRoot && nodes_[id].is_empty()) {
    const Id parent = nodes_[id].parent;
    if (nodes_[parent].any == id) {
      nodes_[parent].any = kNone;
    } else {
      --nodes_[parent].children;
      leave(id);
    }
    nodes_[id] = Node{};
    nodes_[id].parent = std::exchange(free_, id);
    id = parent;
  }
}

void SubscriptionTrie::enter(Id id) {
  if (++used_ * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    used_ = 1;
    for (const Slot& slot : old) {
      if (slot.node != kNone) enter(slot.node);
    }
  }
  std::size_t at = nodes_[id].hash & mask();
  while (slots_[at].node != kNone) at = (at + 1) & mask();
  slots_[at] = {nodes_[id].hash, id};
}

// What comes behind it moves up, as far as that is nearer to where it belongs.
void SubscriptionTrie::leave(Id id) {
  std::size_t gap = nodes_[id].hash & mask();
  while (slots_[gap].node != id) gap = (gap + 1) & mask();
  for (std::size_t at = (gap + 1) & mask(); slots_[at].node != kNone; at = (at + 1) & mask()) {
    const std::size_t way = (at - slots_[at].hash) & mask();  // from where it belongs
    if (way < ((at - gap) & mask())) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = {};
  --used_;
}

}  // namespace windtunnel::core
