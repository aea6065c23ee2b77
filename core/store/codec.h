// The variable-length integers of index.db and o.dat (reference: filestore, "Notation"), with every read checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace windtunnel::core {

void put_uv(std::string& out, std::uint64_t value);
void put_sv(std::string& out, std::int64_t value);

// Reads from the front. After a read past the end, or of a varint of more than 64 bits, has_failed() is true and every
// read gives 0.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t uv();
  std::int64_t sv();
  std::uint8_t byte();
  std::string_view take(std::uint64_t size);
  [[nodiscard]] std::string_view rest() const { return bytes_.substr(at_); }
  [[nodiscard]] std::size_t offset() const { return at_; }
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  void fail() {
    has_failed_ = true;
    at_ = bytes_.size();
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool has_failed_ = false;
};

}  // namespace windtunnel::core
