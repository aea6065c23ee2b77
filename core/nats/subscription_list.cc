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

// One place in the subjects below a common beginning. No function here recurses: a subject may have thousands of tokens,
// and fibers have small stacks.
struct SubscriptionList::Level {
  // Mostly one subscription, or none; a world of leaf nodes has a hundred thousand of these.
  struct Node {
    Subscription* first = nullptr;  // in order of insertion
    Subscription* last = nullptr;
    std::unique_ptr<Level> below;
    [[nodiscard]] bool is_empty() const { return first == nullptr && below == nullptr; }
    void append(Subscription& s) {
      s.before = last;
      s.behind = nullptr;
      (last != nullptr ? last->behind : first) = &s;
      last = &s;
    }
    void erase(Subscription& s) {
      WT_ASSERT(s.before != nullptr ? s.before->behind == &s : first == &s);
      WT_ASSERT(s.behind != nullptr ? s.behind->before == &s : last == &s);
      (s.before != nullptr ? s.before->behind : first) = s.behind;
      (s.behind != nullptr ? s.behind->before : last) = s.before;
      s.before = s.behind = nullptr;
    }
    void collect(std::vector<Subscription*>& found) const {
      for (Subscription* s = first; s != nullptr; s = s->behind) found.push_back(s);
    }
  };
  TextMap<Node> literals;
  Node any;   // "*"
  Node rest;  // ">"

  [[nodiscard]] bool is_empty() const { return literals.empty() && any.is_empty() && rest.is_empty(); }

  [[nodiscard]] Node* find(std::string_view token) {
    if (token == "*") return &any;
    if (token == ">") return &rest;
    const auto found = literals.find(token);
    return found == literals.end() ? nullptr : &found->second;
  }
  [[nodiscard]] Node& find_or_add(std::string_view token) {
    if (Node* const node = find(token); node != nullptr) return *node;
    return literals[std::string(token)];
  }
  // Requires: the node of that token is empty.
  void erase(std::string_view token) {
    if (token != "*" && token != ">") literals.erase(literals.find(token));
  }
  template <typename Visit>
  void each_node(Visit visit) {
    for (auto& entry : literals) visit(entry.second);
    if (!any.is_empty()) visit(any);
    if (!rest.is_empty()) visit(rest);
  }
};

// Answers by subject. A change of a literal subscription forgets that subject; one with wildcards all that it matches.
struct SubscriptionList::Cache {
  TextMap<std::shared_ptr<const SubscriptionMatch>> answers;
  std::vector<Subscription*> found;  // of the answer in the making
  std::vector<const Level*> here;
  std::vector<const Level*> below;
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
  node->append(subscription);
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
  path.reserve(8);
  Tokens tokens{subscription.subject};
  for (std::string_view token; tokens.next(token);) {
    Level* const level = path.empty() ? root_.get() : path.back().node->below.get();
    WT_ASSERT(level != nullptr);
    Level::Node* const node = level->find(token);
    WT_ASSERT(node != nullptr);
    path.push_back(Step{level, token, node});
  }
  path.back().node->erase(subscription);
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
  std::vector<const Level*>& here = cache_->here;
  std::vector<const Level*>& below = cache_->below;
  here.assign(1, root_.get());
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
      level->rest.collect(found);
      visit(level->any, is_last);
      if (const auto literal = level->literals.find(token); literal != level->literals.end()) visit(literal->second, is_last);
    }
    here.swap(below);
    token = following;
  }
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
  WT_ASSERT((size_ == 0) == root_->is_empty());
  std::size_t count = 0;
  std::vector<Level*> levels{root_.get()};
  while (!levels.empty()) {
    Level* const level = levels.back();
    levels.pop_back();
    WT_ASSERT(level == root_.get() || !level->is_empty());
    level->each_node([&](Level::Node& node) {
      WT_ASSERT(!node.is_empty());
      for (const Subscription* each = node.first; each != nullptr; each = each->behind) {
        WT_ASSERT(each->behind != nullptr ? each->behind->before == each && each->behind->order > each->order : node.last == each);
        ++count;
      }
      if (node.below != nullptr) levels.push_back(node.below.get());
    });
  }
  WT_ASSERT(count == size_);
}

}  // namespace windtunnel::core
