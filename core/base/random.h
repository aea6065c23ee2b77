// Random: a seeded stream of draws, and the only source of randomness in the core and the simulator.
//
// Every user has a stream of its own, forked by name from its parent's seed and never by drawing from it, so that a
// new draw in one place does not reshuffle another (reference: fault model, "Seeds that survive change"). xoshiro256++
// seeded by splitmix64; all draws are integer arithmetic and the same with every compiler and library.
// One draw a statement: the order in which arguments are evaluated is not specified.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

struct Seed {
  std::uint64_t value = 1;
  friend constexpr bool operator==(Seed, Seed) = default;
};

struct Ratio {  // a probability as a fraction, for no float may reach a decision
  std::uint32_t numerator = 0;
  std::uint32_t denominator = 1;
};

class Random {
 public:
  explicit Random(Seed seed);

  // The stream named `label` below this one. Depends on the seeds and labels above it alone, not on draws made.
  [[nodiscard]] Random child(std::string_view label) const;
  [[nodiscard]] Seed seed() const { return seed_; }

  std::uint64_t next();
  // Uniform in [0, bound). Requires: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [low, high], both ends included. Requires: low <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high);
  Duration between(Duration low, Duration high);
  bool chance(Ratio probability);
  // `size` characters of 0-9A-Za-z, as NATS generates names. size <= 32.
  std::string_view token(std::size_t size, std::array<char, 32>& buffer);

 private:
  Seed seed_;
  std::array<std::uint64_t, 4> state_;
};

}  // namespace windtunnel::core
