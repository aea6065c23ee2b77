// o.dat (reference: filestore 2.8).
#include "core/store/codec.h"
#include "core/store/consumer_store.h"

namespace windtunnel::core {
namespace {

constexpr std::uint8_t kMagic = 22;
constexpr std::uint8_t kVersion = 2;
constexpr std::int64_t kSecond = 1000000000;
constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63;

Error corrupt(const ByteReader& reader, std::string_view what) {
  return error(Errc::corrupt, "consumer state: " + std::string(what) + " at offset " + std::to_string(reader.offset()));
}

// Seconds as a wall time; false if no clock ever showed it.
bool to_wall_time(std::int64_t seconds, WallTime& out) {
  if (seconds > INT64_MAX / kSecond || seconds < INT64_MIN / kSecond) return false;
  out = WallTime{seconds * kSecond};
  return true;
}

}  // namespace

std::string encode_consumer_state(const ConsumerState& state, WallTime now) {
  std::string out{static_cast<char>(kMagic), static_cast<char>(kVersion)};
  put_uv(out, state.ack_floor.consumer);
  put_uv(out, state.ack_floor.stream.value);
  put_uv(out, state.delivered.consumer);
  put_uv(out, state.delivered.stream.value);
  put_uv(out, state.pending.size());
  if (!state.pending.empty()) {
    // Rounded to the nearest second, as the server does.
    const std::int64_t now_seconds = (now.unix_ns + kSecond / 2) / kSecond;
    put_sv(out, now_seconds);
    for (const auto& [seq, delivery] : state.pending) {
      put_uv(out, seq.value - state.ack_floor.stream.value);
      put_uv(out, delivery.consumer_seq - state.ack_floor.consumer);
      put_sv(out, now_seconds - delivery.delivered_at.unix_ns / kSecond);
    }
  }
  put_uv(out, state.redelivered.size());
  for (const auto& [seq, count] : state.redelivered) {
    put_uv(out, seq.value - state.ack_floor.stream.value);
    put_uv(out, count);
  }
  return out;
}

Result<ConsumerState> decode_consumer_state(std::string_view bytes) {
  ByteReader reader{bytes};
  const std::uint8_t magic = reader.byte();
  const std::uint8_t version = reader.byte();
  if (reader.has_failed() || magic != kMagic || version < 1 || version > kVersion) return corrupt(reader, "no known magic and version");
  ConsumerState state;
  state.ack_floor.consumer = reader.uv();
  state.ack_floor.stream = Seq{reader.uv()};
  state.delivered.consumer = reader.uv();
  state.delivered.stream = Seq{reader.uv()};
  if (reader.has_failed()) return corrupt(reader, "it ends in the sequences");
  if (version == 1) {
    // Version 1 has the next sequence to be delivered, relative to the floor.
    if (state.ack_floor.consumer > 1) state.delivered.consumer += state.ack_floor.consumer - 1;
    if (state.ack_floor.stream.value > 1) state.delivered.stream.value += state.ack_floor.stream.value - 1;
  }
  if (((state.ack_floor.stream.value | state.delivered.stream.value) & kTopBit) != 0)
    return corrupt(reader, "an impossible stream sequence");

  const std::uint64_t pending = reader.uv();
  if (pending > 0) {
    const std::int64_t base = reader.sv();
    // Version 1 has the time of the first delivery here.
    if (version > 1) static_cast<void>(to_wall_time(base, state.written_at));
    for (std::uint64_t i = 0; i < pending && !reader.has_failed(); ++i) {
      const Seq seq{reader.uv() + state.ack_floor.stream.value};
      const std::uint64_t consumer_seq = version == 1 ? 0 : reader.uv() + state.ack_floor.consumer;
      const std::int64_t delta = reader.sv();
      if (reader.has_failed()) break;
      if (seq.value == 0 || (seq.value & kTopBit) != 0) return corrupt(reader, "an impossible pending sequence");
      std::int64_t seconds = 0;
      const bool overflows = version == 1 ? __builtin_add_overflow(base, delta, &seconds) : __builtin_sub_overflow(base, delta, &seconds);
      PendingDelivery delivery{consumer_seq, {}};
      if (overflows || !to_wall_time(seconds, delivery.delivered_at)) return corrupt(reader, "an impossible delivery time");
      state.pending[seq] = delivery;
    }
  }
  const std::uint64_t redelivered = reader.uv();
  for (std::uint64_t i = 0; i < redelivered && !reader.has_failed(); ++i) {
    const std::uint64_t delta = reader.uv();
    const std::uint64_t count = reader.uv();
    if (reader.has_failed() || delta == 0 || count == 0) continue;
    state.redelivered[Seq{delta + state.ack_floor.stream.value}] = count;
  }
  if (reader.has_failed()) return corrupt(reader, "it ends in the middle");
  return state;
}

}  // namespace windtunnel::core
