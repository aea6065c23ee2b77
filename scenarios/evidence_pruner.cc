#include "scenarios/evidence_pruner.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "scenarios/api_answer.h"
#include "scenarios/final_state.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {
namespace {

// Full, it drops its oldest message for a new one, and nothing else ever takes a message out of it.
bool is_ring(const Scenario& scenario, const StreamSpec& stream) {
  const StreamLimits limits = limits_of(stream.create_body);
  const bool drops_oldest = limits.has_totals && !limits.is_discard_new;
  const bool has_other_ways = limits.max_msgs_per_subject > 0 || limits.max_age.count() > 0 || limits.allows_rollup;
  const bool is_consumed = std::any_of(scenario.consumers.begin(), scenario.consumers.end(), [&](const ConsumerSpec& consumer) {
    return consumer.on == stream.on && consumer.stream == stream.name;
  });
  return stream.retention == Retention::limits && drops_oldest && !has_other_ways && !is_consumed && stream.sources.empty();
}

// Workloads that do nothing but publish, each message for itself: others look at messages again.
bool only_publishes(const Scenario& scenario) {
  return std::all_of(scenario.workloads.begin(), scenario.workloads.end(), [](const WorkloadSpec& workload) {
    const auto* publish = std::get_if<PublishSpec>(&workload.work);
    return publish != nullptr && publish->ids == 0 && publish->expect_last == PublishSpec::Expect::nothing &&
           publish->rollup == PublishSpec::Rollup::none;
  });
}

// Up to where the stream stored every message once, in order, and removed it again, in order.
core::Seq over_through(const StreamLife& life) {
  core::Seq through;
  auto stored = life.stored.begin();
  for (const StreamLife::Removal& removal : life.removed) {
    if (stored == life.stored.end() || stored->seq != removal.seq || removal.seq <= through) break;
    through = removal.seq;
    ++stored;
  }
  return through;
}

// The contents of the stream's first messages, ascending: up to `last`, behind which comes a doubtful one, or one a second time.
struct OverContents {
  core::Seq last;
  std::vector<std::uint64_t> contents;
};
OverContents over_contents(const StreamLife& life, core::Seq through, const std::unordered_set<std::uint64_t>& doubtful) {
  OverContents out;
  for (const StoredEvent& stored : life.stored) {
    if (stored.seq > through || doubtful.contains(stored.content)) break;
    out.contents.push_back(stored.content);
    out.last = stored.seq;
  }
  std::sort(out.contents.begin(), out.contents.end());
  if (std::adjacent_find(out.contents.begin(), out.contents.end()) == out.contents.end()) return out;
  // Hardly ever: one by one.
  out = {};
  std::unordered_set<std::uint64_t> met;
  for (const StoredEvent& stored : life.stored) {
    if (stored.seq > through || doubtful.contains(stored.content) || !met.insert(stored.content).second) break;
    out.contents.push_back(stored.content);
    out.last = stored.seq;
  }
  std::sort(out.contents.begin(), out.contents.end());
  return out;
}

// The last sequence up to `through` to which the copy is as its origin, as far as it goes.
core::Seq alike_through(const StreamLife& origin, const StreamLife& copy, core::Seq through) {
  auto own = origin.stored.begin();
  core::Seq last;
  for (const StoredEvent& stored : copy.stored) {
    if (stored.seq > through) return through;
    while (own != origin.stored.end() && own->seq < stored.seq) ++own;
    const bool is_alike = own != origin.stored.end() && own->seq == stored.seq && own->content == stored.content &&
                          own->subject == stored.subject && own->time == stored.time;
    if (!is_alike) return last;
    last = stored.seq;
  }
  return std::min(through, last);
}

}  // namespace

EvidencePruner::EvidencePruner(World& world, std::uint64_t every) : world_(world), every_(every) { find_families(); }

