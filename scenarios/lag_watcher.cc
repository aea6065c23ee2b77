#include "scenarios/lag_watcher.h"

#include <algorithm>

#include "core/jetstream/mirror.h"
#include "core/jetstream/source_set.h"

namespace windtunnel::scenarios {

namespace {

// As it is configured now: an operator may have changed it.
std::vector<std::string> filters_of(const core::StreamSource& from) {
  std::vector<std::string> filters;
  if (!from.filter_subject.empty()) filters.push_back(from.filter_subject);
  for (const core::SubjectTransformConfig& each : from.subject_transforms) filters.push_back(each.source.empty() ? ">" : each.source);
  return filters;
}

}  // namespace

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
      const StreamSpec* origin = world.scenario().origin(stream, from);
      if (origin == nullptr) return;
      Copy& copy = copies_.emplace_back();
      copy.sample.copy = &stream;
      copy.sample.from = &from;
      copy.origin = origin;
      copy.sample.quiet_since = copy.sample.level_at = copy.sample.due_at = core::kForever;
      copy.nodes = way(world.scenario(), stream.on, origin->on);
    };
    if (stream.mirror) add(*stream.mirror);
    for (const OriginSpec& from : stream.sources) add(from);
  }
  find_upstream();
}

void LagWatcher::find_upstream() {
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    std::set<std::size_t> found;
    std::vector<const StreamSpec*> streams{copies_[i].origin};
    for (std::size_t at = 0; at < streams.size(); ++at) {
      for (std::size_t k = 0; k < copies_.size(); ++k) {
        if (k == i || copies_[k].sample.copy != streams[at] || !found.insert(k).second) continue;
        streams.push_back(copies_[k].origin);
      }
    }
    copies_[i].upstream.assign(found.begin(), found.end());
  }
}

std::optional<std::uint64_t> LagWatcher::lag_of(const Copy& copy) const {
  const StreamSpec& spec = *copy.sample.copy;
  core::Stream* stream = world_.stream(spec.on, spec.name);
  core::Stream* origin = world_.stream(copy.origin->on, copy.origin->name);
  if (stream == nullptr || origin == nullptr) return std::nullopt;
  if (!spec.mirror) return source_lag_of(copy, *origin);
  const core::Seq theirs = origin->store().state().last_seq;
  const core::Seq ours = stream->store().state().last_seq;
  if (theirs <= ours) return 0;
  // A mirror hears nothing of what its filter leaves out, nor of what its origin removed before it had it.
  if (!stream->config().mirror) return origin->store().count_matching(copy.sample.from->filters, ours.next());
  const core::StreamSource& from = *stream->config().mirror;
  return origin->store().count_matching(filters_of(from), std::max(ours.next(), from.opt_start_seq));
}

std::optional<std::uint64_t> LagWatcher::source_lag_of(const Copy& copy, core::Stream& origin) const {
  const StreamSpec& spec = *copy.sample.copy;
  const OriginSpec& from = *copy.sample.from;
  const core::SourceSet* sources = world_.stream(spec.on, spec.name)->sources();
  const auto index = static_cast<std::size_t>(&from - spec.sources.data());
  if (sources == nullptr || sources->all().size() != spec.sources.size()) return std::nullopt;
  const core::Source& source = *sources->all()[index];
  // What lies before its start it is not to have.
  return origin.store().count_matching(filters_of(source.origin()), std::max(source.position().seq.next(), source.origin().opt_start_seq));
}

bool LagWatcher::has_parted(const StreamSpec& spec) const {
  core::Stream* stream = world_.stream(spec.on, spec.name);
  return stream != nullptr && stream->mirror() != nullptr && stream->mirror()->has_parted();
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
    if (now > watch.deadline) continue;
    const StreamSpec* mirror = world_.scenario().stream(watch.expectation->on, watch.expectation->mirror);
    if (mirror == nullptr || !mirror->mirror) continue;
    const auto copy = std::find_if(copies_.begin(), copies_.end(), [&](const Copy& each) { return each.sample.copy == mirror; });
    if (copy == copies_.end()) continue;
    const std::optional<std::uint64_t> lag = watch.expectation->is_reported ? reported_lag_of(*mirror) : lag_of(*copy);
    if (!lag) continue;
    watch.looked_at = now;
    watch.lag = *lag;
    watch.has_parted = !watch.expectation->is_reported && has_parted(*mirror);
    if (watch.expectation->lag.holds(*lag) && !watch.has_parted) watch.met_at = now;
  }
  const core::Instant quiet = std::max(*last_fault, publishing_until);
  if (now >= quiet) look_at(quiet);
}

