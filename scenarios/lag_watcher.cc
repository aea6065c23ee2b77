#include "scenarios/lag_watcher.h"

#include <algorithm>

#include "core/jetstream/mirror.h"

namespace windtunnel::scenarios {

LagWatcher::LagWatcher(World& world) : world_(world) {
  for (const Expectation& expectation : world.scenario().expectations) {
    if (const auto* lag = std::get_if<LagExpectation>(&expectation.what)) {
      LagWatch watch;
      watch.expectation = lag;
      watch.where = expectation.where;
      watch.deadline = core::kForever;
      watches_.push_back(watch);
    }
  }
  for (const StreamSpec& stream : world.scenario().streams) {
    if (!stream.mirror || world.scenario().origin(stream, *stream.mirror) == nullptr) continue;
    LagSample sample;
    sample.mirror = &stream;
    sample.quiet_since = sample.level_at = core::kForever;
    samples_.push_back(sample);
  }
}

std::optional<std::uint64_t> LagWatcher::lag_of(const StreamSpec& mirror) const {
  const StreamSpec* origin = world_.scenario().origin(mirror, *mirror.mirror);
  core::Stream* copy = world_.stream(mirror.on, mirror.name);
  core::Stream* from = origin == nullptr ? nullptr : world_.stream(origin->on, origin->name);
  if (copy == nullptr || from == nullptr) return std::nullopt;
  const std::uint64_t theirs = from->store().state().last_seq.value;
  const std::uint64_t ours = copy->store().state().last_seq.value;
  return theirs > ours ? theirs - ours : 0;
}

std::optional<std::uint64_t> LagWatcher::reported_lag_of(const StreamSpec& mirror) const {
  core::Stream* copy = world_.stream(mirror.on, mirror.name);
  if (copy == nullptr || copy->mirror() == nullptr) return std::nullopt;
  return copy->mirror()->reported_lag();
}

void LagWatcher::look(std::optional<core::Instant> last_fault, core::Instant publishing_until) {
  const core::Instant now = world_.kernel().now();
  if (!last_fault || now < *last_fault) return;
  for (LagWatch& watch : watches_) {
    watch.deadline = core::after(*last_fault, watch.expectation->within);
    if (watch.met_at || now > watch.deadline) continue;
    const StreamSpec* mirror = world_.scenario().stream(watch.expectation->on, watch.expectation->mirror);
    if (mirror == nullptr) continue;
    const std::optional<std::uint64_t> lag = watch.expectation->is_reported ? reported_lag_of(*mirror) : lag_of(*mirror);
    if (!lag) continue;
    watch.lag = *lag;
    if (watch.expectation->lag.holds(*lag)) watch.met_at = now;
  }
  const core::Instant quiet = std::max(*last_fault, publishing_until);
  if (now < quiet) return;
  for (LagSample& sample : samples_) {
    sample.quiet_since = quiet;
    if (sample.level_at != core::kForever) continue;
    const std::optional<std::uint64_t> lag = lag_of(*sample.mirror);
    if (lag && *lag == 0) sample.level_at = now;
    if (lag && now <= core::after(quiet, kSyncBound)) sample.lag = *lag;
  }
}

std::vector<LagSample> LagWatcher::samples() const {
  std::vector<LagSample> out;
  for (const LagSample& sample : samples_) {
    const bool is_decided = sample.level_at != core::kForever ||
                            (sample.quiet_since != core::kForever && world_.kernel().now() > core::after(sample.quiet_since, kSyncBound));
    if (is_decided) out.push_back(sample);
  }
  return out;
}

}  // namespace windtunnel::scenarios
