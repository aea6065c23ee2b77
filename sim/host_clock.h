// WallClock: what a machine's wall clock shows while virtual time passes: it may be off, drift, and step either way.
// Timers and deadlines run on virtual time and never notice.
#pragma once

#include <cstdint>

#include "core/base/types.h"

namespace windtunnel::sim {

// 2024-01-01T00:00:00Z, what every wall clock shows at virtual time 0.
inline constexpr core::WallTime kWorldStart{1'704'067'200'000'000'000};

class WallClock {
 public:
  [[nodiscard]] core::WallTime at(core::Instant now) const {
    const std::int64_t passed = (now - since_).count();
    const std::int64_t drift = passed / kMillion * drift_ppm_ + passed % kMillion * drift_ppm_ / kMillion;
    return shown_ + core::Duration{passed + drift};
  }
  void step(core::Instant now, core::Duration by) {
    shown_ = at(now) + by;
    since_ = now;
  }
  // From now on it gains so many parts per million; negative: it loses.
  void set_drift(core::Instant now, std::int32_t ppm) {
    shown_ = at(now);
    since_ = now;
    drift_ppm_ = ppm;
  }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;
  core::WallTime shown_ = kWorldStart;  // at since_
  core::Instant since_{};
  std::int64_t drift_ppm_ = 0;
};

}  // namespace windtunnel::sim
