#include "core/jetstream/short_hash.h"

#include "core/base/hash.h"

namespace windtunnel::core {

std::string short_hash(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static constexpr std::size_t kSize = 8;
  const Sha256 sum = sha256(text);
  std::string out;
  for (std::size_t i = 0; i < kSize; ++i) out += kDigits[sum[i] % kDigits.size()];
  return out;
}

}  // namespace windtunnel::core
