#include "core/posix/posix_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/posix/posix_error.h"

namespace windtunnel::core {
namespace {

// Linux moves at most 2 GiB less a page in one call; smaller steps cost nothing.
constexpr std::size_t kStepMax = std::size_t{1} << 30;
constexpr std::uint64_t kOffsetMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

}  // namespace

PosixFile::~PosixFile() { ::close(descriptor_); }

Result<std::size_t> PosixFile::read_at(Bytes offset, std::span<char> into) {
  if (offset.value > kOffsetMax || into.size() > kOffsetMax - offset.value) return posix_error(EINVAL, "read", path_);
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        ::pread(descriptor_, into.data() + done, std::min(into.size() - done, kStepMax), static_cast<off_t>(offset.value + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return posix_error(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status PosixFile::write_at(Bytes offset, std::string_view data) {
  if (is_read_only_) return posix_error(EROFS, "write", path_);
  if (offset.value > kOffsetMax || data.size() > kOffsetMax - offset.value) return posix_error(EFBIG, "write", path_);
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t put =
        ::pwrite(descriptor_, data.data() + done, std::min(data.size() - done, kStepMax), static_cast<off_t>(offset.value + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return posix_error(errno, "write", path_);
    if (put == 0) return posix_error(EIO, "write", path_);
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Status PosixFile::truncate(Bytes size) {
  if (is_read_only_) return posix_error(EROFS, "truncate", path_);
  if (size.value > kOffsetMax) return posix_error(EFBIG, "truncate", path_);
  while (::ftruncate(descriptor_, static_cast<off_t>(size.value)) != 0) {
    if (errno != EINTR) return posix_error(errno, "truncate", path_);
  }
  return {};
}

// Not repeated after an error: a second fsync that succeeds says nothing of the pages that the first one dropped.
Status PosixFile::sync() {
  if (is_read_only_) return posix_error(EROFS, "sync", path_);
  while (::fsync(descriptor_) != 0) {
    if (errno != EINTR) return posix_error(errno, "sync", path_);
  }
  return {};
}

Result<Bytes> PosixFile::size() {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return posix_error(errno, "stat", path_);
  return Bytes{static_cast<std::uint64_t>(status.st_size)};
}

}  // namespace windtunnel::core
