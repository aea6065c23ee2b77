#include "core/store/seq_set.h"

#include <algorithm>
#include <bit>

#include "core/store/record.h"

namespace windtunnel::core {
namespace {

constexpr char kMagic = 22;
constexpr char kVersion = 2;
constexpr std::size_t kHeaderSize = 10;

void put_u16(std::string& out, std::uint64_t value) {
  out.push_back(static_cast<char>(value & 0xff));
  out.push_back(static_cast<char>(value >> 8 & 0xff));
}

}  // namespace

void SeqSet::insert(Seq seq) {
  const std::uint64_t base = seq.value / kNodeSeqs * kNodeSeqs;
  auto it = nodes_.end();
  if (nodes_.empty() || nodes_.back().base < base) {
    it = nodes_.insert(nodes_.end(), Node{base, {}});
  } else {
    it = std::lower_bound(nodes_.begin(), nodes_.end(), base, [](const Node& node, std::uint64_t value) { return node.base < value; });
    if (it->base != base) it = nodes_.insert(it, Node{base, {}});
  }
  std::uint64_t& word = it->words[(seq.value - base) / 64];
  const std::uint64_t bit = std::uint64_t{1} << (seq.value % 64);
  if ((word & bit) == 0) ++size_;
  word |= bit;
}

bool SeqSet::contains(Seq seq) const {
  const std::uint64_t base = seq.value / kNodeSeqs * kNodeSeqs;
  const auto it =
      std::lower_bound(nodes_.begin(), nodes_.end(), base, [](const Node& node, std::uint64_t value) { return node.base < value; });
  return it != nodes_.end() && it->base == base && (it->words[(seq.value - base) / 64] >> (seq.value % 64) & 1) != 0;
}

void SeqSet::for_each(const std::function<void(Seq seq)>& visit) const {
  for (const Node& node : nodes_) {
    for (std::size_t w = 0; w < node.words.size(); ++w) {
      for (std::uint64_t left = node.words[w]; left != 0; left &= left - 1) {
        visit(Seq{node.base + 64 * w + static_cast<unsigned>(std::countr_zero(left))});
      }
    }
  }
}

void SeqSet::encode_to(std::string& out) const {
  out.push_back(kMagic);
  out.push_back(kVersion);
  put_u32(out, static_cast<std::uint32_t>(nodes_.size()));
  put_u32(out, static_cast<std::uint32_t>(size_));
  encode_tree(out, 0, nodes_.size());
}

// nats-server inserts the nodes in file order without balancing, so the order must make a balanced tree: middle first.
void SeqSet::encode_tree(std::string& out, std::size_t from, std::size_t to) const {
  if (from == to) return;
  const std::size_t middle = from + (to - from) / 2;
  put_u64(out, nodes_[middle].base);
  for (const std::uint64_t word : nodes_[middle].words) put_u64(out, word);
  put_u16(out, static_cast<std::uint64_t>(std::bit_width(to - from)));
  encode_tree(out, from, middle);
  encode_tree(out, middle + 1, to);
}

std::optional<SeqSet> SeqSet::decode(std::string_view& bytes) {
  if (bytes.size() < kHeaderSize || bytes[0] != kMagic || bytes[1] < 1 || bytes[1] > kVersion) return std::nullopt;
  // Version 1 wrote 64 words a node, of which the second half is a node of its own here.
  const std::uint64_t words = bytes[1] == 1 ? 64 : 32;
  const std::uint64_t node_size = 8 + 8 * words + 2;
  const std::uint64_t nodes = load_u32(bytes.substr(2));
  const std::uint64_t claimed = load_u32(bytes.substr(6));
  if (nodes > (bytes.size() - kHeaderSize) / node_size) return std::nullopt;
  SeqSet set;
  set.nodes_.reserve(static_cast<std::size_t>(nodes * words / 32));
  for (std::uint64_t i = 0; i < nodes; ++i) {
    std::string_view at = bytes.substr(static_cast<std::size_t>(kHeaderSize + i * node_size));
    const std::uint64_t base = load_u64(at);
    if (base % (words * 64) != 0) return std::nullopt;
    at.remove_prefix(8);
    for (std::uint64_t part = 0; part < words / 32; ++part) {
      Node node{base + part * kNodeSeqs, {}};
      for (std::uint64_t& word : node.words) {
        word = load_u64(at);
        at.remove_prefix(8);
        set.size_ += static_cast<std::uint64_t>(std::popcount(word));
      }
      set.nodes_.push_back(node);
    }
  }
  std::sort(set.nodes_.begin(), set.nodes_.end(), [](const Node& a, const Node& b) { return a.base < b.base; });
  for (std::size_t i = 1; i < set.nodes_.size(); ++i) {
    if (set.nodes_[i].base == set.nodes_[i - 1].base) return std::nullopt;
  }
  if (static_cast<std::uint32_t>(set.size_) != claimed) return std::nullopt;
  bytes.remove_prefix(static_cast<std::size_t>(kHeaderSize + nodes * node_size));
  return set;
}

}  // namespace windtunnel::core
