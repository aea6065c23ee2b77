// The memory store: `storage: memory`. Gone with its process.
#pragma once

#include <memory>

#include "core/store/store_options.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

struct Env;

std::unique_ptr<StreamStore> make_memory_store(Env& env, StreamStoreOptions options);

}  // namespace windtunnel::core
