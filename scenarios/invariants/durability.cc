#include "scenarios/invariants/durability.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "scenarios/invariants/consumer_history.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

// From a sync pass becoming due to its end: the fsyncs of a few blocks.
constexpr core::Duration kSyncPassMax = 5s;

// A write that is misdirected is damage before the stream says that it stored the message: from there to its word.
constexpr core::Duration kOwnWriteMax = 5s;

const NodeSpec& node_of(const Evidence& evidence, const FinalStream& stream) {
  const NodeSpec* node = evidence.scenario.node(stream.node);
  WT_ASSERT(node != nullptr);
  return *node;
}

// A power loss of the stream's node for which something stored at `stored_at` was possibly not yet synced.
bool power_loss_after(const Evidence& evidence, const FinalStream& stream, core::Instant stored_at, core::Instant until) {
  const SyncInterval sync = node_of(evidence, stream).sync_interval.value_or(SyncInterval{});
  if (sync.always) return false;
  return std::any_of(evidence.history.crashes().begin(), evidence.history.crashes().end(), [&](const Crash& crash) {
    if (!crash.is_power_loss || crash.node != stream.key.node || crash.at < stored_at || crash.at > until) return false;
    // A sync that was made to fail saved nothing: what it was to save waits for the one after it.
    core::Duration exposed = sync.every + kSyncPassMax;
    for (const FailedFsync& failed : evidence.history.failed_fsyncs()) {
      if (failed.node == crash.node && failed.at <= crash.at && failed.at + exposed >= stored_at) exposed += sync.every + kSyncPassMax;
    }
    return crash.at - stored_at <= exposed + evidence.history.slow_time(crash.node, "/streams/" + stream.key.stream, stored_at, crash.at);
  });
}

bool is_of(const Damage& damage, const FinalStream& stream) { return damage.node == stream.key.node && damage.stream == stream.key.stream; }

bool is_damaged(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at, core::Instant until) {
  const std::vector<Damage>& damages = evidence.history.damages();
  return std::any_of(damages.begin(), damages.end(), [&](const Damage& damage) {
    return is_of(damage, stream) && core::after(damage.at, kOwnWriteMax) >= stored_at && damage.messages.contains(seq) &&
           has_taken_effect(evidence, damage, until);
  });
}

// Whether the index could be all that still knew the last sequence: a block was lost, and no recovery has written down since what
// the index knew.
bool is_index_last_witness(const Evidence& evidence, const FinalStream& stream, const Damage& of_index) {
  const StreamLife* life = evidence.history.life(stream.key);
  const std::vector<Damage>& damages = evidence.history.damages();
  return std::any_of(damages.begin(), damages.end(), [&](const Damage& damage) {
    if (!is_of(damage, stream) || damage.part != Damage::Part::block) return false;
    return life == nullptr || std::none_of(life->recoveries.begin(), life->recoveries.end(),
                                           [&](core::Instant at) { return at > damage.at && at <= of_index.at; });
  });
}

bool is_in_memory(const FinalStream& stream) { return stream.spec != nullptr && stream.spec->storage == Storage::memory; }

}  // namespace

const FinalStream* stream_of_ack(const Evidence& evidence, const PublishRecord& record) {
  const std::string& stream = evidence.ledger.stream_of(record.stream());
  const std::string& domain = evidence.ledger.domain_of(record.stream());
  for (const FinalStream& candidate : evidence.end.streams) {
    if (candidate.key.stream != stream) continue;
    const NodeSpec* node = evidence.scenario.node(candidate.node);
    if (node != nullptr && node->domain == domain) return &candidate;
  }
  return nullptr;
}

bool crashed_between(const Evidence& evidence, const FinalStream& stream, core::Instant from, core::Instant to) {
  const std::vector<Crash>& crashes = evidence.history.crashes();
  return std::any_of(crashes.begin(), crashes.end(),
                     [&](const Crash& crash) { return crash.node == stream.key.node && crash.at >= from && crash.at <= to; });
}

