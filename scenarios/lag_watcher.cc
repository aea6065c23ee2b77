#include "scenarios/lag_watcher.h"

#include <algorithm>

#include "core/jetstream/mirror.h"
#include "core/jetstream/source_set.h"

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
    const auto add = [&](const OriginSpec& from) {
      if (world.scenario().origin(stream, from) == nullptr) return;
      LagSample sample;
      sample.copy = &stream;
      sample.from = &from;
      sample.quiet_since = sample.level_at = core::kForever;
      samples_.push_back(sample);
    };
    if (stream.mirror) add(*stream.mirror);
    for (const OriginSpec& from : stream.sources) add(from);
  }
}

std::optional<std::uint64_t> LagWatcher::lag_of(const StreamSpec& copy, const OriginSpec& from) const {
  const StreamSpec* spec = world_.scenario().origin(copy, from);
  core::Stream* stream = world_.stream(copy.on, copy.name);
  core::Stream* origin = spec == nullptr ? nullptr : world_.stream(spec->on, spec->name);
  if (stream == nullptr || origin == nullptr) return std::nullopt;
  if (!copy.mirror) return source_lag_of(copy, from, *origin);
  const std::uint64_t theirs = origin->store().state().last_seq.value;
  const std::uint64_t ours = stream->store().state().last_seq.value;
  return theirs > ours ? theirs - ours : 0;
}

std::optional<std::uint64_t> LagWatcher::source_lag_of(const StreamSpec& copy, const OriginSpec& from, core::Stream& origin) const {
  const core::SourceSet* sources = world_.stream(copy.on, copy.name)->sources();
  const auto index = static_cast<std::size_t>(&from - copy.sources.data());
  if (sources == nullptr || sources->all().size() != copy.sources.size()) return std::nullopt;
  const core::Source& source = *sources->all()[index];
  std::vector<std::string> filters;
  if (!from.filter_subject.empty()) filters.push_back(from.filter_subject);
  for (const core::SubjectTransformConfig& each : source.origin().subject_transforms) filters.push_back(each.source);
  return origin.store().count_matching(filters, source.position().seq.next());
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
    if (mirror == nullptr || !mirror->mirror) continue;
    const std::optional<std::uint64_t> lag = watch.expectation->is_reported ? reported_lag_of(*mirror) : lag_of(*mirror, *mirror->mirror);
    if (!lag) continue;
    watch.lag = *lag;
    if (watch.expectation->lag.holds(*lag)) watch.met_at = now;
  }
  const core::Instant quiet = std::max(*last_fault, publishing_until);
  if (now < quiet) return;
  for (LagSample& sample : samples_) {
    sample.quiet_since = quiet;
    if (sample.level_at != core::kForever) continue;
    const std::optional<std::uint64_t> lag = lag_of(*sample.copy, *sample.from);
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
