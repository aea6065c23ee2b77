#include "core/nats/subscription_list.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/text_map.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kCacheMax = 4096;  // distinct subjects; then the cache starts anew

bool has_empty_token(std::string_view subject) {
  return subject.empty() || subject.front() == '.' || subject.back() == '.' || subject.find("..") != std::string_view::npos;
}

bool is_earlier(const Subscription* a, const Subscription* b) { return a->order < b->order; }

void add_to_group(SubscriptionMatch& match, Subscription* subscription) {
  const auto group = std::find_if(match.groups.begin(), match.groups.end(),
                                  [&](const SubscriptionMatch::Group& g) { return g.queue == subscription->queue; });
  if (group != match.groups.end()) {
    group->members.push_back(subscription);
  } else {
    match.groups.push_back(SubscriptionMatch::Group{subscription->queue, {subscription}});
  }
}

}  // namespace

// All nodes lie in one vector, and a child is found through one hash table by what is before it and its token: a world of leaf nodes has
// hundreds of thousands of them, and a container for each would cost more than what it holds. No function here recurses: a
// subject may have thousands of tokens, and fibers have small stacks.
class SubscriptionList::Trie {
 public:
  using Id = std::uint32_t;
  static constexpr Id kRoot = 0;
  static constexpr Id kNone = 0;  // the root is nobody's child

  // Those of one subject, in order of insertion: a ring by `before`, so that the last is found from the first.
  struct Chain {
    Subscription* first = nullptr;
    [[nodiscard]] bool is_empty() const { return first == nullptr; }
    void append(Subscription& s) {
      s.behind = nullptr;
      if (first == nullptr) {
        first = s.before = &s;
        return;
      }
      s.before = std::exchange(first->before, &s);
      s.before->behind = &s;
    }
    void erase(Subscription& s) {
      if (first == &s) {
        first = s.behind;
      } else {
        WT_ASSERT(s.before->behind == &s);
        s.before->behind = s.behind;
      }
      if (Subscription* const next = s.behind != nullptr ? s.behind : first; next != nullptr) next->before = s.before;
      s.before = s.behind = nullptr;
    }
    void collect(std::vector<Subscription*>& found) const {
      for (Subscription* s = first; s != nullptr; s = s->behind) found.push_back(s);
    }
  };

  struct Node {
    Id parent = kNone;
    Id next = kNone;             // in the same bucket; of a free one: the next free one
    Id any = kNone;              // the child "*"
    std::uint32_t children = 0;  // the others
    std::uint64_t hash = 0;      // of parent and token
    Chain here;
    Chain rest;  // those that go on with ">"
    std::string token;
    [[nodiscard]] bool is_empty() const { return here.is_empty() && rest.is_empty() && any == kNone && children == 0; }
  };

  Trie() : nodes_(1), buckets_(kBucketsMin, kNone) {}

  [[nodiscard]] const Node& at(Id id) const { return nodes_[id]; }
  // Live ones and the free ones between them.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  // The child of that token, which is text whatever it says; kNone if there is none.
  [[nodiscard]] Id literal(Id parent, std::string_view token) const {
    const std::uint64_t hash = hash_of(parent, token);
    for (Id id = buckets_[bucket_of(hash)]; id != kNone; id = nodes_[id].next) {
      const Node& node = nodes_[id];
      if (node.hash == hash && node.parent == parent && node.token == token) return id;
    }
    return kNone;
  }
  // The same, but "*" is the wildcard.
  [[nodiscard]] Id child(Id parent, std::string_view token) const { return token == "*" ? at(parent).any : literal(parent, token); }

  // The first subscription of exactly this subject.
  [[nodiscard]] Subscription* find(std::string_view subject) const {
    Id id = kRoot;
    Tokens tokens{subject};
    for (std::string_view token; tokens.next(token);) {
      if (token == ">") return nodes_[id].rest.first;
      id = child(id, token);
      if (id == kNone) return nullptr;
    }
    return nodes_[id].here.first;
  }

  void add(Subscription& s) {
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

  void erase(Subscription& s) {
    chain_of(s).erase(s);
    prune(s.node);
  }

 private:
  static constexpr std::size_t kBucketsMin = 16;  // a power of two, as any number of them

  [[nodiscard]] Chain& chain_of(const Subscription& s) { return s.is_open ? nodes_[s.node].rest : nodes_[s.node].here; }

  Id find_or_add(Id parent, std::string_view token) {
    if (const Id known = child(parent, token); known != kNone) return known;
    const Id id = take_node();
    Node& node = nodes_[id];
    node.parent = parent;
    node.token = token;
    if (token == "*") return nodes_[parent].any = id;
    node.hash = hash_of(parent, token);
    ++nodes_[parent].children;
    if (++literals_ > buckets_.size()) grow();
    enter(id);
    return id;
  }

  // Erases this node and those above it, as far as they are empty.
  void prune(Id id) {
    while (id != kRoot && nodes_[id].is_empty()) {
      const Id parent = nodes_[id].parent;
      if (nodes_[parent].any == id) {
        nodes_[parent].any = kNone;
      } else {
        Id* link = &buckets_[bucket_of(nodes_[id].hash)];
        while (*link != id) link = &nodes_[*link].next;
        *link = nodes_[id].next;
        --nodes_[parent].children;
        --literals_;
      }
      nodes_[id] = Node{};
      nodes_[id].next = std::exchange(free_, id);
      id = parent;
    }
  }

  [[nodiscard]] static std::uint64_t hash_of(Id parent, std::string_view token) { return fold(hash_bytes(token), parent); }
  [[nodiscard]] std::size_t bucket_of(std::uint64_t hash) const { return hash & (buckets_.size() - 1); }
  void enter(Id id) { nodes_[id].next = std::exchange(buckets_[bucket_of(nodes_[id].hash)], id); }

  Id take_node() {
    if (free_ == kNone) {
      nodes_.emplace_back();
      return static_cast<Id>(nodes_.size() - 1);
    }
    return std::exchange(free_, std::exchange(nodes_[free_].next, kNone));
  }

  void grow() {
    std::vector<Id> old(buckets_.size() * 2, kNone);
    old.swap(buckets_);
    for (const Id first : old) {
      for (Id id = first; id != kNone;) {
        const Id next = nodes_[id].next;
        enter(id);
        id = next;
      }
    }
  }

  std::vector<Node> nodes_;
  std::vector<Id> buckets_;
  std::size_t literals_ = 0;
  Id free_ = kNone;
};

// Answers by subject. A change of a literal subscription forgets that subject; one with wildcards all that it matches.
struct SubscriptionList::Cache {
  TextMap<std::shared_ptr<const SubscriptionMatch>> answers;
  std::vector<Subscription*> found;  // of the answer in the making
  std::vector<Trie::Id> here;
  std::vector<Trie::Id> below;
  // Of subjects that were asked for lately: reply subjects are used once, and would push out what comes again.
  std::array<std::uint64_t, 256> seen{};

