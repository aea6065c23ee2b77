#include "core/base/hash.h"

#include <doctest/doctest.h>

#include <string>

namespace windtunnel::core {
namespace {

std::string hex_le(std::uint64_t word) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (int i = 0; i < 8; ++i) {
    const auto byte = static_cast<unsigned>(word >> (8 * i) & 255);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string hex(const Sha256& digest) {
  std::string out;
  for (const unsigned char byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST_CASE("HighwayHash-64 gives the published vectors") {
  HighwayKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x1716151413121110, 0x1f1e1d1c1b1a1918};
  struct Row {
    std::size_t size;
    std::string digest;
  };
  for (const Row& row :
       {Row{0, "536ec222de567a90"}, Row{1, "78ddcdc7aa43ab7e"}, Row{33, "fc8131a03cf7902c"}, Row{64, "ffa6d24c5d2c5475"}}) {
    CAPTURE(row.size);
    std::string bytes;
    for (std::size_t i = 0; i < row.size; ++i) bytes += static_cast<char>(i);
    CHECK(hex_le(highway_hash(key, bytes)) == row.digest);
  }
}

TEST_CASE("SHA-256 gives the key that nats-server derives for a block") {
  CHECK(hex(sha256("ORDERS-1")) == "4743479c7497e0043c0ddff713dbd9f23b738a1f0b31f9c2443404cde6418e8c");
  CHECK(hex(sha256("ORDERS")) == "d0d6efb188ea82c3cd3bc1b51990653384d7611ec990f74abce48a766fc10e37");
  CHECK(hex(sha256(std::string(200, 'a'))) == "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5");
}

TEST_CASE("hash_text at compile time and hash_bytes at run time agree") {
  constexpr std::uint64_t kAtCompileTime = hash_text("stream.stored, twelve or more bytes");
  CHECK(kAtCompileTime == hash_bytes("stream.stored, twelve or more bytes"));
  const std::string_view text = "of every length, ends of 0 to 7 bytes";
  for (std::size_t size = 0; size <= text.size(); ++size) CHECK(hash_text(text.substr(0, size)) == hash_bytes(text.substr(0, size)));
  CHECK(hash_bytes("a") != hash_bytes("b"));
  CHECK(hash_bytes(std::string_view("\0", 1)) != hash_bytes(""));
}

}  // namespace
}  // namespace windtunnel::core
