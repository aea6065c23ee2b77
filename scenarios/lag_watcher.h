// LagWatcher: how far mirrors and sources are behind, looked at from outside while the run goes on.
#pragma once

#include <optional>
#include <vector>

#include "core/base/types.h"
#include "scenarios/judge.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class LagWatcher {
 public:
  explicit LagWatcher(World& world);

  // Driver only, now and then. `last_fault`: nullopt while one is still to come; kernel time.
  void look(std::optional<core::Instant> last_fault, core::Instant publishing_until);

  [[nodiscard]] const std::vector<LagWatch>& watches() const { return watches_; }
  // For sync-makes-progress: a sample a mirror whose bound has run out by now.
  [[nodiscard]] std::vector<LagSample> samples() const;

 private:
  // Origin's last sequence minus the mirror's; what a source has still to bring. nullopt if one of the two cannot be seen.
  [[nodiscard]] std::optional<std::uint64_t> lag_of(const StreamSpec& copy, const OriginSpec& from) const;
  [[nodiscard]] std::optional<std::uint64_t> source_lag_of(const StreamSpec& copy, const OriginSpec& from, core::Stream& origin) const;
  [[nodiscard]] std::optional<std::uint64_t> reported_lag_of(const StreamSpec& mirror) const;

  World& world_;
  std::vector<LagWatch> watches_;
  std::vector<LagSample> samples_;
};

}  // namespace windtunnel::scenarios
