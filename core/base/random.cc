#include "core/base/random.h"

#include <bit>

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace windtunnel::core {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(Seed seed) : seed_(seed) {
  std::uint64_t mix = seed.value;
  for (auto& word : state_) word = split_mix(mix);
}

Random Random::child(std::string_view label) const { return Random{Seed{fold(hash_text(label), seed_.value)}}; }

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  WT_ASSERT(bound > 0);
  // Lemire's method: the high half of a 128-bit product, with the few biased low halves drawn again.
  auto product = static_cast<Uint128>(next()) * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (low < threshold) {
      product = static_cast<Uint128>(next()) * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t Random::between(std::uint64_t low, std::uint64_t high) {
  WT_ASSERT(low <= high);
  if (low == 0 && high == UINT64_MAX) return next();
  return low + below(high - low + 1);
}

Duration Random::between(Duration low, Duration high) {
  WT_ASSERT(low <= high);
  return low + Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((high - low).count()) + 1))};
}

bool Random::chance(Ratio probability) { return below(probability.denominator) < probability.numerator; }

std::string_view Random::token(std::size_t size, std::array<char, 32>& buffer) {
  static constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  WT_ASSERT(size <= buffer.size());
  for (std::size_t i = 0; i < size; ++i) buffer[i] = kDigits[below(kDigits.size())];
  return {buffer.data(), size};
}

}  // namespace windtunnel::core
