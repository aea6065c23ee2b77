#include "scenarios/sync_bound.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/jetstream/consumer_flow.h"
#include "core/server/server_config.h"
#include "faults/units.h"
#include "scenarios/node_program.h"
#include "sim/disk.h"

namespace windtunnel::scenarios {
namespace {

namespace timing = core::copy_timing;

// Round trips of a link's making: SYN, INFO and CONNECT, INFO, interest.
constexpr std::int64_t kHandshakeTrips = 4;
// Of a copy's: STREAM.INFO, STREAM.MSG.GET, the names and the deletion of what it left, the request for a consumer, the interest in what
// that sends; and the first message.
constexpr std::int64_t kAttemptTrips = 6;
// What stands around a message on its way: subject, reply, sizes, and the header that says where it comes from.
constexpr std::uint64_t kEnvelopeBytes = 512;

bool is_between(const faults::LinkEnds& ends, const std::set<std::string>& nodes) {
  return nodes.contains(ends.a) && nodes.contains(ends.b);
}

// What delays and throttles leave of a link at the end of the timeline. Of those that strike again and again, and of heals that do, it
// cannot be told which comes last.
struct LinkState {
  core::Duration latency{};
  std::uint64_t bandwidth = 0;  // per second; 0: unlimited
};
LinkState state_of(const Scenario& scenario, const LinkSpec& link) {
  const LinkState own{link.latency.high, link.bandwidth ? link.bandwidth->value : 0};
  LinkState worst = own;
  for (const FaultSpec& fault : scenario.faults) {
    const faults::LinkEnds* ends = faults::link_of(fault.fault.action);
    if (ends == nullptr || !ends->joins_same(link.between)) continue;
    if (std::holds_alternative<faults::Heal>(fault.fault.action) && !fault.fault.every) worst = own;
    if (const auto* delay = std::get_if<faults::Delay>(&fault.fault.action)) worst.latency = std::max(worst.latency, delay->latency.high);
    if (const auto* throttle = std::get_if<faults::Throttle>(&fault.fault.action)) {
      const std::uint64_t rate = throttle->bandwidth.value;
      worst.bandwidth = worst.bandwidth == 0 ? rate : std::min(worst.bandwidth, rate);
    }
  }
  return worst;
}

core::ServerConfig server_config(const Scenario& scenario, const std::string& node) {
  return node_config(*scenario.node(node), nullptr).server;
}

// What makes a store refuse what it is given, for a while.
bool may_refuse(const faults::Action& action) {
  return std::holds_alternative<faults::DiskFull>(action) || std::holds_alternative<faults::DiskError>(action) ||
         std::holds_alternative<faults::ShortWrite>(action) || std::holds_alternative<faults::BadSector>(action);
}

// A link is dead for the side that dials when all its pings are unanswered and the next one is due. The first ping after the link was
// made comes up to a fifth of the interval late.
core::Duration ping_detection(const Scenario& scenario, const std::set<std::string>& nodes) {
  core::Duration longest{};
  for (const std::string& node : nodes) {
    const core::ServerConfig config = server_config(scenario, node);
    longest = std::max(longest, config.ping_interval * (config.ping_max + 1) + config.ping_interval / 5);
  }
  return longest;
}

}  // namespace

core::Duration SyncBound::total() const {
  return std::accumulate(parts.begin(), parts.end(), core::Duration{},
                         [](core::Duration sum, const Part& part) { return sum + part.time; });
}

std::string SyncBound::text() const {
  std::string out;
  for (const Part& part : parts) out += (out.empty() ? "" : ", ") + faults::format_duration(part.time) + " " + part.what;
  return out;
}

std::set<std::string> way(const Scenario& scenario, const std::string& from, const std::string& to) {
  std::map<std::string, std::string> before{{from, from}};
  std::vector<std::string> reached{from};
  for (std::size_t i = 0; i < reached.size() && !before.contains(to); ++i) {
    for (const LinkSpec& link : scenario.links) {
      for (const auto& [here, there] : {std::pair{link.between.a, link.between.b}, std::pair{link.between.b, link.between.a}}) {
        if (here == reached[i] && before.try_emplace(there, here).second) reached.push_back(there);
      }
    }
  }
  std::set<std::string> nodes;
  if (!before.contains(to)) return nodes;
  for (std::string at = to; nodes.insert(at).second && at != from;) at = before[at];
  return nodes;
}

void DisturbanceLog::began(Told told, const std::string& a, const std::string& b, core::Instant at) {
  disturbances_.push_back({told, a, b, at, std::nullopt});
}

void DisturbanceLog::over(const std::string& a, const std::string& b, core::Instant at) {
  for (Disturbance& each : disturbances_) {
    if (!each.to && ((each.a == a && each.b == b) || (each.a == b && each.b == a))) each.to = at;
  }
}

bool DisturbanceLog::is_open(const std::set<std::string>& nodes) const {
  return std::any_of(disturbances_.begin(), disturbances_.end(),
                     [&](const Disturbance& each) { return !each.to && nodes.contains(each.a) && nodes.contains(each.b); });
}

core::Duration DisturbanceLog::left_at(core::Instant quiet, const Scenario& scenario, const std::set<std::string>& nodes) const {
  if (nodes.size() < 2) return {};
  const core::Duration detection = ping_detection(scenario, nodes);
  core::Instant until = quiet;
  for (const Disturbance& each : disturbances_) {
    if (each.told == Told::yes || !nodes.contains(each.a) || !nodes.contains(each.b)) continue;
    // A connection that lives sends again what was lost, each time after twice as long, and a copy whose attempts came to nothing waits
    // for no longer than they have taken; one that has nothing to send asks when its origin was silent for so long.
    const core::Instant over = each.to.value_or(quiet);
    const core::Duration longest = each.told == Told::unmet ? detection : std::max<core::Duration>(over - each.from, timing::kStalled);
    until = std::max(until, core::after(over, std::min(detection, longest)));
  }
  return until - quiet;
}

SyncBound resume_bound(const Scenario& scenario, const std::set<std::string>& nodes, core::Duration silence) {
  SyncBound out;
  const core::Duration trip = round_trip(scenario, nodes);
  out.add("until the end of a connection is noticed", silence);
  bool is_denied = false;
  if (nodes.size() > 1) {
    core::Duration dial{};
    for (const std::string& node : nodes) {
      const core::ServerConfig config = server_config(scenario, node);
      const NodeSpec& spec = *scenario.node(node);
      is_denied = is_denied || !spec.deny_imports.empty() || !spec.deny_exports.empty();
      // A dial in vain may be under way; what follows it waits as long as the reconnect time and, by its jitter, as long again.
      dial = std::max(dial, config.leaf_dial_timeout + 2 * config.leaf_reconnect);
    }
    out.add("to dial again", dial + kHandshakeTrips * trip);
  }
  // Whether it waits for a word of the consumer that it had, or for the time between two attempts: both begin with the link.
  out.add("until it asks", std::max<core::Duration>(timing::kSuspect, timing::kRequestSpacing) + timing::kJitterMax);
  if (is_denied) out.add("for what may be forbidden", 2 * timing::kFactsWait);
  const bool has_disk_faults = std::any_of(scenario.faults.begin(), scenario.faults.end(), [&](const FaultSpec& fault) {
    const std::string* node = faults::node_of(fault.fault.action);
    return node != nullptr && nodes.contains(*node) && may_refuse(fault.fault.action);
  });
  // What a store refuses is tried again by timer: no event tells when a disk is well again.
  if (has_disk_faults) out.add("of back-off after a store's refusal", timing::kBackoffMax);
  out.add("of round trips", kAttemptTrips * trip);
  out.add("to look", 2 * kLookEvery);
  return out;
}

core::Duration round_trip(const Scenario& scenario, const std::set<std::string>& nodes) {
  core::Duration sum{};
  for (const LinkSpec& link : scenario.links) {
    if (is_between(link.between, nodes)) sum += 2 * state_of(scenario, link).latency;
  }
  return sum;
}

std::uint64_t bandwidth(const Scenario& scenario, const std::set<std::string>& nodes) {
  std::uint64_t narrowest = 0;
  for (const LinkSpec& link : scenario.links) {
    const std::uint64_t rate = is_between(link.between, nodes) ? state_of(scenario, link).bandwidth : 0;
    if (rate > 0) narrowest = narrowest == 0 ? rate : std::min(narrowest, rate);
  }
  return narrowest;
}

core::Duration transfer_bound(const Scenario& scenario, const std::set<std::string>& nodes, const Backlog& backlog) {
  const std::uint64_t bytes = backlog.bytes + backlog.messages * kEnvelopeBytes;
  const auto windows = static_cast<std::int64_t>(1 + bytes / (core::kFlowWindowStart / 2));
  core::Duration out = windows * round_trip(scenario, nodes);
  if (const std::uint64_t rate = bandwidth(scenario, nodes); rate > 0) {
    out += std::chrono::milliseconds{bytes * 1000 / rate};
  }
  // The slowest that a disk without faults is: a message is read, written, and may be the first of a block.
  const sim::DiskTraits disk;
  const core::Duration each =
      disk.read.high + disk.write.high + disk.names.high + (backlog.syncs_always ? disk.sync.high : core::Duration{0});
  return out + static_cast<std::int64_t>(backlog.stored) * each;
}

}  // namespace windtunnel::scenarios
