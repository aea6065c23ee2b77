#include "core/nats/subscription_list.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return hash_bytes(text); }
};

// Looked up and erased from, never walked in a way whose order could show.
template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

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

// One place in the subjects below a common beginning. No function here recurses: a subject may have thousands of tokens,
// and fibers have small stacks.
struct SubscriptionList::Level {
  struct Node {
    std::vector<Subscription*> plain;  // in order of insertion
    std::vector<Subscription*> queued;
    std::unique_ptr<Level> below;
    [[nodiscard]] bool is_empty() const { return plain.empty() && queued.empty() && below == nullptr; }
    [[nodiscard]] std::vector<Subscription*>& list_of(const Subscription& s) { return s.queue.empty() ? plain : queued; }
    void collect(std::vector<Subscription*>& found) const {
      found.insert(found.end(), plain.begin(), plain.end());
      found.insert(found.end(), queued.begin(), queued.end());
    }
  };
  TextMap<Node> literals;
  std::unique_ptr<Node> any;   // "*"
  std::unique_ptr<Node> rest;  // ">"

  [[nodiscard]] bool is_empty() const { return literals.empty() && any == nullptr && rest == nullptr; }

  [[nodiscard]] Node* find(std::string_view token) {
    if (token == "*") return any.get();
    if (token == ">") return rest.get();
    const auto found = literals.find(token);
    return found == literals.end() ? nullptr : &found->second;
  }
  [[nodiscard]] Node& find_or_add(std::string_view token) {
    if (Node* const node = find(token); node != nullptr) return *node;
    if (token == "*") return *(any = std::make_unique<Node>());
    if (token == ">") return *(rest = std::make_unique<Node>());
    return literals[std::string(token)];
  }
  void erase(std::string_view token) {
    if (token == "*") {
      any.reset();
    } else if (token == ">") {
      rest.reset();
    } else {
      literals.erase(literals.find(token));
    }
  }
  template <typename Visit>
  void each_node(Visit visit) {
    for (auto& entry : literals) visit(entry.second);
    if (any != nullptr) visit(*any);
    if (rest != nullptr) visit(*rest);
  }
};

// Answers by subject. A change of a literal subscription forgets that subject; one with wildcards all that it matches.
struct SubscriptionList::Cache {
  TextMap<std::shared_ptr<const SubscriptionMatch>> answers;
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

SubscriptionList::SubscriptionList() : root_(std::make_unique<Level>()), cache_(std::make_unique<Cache>()) {}

SubscriptionList::~SubscriptionList() {
  std::vector<std::unique_ptr<Level>> doomed;
  doomed.push_back(std::move(root_));
  while (!doomed.empty()) {
    const std::unique_ptr<Level> level = std::move(doomed.back());
    doomed.pop_back();
    level->each_node([&](Level::Node& node) {
      if (node.below != nullptr) doomed.push_back(std::move(node.below));
    });
  }
}

void SubscriptionList::insert(Subscription& subscription) {
  WT_ASSERT(subscription.order == 0);
  WT_ASSERT(is_valid_subject(subscription.subject));
  subscription.order = ++order_;
  Level* level = root_.get();
  Tokens tokens{subscription.subject};
  Level::Node* node = nullptr;
  for (std::string_view token; tokens.next(token);) {
    if (node != nullptr) {
      if (node->below == nullptr) node->below = std::make_unique<Level>();
      level = node->below.get();
    }
    node = &level->find_or_add(token);
  }
  node->list_of(subscription).push_back(&subscription);
  ++size_;
  cache_->forget(subscription.subject);
}

void SubscriptionList::remove(Subscription& subscription) {
  WT_ASSERT(subscription.order != 0);
  struct Step {
    Level* level;
    std::string_view token;
    Level::Node* node;
  };
  std::vector<Step> path;
  Tokens tokens{subscription.subject};
  for (std::string_view token; tokens.next(token);) {
    Level* const level = path.empty() ? root_.get() : path.back().node->below.get();
    WT_ASSERT(level != nullptr);
    Level::Node* const node = level->find(token);
    WT_ASSERT(node != nullptr);
    path.push_back(Step{level, token, node});
  }
  std::vector<Subscription*>& list = path.back().node->list_of(subscription);
  const auto at = std::lower_bound(list.begin(), list.end(), &subscription, is_earlier);
  WT_ASSERT(at != list.end());
  WT_ASSERT(*at == &subscription);
  list.erase(at);
  for (; !path.empty() && path.back().node->is_empty(); path.pop_back()) {
    path.back().level->erase(path.back().token);
    if (path.size() > 1 && path.back().level->is_empty()) path[path.size() - 2].node->below.reset();
  }
  subscription.order = 0;
  --size_;
  cache_->forget(subscription.subject);
}

void SubscriptionList::collect(std::string_view subject, std::vector<Subscription*>& found) const {
  // Such a subject can be published when nobody is pedantic; it reaches nobody, not even ">".
  if (has_empty_token(subject)) return;
  std::vector<const Level*> here{root_.get()};
  std::vector<const Level*> below;
  const auto visit = [&](const Level::Node& node, bool is_last) {
    if (is_last) {
      node.collect(found);
    } else if (node.below != nullptr) {
      below.push_back(node.below.get());
    }
  };
  Tokens tokens{subject};
  std::string_view token;
  std::string_view following;
  bool is_last = !tokens.next(token);
  while (!here.empty() && !is_last) {
    is_last = !tokens.next(following);
    below.clear();
    for (const Level* const level : here) {
      if (level->rest != nullptr) level->rest->collect(found);
      if (level->any != nullptr) visit(*level->any, is_last);
      if (const auto literal = level->literals.find(token); literal != level->literals.end()) visit(literal->second, is_last);
    }
    here.swap(below);
    token = following;
  }
}

std::shared_ptr<const SubscriptionMatch> SubscriptionList::match(std::string_view subject) {
  if (const auto cached = cache_->answers.find(subject); cached != cache_->answers.end()) return cached->second;
  std::vector<Subscription*> found;
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
  WT_ASSERT((size_ == 0) == root_->is_empty());
  std::size_t count = 0;
  std::vector<Level*> levels{root_.get()};
  while (!levels.empty()) {
    Level* const level = levels.back();
    levels.pop_back();
    WT_ASSERT(level == root_.get() || !level->is_empty());
    level->each_node([&](Level::Node& node) {
      WT_ASSERT(!node.is_empty());
      count += node.plain.size() + node.queued.size();
      if (node.below != nullptr) levels.push_back(node.below.get());
    });
  }
  WT_ASSERT(count == size_);
}

}  // namespace windtunnel::core
