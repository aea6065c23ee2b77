#include "sim/disk_tree.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"

namespace windtunnel::sim {

using core::Errc;
using core::error;

DiskTree::DiskTree() {
  Node& root = nodes_[kRoot];
  root.is_directory = true;
  root.names = 1;  // the mount point
  root.current = 1;
}

DiskTree::Node& DiskTree::at(Inode inode) {
  const auto found = nodes_.find(inode);
  WT_ASSERT(found != nodes_.end());
  return found->second;
}

const DiskTree::Node& DiskTree::at(Inode inode) const { return const_cast<DiskTree*>(this)->at(inode); }

std::optional<DiskTree::Inode> DiskTree::find(std::string_view path, Entries Node::*entries) const {
  Inode here = kRoot;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    const Entries& names = at(here).*entries;
    const auto found = names.find(name);
    if (found == names.end()) return std::nullopt;
    here = found->second;
  }
  return here;
}

core::Result<DiskTree::Place> DiskTree::place_of(std::string_view path) const {
  if (path.empty()) return error(Errc::invalid_argument, "the root has no name");
  const std::size_t slash = path.rfind('/');
  const std::string_view above = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::optional<Inode> directory = find(above);
  if (!directory || !at(*directory).is_directory) return error(Errc::not_found, "no directory " + std::string(above));
  return Place{*directory, name};
}

DiskTree::Inode DiskTree::make(bool is_directory) {
  const Inode inode{++last_inode_};
  nodes_[inode].is_directory = is_directory;
  return inode;
}

// ---- names and what is pending ----

void DiskTree::link(Inode directory, std::string_view name, Inode inode, std::optional<Inode> partner) {
  Node& in = at(directory);
  const auto [place, is_new] = in.entries.try_emplace(std::string(name), inode);
  const Inode replaced = place->second;
  place->second = inode;
  Node& node = at(inode);
  ++node.names;
  ++node.current;
  push(directory, Pending{last_operation_, true, std::string(name), inode, partner});
  if (is_new) return;
  --at(replaced).current;
  unrefer(replaced);
}

void DiskTree::unlink(Inode directory, std::string_view name, std::optional<Inode> partner) {
  Node& in = at(directory);
  const auto found = in.entries.find(name);
  WT_ASSERT(found != in.entries.end());
  const Inode inode = found->second;
  in.entries.erase(found);
  --at(inode).current;
  push(directory, Pending{last_operation_, false, std::string(name), inode, partner});
  unrefer(inode);
}

void DiskTree::push(Inode directory, Pending pending) {
  ++changes_;
  ++at(pending.inode).names;
  at(directory).pending.push_back(std::move(pending));
  while (at(directory).pending.size() > kPendingMax) commit_first(directory);
}

void DiskTree::commit_first(Inode directory) {
  Node& node = at(directory);
  Pending first = std::move(node.pending.front());
  node.pending.erase(node.pending.begin());
  last_synced_ = std::max(last_synced_, first.number);
  commit(directory, std::move(first));
}

// Makes one operation durable that is no longer among the pending.
void DiskTree::commit(Inode directory, Pending pending) {
  ++changes_;
  if (!pending.is_link && pending.partner) {
    // The old name of a renamed file never goes before the new one is there, and what came before to the new name comes
    // before it still.
    const Inode partner = *pending.partner;
    bool is_linked = false;
    while (!is_linked && nodes_.contains(partner)) {  // gone, if it was removed since
      std::vector<Pending>& others = at(partner).pending;
      const auto link =
          std::find_if(others.begin(), others.end(), [&](const Pending& p) { return p.is_link && p.number == pending.number; });
      if (link == others.end()) break;
      const auto next = std::find_if(others.begin(), link, [&](const Pending& p) { return p.name == link->name; });
      is_linked = next == link;
      Pending half = std::move(*next);
      others.erase(next);
      commit(partner, std::move(half));
    }
  }
  Entries& durable = at(directory).durable_entries;
  const auto old = durable.find(pending.name);
  std::optional<Inode> replaced;
  if (old != durable.end()) {
    replaced = old->second;
    durable.erase(old);
  }
  if (pending.is_link) {
    ++at(pending.inode).names;
    durable.emplace(std::move(pending.name), pending.inode);
  }
  if (replaced) unrefer(*replaced);
  unrefer(pending.inode);
}

