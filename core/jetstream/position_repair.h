// Whether recovery brings a stream and its consumers together where one of them has fallen behind the other.
#pragma once

#include <algorithm>
#include <array>

#include "core/base/defects.h"

namespace windtunnel::core {

// Ours raises the stream's last sequence to what its consumers were delivered, for that was used, and takes back a consumer
// that is still ahead. No nats-server raises, and before 2.14 (PR 7692) none took back: where a stream falls back by a defect
// of those releases, the consumer stays ahead of it as it did there.
[[nodiscard]] inline bool repairs_positions(const Defects& defects) {
  constexpr std::array kOfReleasesWithout = {Defect::nats_5497, Defect::nats_6600, Defect::nats_6881, Defect::nats_7384,
                                             Defect::nats_7676, Defect::nats_7692, Defect::nats_7782};
  return std::none_of(kOfReleasesWithout.begin(), kOfReleasesWithout.end(), [&](Defect defect) { return defects.is_on(defect); });
}

}  // namespace windtunnel::core
