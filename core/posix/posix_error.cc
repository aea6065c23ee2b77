#include "core/posix/posix_error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace windtunnel::core {

Errc errc_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return Errc::not_found;
    case EEXIST:
    case ENOTEMPTY: return Errc::already_exists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Errc::no_space;
    case EROFS:
    case EACCES:
    case EPERM: return Errc::read_only;
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG: return Errc::invalid_argument;
    default: return Errc::io_error;
  }
}

Error posix_error(int number, std::string_view what, std::string_view path) {
  return error(errc_of(number),
               std::string(what) + " " + (path.empty() ? "the root" : std::string(path)) + ": " + std::generic_category().message(number));
}

}  // namespace windtunnel::core
