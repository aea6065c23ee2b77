// What a power loss leaves of a DiskTree when it is chosen, unit by unit, instead of drawn.
#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/data_hash.h"
#include "core/base/hash.h"
#include "sim/disk_tree.h"
#include "sim/survivors.h"

namespace windtunnel::sim {

// A volatile unit and where it lies.
struct DiskTree::PlacedUnit {
  VolatileUnit unit;
  Inode inode{};      // of a file's unit
  Inode directory{};  // of a name's unit, and which of its pending operations
  std::size_t pending = 0;
};

std::vector<DiskTree::PlacedUnit> DiskTree::placed_units() const {
  using Kind = VolatileUnit::Kind;
  std::map<Inode, std::string> paths;
  collect_paths(kRoot, &Node::durable_entries, "", paths);
  collect_paths(kRoot, &Node::entries, "", paths);
  std::vector<PlacedUnit> out;
  for (const auto& [inode, node] : nodes_) {
    for (std::size_t i = 0; i < node.pending.size(); ++i) {
      const Pending& pending = node.pending[i];
      const Kind kind = !pending.is_link && pending.partner ? Kind::old_name : Kind::name;
      const std::string above = inode == kRoot ? "" : paths[inode] + "/";
      out.push_back({{kind, pending.number, above + pending.name}, {}, inode, i});
    }
  }
  // By number, and of a rename the new name first.
  std::stable_sort(out.begin(), out.end(), [](const PlacedUnit& a, const PlacedUnit& b) {
    return a.unit.number != b.unit.number ? a.unit.number < b.unit.number : a.unit.kind < b.unit.kind;
  });
  for (const auto& [inode, node] : nodes_) {
    if (node.is_directory || node.names == 0) continue;
    for (const std::uint64_t sector : node.file.volatile_sectors()) out.push_back({{Kind::sector, sector, paths[inode]}, inode, {}, 0});
    if (node.file.is_size_volatile()) out.push_back({{Kind::size, 0, paths[inode]}, inode, {}, 0});
  }
  return out;
}

void DiskTree::collect_paths(Inode directory, Entries Node::*entries, const std::string& prefix, std::map<Inode, std::string>& out) const {
  for (const auto& [name, inode] : at(directory).*entries) {
    out[inode] = prefix + name;
    if (at(inode).is_directory) collect_paths(inode, entries, prefix + name + "/", out);
  }
}

std::vector<VolatileUnit> DiskTree::volatile_units() const {
  std::vector<VolatileUnit> out;
  for (PlacedUnit& placed : placed_units()) out.push_back(std::move(placed.unit));
  return out;
}

std::unique_ptr<DiskTree> DiskTree::clone() const {
  auto out = std::make_unique<DiskTree>();
  out->nodes_ = nodes_;
  out->last_inode_ = last_inode_;
  out->last_operation_ = last_operation_;
  out->last_synced_ = last_synced_;
  out->changes_ = changes_;
  return out;
}

// Which units survive. Of `prefix` the sectors and sizes are the older disk's affair.
std::vector<bool> DiskTree::chosen(const std::vector<PlacedUnit>& units, const Survivors& how, const DiskTree* older) const {
  using How = Survivors::How;
  using Kind = VolatileUnit::Kind;
  std::vector<bool> keep(units.size());
  const PlacedUnit* marked = how.which < units.size() ? &units[how.which] : nullptr;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const PlacedUnit& each = units[i];
    const bool is_name = each.unit.kind == Kind::name || each.unit.kind == Kind::old_name;
    switch (how.how) {
      case How::kill:
      case How::all: keep[i] = true; break;
      case How::none: break;
      case How::only: keep[i] = i == how.which; break;
      case How::without: keep[i] = i != how.which; break;
      case How::sizes: keep[i] = each.unit.kind != Kind::sector; break;
      case How::prefix: keep[i] = is_name && older != nullptr && each.unit.number <= older->last_operation_; break;
      case How::torn:
      case How::hole: {
        const bool is_behind = marked != nullptr && marked->unit.kind == Kind::sector && each.unit.kind == Kind::sector &&
                               each.inode == marked->inode && each.unit.number >= marked->unit.number;
        keep[i] = !is_behind;
        break;
      }
    }
  }
  // The old name of a renamed file never goes before the new one is there.
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i].unit.kind != Kind::old_name) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (units[j].unit.kind == Kind::name && units[j].unit.number == units[i].unit.number && !keep[j]) keep[i] = false;
    }
  }
  return keep;
}