void EvidencePruner::find_families() {
  const Scenario& scenario = world_.scenario();
  if (!only_publishes(scenario)) return;
  const auto key = [&](const StreamSpec& stream) { return StreamKey{world_.node(stream.on).process->node(), stream.name}; };
  const auto is_sourced = [&](const StreamSpec& origin) {
    return std::any_of(scenario.streams.begin(), scenario.streams.end(), [&](const StreamSpec& copy) {
      return std::any_of(copy.sources.begin(), copy.sources.end(),
                         [&](const OriginSpec& from) { return scenario.origin(copy, from) == &origin; });
    });
  };
  for (const StreamSpec& origin : scenario.streams) {
    if (origin.mirror) continue;
    std::vector<const StreamSpec*> members{&origin};
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (const StreamSpec& copy : scenario.streams) {
        if (copy.mirror && scenario.origin(copy, *copy.mirror) == members[i]) members.push_back(&copy);
      }
    }
    const bool is_plain = std::all_of(members.begin(), members.end(), [&](const StreamSpec* member) {
      return is_ring(scenario, *member) && !is_sourced(*member) && (!member->mirror || member->mirror->filters.empty());
    });
    if (!is_plain) continue;
    Family& family = families_.emplace_back();
    family.origin = &origin;
    for (const StreamSpec* member : members) family.members.push_back(key(*member));
  }
}

void EvidencePruner::look() {
  const History& history = world_.history();
  if (families_.empty() || history.stored_count() - looked_at_ < every_) return;
  looked_at_ = history.stored_count();
  if (!history.damages().empty()) return;
  for (const Family& family : families_) prune(family);
}

void EvidencePruner::prune(const Family& family) {
  History& history = world_.history();
  const StreamLife* origin = history.life(family.members.front());
  if (origin == nullptr) return;
  core::Seq through = over_through(*origin);
  for (const StreamKey& member : family.members) {
    const StreamLife* life = history.life(member);
    if (life == nullptr || !life->steps_back.empty() || !life->skips.empty()) return;
    through = std::min(through, over_through(*life));
  }
  for (const StreamKey& member : family.members) through = std::min(through, alike_through(*origin, *history.life(member), through));

  // A copy of a message id is wrong only within the window, so what is younger is still of interest.
  const core::Instant cutoff = world_.kernel().now() - duplicate_window(family.origin->create_body);
  const auto young = std::find_if(origin->stored.begin(), origin->stored.end(),
                                  [&](const StoredEvent& stored) { return stored.seq > through || stored.at > cutoff; });
  if (young == origin->stored.begin()) return;
  through = std::prev(young)->seq;
  const core::Instant until = std::prev(young)->at;

  Ledger& ledger = world_.ledger();
  const NodeSpec* node = world_.scenario().node(family.origin->on);
  const auto is_there = [&](const PublishRecord& record) {
    const bool is_named = ledger.stream_of(record.stream()) == family.origin->name && ledger.domain_of(record.stream()) == node->domain;
    if (!is_named || record.seq() > through) return false;
    const StoredEvent* stored = origin->once(record.seq());
    return stored != nullptr && stored->content == record.content();
  };
  // What waits for an answer may still be told of it, and what was told otherwise is for the invariants.
  std::unordered_set<std::uint64_t> doubtful;  // contents
  for (const Ledger::Book& book : ledger.books()) {
    book.each([&](std::uint64_t, const PublishRecord& record) {
      if (record.published_at() > until) return false;
      const bool is_plain = record.outcome() == Outcome::sent || (record.outcome() == Outcome::acked && is_there(record));
      if (!is_plain) doubtful.insert(record.content());
      return true;
    });
  }
  const OverContents over = over_contents(*origin, through, doubtful);
  const core::Seq last = over.last;
  if (last.value == 0) return;
  for (std::size_t w = 0; w < ledger.books().size(); ++w) {
    ledger.forget(static_cast<std::uint16_t>(w), until, [&](std::uint64_t, const PublishRecord& record) {
      // What was acknowledged without a doubt is what was stored there.
      if (record.outcome() == Outcome::acked) return record.seq() <= last && !doubtful.contains(record.content());
      return record.outcome() == Outcome::sent && std::binary_search(over.contents.begin(), over.contents.end(), record.content());
    });
  }
  for (const StreamKey& member : family.members) history.prune(member, last);
}

}  // namespace windtunnel::scenarios
