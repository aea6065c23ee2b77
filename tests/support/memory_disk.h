// A disk in memory for unit tests: no suspension, no power loss. What it can do to its user: fail an operation, and kill
// at one (throw TaskKilled ahead of it, or after a part of a write), which leaves everything before it in place.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/env/disk.h"
#include "core/env/tasks.h"

namespace windtunnel::tests {

class MemoryDisk final : public core::Disk {
 public:
  using Files = std::map<std::string, std::string>;

  // "write msgs/1.blk", "rename a -> b", "sync_directory msgs": every operation that changes or syncs something, in
  // order, while `is_recording`.
  std::vector<std::string> operations;
  bool is_recording = false;
  // Asked before each operation: an error makes it fail.
  std::function<std::optional<core::Errc>(std::string_view operation, std::string_view path)> fails;
  // Pages (4 KiB) that cannot be read, by file and number: a read that touches one fails with EIO, and so does a write to a part of it.
  // Cutting the file before it is the end of it.
  static constexpr std::size_t kPage = 4096;
  std::map<std::string, std::set<std::size_t>> bad_pages;
  // Counts down with each changing operation; the one that finds 0 throws TaskKilled. Negative: never.
  std::int64_t operations_left = -1;
  std::uint64_t operations_done = 0;
  // With the kill at a write, how many of its bytes land first.
  std::size_t killed_write_keeps = 0;

  [[nodiscard]] Files& files() { return files_; }
  [[nodiscard]] std::string& file(const std::string& path) { return files_.at(path); }
  [[nodiscard]] bool has(const std::string& path) const { return files_.count(path) > 0; }
  // The same content on a new disk, as after a kill.
  [[nodiscard]] std::unique_ptr<MemoryDisk> copy() const {
    auto out = std::make_unique<MemoryDisk>();
    out->files_ = files_;
    out->directories_ = directories_;
    return out;
  }
  void put(const std::string& path, std::string content) {
    make_parents(path);
    files_[path] = std::move(content);
  }

  core::Result<std::unique_ptr<core::File>> open(std::string_view path, core::OpenMode mode) override {
    const std::string name{path};
    if (auto why = failure("open", path)) return *why;
    if (!directories_.count(parent_of(name))) return core::error(core::Errc::not_found, name);
    if (!has(name)) {
      if (!mode.create) return core::error(core::Errc::not_found, name);
      if (auto why = change("create", path)) return *why;
      files_[name];
    } else if (mode.create && mode.exclusive) {
      return core::error(core::Errc::already_exists, name);
    } else if (mode.truncate) {
      if (auto why = change("truncate", path)) return *why;
      files_[name].clear();
      bad_pages.erase(name);
    }
    return std::unique_ptr<core::File>{std::make_unique<Handle>(*this, name)};
  }
  core::Status make_directories(std::string_view path) override {
    if (auto why = failure("make_directories", path)) return *why;
    make_parents(std::string(path) + "/x");
    return {};
  }
  core::Result<std::vector<core::DirectoryEntry>> list(std::string_view directory) override {
    if (auto why = failure("list", directory)) return *why;
    if (!directories_.count(std::string(directory))) return core::error(core::Errc::not_found, std::string(directory));
    std::vector<core::DirectoryEntry> out;
    const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
    const auto add = [&](const std::string& path, bool is_directory) {
      if (path.size() > prefix.size() && path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos)
        out.push_back({path.substr(prefix.size()), is_directory});
    };
    for (const auto& [path, content] : files_) add(path, false);
    for (const std::string& path : directories_) add(path, true);
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }
  core::Status rename(std::string_view from, std::string_view to) override {
    const std::string a{from};
    const std::string b{to};
    if (auto why = change("rename", a + " -> " + b)) return *why;
    if (has(a)) {
      files_[b] = std::move(files_[a]);
      files_.erase(a);
      bad_pages.erase(b);
      if (auto bad = bad_pages.extract(a)) bad_pages[b] = std::move(bad.mapped());
      return {};
    }
    if (!directories_.count(a)) return core::error(core::Errc::not_found, a);
    Files moved;
    for (const auto& [path, content] : files_) moved[path.starts_with(a + "/") ? b + path.substr(a.size()) : path] = content;
    files_ = std::move(moved);
    std::set<std::string> directories;
    for (const std::string& path : directories_)
      directories.insert(path == a || path.starts_with(a + "/") ? b + path.substr(a.size()) : path);
    directories_ = std::move(directories);
    return {};
  }
  core::Status remove(std::string_view path) override {
    if (auto why = change("remove", path)) return *why;
    bad_pages.erase(std::string(path));
    return files_.erase(std::string(path)) > 0 ? core::Status{} : core::Status{core::error(core::Errc::not_found, std::string(path))};
  }
  core::Status remove_all(std::string_view path) override {
    if (auto why = change("remove_all", path)) return *why;
    const std::string prefix = std::string(path) + "/";
    std::erase_if(files_, [&](const auto& item) { return item.first.starts_with(prefix); });
    std::erase_if(directories_, [&](const std::string& name) { return name == path || name.starts_with(prefix); });
    return {};
  }
  core::Result<bool> exists(std::string_view path) override { return has(std::string(path)) || directories_.count(std::string(path)) > 0; }
  core::Status sync_directory(std::string_view path) override {
    if (auto why = change("sync_directory", path)) return *why;
    return directories_.count(std::string(path)) > 0 ? core::Status{} : core::Status{core::error(core::Errc::not_found, std::string(path))};
  }

