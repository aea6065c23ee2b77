#include "core/store/codec.h"

namespace windtunnel::core {

void put_uv(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_sv(std::string& out, std::int64_t value) {
  put_uv(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

std::uint8_t ByteReader::byte() {
  if (at_ >= bytes_.size()) {
    fail();
    return 0;
  }
  return static_cast<std::uint8_t>(bytes_[at_++]);
}

std::uint64_t ByteReader::uv() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t group = byte();
    if (has_failed_) return 0;
    if (shift == 63 && group > 1) break;
    value |= (group & 0x7f) << shift;
    if (group < 0x80) return value;
  }
  fail();
  return 0;
}

std::int64_t ByteReader::sv() {
  const std::uint64_t value = uv();
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

std::string_view ByteReader::take(std::uint64_t size) {
  if (size > bytes_.size() - at_) {
    fail();
    return {};
  }
  const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(size));
  at_ += static_cast<std::size_t>(size);
  return taken;
}

}  // namespace windtunnel::core