void DiskTree::unrefer(Inode inode) {
  WT_ASSERT(at(inode).names > 0);
  --at(inode).names;
  release_if_unused(inode);
}

void DiskTree::release_if_unused(Inode inode) {
  Node& node = at(inode);
  if (node.open > 0 || node.names > 0) return;
  WT_ASSERT(node.entries.empty());
  // A directory takes with it whatever only its durable entries and its pending operations led to.
  std::vector<Inode> below;
  for (const auto& [name, child] : node.durable_entries) below.push_back(child);
  for (const Pending& pending : node.pending) below.push_back(pending.inode);
  nodes_.erase(inode);
  for (const Inode child : below) unrefer(child);
}

// ---- calls ----

core::Result<DiskTree::Inode> DiskTree::open(std::string_view path, const core::OpenMode& mode) {
  WT_TRY(const Place place, place_of(path));
  const Entries& entries = at(place.directory).entries;
  const auto found = entries.find(place.name);
  Inode inode{};
  if (found != entries.end()) {
    inode = found->second;
    if (at(inode).is_directory) return error(Errc::invalid_argument, std::string(path) + " is a directory");
    if (mode.create && mode.exclusive) return error(Errc::already_exists, std::string(path));
  } else {
    if (!mode.create) return error(Errc::not_found, std::string(path));
    inode = make(false);
    ++last_operation_;
    link(place.directory, place.name, inode);
  }
  ++at(inode).open;
  return inode;
}

void DiskTree::close(Inode inode) {
  WT_ASSERT(at(inode).open > 0);
  --at(inode).open;
  release_if_unused(inode);
}

void DiskTree::close_all() {
  std::vector<Inode> open;
  for (auto& [inode, node] : nodes_) {
    if (node.open > 0) open.push_back(inode);
  }
  for (const Inode inode : open) {
    at(inode).open = 0;
    release_if_unused(inode);
  }
}

core::Status DiskTree::make_directory(std::string_view path) {
  WT_TRY(const Place place, place_of(path));
  if (at(place.directory).entries.contains(place.name)) return error(Errc::already_exists, std::string(path));
  ++last_operation_;
  link(place.directory, place.name, make(true));
  return {};
}

core::Status DiskTree::rename(std::string_view from, std::string_view to) {
  WT_TRY(const Place source, place_of(from));
  WT_TRY(const Place target, place_of(to));
  const Entries& names = at(source.directory).entries;
  const auto found = names.find(source.name);
  if (found == names.end()) return error(Errc::not_found, std::string(from));
  const Inode moved = found->second;
  const Entries& others = at(target.directory).entries;
  if (const auto old = others.find(target.name); old != others.end()) {
    if (old->second == moved) return {};
    const Node& replaced = at(old->second);
    if (at(moved).is_directory != replaced.is_directory) return error(Errc::already_exists, std::string(to) + " is of another kind");
    if (!replaced.entries.empty()) return error(Errc::already_exists, std::string(to) + " is not empty");
  }
  if (at(moved).is_directory && is_below(target.directory, moved)) {
    return error(Errc::invalid_argument, std::string(to) + " lies below " + std::string(from));
  }
  ++last_operation_;
  link(target.directory, target.name, moved, source.directory);
  unlink(source.directory, source.name, target.directory);
  return {};
}

core::Status DiskTree::remove(std::string_view path) {
  WT_TRY(const Place place, place_of(path));
  const Entries& entries = at(place.directory).entries;
  const auto found = entries.find(place.name);
  if (found == entries.end()) return error(Errc::not_found, std::string(path));
  if (at(found->second).is_directory) return error(Errc::invalid_argument, std::string(path) + " is a directory");
  ++last_operation_;
  unlink(place.directory, place.name);
  return {};
}