  // Whether the subject was asked for before, as far as is remembered.
  bool has_come_again(std::string_view subject) {
    const std::uint64_t hash = hash_bytes(subject);
    std::uint64_t& place = seen[hash % seen.size()];
    return std::exchange(place, hash) == hash;
  }

  void forget(std::string_view pattern) {
    if (answers.empty()) return;
    // Published subjects may contain wildcard characters as text, so the same text may be cached in any case.
    if (const auto same = answers.find(pattern); same != answers.end()) answers.erase(same);
    if (!has_wildcard(pattern)) return;
    std::erase_if(answers, [&](const auto& entry) { return matches(entry.first, pattern); });
  }
};

SubscriptionList::SubscriptionList() : trie_(std::make_unique<Trie>()), cache_(std::make_unique<Cache>()) {}
SubscriptionList::~SubscriptionList() = default;

void SubscriptionList::insert(Subscription& subscription) {
  WT_ASSERT(subscription.order == 0);
  WT_ASSERT(is_valid_subject(subscription.subject));
  subscription.order = ++order_;
  trie_->add(subscription);
  ++size_;
  cache_->forget(subscription.subject);
}

void SubscriptionList::remove(Subscription& subscription) {
  WT_ASSERT(subscription.order != 0);
  trie_->erase(subscription);
  subscription.order = 0;
  --size_;
  cache_->forget(subscription.subject);
}

Subscription* SubscriptionList::first_of(std::string_view subject) const { return trie_->find(subject); }

void SubscriptionList::collect(std::string_view subject, std::vector<Subscription*>& found) const {
  // Such a subject can be published when nobody is pedantic; it reaches nobody, not even ">".
  if (has_empty_token(subject)) return;
  std::vector<Trie::Id>& here = cache_->here;
  std::vector<Trie::Id>& below = cache_->below;
  here.assign(1, Trie::kRoot);
  Tokens tokens{subject};
  for (std::string_view token; !here.empty() && tokens.next(token);) {
    below.clear();
    for (const Trie::Id id : here) {
      const Trie::Node& node = trie_->at(id);
      node.rest.collect(found);
      if (node.any != Trie::kNone) below.push_back(node.any);
      if (node.children == 0) continue;
      if (const Trie::Id literal = trie_->literal(id, token); literal != Trie::kNone) below.push_back(literal);
    }
    here.swap(below);
  }
  for (const Trie::Id id : here) trie_->at(id).here.collect(found);
}

std::shared_ptr<const SubscriptionMatch> SubscriptionList::match(std::string_view subject) {
  if (const auto cached = cache_->answers.find(subject); cached != cache_->answers.end()) return cached->second;
  std::vector<Subscription*>& found = cache_->found;
  found.clear();
  collect(subject, found);
  std::sort(found.begin(), found.end(), is_earlier);
  auto answer = std::make_shared<SubscriptionMatch>();
  for (Subscription* const subscription : found) {
    if (subscription->queue.empty()) {
      answer->plain.push_back(subscription);
    } else {
      add_to_group(*answer, subscription);
    }
  }
  if (!cache_->has_come_again(subject)) return answer;
  if (cache_->answers.size() >= kCacheMax) cache_->answers.clear();
  cache_->answers.emplace(std::string(subject), answer);
  return answer;
}

void SubscriptionList::check_invariants() const {
  std::size_t count = 0;
  const auto check = [&](const Trie::Chain& chain) {
    for (const Subscription* each = chain.first; each != nullptr; each = each->behind) {
      const Subscription* const next = each->behind != nullptr ? each->behind : chain.first;
      WT_ASSERT(next->before == each && (next == chain.first || next->order > each->order));
      ++count;
    }
  };
  for (Trie::Id id = 0; id < trie_->size(); ++id) {
    const Trie::Node& node = trie_->at(id);
    check(node.here);
    check(node.rest);
    if (id == Trie::kRoot || node.token.empty()) continue;  // a free one has no token
    WT_ASSERT(!node.is_empty());
    WT_ASSERT(trie_->child(node.parent, node.token) == id);
  }
  WT_ASSERT(count == size_);
  WT_ASSERT(size_ > 0 || trie_->at(Trie::kRoot).is_empty());
}

}  // namespace windtunnel::core