const PublishSpec* publish_of(const Evidence& evidence, PublishId id) {
  const WorkloadSpec* workload = evidence.scenario.workload(evidence.ledger.books()[id.workload].name);
  return workload == nullptr ? nullptr : std::get_if<PublishSpec>(&workload->work);
}

std::string subject_of(const Evidence& evidence, PublishId id) {
  if (std::optional<std::string> exact = exact_subject_of(evidence, id)) return std::move(*exact);
  const WorkloadSpec* spec = evidence.scenario.workload(evidence.ledger.books()[id.workload].name);
  const auto* loop = spec == nullptr ? nullptr : std::get_if<RepublishSpec>(&spec->work);
  return loop == nullptr ? "" : loop->subject_of(0);
}

std::optional<std::string> exact_subject_of(const Evidence& evidence, PublishId id) {
  const Ledger::Book& book = evidence.ledger.books()[id.workload];
  const WorkloadSpec* spec = evidence.scenario.workload(book.name);
  if (spec == nullptr) return std::nullopt;
  if (const auto* publish = std::get_if<PublishSpec>(&spec->work)) return publish->subject_of(id.index);
  const auto* loop = std::get_if<RepublishSpec>(&spec->work);
  const PublishRecord* record = loop == nullptr ? nullptr : book.find(id.index);
  const std::optional<std::uint64_t> job = record == nullptr ? std::nullopt : record->job();
  return job ? std::optional{loop->subject_of(*job)} : std::nullopt;
}

FirstCopy first_copy_of(const Evidence& evidence, const FinalStream& stream, PublishId id, const PublishRecord& record) {
  const PublishSpec* publish = publish_of(evidence, id);
  const StreamLife* life = evidence.history.life(stream.key);
  FirstCopy out{subject_of(evidence, id), record.published_at()};
  if (publish == nullptr || publish->ids == 0 || !record.is_duplicate() || life == nullptr) return out;
  const std::vector<const StoredEvent*> stored = life->at(record.seq());
  if (stored.empty()) return out;
  out.since = std::min(out.since, stored.back()->at);
  for (std::uint64_t i = 0; i < publish->subjects; ++i) {
    std::string subject = publish->subject + "." + std::to_string(i);
    if (core::hash_bytes(subject) == stored.back()->subject) out.subject = std::move(subject);
  }
  return out;
}

std::optional<faults::SizeRange> payload_size_of(const Evidence& evidence, PublishId id) {
  const WorkloadSpec* spec = evidence.scenario.workload(evidence.ledger.books()[id.workload].name);
  if (spec == nullptr) return std::nullopt;
  if (const auto* publish = std::get_if<PublishSpec>(&spec->work)) return publish->size;
  const auto* loop = std::get_if<RepublishSpec>(&spec->work);
  return loop == nullptr ? std::nullopt : std::optional{loop->size};
}

std::optional<std::uint64_t> msg_id_of(const Evidence& evidence, PublishId id) {
  const WorkloadSpec* spec = evidence.scenario.workload(evidence.ledger.books()[id.workload].name);
  if (spec == nullptr) return std::nullopt;
  if (const auto* publish = std::get_if<PublishSpec>(&spec->work))
    return publish->msg_id ? std::optional{publish->id_of(id.index)} : std::nullopt;
  const auto* loop = std::get_if<RepublishSpec>(&spec->work);
  return loop != nullptr && loop->msg_id ? std::optional{id.index} : std::nullopt;
}

bool is_what_ack_names(const Evidence& evidence, PublishId id, const PublishRecord& record, std::optional<PublishId> there) {
  if (!there || *there == id) return there.has_value();
  const std::optional<std::uint64_t> own = msg_id_of(evidence, id);
  return record.is_duplicate() && own && there->workload == id.workload && own == msg_id_of(evidence, *there);
}

bool has_taken_effect(const Evidence& evidence, const Damage& damage, core::Instant until) {
  if (damage.at > until) return false;
  if (!damage.is_after_power_loss) return true;
  return std::any_of(evidence.history.crashes().begin(), evidence.history.crashes().end(), [&](const Crash& crash) {
    return crash.is_power_loss && crash.node == damage.node && crash.at >= damage.at && crash.at <= until;
  });
}

