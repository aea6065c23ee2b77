// DiskTree: a file system's names and files, with an explicit line between what is written and what is durable.
//
// Files are inodes, names are directory entries. A directory has entries as they are, entries as they are on the disk,
// and between them the operations that are not synced yet, in order. An inode lives as long as a name (of either kind),
// a pending operation or an open descriptor refers to it.
//
// What a power loss leaves of the pending operations (sim/disk_file.h says what it leaves of contents):
//   none     no operation
//   all      every operation
//   any      any subset; a renamed file may be left under both names, never under none; directories move as one
//   ordered  the first n operations of the whole disk, n by the seed and not before the last one that was synced
//
// Paths as core/env/disk.h has them; "" is the root. No time passes here and nothing suspends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/env/disk.h"
#include "sim/disk_file.h"

namespace windtunnel::sim {

struct Survivors;
struct VolatileUnit;

class DiskTree {
 public:
  enum class Inode : std::uint64_t {};

  DiskTree();
  DiskTree(const DiskTree&) = delete;
  DiskTree& operator=(const DiskTree&) = delete;

  // Finds or creates a file and opens a descriptor on it, to be closed once. Does not truncate. Errors: not_found,
  // already_exists, invalid_argument (a directory).
  core::Result<Inode> open(std::string_view path, const core::OpenMode& mode);
  void close(Inode inode);
  // As when the last process that had anything open is gone.
  void close_all();

  core::Status make_directory(std::string_view path);  // Errors: not_found (above it), already_exists
  core::Status rename(std::string_view from, std::string_view to);
  core::Status remove(std::string_view path);            // a file
  core::Status remove_directory(std::string_view path);  // an empty one
  [[nodiscard]] core::Result<std::vector<core::DirectoryEntry>> list(std::string_view path) const;
  [[nodiscard]] bool exists(std::string_view path) const;
  [[nodiscard]] bool is_directory(std::string_view path) const;

  // A sync of a directory makes durable what was pending in it when it began.
  enum class SyncTicket : std::uint64_t {};
  core::Result<SyncTicket> begin_sync(std::string_view path) const;
  core::Status complete_sync(std::string_view path, SyncTicket ticket);

  // Requires: the inode is open.
  [[nodiscard]] const DiskFile& file(Inode inode) const;
  [[nodiscard]] bool is_open(Inode inode) const { return at(inode).open > 0; }
  void write(Inode inode, std::uint64_t offset, std::string_view data);
  void truncate(Inode inode, std::uint64_t size);
  DiskFile::SyncTicket begin_sync(Inode inode);
  void complete_sync(Inode inode, DiskFile::SyncTicket ticket);
  void fail_sync(Inode inode, DiskFile::SyncTicket ticket);

  // Closes everything, and leaves what `keep` and the seed let survive. Draws from a child of `random` for each file, by
  // its path, so that one file's fate does not hang on another's.
  void lose_power(Keep keep, const core::Random& random);
  // The same, as chosen. `older`: the tree as it was `how.which` operations ago, for `prefix`. Requires: not `kill`.
  void lose_power(const Survivors& how, const DiskTree* older);
  // What a power loss now may take or leave.
  [[nodiscard]] std::vector<VolatileUnit> volatile_units() const;
  [[nodiscard]] std::unique_ptr<DiskTree> clone() const;
  // Of every name and content as a process sees them.
  [[nodiscard]] std::uint64_t image_hash() const;

  // For the harness. Contents; nullopt if there is no such file, or no such durable name.
  [[nodiscard]] std::optional<std::string> content(std::string_view path) const;
  // With zeros in the pages that cannot be read.
  [[nodiscard]] std::optional<std::string> readable_content(std::string_view path) const;
  [[nodiscard]] std::optional<std::string> durable_content(std::string_view path) const;
  // Every file below the root, sorted.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::vector<std::string> durable_files() const;
  // Durably at once, with the directories above it.
  void put(std::string_view path, std::string content);
  void drop(std::string_view path);
  // The file alone is gone, from the medium as well: nothing else becomes durable by it, and no sync brings it back.
  // Descriptors on it go on. False if there is no such file.
  bool lose(std::string_view path);
  // The content of a file, to be damaged; nullptr if there is none.
  [[nodiscard]] DiskFile* damaged(std::string_view path);
  [[nodiscard]] std::optional<Inode> file_inode(std::string_view path) const;

