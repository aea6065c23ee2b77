#include "scenarios/history.h"

#include <algorithm>

namespace windtunnel::scenarios {
namespace {

constexpr core::EventName kStored{"stream.stored"};
constexpr core::EventName kRecovered{"stream.recovered"};

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
  for (const StoredEvent& event : stored) {
    if (event.seq == seq) out.push_back(&event);
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
    life.stored.push_back(stored);
  } else if (event.name == kRecovered) {
    StreamLife& life = lives_[StreamKey{event.node, std::string(text(event, "stream"))}];
    const core::Seq last{static_cast<std::uint64_t>(number(event, "last_seq"))};
    if (last < life.last_seq) life.steps_back.push_back({event.at, life.last_seq, last});
  }
}

const StreamLife* History::life(const StreamKey& key) const {
  const auto it = lives_.find(key);
  return it == lives_.end() ? nullptr : &it->second;
}

}  // namespace windtunnel::scenarios