bool may_be_lost(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at) {
  if (is_in_memory(stream)) {
    const auto is_any = [&](const std::vector<Crash>& ends) {
      return std::any_of(ends.begin(), ends.end(), [&](const Crash& end) { return end.node == stream.key.node && end.at >= stored_at; });
    };
    return is_any(evidence.history.crashes()) || is_any(evidence.history.stops());
  }
  return may_be_lost_by(evidence, stream, seq, stored_at, core::kForever);
}

bool may_be_lost_by(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at, core::Instant until) {
  return power_loss_after(evidence, stream, stored_at, until) || is_damaged(evidence, stream, seq, stored_at, until);
}

bool may_cost(const Evidence& evidence, const FinalStream& stream, const Crash& crash) {
  if (is_in_memory(stream)) return true;
  return crash.is_power_loss && !node_of(evidence, stream).sync_interval.value_or(SyncInterval{}).always;
}

bool is_kept_shut(const Evidence& evidence, const FinalStream& stream) {
  const std::vector<Damage>& damages = evidence.history.damages();
  return !stream.is_readable && std::any_of(damages.begin(), damages.end(), [&](const Damage& damage) {
    return is_of(damage, stream) && damage.part == Damage::Part::metadata && has_taken_effect(evidence, damage, core::kForever);
  });
}

bool may_be_lost(const Evidence& evidence, const FinalStream& stream, const PublishRecord& record) {
  if (is_kept_shut(evidence, stream)) return true;
  // A message that was sent again and again may have been stored long after it was first published.
  core::Instant stored_at = record.published_at();
  if (const StreamLife* life = evidence.history.life(stream.key)) {
    for (const StoredEvent* stored : life->at(record.seq())) {
      if (stored->content == record.content()) stored_at = std::max(stored_at, stored->at);
    }
  }
  return may_be_lost(evidence, stream, record.seq(), stored_at);
}

bool may_come_back(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant removed_at) {
  return !is_in_memory(stream) && may_come_back_by(evidence, stream, seq, removed_at, core::kForever);
}

bool may_come_back_by(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant removed_at, core::Instant until) {
  if (power_loss_after(evidence, stream, removed_at, until)) return true;
  const std::vector<Damage>& damages = evidence.history.damages();
  return std::any_of(damages.begin(), damages.end(), [&](const Damage& damage) {
    if (!is_of(damage, stream) || damage.at < removed_at || !has_taken_effect(evidence, damage, until)) return false;
    // What a limit takes has no mark of its own as long as the message for which it went is there.
    const bool made_room = stream.has_limits && !damage.messages.empty() && *damage.messages.rbegin() > seq;
    return made_room || damage.marks.contains(seq) || damage.back.contains(seq);
  });
}

bool may_step_back(const Evidence& evidence, const FinalStream& stream, const StreamLife::StepBack& step) {
  if (is_in_memory(stream)) return true;
  const StreamLife* life = evidence.history.life(stream.key);
  WT_ASSERT(life != nullptr);
  // What a damage left on the disk still says how far the stream had come: it may fall back to that and no further.
  core::Instant damaged_at{};
  for (const Damage& damage : evidence.history.damages()) {
    if (!is_of(damage, stream) || !has_taken_effect(evidence, damage, step.at)) continue;
    if (damage.part == Damage::Part::index && !is_index_last_witness(evidence, stream, damage)) continue;
    const bool is_power_lost = power_loss_after(evidence, stream, damage.at, step.at);
    if (step.to >= damage.known_last || is_power_lost) damaged_at = std::max(damaged_at, damage.at);
  }
  // Every sequence above the one that it fell back to must be one that may be lost.
  const bool may_skip_be_lost = std::all_of(life->skips.begin(), life->skips.end(), [&](const StreamLife::Skip& skip) {
    return skip.at > step.at || skip.through <= step.to || skip.at <= damaged_at || power_loss_after(evidence, stream, skip.at, step.at);
  });
  return may_skip_be_lost && std::all_of(life->stored.begin(), life->stored.end(), [&](const StoredEvent& stored) {
           return stored.at > step.at || stored.seq <= step.to || stored.at <= damaged_at ||
                  power_loss_after(evidence, stream, stored.at, step.at) || is_damaged(evidence, stream, stored.seq, stored.at, step.at);
         });
}