core::Status DiskTree::remove_directory(std::string_view path) {
  WT_TRY(const Place place, place_of(path));
  const Entries& entries = at(place.directory).entries;
  const auto found = entries.find(place.name);
  if (found == entries.end()) return error(Errc::not_found, std::string(path));
  const Node& node = at(found->second);
  if (!node.is_directory) return error(Errc::invalid_argument, std::string(path) + " is a file");
  if (!node.entries.empty()) return error(Errc::already_exists, std::string(path) + " is not empty");
  ++last_operation_;
  unlink(place.directory, place.name);
  return {};
}

core::Result<std::vector<core::DirectoryEntry>> DiskTree::list(std::string_view path) const {
  const std::optional<Inode> directory = find(path);
  if (!directory || !at(*directory).is_directory) return error(Errc::not_found, "no directory " + std::string(path));
  std::vector<core::DirectoryEntry> out;
  for (const auto& [name, inode] : at(*directory).entries) out.push_back({name, at(inode).is_directory});
  return out;
}

bool DiskTree::exists(std::string_view path) const { return find(path).has_value(); }

bool DiskTree::is_directory(std::string_view path) const {
  const std::optional<Inode> inode = find(path);
  return inode && at(*inode).is_directory;
}

bool DiskTree::is_below(Inode inode, Inode above) const {
  if (inode == above) return true;
  for (const auto& [name, child] : at(above).entries) {
    if (at(child).is_directory && is_below(inode, child)) return true;
  }
  return false;
}

core::Result<DiskTree::SyncTicket> DiskTree::begin_sync(std::string_view path) const {
  if (!is_directory(path)) return error(Errc::not_found, "no directory " + std::string(path));
  return SyncTicket{last_operation_};
}

core::Status DiskTree::complete_sync(std::string_view path, SyncTicket ticket) {
  const std::optional<Inode> directory = find(path);
  if (!directory || !at(*directory).is_directory) return error(Errc::not_found, "no directory " + std::string(path));
  while (!at(*directory).pending.empty() && at(*directory).pending.front().number <= static_cast<std::uint64_t>(ticket)) {
    commit_first(*directory);
  }
  return {};
}

const DiskFile& DiskTree::file(Inode inode) const { return at(inode).file; }

void DiskTree::write(Inode inode, std::uint64_t offset, std::string_view data) {
  ++changes_;
  at(inode).file.write(offset, data);
}

void DiskTree::truncate(Inode inode, std::uint64_t size) {
  ++changes_;
  at(inode).file.truncate(size);
}

DiskFile::SyncTicket DiskTree::begin_sync(Inode inode) { return at(inode).file.begin_sync(); }

void DiskTree::complete_sync(Inode inode, DiskFile::SyncTicket ticket) {
  ++changes_;
  at(inode).file.complete_sync(ticket);
}

void DiskTree::fail_sync(Inode inode, DiskFile::SyncTicket ticket) {
  ++changes_;
  at(inode).file.fail_sync(ticket);
}

// ---- the harness's view ----

std::optional<std::string> DiskTree::content(std::string_view path) const {
  const std::optional<Inode> inode = find(path);
  if (!inode || at(*inode).is_directory) return std::nullopt;
  return at(*inode).file.content();
}

std::optional<std::string> DiskTree::readable_content(std::string_view path) const {
  const std::optional<Inode> inode = find(path);
  if (!inode || at(*inode).is_directory) return std::nullopt;
  return at(*inode).file.readable_content();
}

std::optional<std::string> DiskTree::durable_content(std::string_view path) const {
  const std::optional<Inode> inode = find(path, &Node::durable_entries);
  if (!inode || at(*inode).is_directory) return std::nullopt;
  return at(*inode).file.durable();
}

