// The invariants of what a store keeps, beyond what publishers were told: removals, damage, rewriting.

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/base/data_hash.h"
#include "core/base/hash.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/health.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_no_resurrection(const Evidence& evidence);
std::vector<Divergence> check_first_seq_exact(const Evidence& evidence);
std::vector<Divergence> check_corruption_is_surfaced(const Evidence& evidence);
std::vector<Divergence> check_bounded_work(const Evidence& evidence);
std::vector<Divergence> check_block_size_bounded(const Evidence& evidence);

namespace {

// Bytes that rewriting may write for each byte that was removed (reference: defect corpus, bounded-work).
constexpr std::uint64_t kRewriteFactor = 8;
// Besides: what a rewrite costs that pays off later only, and tombstones.
constexpr std::uint64_t kRewriteSlack = 64 * 1024;

// Whether what was reported then was reported by a recovery that a crash cut short: the stream was not there yet, and nobody
// could see it.
bool was_recovery_cut_short(const Evidence& evidence, const FinalStream& stream, const StreamLife& life, core::Instant reported_at) {
  const Crash* before = nullptr;
  const Crash* behind = nullptr;
  for (const Crash& crash : evidence.history.crashes()) {
    if (crash.node != stream.key.node) continue;
    if (crash.at < reported_at) before = &crash;
    if (crash.at >= reported_at && behind == nullptr) behind = &crash;
  }
  if (before == nullptr || behind == nullptr) return false;
  return std::none_of(life.recoveries.begin(), life.recoveries.end(),
                      [&](core::Instant at) { return at > before->at && at <= behind->at; });
}

// Whether the power went while an operator waited for the answer to what removed it: nobody was told that it is gone.
bool is_removal_cut_short(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant gone_at) {
  return std::any_of(evidence.history.crashes().begin(), evidence.history.crashes().end(), [&](const Crash& crash) {
    if (!crash.is_power_loss || crash.node != stream.key.node || crash.at < gone_at) return false;
    return evidence.changes.is_changing(stream.key, gone_at, crash.at) ||
           evidence.removals.any_of(stream.node, stream.key.stream, seq, crash.at,
                                    [&](const RequestedRemoval& removal) { return removal.asked_at <= gone_at; });
  });
}

bool is_file(const FinalStream& stream) { return stream.spec == nullptr || stream.spec->storage == Storage::file; }

}  // namespace

std::vector<Divergence> check_no_resurrection(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr) continue;
    std::map<core::Seq, core::Instant> removed_at;  // the last time
    for (const StreamLife::Removal& removal : life->removed) {
      if (removal.at >= evidence.end.at) break;  // while the end is read: it may have been read before
      if (!was_recovery_cut_short(evidence, stream, *life, removal.at)) removed_at[removal.seq] = removal.at;
    }
    std::map<core::Seq, core::Instant> stored_at;
    for (const StoredEvent& stored : life->stored) stored_at[stored.seq] = stored.at;
    for (const FinalMessage& message : stream.messages) {
      const auto removed = removed_at.find(message.seq);
      if (removed == removed_at.end() && message.seq > life->pruned.through) continue;
      const core::Instant gone_at = removed == removed_at.end() ? life->pruned.removed_at : removed->second;
      const auto stored = stored_at.find(message.seq);
      if (stored != stored_at.end() && stored->second > gone_at) continue;  // the sequence was used again
      if (may_come_back(evidence, stream, message.seq, gone_at) || is_removal_cut_short(evidence, stream, message.seq, gone_at)) continue;
      Divergence d = about("no-resurrection", stream, message.seq, evidence.end.at);
      d.expected = "sequence " + std::to_string(message.seq.value) + " stays removed";
      d.actual = "it is readable again";
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_first_seq_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    if (!stream.is_readable) continue;
    std::optional<core::Seq> smallest;
    if (!stream.messages.empty()) smallest = stream.messages.front().seq;
    if (!stream.unreadable.empty()) smallest = std::min(smallest.value_or(*stream.unreadable.begin()), *stream.unreadable.begin());
    const core::Seq expected = smallest.value_or(stream.state.last_seq.next());
    if (stream.state.first_seq == expected) continue;
    if (!smallest && stream.state.last_seq.value == 0 && stream.state.first_seq.value <= 1) continue;  // never used
    Divergence d = about("first-seq-exact", stream, expected, evidence.end.at);
    d.expected = smallest ? "the first sequence is the smallest that is there, " + std::to_string(expected.value)
                          : "the empty stream's first sequence is the one after its last, " + std::to_string(expected.value);
    d.actual = "it is " + std::to_string(stream.state.first_seq.value);
    out.push_back(std::move(d));
  }
  return out;
}

