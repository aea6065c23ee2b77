#include "core/env/disk.h"

namespace windtunnel::core {

Result<std::string> Disk::read_file(std::string_view path, Bytes limit) {
  WT_TRY(const std::unique_ptr<File> file, open(path, OpenMode{}));
  WT_TRY(const Bytes size, file->size());
  if (size > limit) {
    return error(Errc::limit_reached,
                 std::string(path) + " has " + std::to_string(size.value) + " bytes, more than " + std::to_string(limit.value));
  }
  std::string content(size.value, '\0');
  WT_TRY(const std::size_t got, file->read_at(Bytes{0}, content));
  content.resize(got);
  return content;
}

}  // namespace windtunnel::core
