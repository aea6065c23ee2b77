#include "scenarios/final_state.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/nats/subject.h"

namespace windtunnel::scenarios {

const FinalStream* FinalState::find(std::string_view node, std::string_view stream) const {
  const auto it =
      std::find_if(streams.begin(), streams.end(), [&](const FinalStream& s) { return s.node == node && s.key.stream == stream; });
  return it == streams.end() ? nullptr : &*it;
}

std::set<std::uint64_t> FinalStream::subjects_matching(const std::vector<std::string>& filters) const {
  std::set<std::uint64_t> out;
  for (const LatestOfSubject& each : latest) {
    const bool is_matching = std::any_of(filters.begin(), filters.end(), [&](const auto& f) { return core::matches(each.subject, f); });
    if (is_matching) out.insert(core::hash_bytes(each.subject));
  }
  return out;
}

std::set<core::Seq> rolled_up(const Scenario& scenario, const Ledger& ledger, const History& history, const FinalStream& stream) {
  std::map<std::uint64_t, PublishSpec::Rollup> contents;
  // What was stored just before a crash, and of which only the answer to a repeat told.
  struct Unheard {
    core::Seq seq;
    std::uint64_t content = 0;
    std::uint64_t subject = 0;
  };
  std::vector<Unheard> unheard;
  const StreamLife* life = history.life(stream.key);
  if (life == nullptr || !scenario.rolls_up()) return {};
  for (const Ledger::Book& book : ledger.books()) {
    const WorkloadSpec* workload = scenario.workload(book.name);
    const auto* publish = workload == nullptr ? nullptr : std::get_if<PublishSpec>(&workload->work);
    if (publish == nullptr) continue;
    book.each([&](std::uint64_t i, const PublishRecord& record) {
      if (publish->is_rollup(i)) contents[record.content()] = publish->rollup;
      const bool is_repeat = record.outcome() == Outcome::acked && record.is_duplicate();
      if (is_repeat && ledger.stream_of(record.stream()) == stream.key.stream && life->at(record.seq()).empty())
        unheard.push_back({record.seq(), record.content(), core::hash_bytes(publish->subject_of(i))});
      return true;
    });
  }
  std::set<core::Seq> out;
  if (contents.empty()) return out;
  core::Seq all;
  std::map<std::uint64_t, core::Seq> by_subject;  // the newest roll-up of each
  const auto note = [&](core::Seq seq, std::uint64_t content, std::uint64_t subject) {
    const auto found = contents.find(content);
    if (found == contents.end()) return;
    core::Seq& newest = found->second == PublishSpec::Rollup::all ? all : by_subject[subject];
    newest = std::max(newest, seq);
  };
  for (const StoredEvent& stored : life->stored) note(stored.seq, stored.content, stored.subject);
  for (const FinalMessage& message : stream.messages) note(message.seq, message.content, message.subject);
  for (const Unheard& each : unheard) note(each.seq, each.content, each.subject);
  for (const StoredEvent& stored : life->stored) {
    if (stored.seq < all || stored.seq < by_subject[stored.subject]) out.insert(stored.seq);
  }
  for (const Unheard& each : unheard) {
    if (each.seq < all || each.seq < by_subject[each.subject]) out.insert(each.seq);
  }
  return out;
}

}  // namespace windtunnel::scenarios
