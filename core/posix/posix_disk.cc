#include "core/posix/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/posix/posix_error.h"
#include "core/posix/posix_file.h"

namespace windtunnel::core {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kDepthMax = 256;  // of a tree that is removed: as many directories are open at once

// A descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

int open_retrying(int directory, const char* path, int flags, mode_t mode = 0) {
  for (;;) {
    const int opened = ::openat(directory, path, flags | O_CLOEXEC, mode);
    if (opened >= 0 || errno != EINTR) return opened;
  }
}

// Relative, without empty, "." and ".." names.
bool is_plain(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Status check_path(std::string_view path) {
  if (is_plain(path)) return {};
  return error(Errc::invalid_argument, "the path `" + std::string(path) + "` does not lead from the root to a name below it");
}

// The same, with the root itself allowed.
Status check_directory_path(std::string_view path) { return path.empty() ? Status{} : check_path(path); }

std::string or_root(std::string_view path) { return path.empty() ? "." : std::string(path); }

Result<bool> is_directory_at(int directory, const char* name, int flags, std::string_view path) {
  struct stat status {};
  if (::fstatat(directory, name, &status, flags) == 0) return S_ISDIR(status.st_mode);
  // Gone meanwhile, or a link to nothing.
  if (errno == ENOENT || errno == ELOOP) return false;
  return posix_error(errno, "stat", path);
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// Takes `directory` over. `follows`: a link to a directory counts as one.
Result<std::vector<DirectoryEntry>> entries_of(int directory, std::string_view path, bool follows) {
  const std::unique_ptr<DIR, CloseDirectory> stream{::fdopendir(directory)};
  if (!stream) {
    const int why = errno;
    ::close(directory);
    return posix_error(why, "list", path);
  }
  std::vector<DirectoryEntry> out;
  for (;;) {
    errno = 0;
    const struct dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name{entry->d_name};
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN || (follows && entry->d_type == DT_LNK)) {
      WT_TRY(is_directory, is_directory_at(::dirfd(stream.get()), entry->d_name, follows ? 0 : AT_SYMLINK_NOFOLLOW, path));
    }
    out.push_back({std::string(name), is_directory});
  }
  if (errno != 0) return posix_error(errno, "list", path);
  std::sort(out.begin(), out.end(), [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return out;
}

// Everything below the directory `name` of `parent`, and that itself.
Status remove_tree(int parent, const std::string& name, const std::string& path, std::size_t depth) {
  if (depth > kDepthMax) return error(Errc::invalid_argument, path + " is nested too deeply");
  const int opened = open_retrying(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (opened < 0) return errno == ENOENT ? Status{} : Status{posix_error(errno, "remove", path)};
  const Descriptor directory{opened};
  const int copy = ::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return posix_error(errno, "remove", path);
  WT_TRY(const std::vector<DirectoryEntry> entries, entries_of(copy, path, false));
  for (const DirectoryEntry& entry : entries) {
    const std::string below = path + "/" + entry.name;
    if (entry.is_directory) {
      WT_CHECK(remove_tree(directory.get(), entry.name, below, depth + 1));
    } else if (::unlinkat(directory.get(), entry.name.c_str(), 0) != 0 && errno != ENOENT) {
      return posix_error(errno, "remove", below);
    }
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return posix_error(errno, "remove", path);
  return {};
}

}  // namespace

Result<std::unique_ptr<PosixDisk>> PosixDisk::open(const std::string& root, Access access) {
  const int opened = open_retrying(AT_FDCWD, root.c_str(), O_RDONLY | O_DIRECTORY);
  if (opened >= 0) return std::unique_ptr<PosixDisk>(new PosixDisk(opened, access));
  const int why = errno;
  if (why == ENOTDIR) return error(Errc::invalid_argument, root + " is no directory");
  return posix_error(why, "open", root);
}

PosixDisk::~PosixDisk() { ::close(root_); }

Status PosixDisk::check_writable(const char* what, std::string_view path) const {
  if (access_ == Access::read_write) return {};
  return error(Errc::read_only, std::string(what) + " " + std::string(path) + ": the disk is opened for reading only");
}

Result<int> PosixDisk::open_directory(std::string_view path) const {
  WT_CHECK(check_directory_path(path));
  const int opened = open_retrying(root_, or_root(path).c_str(), O_RDONLY | O_DIRECTORY);
  if (opened < 0) return posix_error(errno, "open", path);
  return opened;
}

Result<std::unique_ptr<File>> PosixDisk::open(std::string_view path, OpenMode mode) {
  WT_CHECK(check_path(path));
  const std::string name{path};
  const bool is_read_only = access_ == Access::read_only;
  // O_NONBLOCK is for pipes, whose opening would wait for the other end; regular files do not know it.
  int flags = (is_read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY;
  if (is_read_only) {
    if (mode.truncate) return check_writable("truncate", path).error();
    if (mode.create) {
      WT_TRY(const bool is_there, exists(path));
      if (!is_there) return check_writable("create", path).error();
      if (mode.exclusive) return posix_error(EEXIST, "create", path);
    }
  } else {
    // Not O_TRUNC: what is opened may be no regular file.
    if (mode.create) flags |= O_CREAT | (mode.exclusive ? O_EXCL : 0);
  }
  int opened = open_retrying(root_, name.c_str(), flags | (is_read_only ? O_NOATIME : 0), kFileMode);
  if (opened < 0 && is_read_only && errno == EPERM) opened = open_retrying(root_, name.c_str(), flags);  // another's file
  if (opened < 0) return errno == ENXIO ? posix_error(EINVAL, "open", path) : posix_error(errno, "open", path);
  Descriptor descriptor{opened};
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return posix_error(errno, "stat", path);
  if (!S_ISREG(status.st_mode)) return error(Errc::invalid_argument, name + " is no regular file");
  auto file = std::make_unique<PosixFile>(descriptor.release(), name, is_read_only);
  if (mode.truncate && status.st_size > 0) WT_CHECK(file->truncate(Bytes{0}));
  return std::unique_ptr<File>{std::move(file)};
}

Status PosixDisk::make_directories(std::string_view path) {
  WT_CHECK(check_directory_path(path));
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string_view part = path.substr(0, end);
    WT_TRY(const bool is_there, is_directory_at(root_, std::string(part).c_str(), 0, part));
    if (is_there) continue;
    WT_CHECK(check_writable("make directory", part));
    // What is in the way is a file (or a link to nothing): there is no such directory.
    if (::mkdirat(root_, std::string(part).c_str(), kDirectoryMode) != 0)
      return posix_error(errno == EEXIST ? ENOTDIR : errno, "make directory", part);
  }
  return {};
}

Result<std::vector<DirectoryEntry>> PosixDisk::list(std::string_view directory) {
  WT_TRY(const int opened, open_directory(directory));
  return entries_of(opened, directory, true);
}

Status PosixDisk::rename(std::string_view from, std::string_view to) {
  WT_CHECK(check_path(from));
  WT_CHECK(check_path(to));
  WT_CHECK(check_writable("rename", from));
  if (::renameat(root_, std::string(from).c_str(), root_, std::string(to).c_str()) == 0) return {};
  const int why = errno;
  const std::string what = "rename " + std::string(from) + " to";
  // A file and a directory do not replace each other. ENOTDIR may also tell of the way to either.
  struct stat old_status {};
  struct stat new_status {};
  const bool has_both = ::fstatat(root_, std::string(from).c_str(), &old_status, AT_SYMLINK_NOFOLLOW) == 0 &&
                        ::fstatat(root_, std::string(to).c_str(), &new_status, AT_SYMLINK_NOFOLLOW) == 0;
  const bool is_other_kind = has_both && S_ISDIR(old_status.st_mode) != S_ISDIR(new_status.st_mode);
  return posix_error((why == ENOTDIR || why == EISDIR) && is_other_kind ? EEXIST : why, what, to);
}

Status PosixDisk::remove(std::string_view path) {
  WT_CHECK(check_path(path));
  WT_CHECK(check_writable("remove", path));
  if (::unlinkat(root_, std::string(path).c_str(), 0) == 0) return {};
  return posix_error(errno, "remove", path);
}

Status PosixDisk::remove_all(std::string_view path) {
  WT_CHECK(check_path(path));
  struct stat status {};
  if (::fstatat(root_, std::string(path).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || errno == ENOTDIR ? Status{} : Status{posix_error(errno, "remove", path)};
  WT_CHECK(check_writable("remove", path));
  if (!S_ISDIR(status.st_mode)) return remove(path);
  return remove_tree(root_, std::string(path), std::string(path), 0);
}

Result<bool> PosixDisk::exists(std::string_view path) {
  WT_CHECK(check_directory_path(path));
  struct stat status {};
  if (::fstatat(root_, or_root(path).c_str(), &status, 0) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return posix_error(errno, "stat", path);
}

Status PosixDisk::sync_directory(std::string_view path) {
  WT_CHECK(check_writable("sync directory", path));
  WT_TRY(const int opened, open_directory(path));
  const Descriptor directory{opened};
  while (::fsync(directory.get()) != 0) {
    if (errno == EINTR) continue;
    // Some file systems have no fsync for directories: their names are as durable as they get.
    if (errno == EINVAL || errno == ENOTSUP) break;
    return posix_error(errno, "sync directory", path);
  }
  return {};
}

}  // namespace windtunnel::core