bool was_removed_by_limits(const FinalStream& stream, core::Seq seq) {
  if (stream.rolled_up.contains(seq)) return true;
  if (!stream.has_limits) return false;
  return seq < stream.state.first_seq || std::binary_search(stream.removed.begin(), stream.removed.end(), seq);
}

bool was_removed_on_request(const Evidence& evidence, const FinalStream& stream, core::Seq seq, std::string_view subject,
                            core::Instant stored_at) {
  return evidence.removals.any_of(stream.node, stream.key.stream, seq, stored_at, [subject](const RequestedRemoval& removal) {
    return removal.seq.value != 0 || removal.filter_subject.empty() || core::matches(subject, removal.filter_subject);
  });
}

bool may_be_asked_for(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at) {
  return evidence.removals.any_of(stream.node, stream.key.stream, seq, stored_at, [](const RequestedRemoval&) { return true; });
}

bool had_damage(const Evidence& evidence, const StreamKey& key) {
  const std::vector<Damage>& damages = evidence.history.damages();
  return std::any_of(damages.begin(), damages.end(), [&](const Damage& damage) {
    return damage.node == key.node && (damage.stream.empty() || damage.stream == key.stream);
  });
}

namespace {

// Whether a consumer was there without a break from before the run on, and has always wanted that subject.
bool was_always_wanted(const Evidence& evidence, const FinalStream& stream, std::uint64_t subject, core::Instant at) {
  const bool is_renamed = stream.spec->create_body.find("\"subject_transform") != std::string::npos;
  if (is_renamed || had_damage(evidence, stream.key) || crashed_between(evidence, stream, core::Instant{}, at)) return false;
  return std::any_of(evidence.end.consumers.begin(), evidence.end.consumers.end(), [&](const FinalConsumer& each) {
    return each.stream == stream.key && each.is_listed && each.exists && evidence.changes.is_untouched(key_of(each)) &&
           wants(each, subject) == true;
  });
}

}  // namespace

bool was_of_no_interest(const Evidence& evidence, const FinalStream& stream, core::Seq seq, std::uint64_t subject) {
  const StreamLife* life = evidence.history.life(stream.key);
  if (stream.spec == nullptr || stream.spec->retention != Retention::interest || life == nullptr) return false;
  return std::any_of(life->skips.begin(), life->skips.end(), [&](const StreamLife::Skip& skip) {
    return skip.through == seq && !was_always_wanted(evidence, stream, subject, skip.at);
  });
}

const FinalStream* AckStreams::of(const PublishRecord& record) {
  if (found_.size() <= record.stream()) found_.resize(record.stream() + std::size_t{1});
  std::optional<const FinalStream*>& place = found_[record.stream()];
  if (!place) place = stream_of_ack(evidence_, record);
  return *place;
}

const std::vector<std::uint64_t>& LostMessages::of(std::uint16_t workload) {
  if (!is_found_) find();
  return lost_[workload];
}

namespace {

// By workload: the contents that were removed because somebody asked for it.
std::vector<std::unordered_set<std::uint64_t>> removed_on_request(const Evidence& evidence) {
  const std::vector<Ledger::Book>& books = evidence.ledger.books();
  std::vector<std::unordered_set<std::uint64_t>> gone(books.size());
  if (evidence.removals.is_empty()) return gone;
  std::map<std::pair<std::uint64_t, std::uint16_t>, std::uint64_t> indexes;  // by content and workload
  for (std::size_t w = 0; w < books.size(); ++w) {
    books[w].each([&](std::uint64_t i, const PublishRecord& record) {
      indexes.emplace(std::pair{record.content(), static_cast<std::uint16_t>(w)}, i);
      return true;
    });
  }
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr) continue;
    for (const StoredEvent& stored : life->stored) {
      for (auto at = indexes.lower_bound({stored.content, 0}); at != indexes.end() && at->first.first == stored.content; ++at) {
        const std::uint16_t workload = at->first.second;
        const std::string subject = subject_of(evidence, {workload, at->second});
        if (was_removed_on_request(evidence, stream, stored.seq, subject, stored.at)) gone[workload].insert(stored.content);
      }
    }
  }
  return gone;
}

