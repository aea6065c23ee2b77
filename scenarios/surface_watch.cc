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
    for (const FinalCopy& copy : copies_of(*stream, *copies.spec)) copies.all.emplace_back(copy.reader, copy.from->name);
  }
  bool is_any_in_vain = false;
  for (Copy& copy : copies.all) is_any_in_vain = is_in_vain(copy, copies) || is_any_in_vain;
  if (!is_any_in_vain) return;
  const std::vector<FinalCopy> shown = copies_of(*stream, *copies.spec);
  if (shown.size() != copies.all.size()) return;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    Copy& copy = copies.all[i];
    if (copy.since == core::kForever) continue;
    const core::Duration waited = now - copy.since;
    if (!shown[i].error.empty() || shown[i].lag > 0) {
      if (!copy.has_shown) copy.longest = std::max(copy.longest.value_or(core::Duration{0}), waited);
      copy.has_shown = true;
    } else if (waited >= kSurfaceBound && !copy.is_found) {  // also if it has shown something, and does not any more
      findings_.push_back({copies.key, copy.origin, copy.since, now});
      copy.is_found = true;
    }
  }
}

bool SurfaceWatch::is_in_vain(Copy& copy, const Copies& of) const {
  const CopyLife* life = world_.history().copy(of.key.node, copy.reader);
  if (life == nullptr || life->requests.empty()) return false;
  core::Instant after = of.away_until;
  if (!life->connected.empty()) after = std::max(after, life->connected.back());
  // A restart between two looks: it begins anew.
  const StreamLife* stream = world_.history().life(of.key);
  if (stream != nullptr && !stream->recoveries.empty()) after = std::max(after, stream->recoveries.back());
  core::Instant since = core::kForever;
  if (life->requests.back() > after) since = *std::upper_bound(life->requests.begin(), life->requests.end(), after);
  if (since != copy.since) {
    copy.since = since;
    copy.has_shown = copy.is_found = false;
  }
  return since != core::kForever;
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
