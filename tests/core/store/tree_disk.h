// The simulated disk without time: a core::Disk over sim::DiskTree that dies at the n-th operation. What a crash leaves of it
// is an image, from which another disk starts.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/env/disk.h"
#include "core/env/tasks.h"
#include "sim/disk_tree.h"

namespace windtunnel::tests {

struct DiskImage {
  std::map<std::string, std::string> files;
  friend auto operator<=>(const DiskImage&, const DiskImage&) = default;
};

class TreeDisk final : public core::Disk {
 public:
  TreeDisk() = default;
  explicit TreeDisk(const DiskImage& image) {
    for (const auto& [path, content] : image.files) tree_.put(path, content);
  }

  // Counts down with each operation that changes or syncs something; the one that finds 0 throws TaskKilled, and so do all
  // later ones. Negative: never. Of a write that is hit the first `killed_write_keeps` bytes land.
  std::int64_t operations_left = -1;
  std::size_t killed_write_keeps = 0;
  std::uint64_t operations_done = 0;

  // The process is gone: what it wrote is there.
  [[nodiscard]] DiskImage after_kill() const { return image(); }
  // The power is gone. The disk is of no use afterwards.
  [[nodiscard]] DiskImage after_power_loss(sim::Keep keep, std::uint64_t seed) {
    tree_.lose_power(keep, core::Random{core::Seed{seed}});
    return image();
  }

  core::Result<std::unique_ptr<core::File>> open(std::string_view path, core::OpenMode mode) override {
    const bool is_new = mode.create && !tree_.exists(path);
    if (is_new || mode.truncate) change();
    WT_TRY(const sim::DiskTree::Inode inode, tree_.open(path, mode));
    if (mode.truncate) tree_.truncate(inode, 0);
    return std::unique_ptr<core::File>{std::make_unique<Handle>(*this, inode)};
  }
  core::Status make_directories(std::string_view path) override {
    for (std::size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
      const std::string_view directory = path.substr(0, slash);
      if (!tree_.exists(directory)) {
        change();
        WT_CHECK(tree_.make_directory(directory));
      }
      if (slash == std::string_view::npos) return {};
    }
  }
  core::Result<std::vector<core::DirectoryEntry>> list(std::string_view directory) override { return tree_.list(directory); }
  core::Status rename(std::string_view from, std::string_view to) override {
    change();
    return tree_.rename(from, to);
  }
  core::Status remove(std::string_view path) override {
    change();
    return tree_.remove(path);
  }
  core::Status remove_all(std::string_view path) override {
    if (!tree_.exists(path)) return {};
    WT_TRY(const std::vector<core::DirectoryEntry> entries, tree_.list(path));
    for (const core::DirectoryEntry& entry : entries) {
      const std::string below = std::string(path) + "/" + entry.name;
      if (entry.is_directory)
        WT_CHECK(remove_all(below));
      else
        WT_CHECK(remove(below));
    }
    change();
    return tree_.remove_directory(path);
  }
  core::Result<bool> exists(std::string_view path) override { return tree_.exists(path); }
  core::Status sync_directory(std::string_view path) override {
    change();
    WT_TRY(const sim::DiskTree::SyncTicket ticket, tree_.begin_sync(path));
    return tree_.complete_sync(path, ticket);
  }

 private:
  class Handle final : public core::File {
   public:
    Handle(TreeDisk& disk, sim::DiskTree::Inode inode) : disk_(disk), inode_(inode) {}
    ~Handle() override { disk_.tree_.close(inode_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    core::Result<std::size_t> read_at(core::Bytes offset, std::span<char> into) override {
      const std::string& content = disk_.tree_.file(inode_).content();
      if (offset.value >= content.size()) return std::size_t{0};
      return content.copy(into.data(), into.size(), static_cast<std::size_t>(offset.value));
    }
    core::Status write_at(core::Bytes offset, std::string_view data) override {
      if (disk_.operations_left == 0 && !disk_.is_dead_) {
        const std::string_view landed = data.substr(0, std::min(data.size(), disk_.killed_write_keeps));
        if (!landed.empty()) disk_.tree_.write(inode_, offset.value, landed);
      }
      disk_.change();
      disk_.tree_.write(inode_, offset.value, data);
      return {};
    }
    core::Status truncate(core::Bytes size) override {
      disk_.change();
      disk_.tree_.truncate(inode_, size.value);
      return {};
    }
    core::Status sync() override {
      disk_.change();
      disk_.tree_.complete_sync(inode_, disk_.tree_.begin_sync(inode_));
      return {};
    }
    core::Result<core::Bytes> size() override { return core::Bytes{disk_.tree_.file(inode_).content().size()}; }

   private:
    TreeDisk& disk_;
    sim::DiskTree::Inode inode_;
  };

  void change() {
    if (operations_left == 0) {
      is_dead_ = true;
      throw core::TaskKilled{};
    }
    if (operations_left > 0) --operations_left;
    ++operations_done;
  }
  [[nodiscard]] DiskImage image() const {
    DiskImage out;
    for (const std::string& path : tree_.files()) out.files[path] = tree_.content(path).value_or("");
    return out;
  }

  sim::DiskTree tree_;
  bool is_dead_ = false;
};

}  // namespace windtunnel::tests
