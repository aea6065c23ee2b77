// PosixDisk: the port core/env/disk.h on real files below one directory.
//
// Its calls block the thread and never suspend. Directories are made with mode 0700 and files with 0600, as nats-server
// does. No path leaves the root: absolute ones and those with "." or ".." are refused. A symbolic link that somebody put
// into the tree is followed when a file is opened (stores are moved to other volumes that way), never when one is removed.
#pragma once

#include <memory>
#include <string>

#include "core/env/disk.h"

namespace windtunnel::core {

class PosixDisk final : public Disk {
 public:
  // read_only: files are opened for reading alone, and every call that would change something fails with read_only before
  // the system is asked. Times of access are left alone where the system allows that.
  enum class Access { read_write, read_only };

  // `root` must be a directory. Errors: not_found, read_only (no permission), invalid_argument (no directory), io_error.
  static Result<std::unique_ptr<PosixDisk>> open(const std::string& root, Access access);
  ~PosixDisk() override;
  PosixDisk(const PosixDisk&) = delete;
  PosixDisk& operator=(const PosixDisk&) = delete;

  // Only regular files: what would block (a pipe) or is a device gives invalid_argument. In a read-only disk `create` is
  // allowed for a file that exists.
  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
  Status make_directories(std::string_view path) override;
  Result<std::vector<DirectoryEntry>> list(std::string_view directory) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view path) override;
  Status remove_all(std::string_view path) override;
  Result<bool> exists(std::string_view path) override;
  Status sync_directory(std::string_view path) override;

 private:
  PosixDisk(int root, Access access) : root_(root), access_(access) {}
  [[nodiscard]] Status check_writable(const char* what, std::string_view path) const;
  [[nodiscard]] Result<int> open_directory(std::string_view path) const;

  const int root_;  // a descriptor of the root directory
  const Access access_;
};

}  // namespace windtunnel::core