namespace {

// What was stored, or is read elsewhere, is this message.
template <typename Message>
bool is_same(const Message& stored, const FinalMessage& message) {
  return stored.content == message.content && stored.subject == message.subject && stored.time == message.time;
}

// Whether it is a message of the stream's origin: a mirror's as it is there; a source adds where it is from, and that it says.
bool is_copied(const Evidence& evidence, const FinalStream& stream, const FinalMessage& message) {
  if (stream.spec == nullptr || !stream.spec->mirror)
    return std::any_of(stream.sourced.begin(), stream.sourced.end(), [&](const SourcedMessage& each) { return each.seq == message.seq; });
  const StreamSpec* spec = evidence.scenario.origin(*stream.spec, *stream.spec->mirror);
  const FinalStream* origin = spec == nullptr ? nullptr : evidence.end.find(spec->on, spec->name);
  const StreamLife* life = origin == nullptr ? nullptr : evidence.history.life(origin->key);
  if (life == nullptr) return false;
  const std::vector<const StoredEvent*> stored = life->at(message.seq);
  return std::any_of(stored.begin(), stored.end(), [&](const StoredEvent* each) { return is_same(*each, message); }) ||
         std::any_of(origin->messages.begin(), origin->messages.end(),
                     [&](const FinalMessage& each) { return each.seq == message.seq && is_same(each, message); });
}

// Whether the stream came back without the sequence, after all that it said it stored there: then that was to be given again.
bool was_given_up(const StreamLife& life, core::Seq seq) {
  const std::vector<const StoredEvent*> stored = life.at(seq);
  return std::any_of(life.steps_back.begin(), life.steps_back.end(), [&](const StreamLife::StepBack& step) {
    return step.to < seq && std::all_of(stored.begin(), stored.end(), [&](const StoredEvent* each) { return each->at <= step.at; });
  });
}

// The deletions and purges of a bucket's keys that may be stored though nobody heard of it: a crash came before they were answered.
class UnheardMarkers {
 public:
  UnheardMarkers(const Evidence& evidence, const FinalStream& stream) : evidence_(evidence), stream_(stream) {
    const auto bucket = evidence.key_values.buckets().find({stream.node, stream.key.stream});
    const bool is_bucket = stream.key.stream.starts_with("KV_") && bucket != evidence.key_values.buckets().end();
    if (!is_bucket) return;
    for (const KeyValueOperation& operation : bucket->second.operations) {
      const KeyValueStep& step = operation.timed.operation;
      const bool is_marker = step.kind == KeyValueStep::Kind::write && (step.value == "DEL" || step.value == "PURGE");
      if (is_marker && !operation.is_void) open_.push_back(&operation);
    }
  }

  // Whether the message is one of them. Each is one message at most.
  bool take(const FinalMessage& message) {
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const KeyValueOperation* each) { return is_it(*each, message); });
    if (found == open_.end()) return false;
    open_.erase(found);
    return true;
  }

 private:
  [[nodiscard]] bool is_it(const KeyValueOperation& operation, const FinalMessage& message) const {
    const std::string subject = "$KV." + stream_.key.stream.substr(3) + "." + operation.key;
    if (message.subject != core::hash_bytes(subject) ||
        message.content != core::content_hash(key_value_marker(operation.timed.operation.value), ""))
      return false;
    const auto& [step, called, returned] = operation.timed;
    const core::Instant stored =
        has_clock_faults(evidence_.scenario) ? called : core::after(kTimeZero, core::Duration{message.time - kWallAtTimeZero});
    return stored >= called && crashed_between(evidence_, stream_, stored, returned.value_or(core::kForever));
  }

  const Evidence& evidence_;
  const FinalStream& stream_;
  std::vector<const KeyValueOperation*> open_;
};

