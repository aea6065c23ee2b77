#include "scenarios/copy_watch.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "core/base/hash.h"
#include "core/jetstream/source_header.h"
#include "core/nats/headers.h"
#include "core/nats/subject.h"

namespace windtunnel::scenarios {
namespace {

constexpr core::EventName kStored{"stream.stored"};
constexpr core::EventName kRecovered{"stream.recovered"};
constexpr core::EventName kSkipped{"store.skipped"};
constexpr core::EventName kRemoved{"store.removed"};
// Of each kind and copy: some may be excused in the end.
constexpr std::size_t kFindingsMax = 32;

core::Seq seq_of(const sim::TraceEvent& event, std::string_view key) {
  const core::LogField* field = event.field(key);
  return core::Seq{field == nullptr ? 0 : static_cast<std::uint64_t>(field->number)};
}

// Under which sequence a stream has a message of its source, as far as is known.
std::optional<core::Seq> held_as(const std::vector<BroughtSeq>& brought, core::Seq seq) {
  const auto held = std::find_if(brought.begin(), brought.end(), [&](const BroughtSeq& each) { return each.seq == seq && !each.is_lost; });
  return held == brought.end() ? std::nullopt : std::optional{held->as};
}

}  // namespace

struct CopyWatch::Stored {
  core::Seq seq;
  std::string_view subject;
  std::uint64_t subject_hash = 0;
  std::uint64_t content = 0;
  std::int64_t time = 0;
};

class CopyWatch::Watcher final : public core::CopyWatcher {
 public:
  Watcher(CopyWatch& watch, sim::NodeId node) : watch_(watch), node_(node) {}
  void on_copied(std::string_view stream, std::string_view headers, core::Seq seq) override { watch_.copied(node_, stream, headers, seq); }

