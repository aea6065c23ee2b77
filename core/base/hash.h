// Hashes whose values are the same on every machine, compiler and run.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace windtunnel::core {

__extension__ using Uint128 = unsigned __int128;  // of GCC and clang; ISO C++ has none

// One step of the multiply-and-fold chain behind the trace hash: cheap (about 1 ns), order-sensitive, not cryptographic.
[[nodiscard]] constexpr std::uint64_t fold(std::uint64_t hash, std::uint64_t word) {
  const auto product = static_cast<Uint128>(hash ^ 0x9e3779b97f4a7c15u) * (word ^ 0xd6e8feb86659fd93u);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ (hash * 0xff51afd7ed558ccdu) ^ word;
}

// A 64-bit hash of the bytes, usable at compile time for names.
[[nodiscard]] constexpr std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0x51afd7ed558ccd51u ^ text.size();
  std::uint64_t word = 0;
  unsigned filled = 0;
  for (const char c : text) {
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << (8 * filled);
    if (++filled == 8) {
      hash = fold(hash, word);
      word = 0;
      filled = 0;
    }
  }
  return filled == 0 ? hash : fold(hash, word);
}

// The same value as hash_text, faster at run time for long inputs.
[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes);

using Sha256 = std::array<unsigned char, 32>;
[[nodiscard]] Sha256 sha256(std::string_view bytes);

// HighwayHash-64, the checksum of every nats-server store file (reference: filestore 2.1). Stored little endian.
using HighwayKey = std::array<std::uint64_t, 4>;
// The key that nats-server derives from a name: SHA-256 of the text, as four little-endian words.
[[nodiscard]] HighwayKey highway_key(std::string_view text);
[[nodiscard]] std::uint64_t highway_hash(const HighwayKey& key, std::string_view bytes);

}  // namespace windtunnel::core