// What is read was stored like that, and not made up from damaged bytes.
bool report_made_up(const Evidence& evidence, const FinalStream& stream, const StreamLife& life, std::vector<Divergence>& out) {
  std::multimap<core::Seq, const StoredEvent*> stored;
  for (const StoredEvent& event : life.stored) stored.emplace(event.seq, &event);
  UnheardMarkers markers{evidence, stream};
  for (const FinalMessage& message : stream.messages) {
    const auto [begin, end] = stored.equal_range(message.seq);
    const bool was_stored = std::any_of(begin, end, [&](const auto& entry) { return is_same(*entry.second, message); });
    if (was_stored) continue;
    // A crash between the write and the word of it: the message is there, whole, and nobody was told.
    const bool is_new = begin == end || was_given_up(life, message.seq);
    const bool is_ours = message.id && (evidence.ledger.is_genuine(*message.id, message.content) || is_copied(evidence, stream, message));
    if (is_new && (is_ours || markers.take(message))) continue;
    Divergence d = about("corruption-is-surfaced", stream, message.seq, evidence.end.at);
    d.expected = "what is read under sequence " + std::to_string(message.seq.value) + " is what was stored there, or an error";
    d.actual = "it is a message that the stream never stored like that";
    out.push_back(std::move(d));
    return true;
  }
  return false;
}

// "2.blk" of "jetstream/$G/streams/ORDERS/msgs/2.blk".
std::string_view file_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Whether the stream has named the block since.
bool is_block_reported(const StreamLife& life, const Damage& damage) {
  const std::string block = "/" + std::string(file_of(damage.path));
  return std::any_of(life.damage_reports.begin(), life.damage_reports.end(), [&](const StreamLife::DamageReport& report) {
    return report.at >= damage.at && report.what.find(block) != std::string::npos;
  });
}

bool is_consumer_reported(const StreamLife& life, const Damage& damage) {
  return std::any_of(life.damage_reports.begin(), life.damage_reports.end(), [&](const StreamLife::DamageReport& report) {
    return report.at >= damage.at && (report.consumer == damage.consumer || report.is_of_recovery);
  });
}

// Whether the stream has said that it cannot be opened since a start last found its metadata damaged; without that, whether it ever
// has. Damage that no start has met makes no stream go: one that is gone went for a reason that was to be reported earlier.
bool is_failure_reported(const Evidence& evidence, const FinalStream& stream, const StreamLife& life) {
  core::Instant damaged_at{};
  for (const Damage& damage : evidence.history.damages()) {
    if (damage.node == stream.key.node && damage.stream == stream.key.stream && damage.part == Damage::Part::metadata && damage.was_met)
      damaged_at = std::max(damaged_at, damage.at);
  }
  return std::any_of(life.damage_reports.begin(), life.damage_reports.end(),
                     [&](const StreamLife::DamageReport& report) { return report.is_of_recovery && report.at >= damaged_at; });
}

// The first message that a damage took and of which nobody has said a word, though what is left shows it.
std::optional<core::Seq> unreported(const Evidence& evidence, const FinalStream& stream, const StreamLife& life, const Damage& damage) {
  const bool is_ours = damage.node == stream.key.node && damage.stream == stream.key.stream && damage.part == Damage::Part::block;
  if (!is_ours || !damage.is_evident || !has_taken_effect(evidence, damage, core::kForever)) return std::nullopt;
  // A power loss may have taken more of the file than what the drive had lied about: then nothing shows it any more.
  if (damage.is_after_power_loss && !damage.was_met) return std::nullopt;
  if (is_block_reported(life, damage)) return std::nullopt;
  for (const core::Seq seq : damage.messages) {
    if (std::binary_search(stream.state.lost.begin(), stream.state.lost.end(), seq)) continue;
    const bool is_there =
        std::any_of(stream.messages.begin(), stream.messages.end(), [seq](const FinalMessage& m) { return m.seq == seq; });
    if (is_there || stream.unreadable.contains(seq) || was_removed_by_limits(stream, seq)) continue;
    const bool was_removed =
        std::any_of(life.removed.begin(), life.removed.end(), [seq](const StreamLife::Removal& removal) { return removal.seq == seq; });
    // A purge that the end of its process cut short is carried through by the next one, without a word on what it takes.
    const bool was_being_removed = evidence.removals.any_of(stream.node, stream.key.stream, seq, damage.at,
                                                            [&](const RequestedRemoval& removal) { return removal.asked_at <= damage.at; });
    if (!was_removed && !was_being_removed) return seq;
  }
  return std::nullopt;
}

