// OverlayDisk: a disk whose changes stay in memory.
//
// Reads see the disk below and what was changed since; the disk below is listed and read, never changed. So recovery can
// run over a store that must not be touched. Files are not copied: what was written lies as patches over them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/env/disk.h"

namespace windtunnel::core {

class OverlayDisk final : public Disk {
 public:
  // `below` must outlive it and its open files, and not change meanwhile.
  explicit OverlayDisk(Disk& below);
  ~OverlayDisk() override;
  OverlayDisk(const OverlayDisk&) = delete;
  OverlayDisk& operator=(const OverlayDisk&) = delete;

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
  Status make_directories(std::string_view path) override;
  Result<std::vector<DirectoryEntry>> list(std::string_view directory) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view path) override;
  Status remove_all(std::string_view path) override;
  Result<bool> exists(std::string_view path) override;
  Status sync_directory(std::string_view path) override;

 private:
  struct Node;
  class Handle;
  struct Place {
    std::shared_ptr<Node> directory;
    std::string name;
  };
  Status load(Node& directory);
  Result<std::shared_ptr<Node>> find(std::string_view path);  // null: there is none
  Result<Place> place_of(std::string_view path);

  Disk& below_;
  std::shared_ptr<Node> root_;
};

}  // namespace windtunnel::core
