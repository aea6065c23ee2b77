#include "scenarios/invariants/client_history.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "core/base/hash.h"
#include "core/nats/subject.h"
#include "scenarios/api_answer.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/health.h"
#include "scenarios/invariants/refusals.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {
namespace {

using Kind = SubjectStep::Kind;
using Told = StreamRead::Told;

SubjectStep step_of(Kind kind, std::size_t message = SubjectStep::kNone) {
  SubjectStep step;
  step.kind = kind;
  step.message = message;
  return step;
}
SubjectStep look_at(std::size_t begin, std::size_t end) {
  SubjectStep step;
  step.begin = begin;
  step.end = end;
  return step;
}

class Gathering {
 public:
  Gathering(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch, const MessagesByContent& messages)
      : evidence_(evidence),
        stream_(stream),
        epoch_(epoch),
        reads_(reads_of(evidence, stream)),
        entries_(evidence, stream, epoch, messages) {}

  StreamCase run() {
    find_refused();
    take_apart();
    find_departures();
    find_hidden();
    find_removals();
    find_rollups();
    StreamCase out;
    add_publishes();
    add_refusals();
    add_reads();
    add_final_scan();
    apply_limit();
    judge_presence();
    for (auto& [subject, part] : parts_) {
      SubjectCase each{part.name, SubjectModel{std::move(part.messages), part.limit, part.most}, std::move(part.history)};
      out.subjects.push_back(std::move(each));
    }
    out.mistold = mistold_;
    return out;
  }

 private:
  struct Refused {
    std::uint64_t subject = 0;  // hash
    core::Instant called;
    core::Instant returned;
  };
  // What concerns one subject.
  struct Part {
    std::string name;
    std::vector<std::size_t> entries;  // ascending
    std::vector<SubjectMessage> messages;
    std::uint64_t limit = 0;
    std::uint64_t most = 0;
    SubjectHistory history;
    std::size_t hidden = 0;
  };

  [[nodiscard]] bool is_sick_between(core::Instant from, core::Instant to) const { return is_disk_sick(evidence_, stream_, from, to); }

