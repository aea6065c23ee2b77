// PatternTree: subject patterns, found again by what they have in common with another one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/nats/subject.h"

namespace windtunnel::scenarios {

template <typename Value>
class PatternTree {
 public:
  void add(std::string_view pattern, Value value) {
    Node* node = &root_;
    core::Tokens tokens{pattern};
    std::string_view token;
    while (tokens.next(token)) {
      if (token == ">") {
        node->open.push_back(std::move(value));
        return;
      }
      std::unique_ptr<Node>& next = node->children[std::string{token}];
      if (!next) next = std::make_unique<Node>();
      node = next.get();
    }
    node->ends.push_back(std::move(value));
  }

  // Calls `visit` with the value of every pattern that a subject matches which matches this one too.
  template <typename Visit>
  void visit(std::string_view pattern, const Visit& visit) const {
    find(root_, core::Tokens{pattern}, visit);
  }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;  // "*" among them
    std::vector<Value> ends;
    std::vector<Value> open;  // those that go on with ">"
  };

  template <typename Visit>
  static void find(const Node& node, core::Tokens rest, const Visit& visit) {
    std::string_view token;
    if (!rest.next(token)) {
      for (const Value& value : node.ends) visit(value);
      return;
    }
    for (const Value& value : node.open) visit(value);
    if (token == ">") return find_below(node, visit);
    if (token == "*") {
      for (const auto& [name, child] : node.children) find(*child, rest, visit);
      return;
    }
    for (const std::string_view name : {token, std::string_view{"*"}}) {
      const auto child = node.children.find(name);
      if (child != node.children.end()) find(*child->second, rest, visit);
    }
  }

  template <typename Visit>
  static void find_below(const Node& node, const Visit& visit) {
    for (const auto& [name, child] : node.children) {
      for (const Value& value : child->ends) visit(value);
      for (const Value& value : child->open) visit(value);
      find_below(*child, visit);
    }
  }

  Node root_;
};

}  // namespace windtunnel::scenarios