// A consumer whose state cannot be read must not go on as if it had none.
bool report_silent_consumer(const Evidence& evidence, const FinalStream& stream, const StreamLife& life, std::vector<Divergence>& out) {
  for (const Damage& damage : evidence.history.damages()) {
    const bool is_ours = damage.node == stream.key.node && damage.stream == stream.key.stream && damage.part == Damage::Part::consumer;
    if (!is_ours || !damage.is_evident || !damage.was_met || is_consumer_reported(life, damage)) continue;
    Divergence d = about("corruption-is-surfaced", stream, {}, evidence.end.at);
    d.expected = "it is reported that the state of consumer " + damage.consumer + " cannot be read since " + damage.path + " was damaged";
    d.actual = "its server started without a word of it";
    out.push_back(std::move(d));
    return true;
  }
  return false;
}

}  // namespace

std::vector<Divergence> check_corruption_is_surfaced(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr || !is_file(stream)) continue;
    if (!stream.is_readable) {
      if (is_failure_reported(evidence, stream, *life)) continue;
      Divergence d = about("corruption-is-surfaced", stream, {}, evidence.end.at);
      d.expected = "the stream is there, or its server says why it cannot open it";
      d.actual = "it is gone without a word";
      out.push_back(std::move(d));
      continue;
    }
    if (report_made_up(evidence, stream, *life, out)) continue;
    if (report_silent_consumer(evidence, stream, *life, out)) continue;
    for (const Damage& damage : evidence.history.damages()) {
      const std::optional<core::Seq> silent = unreported(evidence, stream, *life, damage);
      if (!silent) continue;
      Divergence d = about("corruption-is-surfaced", stream, *silent, evidence.end.at);
      d.expected = "what is missing since " + damage.path + " was damaged is reported, and that file named";
      d.actual = "sequence " + std::to_string(silent->value) + " is gone and nobody has named the file";
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

// A block is rewritten to be rid of what was removed from it, so the bytes that rewriting writes are paid for by removals.
namespace {

// Whether operators erase messages of a stream whose full blocks are compressed: there is no place to write over, so each time the block
// is written anew.
bool erases_in_packed_blocks(const Evidence& evidence, const FinalStream& stream) {
  if (stream.spec == nullptr || stream.spec->create_body.find("\"compression\":\"s2\"") == std::string::npos) return false;
  const std::vector<WorkloadSpec>& all = evidence.scenario.workloads;
  return std::any_of(all.begin(), all.end(), [&](const WorkloadSpec& each) {
    const auto* admin = std::get_if<AdminSpec>(&each.work);
    return admin != nullptr && admin->stream == stream.key.stream && admin->on == stream.node &&
           std::find(admin->actions.begin(), admin->actions.end(), AdminAction::erase_message) != admin->actions.end();
  });
}

}  // namespace

std::vector<Divergence> check_bounded_work(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const StreamLife* life = evidence.history.life(stream.key);
    if (life == nullptr || erases_in_packed_blocks(evidence, stream)) continue;
    std::uint64_t written = 0;
    std::map<std::uint64_t, const StreamLife::Rewrite*> last;  // of each block
    for (const StreamLife::Rewrite& rewrite : life->rewrites) {
      written += rewrite.to_bytes;
      const StreamLife::Rewrite* before = std::exchange(last[rewrite.block], &rewrite);
      const bool is_idle = before != nullptr && before->removed_before == rewrite.removed_before && rewrite.to_bytes >= rewrite.from_bytes;
      if (!is_idle && written <= kRewriteFactor * rewrite.removed_bytes + kRewriteSlack) continue;
      Divergence d = about("bounded-work", stream, {}, evidence.end.at);
      d.at = rewrite.at;
      d.expected = is_idle ? "block " + std::to_string(rewrite.block) + " is not written anew before anything more is removed"
                           : "rewriting writes at most " + std::to_string(kRewriteFactor) + " times the " +
                                 std::to_string(rewrite.removed_bytes) + " bytes that were removed";
      d.actual = is_idle ? "it was, and came out no smaller than its " + std::to_string(rewrite.from_bytes) + " bytes"
                         : std::to_string(written) + " bytes were written";
      out.push_back(std::move(d));
      break;
    }
  }
  return out;
}

std::vector<Divergence> check_block_size_bounded(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    const NodeSpec* node = evidence.scenario.node(stream.node);
    const StreamLife* life = evidence.history.life(stream.key);
    if (node == nullptr || life == nullptr || !node->block_size) continue;
    const std::uint64_t bound = node->block_size->value + life->record_bytes_max;
    if (stream.block_bytes_max <= bound) continue;
    Divergence d = about("block-size-bounded", stream, {}, evidence.end.at);
    d.expected = "no block file is larger than its size and one record, " + std::to_string(bound) + " bytes";
    d.actual = "one has " + std::to_string(stream.block_bytes_max) + " bytes";
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