void DiskTree::collect(Inode directory, Entries Node::*entries, const std::string& prefix, std::vector<std::string>& out) const {
  for (const auto& [name, inode] : at(directory).*entries) {
    if (at(inode).is_directory) {
      collect(inode, entries, prefix + name + "/", out);
    } else {
      out.push_back(prefix + name);
    }
  }
}

std::vector<std::string> DiskTree::files() const {
  std::vector<std::string> out;
  collect(kRoot, &Node::entries, "", out);
  return out;
}

std::vector<std::string> DiskTree::durable_files() const {
  std::vector<std::string> out;
  collect(kRoot, &Node::durable_entries, "", out);
  return out;
}

void DiskTree::put(std::string_view path, std::string content) {
  std::string above;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    const std::string directory(path.substr(0, slash));
    if (!exists(directory)) WT_ASSERT(make_directory(directory));
    WT_ASSERT(complete_sync(above, SyncTicket{last_operation_}));
    above = directory;
  }
  core::Result<Inode> inode = open(path, {.create = true});
  WT_ASSERT(inode);
  WT_ASSERT(complete_sync(above, SyncTicket{last_operation_}));
  ++changes_;
  at(*inode).file.replace(std::move(content));
  close(*inode);
}

void DiskTree::drop(std::string_view path) {
  if (!exists(path)) return;
  WT_ASSERT(remove(path));
  const std::size_t slash = path.rfind('/');
  WT_ASSERT(complete_sync(slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash), SyncTicket{last_operation_}));
}

bool DiskTree::lose(std::string_view path) {
  const core::Result<Place> place = place_of(path);
  if (!place || !file_inode(path)) return false;
  ++changes_;
  Node& directory = at(place->directory);
  std::vector<Inode> released;
  const auto current = directory.entries.find(place->name);
  --at(current->second).current;
  released.push_back(current->second);
  directory.entries.erase(current);
  if (const auto durable = directory.durable_entries.find(place->name); durable != directory.durable_entries.end()) {
    released.push_back(durable->second);
    directory.durable_entries.erase(durable);
  }
  std::vector<Pending>& pending = directory.pending;
  for (auto it = pending.begin(); it != pending.end();) {
    if (it->name != place->name) {
      ++it;
      continue;
    }
    released.push_back(it->inode);
    it = pending.erase(it);
  }
  for (const Inode inode : released) unrefer(inode);
  return true;
}

DiskFile* DiskTree::damaged(std::string_view path) {
  const std::optional<Inode> inode = file_inode(path);
  if (!inode) return nullptr;
  ++changes_;
  return &at(*inode).file;
}

std::optional<DiskTree::Inode> DiskTree::file_inode(std::string_view path) const {
  const std::optional<Inode> inode = find(path);
  return inode && !at(*inode).is_directory ? inode : std::nullopt;
}

std::uint64_t DiskTree::bytes_used() const {
  std::uint64_t used = 0;
  for (const auto& [inode, node] : nodes_) {
    if (node.current > 0 || node.open > 0) used += node.file.content().size();
  }
  return used;
}

void DiskTree::check_invariants() const {
  std::map<Inode, std::uint64_t> names{{kRoot, 1}};
  std::map<Inode, std::uint64_t> current{{kRoot, 1}};
  for (const auto& [inode, node] : nodes_) {
    for (const auto& [name, child] : node.entries) {
      ++names[child];
      ++current[child];
    }
    for (const auto& [name, child] : node.durable_entries) ++names[child];
    for (const Pending& pending : node.pending) ++names[pending.inode];
  }
  for (const auto& [inode, node] : nodes_) {
    WT_ASSERT(node.names == names[inode]);
    WT_ASSERT(node.current == current[inode]);
    WT_ASSERT(node.names > 0 || node.open > 0);
    WT_ASSERT(node.current <= 1);
  }
  for (const auto& [inode, count] : names) WT_ASSERT(nodes_.contains(inode));
}

}  // namespace windtunnel::sim