  // Of files that have a name or a descriptor. What only a power loss could bring back takes no room.
  [[nodiscard]] std::uint64_t bytes_used() const;
  // Goes up with every change of anything: equal values, equal bytes.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  [[nodiscard]] std::size_t inode_count() const { return nodes_.size(); }
  void check_invariants() const;  // counts every reference anew

 private:
  using Entries = std::map<std::string, Inode, std::less<>>;
  // One half of a directory operation. Both halves of a rename have the same number.
  struct Pending {
    std::uint64_t number = 0;
    bool is_link = false;  // else the name goes
    std::string name;
    Inode inode{};                 // the one that the name is given to, or taken from
    std::optional<Inode> partner;  // of a rename: the directory that has the other half
  };
  struct Node {
    bool is_directory = false;
    DiskFile file;
    Entries entries;
    Entries durable_entries;
    std::vector<Pending> pending;
    std::uint64_t names = 0;    // entries of either kind and pending operations that refer to it
    std::uint64_t current = 0;  // entries as they are
    std::uint64_t open = 0;     // descriptors
  };
  struct Place {  // where a path leads: the directory above, and the name in it
    Inode directory{};
    std::string_view name;
  };
  using Nodes = std::map<Inode, Node>;

  static constexpr Inode kRoot{1};
  // A journal commits sooner or later even if nobody syncs. Beyond this many pending operations in a directory the oldest
  // become durable, so that a directory that is never synced does not hold every file that ever was in it.
  static constexpr std::size_t kPendingMax = 256;

  [[nodiscard]] Node& at(Inode inode);
  [[nodiscard]] const Node& at(Inode inode) const;
  [[nodiscard]] std::optional<Inode> find(std::string_view path, Entries Node::*entries = &Node::entries) const;
  [[nodiscard]] core::Result<Place> place_of(std::string_view path) const;
  Inode make(bool is_directory);
  void link(Inode directory, std::string_view name, Inode inode, std::optional<Inode> partner = {});
  void unlink(Inode directory, std::string_view name, std::optional<Inode> partner = {});
  void push(Inode directory, Pending pending);
  void commit_first(Inode directory);
  void commit(Inode directory, Pending pending);
  void unrefer(Inode inode);
  void release_if_unused(Inode inode);
  [[nodiscard]] bool is_below(Inode inode, Inode above) const;
  void collect(Inode directory, Entries Node::*entries, const std::string& prefix, std::vector<std::string>& out) const;

  // disk_tree_power.cc
  // Decides what is left of a file's content.
  using FileFate = std::function<void(Inode inode, const std::string& path, DiskFile& file)>;
  void apply_survivors(Keep keep, core::Random random);
  void rebuild(const FileFate& fate);
  void copy_survivors(const Nodes& old, Inode from, Inode to, const std::string& prefix, const FileFate& fate, std::set<Inode>& seen);

  // disk_tree_units.cc
  struct PlacedUnit;
  [[nodiscard]] const DiskFile* file_if_any(Inode inode) const;
  [[nodiscard]] std::vector<PlacedUnit> placed_units() const;
  [[nodiscard]] std::vector<bool> chosen(const std::vector<PlacedUnit>& units, const Survivors& how, const DiskTree* older) const;
  void collect_paths(Inode directory, Entries Node::*entries, const std::string& prefix, std::map<Inode, std::string>& out) const;

  Nodes nodes_;
  std::uint64_t last_inode_ = 1;
  std::uint64_t last_operation_ = 0;
  std::uint64_t last_synced_ = 0;  // the latest directory operation that a sync made durable
  std::uint64_t changes_ = 0;
};

}  // namespace windtunnel::sim