void LagWatcher::look_at(core::Instant quiet) {
  const core::Instant now = world_.kernel().now();
  bool has_begun = false;
  for (Copy& copy : copies_) {
    if (copy.quiet != quiet) {
      copy.quiet = quiet;
      copy.is_up = false;
      copy.sample.level_at = copy.sample.due_at = core::kForever;
    }
    copy.is_broken = world_.disturbances().is_open(copy.nodes);
    if (!copy.is_up && !copy.is_broken && (runs(copy) || now >= core::after(quiet, kStartBound))) {
      begin(copy, quiet);
      has_begun = true;
    }
  }
  if (has_begun) {
    for (Copy& copy : copies_) set_due(copy);
  }
  const bool is_over = std::all_of(copies_.begin(), copies_.end(), [&](const Copy& copy) { return is_decided(copy); });
  if (is_over) return;
  for (Copy& copy : copies_) {
    copy.lag = lag_of(copy);
    copy.has_parted = has_parted(*copy.sample.copy);
  }
  for (Copy& copy : copies_) {
    if (copy.sample.level_at != core::kForever) continue;
    // Level with an origin that is itself behind is not there yet; unless that one has parted from its own.
    const auto brings_nothing = [&](std::size_t each) { return copies_[each].lag == 0 || copies_[each].has_parted; };
    const bool is_level = copy.lag == 0 && std::all_of(copy.upstream.begin(), copy.upstream.end(), brings_nothing);
    if (is_level) copy.sample.level_at = now;
    if (copy.lag && now <= copy.sample.due_at) copy.sample.lag = *copy.lag;
  }
}

bool LagWatcher::runs(const Copy& copy) {
  return std::all_of(copy.nodes.begin(), copy.nodes.end(),
                     [&](const std::string& node) { return world_.server(world_.node(node)) != nullptr; });
}

void LagWatcher::begin(Copy& copy, core::Instant quiet) {
  copy.is_up = true;
  // Looked at so late, and no later.
  const core::Instant now = world_.kernel().now();
  copy.sample.quiet_since = now - quiet <= kLookEvery ? quiet : now;
  copy.backlog = lag_of(copy).value_or(0);
  const core::Duration silence = world_.disturbances().left_at(copy.sample.quiet_since, world_.scenario(), copy.nodes);
  copy.bound = resume_bound(world_.scenario(), copy.nodes, silence);
}

// What comes over the same links, or is to be stored on the same disk, is ahead of it, at worst.
Backlog LagWatcher::backlog_of(const Copy& copy) const {
  Backlog out;
  const NodeSpec* node = world_.scenario().node(copy.sample.copy->on);
  out.syncs_always = node != nullptr && node->sync_interval && node->sync_interval->always;
  for (const Copy& other : copies_) {
    if (other.sample.copy->on == copy.sample.copy->on) out.stored += other.backlog;
    const auto shared = std::count_if(other.nodes.begin(), other.nodes.end(), [&](const std::string& n) { return copy.nodes.contains(n); });
    if (&other != &copy && shared < 2) continue;
    const StreamSpec& origin = *other.origin;
    const StreamLife* life = world_.history().life(StreamKey{world_.node(origin.on).process->node(), origin.name});
    out.messages += other.backlog;
    out.bytes += other.backlog * (life == nullptr ? 0 : life->record_bytes_max);
  }
  return out;
}

// Every copy before it may take as long as it may; then what they bring has still to come here.
void LagWatcher::set_due(Copy& copy) {
  std::vector<const Copy*> all{&copy};
  for (const std::size_t each : copy.upstream) all.push_back(&copies_[each]);
  core::Instant resumed{};
  core::Duration transfer{};
  for (const Copy* each : all) {
    if (!each->is_up) return;
    resumed = std::max(resumed, core::after(each->sample.quiet_since, each->bound.total()));
    transfer += transfer_bound(world_.scenario(), each->nodes, backlog_of(*each));
  }
  copy.sample.due_at = core::after(resumed, transfer);
  SyncBound told = copy.bound;
  told.add("until what it copies is level", resumed - core::after(copy.sample.quiet_since, copy.bound.total()));
  told.add("for what is to come", transfer);
  copy.sample.bound = told.text();
}

bool LagWatcher::is_decided(const Copy& copy) const {
  if (copy.sample.level_at != core::kForever) return true;
  if (copy.is_broken || copy.sample.due_at == core::kForever || world_.kernel().now() <= copy.sample.due_at) return false;
  // What cannot be seen is for others to judge; and one that has all that its origin has is not to blame for what that lacks.
  return copy.lag && *copy.lag > 0;
}

std::vector<LagSample> LagWatcher::samples() const {
  std::vector<LagSample> out;
  for (const Copy& copy : copies_) {
    if (is_decided(copy)) out.push_back(copy.sample);
  }
  return out;
}

std::vector<CopyWait> LagWatcher::catch_ups() const {
  std::vector<CopyWait> out;
  for (const LagSample& sample : samples()) {
    if (sample.due_at == core::kForever) continue;
    CopyWait& each = out.emplace_back();
    each.stream = sample.copy->name;
    each.node = sample.copy->on;
    each.origin = sample.from->name;
    if (sample.level_at != core::kForever) each.took = sample.level_at - sample.quiet_since;
    each.bound = sample.due_at - sample.quiet_since;
  }
  return out;
}

bool LagWatcher::is_broken_above(const Copy& copy) const {
  return std::any_of(copy.upstream.begin(), copy.upstream.end(), [&](std::size_t each) { return copies_[each].is_broken; });
}

std::optional<core::Instant> LagWatcher::due() const {
  core::Instant last{};
  for (const Copy& copy : copies_) {
    if (copy.is_broken || is_broken_above(copy)) continue;
    if (copy.sample.due_at == core::kForever) return std::nullopt;
    last = std::max(last, copy.sample.due_at);
  }
  return last;
}

}  // namespace windtunnel::scenarios
