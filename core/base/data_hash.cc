#include "core/base/data_hash.h"

#include <xxhash.h>

#include "core/base/hash.h"

namespace windtunnel::core {

std::uint64_t hash_data(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t content_hash(std::string_view headers, std::string_view payload) {
  return headers.empty() ? hash_data(payload) : fold(hash_data(headers), hash_data(payload));
}

}  // namespace windtunnel::core
