// The port through which the core reaches a file system. POSIX semantics: a write lands in the page cache, sync makes
// a file's content durable, close does not, and a created, renamed or removed name is durable only after sync_directory
// of the directory it lies in (reference: fault model 1.1).
//
// Paths are relative to the node's root, with "/" between names, no leading or trailing "/", no "." or "..".
// All calls may suspend the calling task, except those marked otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"

namespace windtunnel::core {

struct OpenMode {
  bool create = false;     // make the file if it does not exist
  bool exclusive = false;  // with create: already_exists if it does
  bool truncate = false;   // start empty
};

class File {
 public:
  // Closes the descriptor. Never syncs, never suspends.
  virtual ~File() = default;

  // Reads up to into.size() bytes from `offset`; fewer only at the end of the file. Errors: io_error.
  virtual Result<std::size_t> read_at(Bytes offset, std::span<char> into) = 0;
  // Writes all of `data` at `offset`, extending the file (with zeros over a gap). Errors: io_error, no_space; after an
  // error a prefix may have been written.
  virtual Status write_at(Bytes offset, std::string_view data) = 0;
  // Cuts or extends (with zeros) to `size`. Errors: io_error, no_space.
  virtual Status truncate(Bytes size) = 0;
  // fsync: makes content and size durable. After an error the dirty pages must be taken for lost (fault D22).
  virtual Status sync() = 0;
  [[nodiscard]] virtual Result<Bytes> size() = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};

class Disk {
 public:
  virtual ~Disk() = default;

  // Errors: not_found (no such file, or no such directory above it), already_exists, io_error, no_space, read_only.
  virtual Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) = 0;
  // Makes a directory and those above it. An existing directory is no error.
  virtual Status make_directories(std::string_view path) = 0;
  // Sorted by name (bytes), so that no order of the file system's own reaches a decision. Errors: not_found.
  virtual Result<std::vector<DirectoryEntry>> list(std::string_view directory) = 0;
  // Replaces `to` atomically if it is a file; a directory may only replace an absent or empty one.
  virtual Status rename(std::string_view from, std::string_view to) = 0;
  // Removes a file. Errors: not_found.
  virtual Status remove(std::string_view path) = 0;
  // Removes a directory and everything below it, name by name in sorted order. An absent one is no error.
  virtual Status remove_all(std::string_view path) = 0;
  virtual Result<bool> exists(std::string_view path) = 0;
  // fsync of the directory: makes the names in it durable. Errors: not_found, io_error.
  virtual Status sync_directory(std::string_view path) = 0;

  // The whole content of a file. Errors: not_found, io_error; limit_reached if it is larger than `limit`.
  Result<std::string> read_file(std::string_view path, Bytes limit = Bytes{1u << 30});
};

}  // namespace windtunnel::core
