// PosixFile: an open regular file.
#pragma once

#include <string>

#include "core/env/disk.h"

namespace windtunnel::core {

class PosixFile final : public File {
 public:
  // Takes the descriptor over. `path` is for messages.
  PosixFile(int descriptor, std::string path, bool is_read_only)
      : descriptor_(descriptor), path_(std::move(path)), is_read_only_(is_read_only) {}
  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<std::size_t> read_at(Bytes offset, std::span<char> into) override;
  Status write_at(Bytes offset, std::string_view data) override;
  Status truncate(Bytes size) override;
  Status sync() override;
  Result<Bytes> size() override;

 private:
  const int descriptor_;
  const std::string path_;
  const bool is_read_only_;
};

}  // namespace windtunnel::core