  void take_apart() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Part& part = parts_[entries_[i].subject];
      part.entries.push_back(i);
      part.messages.push_back({entries_[i].seq});
      if (part.name.empty() && entries_[i].id) part.name = subject_by_hash(evidence_, *entries_[i].id, entries_[i].subject);
    }
    name_jobs();
    if (reads_ == nullptr) return;
    for (const StreamRead& read : *reads_) {
      const auto part = parts_.find(core::hash_bytes(read.subject));
      if (part != parts_.end()) part->second.name = read.subject;
    }
  }

  // The subjects of republish loops: what was acknowledged does not tell which it went to.
  void name_jobs() {
    for (const WorkloadSpec& workload : evidence_.scenario.workloads) {
      const auto* loop = std::get_if<RepublishSpec>(&workload.work);
      if (loop == nullptr || loop->on != stream_.node || loop->stream != stream_.key.stream) continue;
      for (std::uint64_t job = 0; job < loop->messages; ++job) {
        std::string subject = loop->subject_of(job);
        const auto part = parts_.find(core::hash_bytes(subject));
        if (part != parts_.end()) part->second.name = std::move(subject);
      }
    }
  }

  // The part's first message at or after the sequence.
  static std::size_t place_of(const Part& part, core::Seq seq) {
    const auto place = std::lower_bound(part.messages.begin(), part.messages.end(), seq,
                                        [](const SubjectMessage& message, core::Seq wanted) { return message.seq < wanted; });
    return static_cast<std::size_t>(place - part.messages.begin());
  }

  // --- why messages may go, besides being asked to

  void excuse(Part& part, std::size_t end, core::Instant from, core::Instant called_by) {
    for (std::size_t i = 0; i < std::min(end, part.messages.size()); ++i) {
      if (entries_[part.entries[i]].called > called_by) continue;
      part.messages[i].may_go_from = std::min(part.messages[i].may_go_from, from);
    }
  }

  void find_departures() {
    const StreamLimits limits = limits_of(stream_.spec->create_body);
    const bool has_totals = limits.has_totals && !limits.is_discard_new;
    const bool may_go_always = has_totals || stream_.spec->retention == Retention::interest ||
                               (limits.max_age.count() > 0 && has_clock_faults(evidence_.scenario));
    std::map<core::Seq, core::Instant> delivered;
    if (stream_.spec->retention == Retention::workqueue) delivered = deliveries();
    std::map<core::Seq, core::Instant> confirmed;
    if (stream_.spec->retention == Retention::workqueue) {
      for (const History::ConfirmedAck& ack : evidence_.history.confirmed_acks()) {
        const bool is_own = ack.node == stream_.node && ack.stream == stream_.key.stream && ack.at >= epoch_.from && ack.at < epoch_.to;
        if (is_own) confirmed.try_emplace(ack.seq, ack.at);
      }
    }
    for (auto& [subject, part] : parts_) {
      for (std::size_t i = 0; i < part.messages.size(); ++i) {
        SubjectMessage& message = part.messages[i];
        const core::Instant called = entries_[part.entries[i]].called;
        if (may_go_always) message.may_go_from = called;
        if (limits.max_age.count() > 0) message.may_go_from = std::min(message.may_go_from, core::after(called, limits.max_age));
        if (const auto at = delivered.find(message.seq); at != delivered.end())
          message.may_go_from = std::min(message.may_go_from, at->second);
        if (const auto at = confirmed.find(message.seq); at != confirmed.end()) message.must_go_by = at->second;
      }
    }
  }

  // When each message of a work queue was first handed out: from then on it may be acknowledged.
  [[nodiscard]] std::map<core::Seq, core::Instant> deliveries() const {
    std::map<core::Seq, core::Instant> out;
    for (const auto& [key, events] : evidence_.history.consumers()) {
      if (key.stream != stream_.key) continue;
      for (const ConsumerEvent& event : events) {
        if (event.at >= epoch_.from && event.at < epoch_.to) out.try_emplace(event.seq, event.at);
      }
    }
    return out;
  }

  // --- purges and deletions

  void find_removals() {
    for (const RequestedRemoval& removal : evidence_.removals.all()) {
      if (removal.node != stream_.node || removal.stream != stream_.key.stream) continue;
      if (removal.answered_at && (*removal.answered_at < epoch_.from || removal.asked_at >= epoch_.to)) continue;
      const bool is_told = removal.answered_at && epoch_.has(removal.asked_at, *removal.answered_at);
      if (removal.seq.value != 0) {
        add_deletion(removal, is_told);
      } else {
        for (auto& [subject, part] : parts_) add_purge(removal, is_told, part);
      }
    }
  }

  void add_deletion(const RequestedRemoval& removal, bool is_told) {
    const StreamEntry* entry = entries_.find(removal.seq);
    const bool is_refused = removal.answered_at && !removal.is_done && !removal.is_absent;
    const bool is_sick = removal.answered_at && is_sick_between(removal.asked_at, *removal.answered_at);
    if (entry == nullptr || (is_refused && !is_sick)) return;
    Part& part = parts_.at(entry->subject);
    const std::size_t message = place_of(part, removal.seq);
    if (!is_told || is_refused) {  // a disk that fails may do so when the message is gone and its bytes are to be
      part.messages[message].may_go_from = std::min(part.messages[message].may_go_from, removal.asked_at);
      return;
    }
    if (removal.is_done) return add(part, step_of(Kind::remove, message), removal.asked_at, removal.answered_at);
    if (is_sick) return;
    add(part, look_at(message, message + 1), removal.asked_at, removal.answered_at);
  }

  void add_purge(const RequestedRemoval& removal, bool is_told, Part& part) {
    const std::string& filter = removal.filter_subject;
    const bool is_all = filter.empty() || filter == ">";
    if (!is_all && !part.name.empty() && !core::matches(part.name, filter)) return;
    if (removal.answered_at && !removal.is_done) return;
    const bool is_named = is_all || !part.name.empty();
    // What is kept is chosen among all that the filter names.
    const bool is_alone = filter == part.name || (is_all && stream_.spec->subjects == std::vector{part.name});
    if (!is_told || !is_named || (removal.keep > 0 && !is_alone))
      return excuse(part, SubjectStep::kNone, removal.asked_at, removal.answered_at.value_or(core::kForever));
    SubjectStep purge = step_of(Kind::purge);
    purge.keep = removal.keep;
    // It counts what it takes, whether anybody heard of it or not.
    if (is_alone && part.hidden == 0 && epoch_.from == core::Instant{}) purge.purged = removal.purged;
    add(part, std::move(purge), removal.asked_at, removal.answered_at);
  }

  // --- roll-ups

  void find_rollups() {
    for (const StreamEntry& entry : entries_.all()) {
      const PublishSpec* publish = entry.id ? publish_of(evidence_, *entry.id) : nullptr;
      if (publish == nullptr || !publish->is_rollup(entry.id->index)) continue;
      // A crash may come between the storing and the removal: nobody takes that up.
      const bool is_done = entry.returned && !is_sick_between(entry.called, *entry.returned) &&
                           !crashed_between(evidence_, stream_, entry.called, *entry.returned);
      for (auto& [subject, part] : parts_) {
        if (publish->rollup != PublishSpec::Rollup::all && subject != entry.subject) continue;
        const std::size_t end = place_of(part, entry.seq);
        if (is_done) {
          add_rollup(part, end, subject == entry.subject, entry);
        } else {
          excuse(part, end, entry.called, core::kForever);
        }
      }
    }
  }

  // Storing it and taking away what was before it are two steps: between them a look may find both.
  static void add_rollup(Part& part, std::size_t end, bool is_own, const StreamEntry& entry) {
    if (end == 0) return;
    SubjectStep purge = step_of(Kind::purge, is_own ? end : SubjectStep::kNone);
    purge.end = end;
    add(part, std::move(purge), entry.called, entry.returned);
  }

  // What may have been stored though nobody said so: written right before a crash, and gone again by what came later, its publisher
  // being answered to a repeat, if at all. It may have taken the place of others, and a purge counts it.
  void find_hidden() {
    if (evidence_.history.crashes().empty()) return;
    std::map<PublishId, const StreamEntry*> said;  // when first
    for (const StreamEntry& entry : entries_.all()) {
      if (!entry.id) continue;
      const auto place = said.try_emplace(*entry.id, &entry).first;
      if (entry.said < place->second->said) place->second = &entry;
    }
    for (const Crash& crash : evidence_.history.crashes()) {
      if (crash.node != stream_.key.node || crash.at < epoch_.from || crash.at >= epoch_.to) continue;
      each_under_way(crash.at, [&](PublishId id, const PublishRecord& record, core::Instant until) {
        const auto known = said.find(id);
        const StreamEntry* entry = known == said.end() ? nullptr : known->second;
        if (entry == nullptr || entry->said > crash.at) hide(id, record, entry, until);
      });
    }
  }

  template <typename Visit>
  void each_under_way(core::Instant at, const Visit& visit) const {
    evidence_.ledger.each([&](PublishId id, const PublishRecord& record) {
      const bool is_open = record.outcome() == Outcome::pending || record.outcome() == Outcome::sent;
      const core::Instant until = is_open ? core::kForever : record.settled_at();
      if (record.published_at() <= at && until >= at) visit(id, record, until);
    });
  }

  // `entry`: what the stream said of it later; nullptr: nothing.
  void hide(PublishId id, const PublishRecord& record, const StreamEntry* entry, core::Instant until) {
    ++hidden_;
    const PublishSpec* publish = publish_of(evidence_, id);
    const std::optional<std::string> name = entry == nullptr ? exact_subject_of(evidence_, id) : std::nullopt;
    const std::uint64_t subject = entry != nullptr ? entry->subject : core::hash_bytes(name.value_or(""));
    const bool is_known = entry != nullptr || name;
    const bool is_rollup = publish != nullptr && publish->is_rollup(id.index);
    for (auto& [hash, part] : parts_) {
      const bool is_own = !is_known || hash == subject;
      if (is_own) ++part.hidden;
      if (is_rollup && (is_own || publish->rollup == PublishSpec::Rollup::all))
        excuse(part, SubjectStep::kNone, record.published_at(), until);
    }
  }

  // --- the histories

  static void add(Part& part, SubjectStep step, core::Instant called, std::optional<core::Instant> returned) {
    step.called = called;
    step.returned = returned.value_or(core::kForever);
    part.history.push_back({std::move(step), called, returned});
  }

  void add_publishes() {
    for (auto& [subject, part] : parts_) {
      for (std::size_t i = 0; i < part.entries.size(); ++i) {
        const StreamEntry& entry = entries_[part.entries[i]];
        add(part, step_of(Kind::publish, i), entry.called, entry.returned);
      }
    }
    AckStreams acked_by{evidence_};
    each_acked(evidence_, stream_, acked_by, [&](PublishId, const PublishRecord& record) {
      const StreamEntry* entry =
          record.is_duplicate() && epoch_.has(record.published_at(), record.settled_at()) ? entries_.find(record.seq()) : nullptr;
      if (entry == nullptr) return;
      Part& part = parts_.at(entry->subject);
      add(part, step_of(Kind::repeat, place_of(part, entry->seq)), record.published_at(), record.settled_at());
    });
  }

  // Publishes that were refused because their subject is full, where all that it may have held is known.
  void find_refused() {
    const StreamLimits limits = limits_of(stream_.spec->create_body);
    const bool is_full_refused = limits.is_discard_new_per_subject && limits.max_msgs_per_subject > 0;
    if (!is_full_refused || epoch_.from > core::Instant{}) return;
    most_ = limits.max_msgs_per_subject;
    const auto& pruned = life_of(evidence_, stream_).pruned;
    each_refused(evidence_, stream_, [&](PublishId id, const PublishRecord& record) {
      if (record.refusal() != Refusal::subject_full || !epoch_.has(record.published_at(), record.settled_at())) return;
      // What was pruned was there until then.
      if (pruned.through.value > 0 && record.published_at() <= pruned.removed_at) return;
      const std::optional<std::string> subject = exact_subject_of(evidence_, id);
      if (!subject) return;
      parts_[core::hash_bytes(*subject)].name = *subject;
      refused_.push_back({core::hash_bytes(*subject), record.published_at(), record.settled_at()});
    });
  }

  void add_refusals() {
    for (auto& [subject, part] : parts_) part.most = most_;
    for (const Refused& refused : refused_) {
      Part& part = parts_.at(refused.subject);
      SubjectStep step = step_of(Kind::refuse);
      step.keep = most_ - std::min<std::uint64_t>(part.hidden, most_);
      add(part, std::move(step), refused.called, refused.returned);
    }
  }

  void add_reads() {
    if (reads_ == nullptr) return;
    for (const StreamRead& read : *reads_) {
      if (read.told == Told::nothing || !epoch_.has(read.called, read.returned)) continue;
      if (read.told == Told::absent && is_sick_between(read.called, read.returned)) continue;
      if (const char* wrong = why_wrong(entries_, read)) {
        if (!mistold_) mistold_ = Mistold{read.found, read.returned, wrong, text_of(read)};
        continue;
      }
      add_read(read);
    }
  }

  void add_read(const StreamRead& read) {
    SubjectStep look;
    const StreamEntry* found = read.told == Told::found ? entries_.find(read.found) : nullptr;
    if (read.kind == StreamRead::Kind::sequence) {
      const StreamEntry* entry = entries_.find(read.seq);
      if (entry == nullptr) return;  // never heard of, or of an earlier epoch
      Part& part = parts_.at(entry->subject);
      look.begin = place_of(part, read.seq);
      look.end = found == nullptr ? look.begin + 1 : look.begin;
      if (found != nullptr) look.message = look.begin;
      return add(part, std::move(look), read.called, read.returned);
    }
    const auto own = parts_.find(core::hash_bytes(read.subject));
    if (own == parts_.end()) return;
    Part& part = own->second;
    const std::size_t place = read.told == Told::found ? place_of(part, read.found) : 0;
    if (found != nullptr) look.message = place;
    if (read.kind == StreamRead::Kind::last) {
      look.begin = found == nullptr ? place : place + 1;
    } else {
      look.begin = place_of(part, read.seq);
      if (read.told == Told::found) look.end = place;
    }
    add(part, std::move(look), read.called, read.returned);
  }

  void add_final_scan() {
    if (!is_told_to_the_end(evidence_, stream_, epoch_)) return;
    std::map<std::uint64_t, std::vector<std::size_t>> there;
    for (const FinalMessage& message : stream_.messages) {
      const StreamEntry* entry = entries_.find(message.seq);
      if (entry == nullptr || entry->subject != message.subject) continue;
      there[message.subject].push_back(place_of(parts_.at(message.subject), message.seq));
    }
    for (auto& [subject, part] : parts_) {
      SubjectStep scan = step_of(Kind::scan);
      scan.there = std::move(there[subject]);
      add(part, std::move(scan), evidence_.end.at, evidence_.end.at);
    }
  }

  // A limit a subject is the subject's own, as long as nothing else takes messages at times that nobody knows.
  void apply_limit() {
    const StreamLimits limits = limits_of(stream_.spec->create_body);
    if (limits.max_msgs_per_subject == 0 || limits.is_discard_new_per_subject) return;
    for (auto& [subject, part] : parts_) {
      const bool is_exact = part.hidden == 0 && std::all_of(part.messages.begin(), part.messages.end(), [](const SubjectMessage& message) {
                              return message.may_go_from == core::kForever;
                            });
      if (is_exact) {
        part.limit = limits.max_msgs_per_subject;
        continue;
      }
      // It may go when so many newer ones can have come.
      const std::size_t newer = limits.max_msgs_per_subject - std::min<std::size_t>(part.hidden, limits.max_msgs_per_subject);
      for (std::size_t i = 0; i < part.messages.size(); ++i) {
        if (i + newer < part.messages.size())
          part.messages[i].may_go_from = std::min(part.messages[i].may_go_from, entries_[part.entries[i + newer]].called);
      }
    }
  }

  // --- what was refused for the stream as a whole

  void judge_presence() {
    const StreamLife& life = life_of(evidence_, stream_);
    if (mistold_ || epoch_.from > core::Instant{} || life.pruned.through.value > 0) return;
    Presence presence;
    presence.hidden = hidden_;
    for (const auto& [subject, part] : parts_) {
      std::vector<core::Instant> gone(part.messages.size(), core::kForever);
      for (std::size_t i = 0; i < gone.size(); ++i) gone[i] = part.messages[i].must_go_by;
      for (const Timed<SubjectStep>& step : part.history) note_removal(part, step, gone);
      for (std::size_t i = 0; i < gone.size(); ++i) {
        const StreamEntry& entry = entries_[part.entries[i]];
        const std::uint64_t bytes = life.size_of(entry.seq);
        presence.come.add(entry.called, bytes);
        if (gone[i] != core::kForever) presence.gone.add(gone[i], bytes);
      }
    }
    presence.come.sort();
    presence.gone.sort();
    mistold_ = judge_refusals(evidence_, stream_, epoch_, presence);
  }

  // By when a message is gone for certain, if this is what took it.
  void note_removal(const Part& part, const Timed<SubjectStep>& step, std::vector<core::Instant>& gone) const {
    if (!step.returned) return;
    if (step.operation.kind == Kind::remove) {
      gone[step.operation.message] = std::min(gone[step.operation.message], *step.returned);
    } else if (step.operation.kind == Kind::purge && step.operation.keep == 0) {
      for (std::size_t i = 0; i < std::min(step.operation.end, gone.size()); ++i) {
        const std::optional<core::Instant>& stored = entries_[part.entries[i]].returned;
        if (stored && *stored < step.called) gone[i] = std::min(gone[i], *step.returned);
      }
    }
  }

  const Evidence& evidence_;
  const FinalStream& stream_;
  const Epoch& epoch_;
  const std::vector<StreamRead>* reads_;
  const StreamEntries entries_;
  std::vector<Refused> refused_;
  std::uint64_t most_ = 0;               // messages a subject, beyond which publishes are refused; 0: none is
  std::map<std::uint64_t, Part> parts_;  // by the subject's hash
  std::uint64_t hidden_ = 0;             // publishes that may have been stored though nobody said so
  std::optional<Mistold> mistold_;
};

}  // namespace

bool is_looked_at(const Evidence& evidence, const FinalStream& stream) {
  if (reads_of(evidence, stream) != nullptr) return true;
  const std::vector<RequestedRemoval>& removals = evidence.removals.all();
  const bool is_cut = std::any_of(removals.begin(), removals.end(), [&](const RequestedRemoval& removal) {
    return removal.node == stream.node && removal.stream == stream.key.stream;
  });
  if (is_cut || !stream.rolled_up.empty()) return true;
  bool is_refused = false;
  each_refused(evidence, stream, [&](PublishId, const PublishRecord&) { is_refused = true; });
  return is_refused;
}

StreamCase case_of(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch, const MessagesByContent& messages) {
  return Gathering{evidence, stream, epoch, messages}.run();
}

}  // namespace windtunnel::scenarios
