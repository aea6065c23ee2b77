// SubscriptionTrie: subscriptions by the tokens of their subjects, for SubscriptionList.
//
// All nodes lie in one vector, and a child is found through one hash table by what is before it and its token: a world of leaf nodes has
// hundreds of thousands of them, and a container for each would cost more than what it holds. No function here recurses: a
// subject may have thousands of tokens, and fibers have small stacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/nats/subscription_list.h"

namespace windtunnel::core {

class SubscriptionTrie {
 public:
  using Id = std::uint32_t;
  static constexpr Id kRoot = 0;
  static constexpr Id kNone = 0;  // the root is nobody's child

  // Those of one subject, in order of insertion: a ring by `before`, so that the last is found from the first.
  struct Chain {
    Subscription* first = nullptr;
    [[nodiscard]] bool is_empty() const { return first == nullptr; }
    void append(Subscription& s);
    void erase(Subscription& s);
    void collect(std::vector<Subscription*>& found) const {
      for (Subscription* s = first; s != nullptr; s = s->behind) found.push_back(s);
    }
  };

  struct Node {
    Id parent = kNone;           // of a free one: the next free one
    Id any = kNone;              // the child "*"
    std::uint32_t children = 0;  // the others
    std::uint32_t hash = 0;      // of parent and token
    Chain here;
    Chain rest;  // those that go on with ">"
    std::string token;
    [[nodiscard]] bool is_empty() const { return here.is_empty() && rest.is_empty() && any == kNone && children == 0; }
  };

  SubscriptionTrie();

  // Requires: the subject is valid.
  void add(Subscription& s);
  void erase(Subscription& s);

  // The first subscription of exactly this subject; nullptr if there is none.
  [[nodiscard]] Subscription* find(std::string_view subject) const;
  // The child of that token, which is text whatever it says; kNone if there is none.
  [[nodiscard]] Id literal(Id parent, std::string_view token) const;
  // The same, but "*" is the wildcard.
  [[nodiscard]] Id child(Id parent, std::string_view token) const { return token == "*" ? at(parent).any : literal(parent, token); }

  [[nodiscard]] const Node& at(Id id) const { return nodes_[id]; }
  // Live nodes and the free ones between them, which have no token.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

 private:
  // Of an open table with linear probing: most questions are about what is not there, and are answered without a look at a node.
  struct Slot {
    std::uint32_t hash = 0;
    Id node = kNone;  // none: it is empty
  };

  [[nodiscard]] Chain& chain_of(const Subscription& s) { return s.is_open ? nodes_[s.node].rest : nodes_[s.node].here; }
  Id find_or_add(Id parent, std::string_view token);
  Id take_node();
  // Erases this node and those above it, as far as they are empty.
  void prune(Id id);

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  void enter(Id id);
  void leave(Id id);

  std::vector<Node> nodes_;
  std::vector<Slot> slots_;  // a power of two of them, at most half of them in use
  std::size_t used_ = 0;
  Id free_ = kNone;
};

}  // namespace windtunnel::core
