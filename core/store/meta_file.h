// meta.inf and meta.sum: a stream's or consumer's configuration as JSON with its checksum (reference: filestore 2.9, 2.10).
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace windtunnel::core {

struct Env;

// Writes both files of `directory` (which must exist) so that a crash at any point leaves the old pair or the new one
// readable: to temporary names, synced, renamed, directory synced. `key_text` is "<stream>" or "<stream>/<consumer>".
// Suspends.
Status write_meta(Env& env, std::string_view directory, std::string_view key_text, std::string_view json);

// The content of meta.inf if meta.sum agrees. Errors: not_found (which of the two), corrupt (sums differ). Suspends.
Result<std::string> read_meta(Env& env, std::string_view directory, std::string_view key_text);

}  // namespace windtunnel::core
