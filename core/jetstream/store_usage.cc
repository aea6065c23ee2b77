#include "core/jetstream/store_usage.h"

#include <algorithm>

namespace windtunnel::core {
namespace {

constexpr std::uint64_t kFrame = 64;  // no record's is larger: lengths, sequence, time, checksum

}  // namespace

bool StoreUsage::is_exceeded(StorageType storage) {
  if (room(storage) > 0) return false;
  const auto max = static_cast<std::uint64_t>(std::max<std::int64_t>(0, max_.of(storage)));
  const std::uint64_t used = measure_(storage);
  room(storage) = max - std::min(max, used);
  return used > max;
}

void StoreUsage::note_stored(StorageType storage, std::size_t bytes) {
  std::uint64_t& left = room(storage);
  left -= std::min<std::uint64_t>(left, bytes + kFrame);
}

}  // namespace windtunnel::core
