// Replacing a small file so that every crash leaves the old content or the new one.
#pragma once

#include <string_view>

#include "core/base/result.h"

namespace windtunnel::core {

struct Env;

// Writes `content` to `path` and makes it durable; the name is not (see sync_names_of). Suspends.
Status write_synced(Env& env, std::string_view path, std::string_view content);
// Writes to "<path>.tmp", syncs that, and renames it over `path`. The new name is durable after sync_names_of. Suspends.
Status replace_file(Env& env, std::string_view path, std::string_view content);
// What nats-server did before 2.11.11 and 2.12.1 (defect nats-7388): a crash may leave an empty file. Suspends.
Status write_in_place(Env& env, std::string_view path, std::string_view content, bool syncs);
// fsync of a directory; nothing with the defect no-dir-sync. Suspends.
Status sync_names_of(Env& env, std::string_view directory);
// The same for every directory above `directory`: makes the way to it durable. Suspends.
Status sync_names_above(Env& env, std::string_view directory);

}  // namespace windtunnel::core
