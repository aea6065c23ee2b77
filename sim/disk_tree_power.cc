// What a power loss leaves of a DiskTree.
#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "sim/disk_tree.h"

namespace windtunnel::sim {
namespace {

// How the pending operations of one directory fare, as for the sectors of a file.
enum class Fate : std::uint64_t { none, all, prefix, subset, count_ };
enum class Survival : std::uint8_t { none, link_only, both };

}  // namespace

// Leaves in durable_entries what survives. References are not kept: the tree is built anew from it.
void DiskTree::apply_survivors(Keep keep, core::Random random) {
  struct Half {
    Inode directory{};
    Pending pending;
  };
  std::vector<Half> halves;
  for (auto& [inode, node] : nodes_) {
    for (Pending& pending : node.pending) halves.push_back({inode, std::move(pending)});
    node.pending.clear();
  }
  // By number, and of a rename the new name first.
  std::stable_sort(halves.begin(), halves.end(), [](const Half& a, const Half& b) {
    if (a.pending.number != b.pending.number) return a.pending.number < b.pending.number;
    return a.pending.is_link && !b.pending.is_link;
  });
  if (halves.empty() || keep == Keep::none) return;

  std::uint64_t last_kept = last_operation_;
  if (keep == Keep::ordered) last_kept = random.between(std::min(last_synced_, last_operation_), last_operation_);

  std::map<Inode, Fate> fates;
  std::map<Inode, std::uint64_t> cuts;
  std::map<std::uint64_t, Survival> decided;
  for (const Half& half : halves) {
    const auto [survival, is_new] = decided.try_emplace(half.pending.number, Survival::both);
    if (!is_new) continue;
    if (keep == Keep::all) continue;
    if (keep == Keep::ordered) {
      if (half.pending.number > last_kept) survival->second = Survival::none;
      continue;
    }
    const auto [fate, is_first] = fates.try_emplace(half.directory, Fate::none);
    if (is_first) {
      fate->second = Fate{random.below(static_cast<std::uint64_t>(Fate::count_))};
      cuts[half.directory] = random.between(half.pending.number, last_operation_ + 1);
    }
    bool survives = fate->second == Fate::all;
    if (fate->second == Fate::prefix) survives = half.pending.number < cuts[half.directory];
    if (fate->second == Fate::subset) survives = random.chance({1, 2});
    if (!survives) {
      survival->second = Survival::none;
    } else if (half.pending.partner && !at(half.pending.inode).is_directory && random.chance({1, 4})) {
      survival->second = Survival::link_only;
    }
  }
  for (const Half& half : halves) {
    const Survival survival = decided.at(half.pending.number);
    Entries& durable = at(half.directory).durable_entries;
    if (half.pending.is_link && survival != Survival::none) durable[half.pending.name] = half.pending.inode;
    if (!half.pending.is_link && survival == Survival::both) durable.erase(half.pending.name);
  }
}

// A file that is left under two names becomes two files, as a file system check would make of it; of a directory that
// is left in two places the first in the order of names stays.
void DiskTree::copy_survivors(const Nodes& old, Inode from, Inode to, const std::string& prefix, const FileFate& fate,
                              std::set<Inode>& seen) {
  for (const auto& [name, inode] : old.at(from).durable_entries) {
    const Node& node = old.at(inode);
    if (node.is_directory && !seen.insert(inode).second) continue;
    const Inode copy = make(node.is_directory);
    at(copy).names = 2;
    at(copy).current = 1;
    at(to).entries.emplace(name, copy);
    at(to).durable_entries.emplace(name, copy);
    const std::string path = prefix + name;
    if (node.is_directory) {
      copy_survivors(old, inode, copy, path + "/", fate, seen);
    } else {
      at(copy).file = node.file;
      fate(inode, path, at(copy).file);
    }
  }
}

// Builds the tree anew from its durable names.
void DiskTree::rebuild(const FileFate& fate) {
  const Nodes old = std::exchange(nodes_, {});
  Node& root = nodes_[kRoot];
  root.is_directory = true;
  root.names = 1;
  root.current = 1;
  std::set<Inode> seen{kRoot};
  copy_survivors(old, kRoot, kRoot, "", fate, seen);
  last_synced_ = last_operation_;
  check_invariants();
}

void DiskTree::lose_power(Keep keep, const core::Random& random) {
  ++changes_;
  apply_survivors(keep, random.child("names"));
  const core::Random files = random.child("files");
  rebuild([&](Inode, const std::string& path, DiskFile& file) {
    core::Random fate = files.child(path);
    file.lose_power(keep, fate);
  });
}

}  // namespace windtunnel::sim