 private:
  class Handle final : public core::File {
   public:
    Handle(MemoryDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    core::Result<std::size_t> read_at(core::Bytes offset, std::span<char> into) override {
      if (auto why = disk_.failure("read", path_)) return *why;
      const std::string& content = disk_.files_[path_];
      if (offset.value >= content.size()) return std::size_t{0};
      const std::size_t size = std::min(into.size(), content.size() - static_cast<std::size_t>(offset.value));
      if (disk_.is_bad(path_, offset.value, size)) return core::error(core::Errc::io_error, "bad page: read " + path_);
      std::memcpy(into.data(), content.data() + offset.value, size);
      return size;
    }
    core::Status write_at(core::Bytes offset, std::string_view data) override {
      if (auto why = disk_.failure("write", path_)) {
        // Half of it is there, as on a disk that has filled up.
        put(offset, data.substr(0, data.size() / 2));
        return *why;
      }
      if (disk_.is_bad(path_, offset.value, data.size())) return core::error(core::Errc::io_error, "bad page: write " + path_);
      if (disk_.operations_left == 0) put(offset, data.substr(0, std::min(data.size(), disk_.killed_write_keeps)));
      if (auto why = disk_.change("write", path_)) return *why;
      put(offset, data);
      return {};
    }
    core::Status truncate(core::Bytes size) override {
      if (auto why = disk_.change("truncate", path_)) return *why;
      disk_.files_[path_].resize(static_cast<std::size_t>(size.value));
      if (const auto bad = disk_.bad_pages.find(path_); bad != disk_.bad_pages.end())
        bad->second.erase(bad->second.lower_bound((disk_.files_[path_].size() + kPage - 1) / kPage), bad->second.end());
      return {};
    }
    core::Status sync() override {
      if (auto why = disk_.change("sync", path_)) return *why;
      return {};
    }
    core::Result<core::Bytes> size() override { return core::Bytes{disk_.files_[path_].size()}; }

   private:
    void put(core::Bytes offset, std::string_view data) {
      std::string& content = disk_.files_[path_];
      const std::size_t end = static_cast<std::size_t>(offset.value) + data.size();
      if (content.size() < end) content.resize(end);
      std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset.value));
    }
    MemoryDisk& disk_;
    std::string path_;
  };

  [[nodiscard]] bool is_bad(const std::string& path, std::size_t offset, std::size_t size) const {
    const auto bad = bad_pages.find(path);
    if (bad == bad_pages.end() || size == 0) return false;
    const auto page = bad->second.lower_bound(offset / kPage);
    return page != bad->second.end() && *page <= (offset + size - 1) / kPage;
  }
  static std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string{} : path.substr(0, slash);
  }
  void make_parents(const std::string& path) {
    for (std::string up = parent_of(path); !up.empty(); up = parent_of(up)) directories_.insert(up);
  }
  std::optional<core::Error> failure(std::string_view operation, std::string_view path) {
    if (!fails) return std::nullopt;
    if (const auto code = fails(operation, path))
      return core::error(*code, "made to fail: " + std::string(operation) + " " + std::string(path));
    return std::nullopt;
  }
  std::optional<core::Error> change(std::string_view operation, std::string_view path) {
    if (operation != "write") {
      if (auto why = failure(operation, path)) return why;
    }
    if (operations_left == 0) throw core::TaskKilled{};
    if (operations_left > 0) --operations_left;
    ++operations_done;
    if (is_recording) operations.push_back(std::string(operation) + " " + std::string(path));
    return std::nullopt;
  }

  Files files_;
  std::set<std::string> directories_ = {""};
};

}  // namespace windtunnel::tests