void DiskTree::lose_power(const Survivors& how, const DiskTree* older) {
  using How = Survivors::How;
  using Kind = VolatileUnit::Kind;
  WT_ASSERT(how.how != How::kill);
  ++changes_;
  const std::vector<PlacedUnit> units = placed_units();
  const std::vector<bool> keep = chosen(units, how, older);

  struct Left {
    std::vector<std::uint64_t> sectors;
    bool has_size = false;
  };
  std::map<Inode, Left> left;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const PlacedUnit& each = units[i];
    if (!keep[i]) continue;
    if (each.unit.kind == Kind::sector) left[each.inode].sectors.push_back(each.unit.number);
    if (each.unit.kind == Kind::size) left[each.inode].has_size = true;
    if (each.unit.kind != Kind::name && each.unit.kind != Kind::old_name) continue;
    const Pending& pending = at(each.directory).pending[each.pending];
    Entries& durable = at(each.directory).durable_entries;
    if (pending.is_link) {
      durable[pending.name] = pending.inode;
    } else {
      durable.erase(pending.name);
    }
  }
  const PlacedUnit* cut = how.how == How::torn && how.which < units.size() ? &units[how.which] : nullptr;
  std::map<Inode, DiskFile> files;
  for (const auto& [inode, node] : nodes_) {
    if (node.is_directory) continue;
    DiskFile file = node.file;
    if (how.how == How::prefix) {
      const DiskFile* then = older == nullptr ? nullptr : older->file_if_any(inode);
      // What was synced since is durable, and then there is nothing to go back to.
      if (then == nullptr || then->durable() != file.durable()) {
        file.keep_only({}, false, file.content());
      } else {
        file.keep_only(file.volatile_sectors(), file.is_size_volatile(), then->content());
      }
    } else {
      const Left& mine = left[inode];
      const bool is_cut = cut != nullptr && cut->inode == inode && cut->unit.kind == Kind::sector;
      std::string content = file.content();
      if (is_cut && mine.has_size) {
        const std::uint64_t end = std::max<std::uint64_t>(cut->unit.number * DiskFile::kSector, file.durable().size());
        content.resize(std::min<std::uint64_t>(content.size(), end));
      }
      file.keep_only(mine.sectors, mine.has_size, content);
    }
    files.emplace(inode, std::move(file));
  }
  for (auto& [inode, node] : nodes_) node.pending.clear();
  rebuild([&files](Inode inode, const std::string&, DiskFile& file) { file = std::move(files.at(inode)); });
}

const DiskFile* DiskTree::file_if_any(Inode inode) const {
  const auto found = nodes_.find(inode);
  return found == nodes_.end() ? nullptr : &found->second.file;
}

std::uint64_t DiskTree::image_hash() const {
  std::uint64_t hash = 0;
  std::map<Inode, std::string> paths;
  collect_paths(kRoot, &Node::entries, "", paths);
  std::map<std::string_view, Inode> sorted;
  for (const auto& [inode, path] : paths) sorted.emplace(path, inode);
  for (const auto& [path, inode] : sorted) {
    const Node& node = at(inode);
    hash = core::fold(hash, core::hash_bytes(path));
    hash = core::fold(hash, node.is_directory ? 1 : core::hash_data(node.file.content()));
  }
  return hash;
}

}  // namespace windtunnel::sim
