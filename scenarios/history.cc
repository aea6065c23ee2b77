#include "scenarios/history.h"

#include <algorithm>

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
constexpr core::EventName kDelivered{"consumer.delivered"};
constexpr core::EventName kAcked{"consumer.acked"};
constexpr core::EventName kConfirmed{"consume.confirmed"};

std::int64_t number(const sim::TraceEvent& event, std::string_view key) {
  const core::LogField* field = event.field(key);
  return field == nullptr ? 0 : field->number;
}

std::string_view text(const sim::TraceEvent& event, std::string_view key) {
  const core::LogField* field = event.field(key);
  return field == nullptr ? std::string_view{} : field->text;
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

void History::on_event(const sim::TraceEvent& event) {
  if (event.name == kStored) {
    StreamLife& life = lives_[StreamKey{event.node, std::string(text(event, "stream"))}];
    StoredEvent stored;
    stored.seq = core::Seq{static_cast<std::uint64_t>(number(event, "seq"))};
    stored.content = static_cast<std::uint64_t>(number(event, "content"));
    stored.subject = core::hash_bytes(text(event, "subject"));
    stored.time = number(event, "time");
    stored.at = event.at;
    life.last_seq = std::max(life.last_seq, stored.seq);
    if (life.stored.empty() || stored.seq <= life.stored.back().seq) life.ascents.push_back(life.stored.size());
    life.stored.push_back(stored);
  } else if (event.name == kRecovered) {
    StreamLife& life = lives_[StreamKey{event.node, std::string(text(event, "stream"))}];
    const core::Seq last{static_cast<std::uint64_t>(number(event, "last_seq"))};
    life.recoveries.push_back(event.at);
    if (last < life.last_seq) life.steps_back.push_back({event.at, life.last_seq, last});
  } else if (event.name == kDelivered || event.name == kAcked) {
    ConsumerKey key{StreamKey{event.node, std::string(text(event, "stream"))}, std::string(text(event, "consumer"))};
    consumers_[std::move(key)].push_back({event.at, core::Seq{static_cast<std::uint64_t>(number(event, "seq"))}, event.name == kAcked,
                                          static_cast<std::uint64_t>(number(event, "count"))});
  } else if (event.name == kConfirmed) {
    confirmed_acks_.push_back({event.at, std::string(text(event, "on")), std::string(text(event, "stream")),
                               core::Seq{static_cast<std::uint64_t>(number(event, "seq"))}});
  } else {
    note_store(event);
  }
}

void History::note_store(const sim::TraceEvent& event) {
  const bool is_wanted = event.name == kAppended || event.name == kSkipped || event.name == kRemoved || event.name == kRewritten ||
                         event.name == kDamage || event.name == kFailed || event.name == kConsumerFailed;
  if (!is_wanted) return;
  StreamLife& life = lives_[StreamKey{event.node, std::string(text(event, "stream"))}];
  const core::Seq seq{static_cast<std::uint64_t>(number(event, "seq"))};
  if (event.name == kAppended) {
    std::uint64_t& size = life.sizes[seq];
    size = std::max(size, static_cast<std::uint64_t>(number(event, "bytes")));
  } else if (event.name == kSkipped) {
    life.skips.push_back({seq, event.at});
    life.last_seq = std::max(life.last_seq, seq);
  } else if (event.name == kRemoved) {
    life.removed.push_back({seq, event.at});
  } else if (event.name == kRewritten) {
    life.rewrites.push_back({event.at, static_cast<std::uint64_t>(number(event, "block")),
                             static_cast<std::uint64_t>(number(event, "from")), static_cast<std::uint64_t>(number(event, "to")),
                             life.removed.size()});
  } else {
    life.damage_reports.push_back(
        {event.at, std::string(text(event, "what")), std::string(text(event, "consumer")), event.name == kFailed});
  }
}

void History::starting(sim::NodeId node, const sim::DiskTree& tree) {
  for (Damage& damage : damages_) {
    if (damage.node != node || damage.was_met) continue;
    const std::optional<std::string> content = tree.content(damage.path);
    damage.was_met = content.has_value() == damage.left.has_value() && (!content || core::hash_bytes(*content) == *damage.left);
  }
}

const StreamLife* History::life(const StreamKey& key) const {
  const auto it = lives_.find(key);
  return it == lives_.end() ? nullptr : &it->second;
}

}  // namespace windtunnel::scenarios
