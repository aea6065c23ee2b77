// StoreUsage: what all streams of a node hold together, against what they may (nats-server's max_memory_store and max_file_store).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "core/jetstream/stream_config.h"

namespace windtunnel::core {

// In bytes, of messages as the store counts them. nats-server takes three quarters of the machine's memory and disk; ours does not
// depend on the machine.
struct StoreMax {
  std::int64_t memory = std::int64_t{1} << 36;
  std::int64_t file = std::int64_t{1} << 40;
  [[nodiscard]] std::int64_t of(StorageType storage) const { return storage == StorageType::memory ? memory : file; }
};

class StoreUsage {
 public:
  // `measure` adds up what the streams of one kind of storage hold; does not suspend.
  using Measure = std::function<std::uint64_t(StorageType)>;
  StoreUsage(StoreMax max, Measure measure) : max_(max), measure_(std::move(measure)) {}

  [[nodiscard]] const StoreMax& max() const { return max_; }
  // Whether more is held than may be: then nothing is to be stored (streams A.2, step 9). Does not suspend.
  [[nodiscard]] bool is_exceeded(StorageType storage);
  // A message of so many bytes, its record's frame not counted, has been stored.
  void note_stored(StorageType storage, std::size_t bytes);

 private:
  // Measured once, what is stored afterwards can only add its own size: until that could exceed, nothing is measured again.
  std::uint64_t& room(StorageType storage) { return room_[storage == StorageType::memory ? 1 : 0]; }

  StoreMax max_;
  Measure measure_;
  std::array<std::uint64_t, 2> room_{};  // at least so much is left
};

}  // namespace windtunnel::core