 private:
  CopyWatch& watch_;
  sim::NodeId node_;
};

CopyWatch::CopyWatch(const Scenario& scenario, const History& history) : scenario_(scenario), history_(history) {}
CopyWatch::~CopyWatch() = default;

bool CopyWatch::may_lose(const StreamSpec& stream) const {
  const bool loses_power = std::any_of(scenario_.faults.begin(), scenario_.faults.end(), [&](const FaultSpec& fault) {
    const auto* loss = std::get_if<faults::PowerLoss>(&fault.fault.action);
    return loss != nullptr && loss->node == stream.on;
  });
  return loses_power || std::any_of(scenario_.workloads.begin(), scenario_.workloads.end(), [&](const WorkloadSpec& workload) {
           const auto* admin = std::get_if<AdminSpec>(&workload.work);
           return admin != nullptr && admin->on == stream.on && admin->stream == stream.name;
         });
}

void CopyWatch::begin() {
  for (const StreamSpec& stream : scenario_.streams) {
    if (!stream.sources.empty()) roles_[ids_.at(stream.on)].try_emplace(stream.name).first->second.may_lose = may_lose(stream);
    const StreamSpec* origin = stream.mirror ? scenario_.origin(stream, *stream.mirror) : nullptr;
    if (origin == nullptr) continue;
    MirrorTrack& track = *mirrors_.emplace_back(std::make_unique<MirrorTrack>());
    track.mirror = {ids_.at(stream.on), stream.name};
    track.origin = {ids_.at(origin->on), origin->name};
    track.from = &*stream.mirror;
    track.has_transforms = stream.create_body.find("\"subject_transform") != std::string::npos;
    track.may_begin_late = stream.create_body.find("\"opt_start_") != std::string::npos;
    roles_[track.mirror.node][track.mirror.stream].mirror = &track;
    roles_[track.origin.node][track.origin.stream].mirrors_of_it.push_back(&track);
  }
}

core::CopyWatcher& CopyWatch::watcher(const std::string& node) {
  std::unique_ptr<Watcher>& place = watchers_[node];
  if (place == nullptr) place = std::make_unique<Watcher>(*this, ids_.at(node));
  return *place;
}

CopyWatch::Roles* CopyWatch::roles(sim::NodeId node, std::string_view stream) {
  const auto streams = roles_.find(node);
  if (streams == roles_.end()) return nullptr;
  const auto found = streams->second.find(stream);
  return found == streams->second.end() ? nullptr : &found->second;
}

void CopyWatch::on_event(const sim::TraceEvent& event) {
  now_ = event.at;
  switch (event.name.hash) {
    case kStored.hash:
    case kRecovered.hash:
    case kSkipped.hash:
    case kRemoved.hash: break;
    default: return;  // most of them
  }
  const core::LogField* stream = event.field("stream");
  Roles* const roles = stream == nullptr ? nullptr : this->roles(event.node, stream->text);
  if (roles == nullptr) return;
  if (event.name == kStored) {
    const core::LogField* subject = event.field("subject");
    const core::LogField* content = event.field("content");
    const core::LogField* time = event.field("time");
    if (subject == nullptr || content == nullptr || time == nullptr) return;
    const Stored message{seq_of(event, "seq"), subject->text, core::hash_bytes(subject->text), static_cast<std::uint64_t>(content->number),
                         time->number};
    for (MirrorTrack* track : roles->mirrors_of_it) origin_stored(*track, message);
    if (roles->mirror != nullptr) mirror_stored(*roles->mirror, message);
  } else if (event.name == kRecovered) {
    recovered(event.node, *roles, stream->text, seq_of(event, "last_seq"));
  } else if (event.name == kSkipped) {
    if (MirrorTrack* track = roles->mirror; track != nullptr) {
      const core::Seq through = seq_of(event, "seq");
      pass_over(*track, through.next(), through);
      track->last = std::max(track->last, through);
    }
  } else {
    const core::Seq seq = seq_of(event, "seq");
    for (MirrorTrack* track : roles->mirrors_of_it) {
      track->gone = seq;
      const auto at = std::lower_bound(track->awaited.begin(), track->awaited.end(), seq,
                                       [](const Awaited& each, core::Seq wanted) { return each.seq < wanted; });
      if (at != track->awaited.end() && at->seq == seq) at->is_removed = true;
    }
  }
}

void CopyWatch::origin_stored(MirrorTrack& track, const Stored& message) {
  // After a loss it gives its sequences again.
  while (!track.awaited.empty() && track.awaited.back().seq >= message.seq) track.awaited.pop_back();
  if (!track.from->takes(message.subject)) return;
  track.awaited.push_back({message.seq, message.content, message.subject_hash, message.time, message.seq == track.gone});
}

// By all that the origin ever stored.
bool CopyWatch::is_known(const MirrorTrack& track, const Stored& message) const {
  const StreamLife* life = history_.life(track.origin);
  if (life != nullptr && message.seq <= life->pruned.through) return true;
  const auto is_within = [&](const auto& range) { return range.first <= message.seq && message.seq <= range.second; };
  if (std::any_of(track.unheard.begin(), track.unheard.end(), is_within)) return true;
  if (life == nullptr) return false;
  const std::vector<const StoredEvent*> stored = life->at(message.seq);
  return std::any_of(stored.begin(), stored.end(), [&](const StoredEvent* each) {
    return each->content == message.content && each->time == message.time &&
           (track.has_transforms || each->subject == message.subject_hash);
  });
}

// What was awaited and lies below is not coming any more.
void CopyWatch::pass_over(MirrorTrack& track, core::Seq below, core::Seq now_at) {
  while (!track.awaited.empty() && track.awaited.front().seq < below) {
    const Awaited& passed = track.awaited.front();
    // What lies below its own last it has had: an origin that lost messages has stored them once more.
    if (!passed.is_removed && passed.seq > track.last && (track.has_begun || !track.may_begin_late)) {
      CopyFinding finding;
      finding.kind = CopyFinding::Kind::hole;
      finding.seq = finding.origin_seq = passed.seq;
      finding.last = now_at;
      finding.content = passed.content;
      finding.subject = passed.subject;
      find(track, std::move(finding));
    }
    track.awaited.pop_front();
  }
}

void CopyWatch::mirror_stored(MirrorTrack& track, const Stored& message) {
  CopyFinding finding;
  finding.seq = message.seq;
  finding.last = track.last;
  finding.content = message.content;
  finding.subject = message.subject_hash;
  if (message.seq <= track.last) {
    finding.kind = CopyFinding::Kind::again;
    find(track, finding);
  }
  pass_over(track, message.seq, message.seq);
  bool is_right = false;
  if (!track.awaited.empty() && track.awaited.front().seq == message.seq) {
    const Awaited& next = track.awaited.front();
    is_right =
        next.content == message.content && next.time == message.time && (track.has_transforms || next.subject == message.subject_hash);
    track.awaited.pop_front();
  }
  if (!is_right && !is_known(track, message)) {
    finding.kind = CopyFinding::Kind::other;
    find(track, finding);
  }
  track.has_begun = true;
  track.last = message.seq;
}

void CopyWatch::recovered(sim::NodeId node, Roles& roles, std::string_view stream, core::Seq last) {
  for (MirrorTrack* track : roles.mirrors_of_it) {
    while (!track->awaited.empty() && track->awaited.back().seq > last) track->awaited.pop_back();
    const StreamLife* life = history_.life(track->origin);
    const core::Seq heard = life == nullptr ? core::Seq{} : life->stored.empty() ? life->pruned.through : life->stored.back().seq;
    if (heard < last) track->unheard.emplace_back(heard.next(), last);
  }
  if (MirrorTrack* track = roles.mirror; track != nullptr) {
    // What it wrote as it was killed it has, and never said so.
    while (!track->awaited.empty() && track->awaited.front().seq <= last) track->awaited.pop_front();
    track->last = last;
  }
  if (roles.sources.empty()) return;
  // What its own disk lost it may fetch again.
  const auto is_power_loss_here = [&](const Crash& crash) { return crash.is_power_loss && crash.node == node; };
  const StreamLife* life = history_.life(StreamKey{node, std::string(stream)});
  const bool may_have_lost = (life != nullptr && last < life->last_seq) || !history_.damages().empty() ||
                             std::any_of(history_.crashes().begin(), history_.crashes().end(), is_power_loss_here);
  if (may_have_lost) step_back(StreamKey{node, std::string(stream)}, roles, last);
}

// Each source goes on from the last message that its stream still has. Where that is not known, it may bring anything.
void CopyWatch::step_back(const StreamKey& stream, Roles& roles, core::Seq last) {
  if (!roles.may_lose) return roles.sources.clear();
  for (auto& [key, track] : roles.sources) {
    track = SourceTrack{};
    for (BroughtSeq& each : brought_[{stream, key}]) {
      each.is_lost = each.is_lost || each.as > last;
      if (!each.is_lost) track.held = std::max(track.held, each.seq);
    }
  }
}

void CopyWatch::copied(sim::NodeId node, std::string_view stream, std::string_view headers, core::Seq seq) {
  Roles* const roles = this->roles(node, stream);
  const std::optional<std::string_view> header = core::header_value(headers, core::kStreamSourceHeader);
  const std::optional<core::SourcedFrom> from = roles != nullptr && header ? core::parse_source_header(*header) : std::nullopt;
  if (!from) return;
  SourceTrack& track = roles->sources.try_emplace(from->key).first->second;
  std::optional<core::Seq> first;
  if (roles->may_lose) {
    std::vector<BroughtSeq>& brought = brought_[{StreamKey{node, std::string(stream)}, from->key}];
    if (from->seq > track.last && from->seq <= track.held) first = held_as(brought, from->seq);
    brought.push_back({.seq = from->seq, .at = now_, .as = seq});
  }
  if ((from->seq <= track.last || first) && roles->repeats < kFindingsMax) {
    ++roles->repeats;
    CopyFinding finding;
    finding.kind = CopyFinding::Kind::repeated;
    finding.stream = {node, std::string(stream)};
    finding.source_key = from->key;
    finding.seq = seq;
    finding.origin_seq = from->seq;
    finding.last = track.last;
    finding.first = first;
    finding.at = now_;
    findings_.push_back(std::move(finding));
  }
  track.last = from->seq;
}

void CopyWatch::find(MirrorTrack& track, CopyFinding finding) {
  if (track.found[finding.kind]++ >= kFindingsMax) return;
  finding.stream = track.mirror;
  finding.origin = track.origin;
  finding.at = now_;
  findings_.push_back(std::move(finding));
}

}  // namespace windtunnel::scenarios
