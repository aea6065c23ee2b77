// The file store: one stream in nats-server's own on-disk format (reference: filestore).
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/store/store_options.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

struct Env;

// Opens the store in options.directory, making it if it is not there, and recovers what it holds. Starts the store's
// background tasks (periodic sync, index snapshots). `env` must outlive the store. Suspends.
// Errors: io_error, no_space; unsupported for an encrypted store. Damage is no error: what is damaged is given up and
// reported in StreamState::lost.
Result<std::unique_ptr<StreamStore>> open_file_store(Env& env, const StoreSettings& settings, StreamStoreOptions options);

}  // namespace windtunnel::core
