// LagWatcher: how far mirrors and sources are behind, looked at from outside while the run goes on.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "scenarios/judge.h"
#include "scenarios/sync_bound.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

// To start what is down, at the end of a run; and how long a node that does not come up keeps what it has to copy from being judged.
inline constexpr core::Duration kStartBound = std::chrono::seconds{30};

class LagWatcher {
 public:
  explicit LagWatcher(World& world);

  // Driver only, now and then. `last_fault`: nullopt while one is still to come; kernel time.
  void look(std::optional<core::Instant> last_fault, core::Instant publishing_until);

  [[nodiscard]] const std::vector<LagWatch>& watches() const { return watches_; }
  // For sync-makes-progress: a sample a mirror or source that is level, or whose bound has run out by now.
  [[nodiscard]] std::vector<LagSample> samples() const;
  [[nodiscard]] std::vector<CopyWait> catch_ups() const;
  // By when every copy must be level; nullopt: that is not known yet. Time 0 if there are none.
  [[nodiscard]] std::optional<core::Instant> due() const;

 private:
  // A mirror or a source, and what its sample is made of.
  struct Copy {
    LagSample sample;
    const StreamSpec* origin = nullptr;    // of this scenario; never nullptr
    std::set<std::string> nodes;           // on the way from its origin
    std::vector<std::size_t> upstream;     // the copies that its origin is or has, and theirs
    core::Instant quiet = core::kForever;  // by faults and publishes alone
    bool is_broken = false;                // a link on the way is cut to the end, or a node stands still
    bool is_up = false;                    // the nodes ran since then, or were given up
    std::uint64_t backlog = 0;             // messages, when they did
    SyncBound bound;
    std::optional<std::uint64_t> lag;  // when it was last looked at
    bool has_parted = false;           // a mirror that follows its origin no more, and says so
  };

  void find_upstream();
  void look_at(core::Instant quiet);
  void begin(Copy& copy, core::Instant quiet);
  void set_due(Copy& copy);
  [[nodiscard]] bool runs(const Copy& copy);
  [[nodiscard]] Backlog backlog_of(const Copy& copy) const;
  [[nodiscard]] bool is_decided(const Copy& copy) const;
  [[nodiscard]] bool is_broken_above(const Copy& copy) const;
  // Messages that the copy has still to bring. nullopt if one of the two streams cannot be seen.
  [[nodiscard]] std::optional<std::uint64_t> lag_of(const Copy& copy) const;
  [[nodiscard]] bool has_parted(const StreamSpec& spec) const;
  [[nodiscard]] std::optional<std::uint64_t> source_lag_of(const Copy& copy, core::Stream& origin) const;
  [[nodiscard]] std::optional<std::uint64_t> reported_lag_of(const StreamSpec& mirror) const;

  World& world_;
  std::vector<LagWatch> watches_;
  std::vector<Copy> copies_;
};

}  // namespace windtunnel::scenarios
