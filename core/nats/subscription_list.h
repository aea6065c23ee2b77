// SubscriptionList: which subscriptions does a subject reach? A trie over the tokens of the subscribed subjects, with a
// cache of answers, on the path of every message.
//
// Answers are in the order in which the subscriptions were inserted, so that delivery order is the same in every run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::core {

// The part of a subscription that the list needs; whoever keeps subscriptions derives from it and owns them.
struct Subscription {
  std::string subject;      // valid; may have wildcards
  std::string queue;        // empty: a plain one
  std::uint64_t order = 0;  // set by insert(): 1, 2, ...; 0 while it is in no list

  // The list's own: its neighbours among those of the same subject, in order of insertion; before the first is the last.
  Subscription* before = nullptr;
  Subscription* behind = nullptr;
  std::uint32_t node = 0;  // where in the trie they are
  bool is_open = false;    // the subject ends with ">", which is no node
};

struct SubscriptionMatch {
  struct Group {
    std::string_view queue;
    std::vector<Subscription*> members;  // at least one
  };
  std::vector<Subscription*> plain;
  std::vector<Group> groups;  // by their first member's order
  [[nodiscard]] bool is_empty() const { return plain.empty() && groups.empty(); }
};

class SubscriptionTrie;

class SubscriptionList {
 public:
  SubscriptionList();
  ~SubscriptionList();
  SubscriptionList(const SubscriptionList&) = delete;
  SubscriptionList& operator=(const SubscriptionList&) = delete;

  // Requires: subscription.subject is valid; it is in no list, and lives until it is removed.
  void insert(Subscription& subscription);
  // Requires: it was inserted here, and its subject and queue have not changed.
  void remove(Subscription& subscription);

  // The first of those with exactly this subject, or pattern, by `behind` the others; nullptr if there is none.
  [[nodiscard]] Subscription* first_of(std::string_view subject) const;

  // What a literal subject reaches; wildcard characters in it are ordinary text. The answer is a snapshot: it stays
  // readable while subscriptions come and go, but its pointers and names are only as good
  // as the owner of the subscriptions keeps them.
  [[nodiscard]] std::shared_ptr<const SubscriptionMatch> match(std::string_view subject);

  [[nodiscard]] std::size_t size() const { return size_; }
  // Requires nothing; asserts that the trie has no empty branch and counts right. For tests.
  void check_invariants() const;

 private:
  struct Cache;

  void collect(std::string_view subject, std::vector<Subscription*>& found) const;

  std::unique_ptr<SubscriptionTrie> trie_;
  std::unique_ptr<Cache> cache_;
  std::size_t size_ = 0;
  std::uint64_t order_ = 0;
};

}  // namespace windtunnel::core
