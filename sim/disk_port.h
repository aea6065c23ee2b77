// What an incarnation holds of a SimDisk: its port, and its open files. See sim/disk.h for what a call does.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/disk.h"

namespace windtunnel::sim {

class SimDisk::Port final : public core::Disk {
 public:
  Port(SimDisk& disk, const Gate& gate, core::Tasks& tasks) : disk_(disk), gate_(gate), tasks_(tasks) {}

  core::Result<std::unique_ptr<core::File>> open(std::string_view path, core::OpenMode mode) override;
  core::Status make_directories(std::string_view path) override;
  core::Result<std::vector<core::DirectoryEntry>> list(std::string_view directory) override;
  core::Status rename(std::string_view from, std::string_view to) override;
  core::Status remove(std::string_view path) override;
  core::Status remove_all(std::string_view path) override;
  core::Result<bool> exists(std::string_view path) override;
  core::Status sync_directory(std::string_view path) override;

  [[nodiscard]] const Gate& gate() const { return gate_; }
  // The time that an operation takes, before its effect. Afterwards the operation may still fail. Returns its count.
  std::uint64_t begin(DiskOperation operation, std::string_view path);
  // Between the two calls of a write that the system did in pieces.
  void pause_between_calls();
  // What follows an operation that took effect.
  void end(DiskOperation operation, std::string_view path, std::uint64_t count);

 private:
  core::Status remove_node(std::string_view path, bool is_directory);

  SimDisk& disk_;
  const Gate& gate_;
  core::Tasks& tasks_;
};

class SimDisk::OpenFile final : public core::File {
 public:
  OpenFile(SimDisk& disk, Port& port, std::string path, DiskTree::Inode inode)
      : disk_(disk), port_(port), gate_(port.gate()), path_(std::move(path)), inode_(inode) {}
  // Behind the closed gate the descriptor has been closed with its process.
  ~OpenFile() override {
    if (!gate_.is_open()) return;
    disk_.lost_open_.erase(inode_);
    disk_.tree_.close(inode_);
  }

  core::Result<std::size_t> read_at(core::Bytes offset, std::span<char> into) override;
  core::Status write_at(core::Bytes offset, std::string_view data) override;
  core::Status truncate(core::Bytes size) override;
  core::Status sync() override;
  core::Result<core::Bytes> size() override;

 private:
  void disturb_read(core::Bytes offset, std::span<char> bytes);
  core::Status write_prefix(core::Bytes offset, std::string_view data, std::uint64_t landed, core::Errc why);

  SimDisk& disk_;
  Port& port_;
  const Gate& gate_;
  std::string path_;  // as it was opened
  DiskTree::Inode inode_;
};

}  // namespace windtunnel::sim
