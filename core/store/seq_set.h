// SeqSet: a set of sequences in the shape in which index.db holds a block's delete map (reference: filestore 2.7):
// nodes of 2048 sequences with a bit each.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::core {

class SeqSet {
 public:
  // Requires: nothing of the order, but ascending is fast.
  void insert(Seq seq);
  [[nodiscard]] bool contains(Seq seq) const;
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool is_empty() const { return size_ == 0; }
  // Ascending.
  void for_each(const std::function<void(Seq seq)>& visit) const;

  // Version 2, as nats-server 2.10 writes it: a balanced tree in pre-order with exact heights.
  void encode_to(std::string& out) const;
  // Reads versions 1 and 2 from the front of `bytes` and cuts it off there; nullopt if they make no sense. Needs memory
  // in proportion to the bytes read.
  static std::optional<SeqSet> decode(std::string_view& bytes);

 private:
  static constexpr std::uint64_t kNodeSeqs = 2048;
  struct Node {
    std::uint64_t base = 0;
    std::array<std::uint64_t, kNodeSeqs / 64> words{};
  };
  void encode_tree(std::string& out, std::size_t from, std::size_t to) const;
  std::vector<Node> nodes_;  // ascending by base
  std::uint64_t size_ = 0;
};

}  // namespace windtunnel::core
