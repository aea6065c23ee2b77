// A 64-bit hash for payloads, segments and files (XXH3): of other values than hash_bytes, and several times as fast where there
// is much to hash. The same on every machine, compiler and run.
#pragma once

#include <cstdint>
#include <string_view>

namespace windtunnel::core {

[[nodiscard]] std::uint64_t hash_data(std::string_view bytes);
// Of a message's headers and payload: what traces and ledgers know a message's content by.
[[nodiscard]] std::uint64_t content_hash(std::string_view headers, std::string_view payload);

}  // namespace windtunnel::core
