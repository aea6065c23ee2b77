// A disk of which one page cannot be read any more, and so not written to in part: real drives do not go bad when they are asked to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env/disk.h"

namespace windtunnel::tests {

class SpoiledDisk final : public core::Disk {
 public:
  explicit SpoiledDisk(core::Disk& disk) : disk_(disk) {}

  static constexpr std::uint64_t kPage = 4096;
  void spoil(std::string path, std::uint64_t page) {
    path_ = std::move(path);
    begin_ = page * kPage;
  }

  core::Result<std::unique_ptr<core::File>> open(std::string_view path, core::OpenMode mode) override {
    WT_TRY(std::unique_ptr<core::File> opened, disk_.open(path, mode));
    return std::unique_ptr<core::File>{std::make_unique<Part>(*this, std::string(path), std::move(opened))};
  }
  core::Status make_directories(std::string_view path) override { return disk_.make_directories(path); }
  core::Result<std::vector<core::DirectoryEntry>> list(std::string_view directory) override { return disk_.list(directory); }
  core::Status rename(std::string_view from, std::string_view to) override { return disk_.rename(from, to); }
  core::Status remove(std::string_view path) override { return disk_.remove(path); }
  core::Status remove_all(std::string_view path) override { return disk_.remove_all(path); }
  core::Result<bool> exists(std::string_view path) override { return disk_.exists(path); }
  core::Status sync_directory(std::string_view path) override { return disk_.sync_directory(path); }

 private:
  class Part final : public core::File {
   public:
    Part(const SpoiledDisk& disk, std::string path, std::unique_ptr<core::File> file)
        : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
    core::Result<std::size_t> read_at(core::Bytes offset, std::span<char> into) override {
      if (is_bad(offset.value, into.size())) return core::error(core::Errc::io_error, "bad page: read " + path_);
      return file_->read_at(offset, into);
    }
    core::Status write_at(core::Bytes offset, std::string_view data) override {
      if (is_bad(offset.value, data.size())) return core::error(core::Errc::io_error, "bad page: write " + path_);
      return file_->write_at(offset, data);
    }
    core::Status truncate(core::Bytes size) override { return file_->truncate(size); }
    core::Status sync() override { return file_->sync(); }
    core::Result<core::Bytes> size() override { return file_->size(); }

   private:
    [[nodiscard]] bool is_bad(std::uint64_t offset, std::uint64_t size) const {
      return path_ == disk_.path_ && size > 0 && offset < disk_.begin_ + kPage && offset + size > disk_.begin_;
    }
    const SpoiledDisk& disk_;
    const std::string path_;
    std::unique_ptr<core::File> file_;
  };

  core::Disk& disk_;
  std::string path_;  // empty: all is well
  std::uint64_t begin_ = 0;
};

}  // namespace windtunnel::tests
