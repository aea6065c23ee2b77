// SurfaceWatch: how long mirrors and sources that ask for their origin in vain keep it to themselves, looked at from outside while the
// run goes on. For config-error-surfaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "scenarios/copy_status.h"
#include "scenarios/history.h"
#include "scenarios/run.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

class SurfaceWatch {
 public:
  explicit SurfaceWatch(World& world);

  // Driver only, now and then.
  void look();

  [[nodiscard]] const std::vector<SilentCopy>& findings() const { return findings_; }
  // Of each copy that ever showed an error or a lag while it asked in vain, the longest time until then.
  [[nodiscard]] std::vector<CopyWait> waits() const;

 private:
  struct Copy {
    Copy(std::string reader_, std::string origin_) : reader(std::move(reader_)), origin(std::move(origin_)) {}
    std::string reader;  // as its events name it
    std::string origin;
    core::Instant since = core::kForever;  // its first request in vain of this time; kForever: it has what it asked for
    bool has_shown = false;                // an error or a lag, this time
    bool is_found = false;                 // the same
    std::optional<core::Duration> longest;
  };
  struct Copies {
    const StreamSpec* spec = nullptr;
    World::NodePlace* place = nullptr;
    StreamKey key;
    core::Instant away_until = core::Instant::min();  // its server did not run then
    std::vector<Copy> all;
  };

  void look_at(Copies& copies);
  // Sets `since`.
  [[nodiscard]] bool is_in_vain(Copy& copy, const Copies& of) const;

  World& world_;
  std::vector<Copies> copies_;
  std::vector<SilentCopy> findings_;
};

}  // namespace windtunnel::scenarios