// Whether it was acknowledged and never stored, for nobody had an interest in it: no consumer was there yet.
bool met_no_interest(const Evidence& evidence, const FinalStream& stream, const PublishRecord& record) {
  if (stream.spec == nullptr || stream.spec->retention != Retention::interest) return false;
  const StreamLife* life = evidence.history.life(stream.key);
  if (life != nullptr && !life->at(record.seq()).empty()) return false;
  return std::none_of(evidence.end.consumers.begin(), evidence.end.consumers.end(), [&](const FinalConsumer& each) {
    return each.stream == stream.key && evidence.history.created_at({each.stream, each.name}) < record.published_at();
  });
}

}  // namespace

void LostMessages::find() {
  is_found_ = true;
  const std::vector<Ledger::Book>& books = evidence_.ledger.books();
  lost_.resize(books.size());
  std::vector<std::vector<bool>> present(books.size());
  for (std::size_t w = 0; w < books.size(); ++w) present[w].resize(books[w].size());
  for (const FinalStream& stream : evidence_.end.streams) {
    for (const FinalMessage& message : stream.messages) {
      if (message.id && message.id->workload < books.size() && message.id->index < books[message.id->workload].size())
        present[message.id->workload][message.id->index] = true;
    }
  }
  // What a stream stored and later removed by its limits was not lost.
  std::unordered_set<std::uint64_t> gone;
  for (const FinalStream& stream : evidence_.end.streams) {
    const StreamLife* life = evidence_.history.life(stream.key);
    if (life == nullptr || (!stream.has_limits && stream.rolled_up.empty())) continue;
    for (const StoredEvent& stored : life->stored) {
      if (was_removed_by_limits(stream, stored.seq)) gone.insert(stored.content);
    }
  }
  const std::vector<std::unordered_set<std::uint64_t>> requested = removed_on_request(evidence_);
  AckStreams acked_by{evidence_};
  for (std::size_t w = 0; w < books.size(); ++w) {
    const WorkloadSpec* spec = evidence_.scenario.workload(books[w].name);
    const auto* publish = spec == nullptr ? nullptr : std::get_if<PublishSpec>(&spec->work);
    books[w].each([&](std::uint64_t i, const PublishRecord& record) {
      const bool was_told_fine = record.outcome() == Outcome::sent || record.outcome() == Outcome::acked;
      if (!was_told_fine || present[w][i] || gone.contains(record.content()) || requested[w].contains(record.content())) return true;
      // Another message has its id, and is stored in its place: acked-is-durable's and pub-ack-truthful's business.
      if (publish != nullptr && publish->ids > 0 && record.is_duplicate()) return true;
      // Nor was what it acknowledged after a crash over the storing, of which nobody heard.
      const FinalStream* stream = record.outcome() == Outcome::acked ? acked_by.of(record) : nullptr;
      const bool is_unheard = stream != nullptr && record.is_duplicate() &&
                              (was_removed_by_limits(*stream, record.seq()) ||
                               was_removed_on_request(evidence_, *stream, record.seq(),
                                                      subject_of(evidence_, {static_cast<std::uint16_t>(w), i}), record.published_at())) &&
                              crashed_between(evidence_, *stream, record.published_at(), record.settled_at());
      if (!is_unheard && (stream == nullptr || !met_no_interest(evidence_, *stream, record))) lost_[w].push_back(i);
      return true;
    });
  }
}

}  // namespace windtunnel::scenarios
