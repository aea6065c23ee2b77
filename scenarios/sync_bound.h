// SyncBound: how long a mirror or a source may take to be level once all is quiet: the sum of the longest waits that the core's own
// configuration allows on the way from its origin. Whatever takes longer is slower than anything that is written down anywhere.
//
// Counted from when the last fault has struck, the last publish was due and every node on the way runs. Independent of how long an
// outage was, but for what lies on the way: a link whose end nobody was told of is given up after its pings at the latest.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "core/jetstream/copy_timing.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

// How often the driver looks at lags: so late it may notice that one is gone.
inline constexpr core::Duration kLookEvery = std::chrono::milliseconds{100};

// An attempt asks what the origin is and whether it is still the one (each may be forbidden), then for a consumer. If nobody answers,
// the status shows it when that is over.
inline constexpr core::Duration kSurfaceBound = 2 * core::copy_timing::kFactsWait + core::copy_timing::kReplyWait;

struct SyncBound {
  struct Part {
    std::string what;  // "to dial again"
    core::Duration time{};
  };
  std::vector<Part> parts;

  void add(std::string what, core::Duration time) {
    if (time > core::Duration{0}) parts.push_back({std::move(what), time});
  }
  [[nodiscard]] core::Duration total() const;
  [[nodiscard]] std::string text() const;  // "3s to dial again, 2s199ms until it asks"
};

// What happened to links, and to nodes as their peers see them. Kernel time.
class DisturbanceLog {
 public:
  enum class Told : std::uint8_t {
    yes,    // a reset of both directions: both ends know
    no,     // a black hole, a reset of one direction, a loss of power, a node that stands still
    unmet,  // a loss of power of a node to which its peers have nothing to send: only their pings find out
  };
  // `a` and `b`: a link's nodes; of a node both are its name.
  void began(Told told, const std::string& a, const std::string& b, core::Instant at);
  void over(const std::string& a, const std::string& b, core::Instant at);

  // Whether one of these nodes, or a link between them, is disturbed now.
  [[nodiscard]] bool is_open(const std::set<std::string>& nodes) const;
  // For how long after `quiet` an end of a link between these nodes may still believe in a connection that is dead, or wait for the
  // next retransmission on one that is not.
  [[nodiscard]] core::Duration left_at(core::Instant quiet, const Scenario& scenario, const std::set<std::string>& nodes) const;

 private:
  struct Disturbance {
    Told told = Told::no;
    std::string a;
    std::string b;
    core::Instant from;
    std::optional<core::Instant> to;
  };
  std::vector<Disturbance> disturbances_;
};

// What a copy had still to bring when all was quiet, over the links that it comes by, and what its node had to store.
struct Backlog {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t stored = 0;   // messages of every copy that is on the same node: one disk takes them one after another
  bool syncs_always = false;  // it syncs each
};

// The nodes from one to the other along the links, both included; empty: there is no way.
[[nodiscard]] std::set<std::string> way(const Scenario& scenario, const std::string& from, const std::string& to);

// There and back over the links between these nodes, at the slowest.
[[nodiscard]] core::Duration round_trip(const Scenario& scenario, const std::set<std::string>& nodes);

// What the narrowest link between these nodes carries in a second; 0: no link has a limit.
[[nodiscard]] std::uint64_t bandwidth(const Scenario& scenario, const std::set<std::string>& nodes);

// Until the copy has asked its origin and got the first answer. `silence`: what is left of it.
[[nodiscard]] SyncBound resume_bound(const Scenario& scenario, const std::set<std::string>& nodes, core::Duration silence);

// Until the backlog has come, too.
[[nodiscard]] core::Duration transfer_bound(const Scenario& scenario, const std::set<std::string>& nodes, const Backlog& backlog);

}  // namespace windtunnel::scenarios
