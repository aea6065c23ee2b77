#include "core/nats/subscription_list.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/text_map.h"
#include "core/nats/subject.h"
#include "core/nats/subscription_trie.h"

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

// Answers by subject. A change of a literal subscription forgets that subject; one with wildcards all that it matches.
struct SubscriptionList::Cache {
  TextMap<std::shared_ptr<const SubscriptionMatch>> answers;
  std::vector<Subscription*> found;  // of the answer in the making
  std::vector<SubscriptionTrie::Id> here;
  std::vector<SubscriptionTrie::Id> below;
  // Of subjects that were asked for lately: reply subjects are used once, and would push out what comes again.
  std::array<std::uint64_t, 256> seen{};
  std::shared_ptr<SubscriptionMatch> spare;

  // An empty answer: the last one again if nobody kept it.
  std::shared_ptr<SubscriptionMatch> blank() {
    if (spare == nullptr || spare.use_count() > 1) return spare = std::make_shared<SubscriptionMatch>();
    spare->plain.clear();
    spare->groups.clear();
    return spare;
  }

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

SubscriptionList::SubscriptionList() : trie_(std::make_unique<SubscriptionTrie>()), cache_(std::make_unique<Cache>()) {}
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
  std::vector<SubscriptionTrie::Id>& here = cache_->here;
  std::vector<SubscriptionTrie::Id>& below = cache_->below;
  here.assign(1, SubscriptionTrie::kRoot);
  Tokens tokens{subject};
  for (std::string_view token; !here.empty() && tokens.next(token);) {
    below.clear();
    for (const SubscriptionTrie::Id id : here) {
      const SubscriptionTrie::Node& node = trie_->at(id);
      node.rest.collect(found);
      if (node.any != SubscriptionTrie::kNone) below.push_back(node.any);
      if (node.children == 0) continue;
      if (const SubscriptionTrie::Id literal = trie_->literal(id, token); literal != SubscriptionTrie::kNone) below.push_back(literal);
    }
    here.swap(below);
  }
  for (const SubscriptionTrie::Id id : here) trie_->at(id).here.collect(found);
}

std::shared_ptr<const SubscriptionMatch> SubscriptionList::match(std::string_view subject) {
  if (const auto cached = cache_->answers.find(subject); cached != cache_->answers.end()) return cached->second;
  std::vector<Subscription*>& found = cache_->found;
  found.clear();
  collect(subject, found);
  std::sort(found.begin(), found.end(), is_earlier);
  const std::shared_ptr<SubscriptionMatch> answer = cache_->blank();
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
  const auto check = [&](const SubscriptionTrie::Chain& chain) {
    for (const Subscription* each = chain.first; each != nullptr; each = each->behind) {
      const Subscription* const next = each->behind != nullptr ? each->behind : chain.first;
      WT_ASSERT(next->before == each && (next == chain.first || next->order > each->order));
      ++count;
    }
  };
  for (SubscriptionTrie::Id id = 0; id < trie_->size(); ++id) {
    const SubscriptionTrie::Node& node = trie_->at(id);
    check(node.here);
    check(node.rest);
    if (id == SubscriptionTrie::kRoot || node.token.empty()) continue;  // a free one has no token
    WT_ASSERT(!node.is_empty());
    WT_ASSERT(trie_->child(node.parent, node.token) == id);
  }
  WT_ASSERT(count == size_);
  WT_ASSERT(size_ > 0 || trie_->at(SubscriptionTrie::kRoot).is_empty());
}

}  // namespace windtunnel::core
