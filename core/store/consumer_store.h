// ConsumerStore: the state of one consumer in obs/<consumer>/o.dat (reference: filestore 2.8 and 5).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/store/store_options.h"

namespace windtunnel::core {

struct Env;

struct SequencePair {
  std::uint64_t consumer = 0;  // the delivery sequence
  Seq stream;
  friend bool operator==(const SequencePair&, const SequencePair&) = default;
};

struct PendingDelivery {
  std::uint64_t consumer_seq = 0;  // of the first delivery
  WallTime delivered_at;           // of the last delivery
  friend bool operator==(const PendingDelivery&, const PendingDelivery&) = default;
};

struct ConsumerState {
  SequencePair delivered;
  SequencePair ack_floor;
  std::map<Seq, PendingDelivery> pending;
  std::map<Seq, std::uint64_t> redelivered;  // deliveries - 1
  WallTime written_at{};                     // of one that was read, to the second; 0: not known, or nothing is pending
  // Whether they say the same of the consumer, whenever they were written.
  friend bool operator==(const ConsumerState& a, const ConsumerState& b) {
    return a.delivered == b.delivered && a.ack_floor == b.ack_floor && a.pending == b.pending && a.redelivered == b.redelivered;
  }
};

// o.dat, version 2. `now` is the wall clock; pending times keep whole seconds only, as the format has it.
[[nodiscard]] std::string encode_consumer_state(const ConsumerState& state, WallTime now);
// Reads versions 1 and 2. Errors: corrupt, with what and at which offset.
[[nodiscard]] Result<ConsumerState> decode_consumer_state(std::string_view bytes);

class ConsumerStore {
 public:
  virtual ~ConsumerStore() = default;
  // What was on disk when the store was opened; nullopt for a new consumer.
  [[nodiscard]] virtual const std::optional<ConsumerState>& recovered() const = 0;
  // Something changed: the flusher writes the whole state, the first time at once, then at most once in 100 ms. Does
  // not suspend.
  virtual void changed() noexcept = 0;
  // Writes now. Suspends.
  virtual Status write() = 0;
  // Orderly end: writes if dirty. Suspends.
  virtual Status stop() = 0;
  // Ends and removes the directory. Suspends.
  virtual Status destroy() = 0;
};

// `directory`: "jetstream/$G/streams/ORDERS/obs/worker"; made if absent. `current` gives the state to be written, for
// as long as the store lives; it must not suspend. Suspends.
// Errors: corrupt (an o.dat that does not decode: reported, never taken for an empty state), io_error.
Result<std::unique_ptr<ConsumerStore>> open_consumer_store(Env& env, const StoreSettings& settings, std::string directory,
                                                           std::function<ConsumerState()> current);

}  // namespace windtunnel::core
