#include "core/store/s2.h"

#include <snappy.h>

#include <array>
#include <cstdint>

#include "core/base/assert.h"
#include "core/store/codec.h"
#include "core/store/record.h"

namespace windtunnel::core {
namespace {

constexpr std::string_view kPrefix = "cmp";
constexpr std::size_t kChecksumSize = 8;  // of the last record, in the clear at the end
constexpr std::uint64_t kPlainSizeMax = std::uint64_t{64} << 20;
constexpr std::size_t kChunkPlainMax = 4u << 20;
constexpr std::size_t kChunkWritten = 1u << 20;
constexpr std::size_t kCrcSize = 4;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t masked_crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

std::size_t little_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// One S2 block: literals, copies of what came before, and repeats of the last copy's distance.
bool decode_s2_block(ByteReader& in, std::string& out) {
  const std::size_t size = static_cast<std::size_t>(in.uv());
  if (in.has_failed() || size > kChunkPlainMax) return false;
  const std::size_t start = out.size();
  std::size_t distance = 0;
  while (!in.rest().empty()) {
    const std::uint8_t tag = in.byte();
    const std::size_t upper = tag >> 2;
    std::size_t length = 0;
    if ((tag & 3) == 0) {
      length = upper < 60 ? upper : little_endian(in.take(upper - 59));
      ++length;
      if (length > size - (out.size() - start)) return false;
      out.append(in.take(length));
      if (in.has_failed()) return false;
      continue;
    }
    if ((tag & 3) == 1) {
      const std::size_t offset = static_cast<std::size_t>(tag & 0xe0) << 3 | in.byte();
      length = upper & 7;
      if (offset != 0) {
        distance = offset;
      } else if (length >= 5) {
        static constexpr std::array<std::size_t, 3> kBase = {4, 1 << 8, 1 << 16};
        const std::size_t extra = length - 4;
        length = little_endian(in.take(extra)) + kBase[extra - 1];
      }
      length += 4;
    } else {
      length = upper + 1;
      distance = little_endian(in.take((tag & 3) == 2 ? 2 : 4));
    }
    if (in.has_failed() || distance == 0 || distance > out.size() - start || length > size - (out.size() - start)) return false;
    // Byte by byte: a copy may reach into what it writes.
    for (std::size_t i = 0; i < length; ++i) out.push_back(out[out.size() - distance]);
  }
  return out.size() - start == size;
}

}  // namespace

Result<std::string> decode_s2_stream(std::string_view stream, std::size_t size_max) {
  std::string out;
  ByteReader reader{stream};
  const auto corrupt = [&](std::string_view what) {
    return error(Errc::corrupt, std::string(what) + " in the S2 chunk that ends at offset " + std::to_string(reader.offset()));
  };
  while (!reader.rest().empty()) {
    const std::uint8_t type = reader.byte();
    const std::string_view chunk = reader.take(little_endian(reader.take(3)));
    if (reader.has_failed()) return corrupt("a length past the end");
    if (type == 0xff) {
      if (chunk != "S2sTwO" && chunk != "sNaPpY") return corrupt("an unknown stream identifier");
      continue;
    }
    if (type >= 0x80) continue;  // padding and what may be skipped
    if (type > 1 || chunk.size() < 4) return corrupt("an unknown chunk");
    const std::size_t start = out.size();
    if (type == 1) {
      out.append(chunk.substr(4));
    } else {
      ByteReader block{chunk.substr(4)};
      if (!decode_s2_block(block, out)) return corrupt("a block that does not unpack");
    }
    if (out.size() > size_max) return error(Errc::limit_reached, "the content is larger than its header says");
    if (masked_crc32c(std::string_view(out).substr(start)) != load_u32(chunk)) return corrupt("a wrong checksum");
  }
  return out;
}

std::string encode_s2_stream(std::string_view plain) {
  std::string out{"\xff\x06\0\0S2sTwO", 10};
  std::string packed;
  while (!plain.empty()) {
    const std::string_view chunk = plain.substr(0, kChunkWritten);
    plain.remove_prefix(chunk.size());
    snappy::Compress(chunk.data(), chunk.size(), &packed);
    const bool is_packed = packed.size() < chunk.size();
    const std::string_view data = is_packed ? std::string_view(packed) : chunk;
    // Type and length are one word: the length has 24 bits.
    put_u32(out, static_cast<std::uint32_t>(data.size() + kCrcSize) << 8 | (is_packed ? 0u : 1u));
    put_u32(out, masked_crc32c(chunk));
    out.append(data);
  }
  return out;
}

std::string compress_block(std::string_view plain) {
  WT_ASSERT(plain.size() >= kChecksumSize);
  std::string out{kPrefix};
  out.push_back(1);
  put_uv(out, plain.size());
  out.append(encode_s2_stream(plain.substr(0, plain.size() - kChecksumSize)));
  out.append(plain.substr(plain.size() - kChecksumSize));
  return out;
}

bool is_compressed_block(std::string_view content) { return content.size() >= 5 && content.starts_with(kPrefix); }

Result<std::string> decompress_block(std::string_view content) {
  ByteReader reader{content.substr(kPrefix.size())};
  const std::uint8_t algorithm = reader.byte();
  const std::uint64_t size = reader.uv();
  const std::string_view rest = reader.rest();
  if (reader.has_failed() || rest.size() < kChecksumSize || size < kChecksumSize || size > kPlainSizeMax)
    return error(Errc::corrupt, "a bad header of a compressed block");
  const std::string_view packed = rest.substr(0, rest.size() - kChecksumSize);
  std::string plain;
  if (algorithm == 0) {
    plain = std::string(packed);
  } else if (algorithm == 1) {
    WT_TRY(plain, decode_s2_stream(packed, static_cast<std::size_t>(size)));
  } else {
    return error(Errc::unsupported, "compression algorithm " + std::to_string(algorithm));
  }
  plain.append(rest.substr(rest.size() - kChecksumSize));
  if (plain.size() != size) return error(Errc::corrupt, "a compressed block of another size than its header says");
  return plain;
}

}  // namespace windtunnel::core
