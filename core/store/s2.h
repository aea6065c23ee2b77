// S2-compressed message blocks (reference: filestore 2.5).
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace windtunnel::core {

// The plain content of an S2 framed stream: chunks of S2 (or Snappy) blocks and plain data, each with its CRC-32C.
// Errors: corrupt; limit_reached if it would be larger than `size_max`.
[[nodiscard]] Result<std::string> decode_s2_stream(std::string_view stream, std::size_t size_max);

// What decode_s2_stream reads: chunks of at most 1 MiB, as Snappy blocks (a part of what S2 blocks may hold) or plain.
[[nodiscard]] std::string encode_s2_stream(std::string_view plain);

// Whether a block file's content is compressed: it begins with "cmp".
[[nodiscard]] bool is_compressed_block(std::string_view content);
// The plain content of such a file. Errors: corrupt; unsupported for an algorithm that is not known.
[[nodiscard]] Result<std::string> decompress_block(std::string_view content);
// The file of a block with this content. Requires: it ends with a whole record.
[[nodiscard]] std::string compress_block(std::string_view plain);

}  // namespace windtunnel::core
