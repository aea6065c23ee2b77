#include "scenarios/history.h"

#include <algorithm>

#include "core/base/data_hash.h"
#include "core/base/hash.h"

namespace windtunnel::scenarios {
namespace {

constexpr core::EventName kStored{"stream.stored"};
constexpr core::EventName kRecovered{"stream.recovered"};
constexpr core::EventName kAppended{"store.appended"};
constexpr core::EventName kSkipped{"store.skipped"};
constexpr core::EventName kRemoved{"store.removed"};
constexpr core::EventName kRewritten{"store.block_rewritten"};
constexpr core::EventName kDamage{"store.damage"};
constexpr core::EventName kFailed{"stream.recovery_failed"};
constexpr core::EventName kConsumerFailed{"consumer.recovery_failed"};
constexpr core::EventName kSlow{"disk.slow"};
constexpr core::EventName kConsumerCreated{"consumer.created"};
constexpr core::EventName kDelivered{"consumer.delivered"};
constexpr core::EventName kUntaken{"consumer.untaken"};
constexpr core::EventName kAcked{"consumer.acked"};
constexpr core::EventName kExhausted{"consumer.max_deliveries"};
constexpr core::EventName kConfirmed{"consume.confirmed"};
constexpr core::EventName kMirrorRequest{"mirror.request"};
constexpr core::EventName kMirrorConnected{"mirror.connected"};
constexpr core::EventName kSourceRequest{"source.request"};
constexpr core::EventName kSourceConnected{"source.connected"};

std::int64_t number(const sim::TraceEvent& event, std::string_view key) {
  const core::LogField* field = event.field(key);
  return field == nullptr ? 0 : field->number;
}

std::string_view text(const sim::TraceEvent& event, std::string_view key) {
  const core::LogField* field = event.field(key);
  return field == nullptr ? std::string_view{} : field->text;
}

void note_size(StreamLife& life, core::Seq seq, std::uint64_t bytes) {
  life.record_bytes_max = std::max(life.record_bytes_max, bytes);
  if (life.sizes.empty() || life.sizes.back().seq < seq) return life.sizes.push_back({seq, bytes});
  const auto at = std::lower_bound(life.sizes.begin(), life.sizes.end(), seq,
                                   [](const StreamLife::RecordSize& size, core::Seq wanted) { return size.seq < wanted; });
  if (at->seq == seq) {
    at->bytes = std::max(at->bytes, bytes);
  } else {
    life.sizes.insert(at, {seq, bytes});
  }
}

// Where a sequence is among ascending ones, if there are no gaps.
template <typename Events>
std::size_t place_without_gaps(const Events& events, core::Seq seq) {
  return events.empty() || seq < events.front().seq ? 0 : static_cast<std::size_t>(seq.value - events.front().seq.value);
}

// Erases from the front all whose sequence is at most `through`.
template <typename Events>
std::size_t erase_through(Events& events, core::Seq through) {
  const auto end = std::find_if(events.begin(), events.end(), [&](const auto& event) { return event.seq > through; });
  const auto count = static_cast<std::size_t>(end - events.begin());
  events.erase(events.begin(), end);
  return count;
}

}  // namespace

std::vector<const StoredEvent*> StreamLife::at(core::Seq seq) const {
  std::vector<const StoredEvent*> out;
  for (std::size_t i = 0; i < ascents.size(); ++i) {
    const auto begin = stored.begin() + static_cast<std::ptrdiff_t>(ascents[i]);
    const auto end = i + 1 < ascents.size() ? stored.begin() + static_cast<std::ptrdiff_t>(ascents[i + 1]) : stored.end();
    const auto found = std::lower_bound(begin, end, seq, [](const StoredEvent& event, core::Seq wanted) { return event.seq < wanted; });
    if (found != end && found->seq == seq) out.push_back(&*found);
  }
  return out;
}

const StoredEvent* StreamLife::once(core::Seq seq) const {
  if (ascents.size() == 1) {
    const std::size_t guess = place_without_gaps(stored, seq);
    if (guess < stored.size() && stored[guess].seq == seq) return &stored[guess];
  }
  const std::vector<const StoredEvent*> all = at(seq);
  return all.size() == 1 ? all.front() : nullptr;
}

std::uint64_t StreamLife::size_of(core::Seq seq) const {
  const std::size_t guess = place_without_gaps(sizes, seq);
  if (guess < sizes.size() && sizes[guess].seq == seq) return sizes[guess].bytes;
  const auto found =
      std::lower_bound(sizes.begin(), sizes.end(), seq, [](const RecordSize& size, core::Seq wanted) { return size.seq < wanted; });
  return found == sizes.end() || found->seq != seq ? 0 : found->bytes;
}

bool StreamLife::recovered_between(core::Instant from, core::Instant to) const {
  return std::any_of(recoveries.begin(), recoveries.end(), [&](core::Instant at) { return at >= from && at <= to; });
}

StreamLife& History::life_of(const sim::TraceEvent& event) {
  constexpr std::size_t kRecentMax = 8;
  const std::string_view stream = text(event, "stream");
  const auto node = static_cast<std::size_t>(event.node);
  if (recent_.size() <= node) recent_.resize(node + 1);
  for (const auto& [name, life] : recent_[node]) {
    if (name == stream) return *life;
  }
  const auto place = lives_.try_emplace(StreamKey{event.node, std::string(stream)}).first;
  if (recent_[node].size() == kRecentMax) recent_[node].clear();
  recent_[node].emplace_back(place->first.stream, &place->second);
  return place->second;
}

core::Duration History::slow_time(sim::NodeId node, std::string_view directory, core::Instant from, core::Instant to) const {
  core::Duration slow{0};
  core::Instant counted = from;  // in order of their beginnings
  for (const SlowOperation& operation : slow_operations_) {
    if (operation.node != node) continue;
    const std::size_t at = operation.path.find(directory);
    const std::size_t behind = at == std::string::npos ? at : at + directory.size();
    const bool is_in = at != std::string::npos && (behind == operation.path.size() || operation.path[behind] == '/');
    const core::Instant begin = std::max(counted, operation.from);
    const core::Instant end = std::min(to, operation.to);
    if (!is_in || begin >= end) continue;
    slow += end - begin;
    counted = end;
  }
  return slow;
}

std::vector<ConsumerEvent>& History::consumer_of(const sim::TraceEvent& event) {
  const std::string_view stream = text(event, "stream");
  const std::string_view name = text(event, "consumer");
  const auto is_meant = [&](const ConsumerKey& key) {
    return key.stream.node == event.node && key.consumer == name && key.stream.stream == stream;
  };
  if (recent_consumer_ == nullptr || !is_meant(recent_consumer_->first))
    recent_consumer_ = &*consumers_.try_emplace(ConsumerKey{StreamKey{event.node, std::string(stream)}, std::string(name)}).first;
  return recent_consumer_->second;
}

// By the names' hashes: most events are none of ours, and a switch finds that out in a few steps.
void History::on_event(const sim::TraceEvent& event) {
  const auto seq = [&](std::string_view key) { return core::Seq{static_cast<std::uint64_t>(number(event, key))}; };
  switch (event.name.hash) {
    case kStored.hash: note_stored(event); break;
    case kRecovered.hash: {
      StreamLife& life = life_of(event);
      const core::Seq last = seq("last_seq");
      life.recoveries.push_back(event.at);
      if (last < life.last_seq) life.steps_back.push_back({event.at, life.last_seq, last});
      break;
    }
    case kConsumerCreated.hash:
      created_.try_emplace({StreamKey{event.node, std::string(text(event, "stream"))}, std::string(text(event, "consumer"))}, event.at);
      break;
    case kExhausted.hash:
      exhausted_[{StreamKey{event.node, std::string(text(event, "stream"))}, std::string(text(event, "consumer"))}] = event.at;
      break;
    case kDelivered.hash:
    case kAcked.hash:
      consumer_of(event).push_back({event.at, seq("seq"), event.name == kAcked, static_cast<std::uint64_t>(number(event, "count"))});
      break;
    case kUntaken.hash: {
      std::vector<ConsumerEvent>& events = consumer_of(event);
      const auto is_it = [&](const ConsumerEvent& each) { return !each.is_ack && each.seq == seq("seq"); };
      if (const auto last = std::find_if(events.rbegin(), events.rend(), is_it); last != events.rend()) last->is_untaken = true;
      break;
    }
    case kConfirmed.hash:
      confirmed_acks_.push_back({event.at, std::string(text(event, "on")), std::string(text(event, "stream")), seq("seq")});
      break;
    case kMirrorRequest.hash:
    case kSourceRequest.hash: copies_[{event.node, std::string(text(event, "reader"))}].requests.push_back(event.at); break;
    case kMirrorConnected.hash:
    case kSourceConnected.hash: copies_[{event.node, std::string(text(event, "reader"))}].connected.push_back(event.at); break;
    case kSlow.hash: {
      const core::Duration length{number(event, "ns")};
      slow_operations_.push_back({event.node, std::string(text(event, "path")), event.at, core::after(event.at, length)});
      break;
    }
    case kAppended.hash: note_size(life_of(event), seq("seq"), static_cast<std::uint64_t>(number(event, "bytes"))); break;
    case kSkipped.hash: {
      StreamLife& life = life_of(event);
      life.skips.push_back({seq("seq"), event.at});
      life.last_seq = std::max(life.last_seq, seq("seq"));
      break;
    }
    case kRemoved.hash: {
      StreamLife& life = life_of(event);
      life.removed.push_back({seq("seq"), event.at});
      ++life.removed_count;
      life.removed_bytes += life.size_of(seq("seq"));
      break;
    }
    case kRewritten.hash: {
      StreamLife& life = life_of(event);
      life.rewrites.push_back({event.at, static_cast<std::uint64_t>(number(event, "block")),
                               static_cast<std::uint64_t>(number(event, "from")), static_cast<std::uint64_t>(number(event, "to")),
                               life.removed_count, life.removed_bytes});
      break;
    }
    case kDamage.hash:
    case kFailed.hash:
    case kConsumerFailed.hash:
      life_of(event).damage_reports.push_back(
          {event.at, std::string(text(event, "what")), std::string(text(event, "consumer")), event.name == kFailed});
      break;
    default: break;
  }
}

void History::note_stored(const sim::TraceEvent& event) {
  StreamLife& life = life_of(event);
  ++stored_count_;
  StoredEvent stored;
  stored.seq = core::Seq{static_cast<std::uint64_t>(number(event, "seq"))};
  stored.content = static_cast<std::uint64_t>(number(event, "content"));
  stored.subject = core::hash_bytes(text(event, "subject"));
  stored.time = number(event, "time");
  stored.at = event.at;
  life.last_seq = std::max(life.last_seq, stored.seq);
  if (life.stored.empty() || stored.seq <= life.stored.back().seq) life.ascents.push_back(life.stored.size());
  life.stored.push_back(stored);
}

core::Instant History::created_at(const ConsumerKey& consumer) const {
  const auto found = created_.find(consumer);
  return found == created_.end() ? core::kForever : found->second;
}

std::optional<core::Instant> History::exhausted_at(const ConsumerKey& consumer) const {
  const auto found = exhausted_.find(consumer);
  return found == exhausted_.end() ? std::nullopt : std::optional{found->second};
}

void History::disk_struck(core::Instant at, sim::NodeId node, const faults::Action& action) {
  if (std::holds_alternative<faults::SlowDisk>(action)) return;
  if (!std::holds_alternative<faults::HealDisk>(action)) return disk_troubles_.push_back({at, node, action});
  for (DiskTrouble& trouble : disk_troubles_) {
    if (trouble.node == node && trouble.to == core::kForever && !faults::is_at_rest(trouble.action)) trouble.to = at;
  }
}

void History::answered(const ConsumerKey& consumer, const std::string& application, core::Instant at) {
  PullReader& reader = readers_[consumer][application];
  reader.answered_at = at;
  reader.settled_at.reset();
}

void History::asked_in_vain(const ConsumerKey& consumer, const std::string& application, core::Instant from, core::Instant to) {
  PullReader& reader = readers_[consumer][application];
  if (reader.settled_at) {
    reader.asked_at = from;
  } else if (from >= reader.answered_at) {
    reader.settled_at = to;
  }
}

const std::map<std::string, PullReader>& History::readers(const ConsumerKey& consumer) const {
  static const std::map<std::string, PullReader> kNone;
  const auto found = readers_.find(consumer);
  return found == readers_.end() ? kNone : found->second;
}

const CopyLife* History::copy(sim::NodeId node, const std::string& reader) const {
  const auto found = copies_.find({node, reader});
  return found == copies_.end() ? nullptr : &found->second;
}

void History::starting(sim::NodeId node, const sim::DiskTree& tree) {
  for (Damage& damage : damages_) {
    if (damage.node != node || damage.was_met) continue;
    const std::optional<std::string> content = tree.readable_content(damage.path);
    damage.was_met = content.has_value() == damage.left.has_value() && (!content || core::hash_data(*content) == *damage.left);
  }
}

void History::prune(const StreamKey& key, core::Seq through) {
  StreamLife& life = lives_.at(key);
  const std::size_t count = erase_through(life.stored, through);
  for (std::size_t& ascent : life.ascents) ascent -= std::min(ascent, count);
  const auto last = std::find_if(life.removed.begin(), life.removed.end(), [&](const StreamLife::Removal& r) { return r.seq == through; });
  life.pruned = {through, last == life.removed.end() ? life.pruned.removed_at : last->at, life.pruned.count + count};
  erase_through(life.removed, through);
  erase_through(life.sizes, through);
  for (auto& [consumer, events] : consumers_) {
    if (consumer.stream == key) std::erase_if(events, [&](const ConsumerEvent& event) { return event.seq <= through; });
  }
}

const StreamLife* History::life(const StreamKey& key) const {
  const auto it = lives_.find(key);
  return it == lives_.end() ? nullptr : &it->second;
}

}  // namespace windtunnel::scenarios
