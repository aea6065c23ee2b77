#include "scenarios/surface_watch.h"

#include <algorithm>

#include "core/jetstream/stream.h"
#include "scenarios/sync_bound.h"

namespace windtunnel::scenarios {

SurfaceWatch::SurfaceWatch(World& world) : world_(world) {
  if (!world.scenario().asks_for("config-error-surfaced")) return;
  for (const StreamSpec& stream : world.scenario().streams) {
    if (!stream.mirror && stream.sources.empty()) continue;
    Copies& copies = copies_.emplace_back();
    copies.spec = &stream;
    copies.place = &world.node(stream.on);
    copies.key = {copies.place->process->node(), stream.name};
  }
}

void SurfaceWatch::look() {
  for (Copies& each : copies_) look_at(each);
}

void SurfaceWatch::look_at(Copies& copies) {
  const core::Instant now = world_.kernel().now();
  const core::Stream* stream = world_.stream(copies.spec->on, copies.spec->name);
  if (stream == nullptr || copies.place->process->is_paused()) {
    copies.away_until = now;
    return;
  }
  if (copies.all.empty()) {
    for (const FinalCopy& copy : copies_of(*stream, *copies.spec)) copies.all.push_back({copy.reader, copy.from->name, {}, {}, {}});
  }
  bool is_any_owed = false;
  for (Copy& copy : copies.all) is_any_owed = is_owed(copy, copies) || is_any_owed;
  if (!is_any_owed) return;
  const std::vector<FinalCopy> shown = copies_of(*stream, *copies.spec);
  if (shown.size() != copies.all.size()) return;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    Copy& copy = copies.all[i];
    if (copy.since == core::kForever || copy.is_settled) continue;
    const core::Duration waited = now - copy.since;
    if (!shown[i].error.empty() || shown[i].lag > 0) {
      copy.longest = std::max(copy.longest.value_or(core::Duration{0}), waited);
      copy.is_settled = true;
    } else if (waited > kSurfaceBound) {
      findings_.push_back({copies.key, copy.origin, copy.since, now});
      copy.is_settled = true;
    }
  }
}

bool SurfaceWatch::is_owed(Copy& copy, const Copies& of) const {
  const CopyLife* life = world_.history().copy(of.key.node, copy.reader);
  const bool is_in_vain =
      life != nullptr && !life->requests.empty() && (life->connected.empty() || life->connected.back() < life->requests.back());
  core::Instant since = core::kForever;
  if (is_in_vain) {
    const core::Instant connected = life->connected.empty() ? core::Instant::min() : life->connected.back();
    const auto first = std::upper_bound(life->requests.begin(), life->requests.end(), std::max(connected, of.away_until));
    if (first != life->requests.end()) since = *first;
  }
  if (since != copy.since) {
    copy.since = since;
    copy.is_settled = false;
  }
  return since != core::kForever && !copy.is_settled;
}

std::vector<CopyWait> SurfaceWatch::waits() const {
  std::vector<CopyWait> out;
  for (const Copies& copies : copies_) {
    for (const Copy& copy : copies.all) {
      if (copy.longest) out.push_back({copies.spec->name, copies.spec->on, copy.origin, copy.longest, kSurfaceBound});
    }
  }
  return out;
}

}  // namespace windtunnel::scenarios
