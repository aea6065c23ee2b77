#include "core/base/result.h"

namespace windtunnel::core {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::not_found: return "not_found";
    case Errc::already_exists: return "already_exists";
    case Errc::io_error: return "io_error";
    case Errc::no_space: return "no_space";
    case Errc::read_only: return "read_only";
    case Errc::corrupt: return "corrupt";
    case Errc::closed: return "closed";
    case Errc::reset: return "reset";
    case Errc::refused: return "refused";
    case Errc::timeout: return "timeout";
    case Errc::unsupported: return "unsupported";
    case Errc::limit_reached: return "limit_reached";
    case Errc::sequence_mismatch: return "sequence_mismatch";
    case Errc::protocol: return "protocol";
  }
  WT_ASSERT(!"an Errc without a name");
  return "";
}

std::string Error::text() const {
  std::string out{name_of(code)};
  if (!detail.empty()) out.append(": ").append(detail);
  return out;
}

}  // namespace windtunnel::core
