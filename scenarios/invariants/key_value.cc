// The invariants of key-value buckets, and of subjects whose publishers expect a last sequence: each key's history, as its clients saw it,
// is that of one value that was changed and read one operation after the other (reference: defect corpus, cas-exact and
// latest-per-subject-visible).
//
// Keys are judged alone: no operation is about two of them, and linearizability is local. A crash that may cost what was
// acknowledged (scenarios/invariants/durability.h) is an operation of every key, after which anything that was once written
// may be there.

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "core/base/data_hash.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_cas_exact(const Evidence& evidence);
std::vector<Divergence> check_latest_per_subject_visible(const Evidence& evidence);

namespace {

using Kind = KeyValueStep::Kind;
using Told = KeyValueStep::Told;

// So many states a key; clients that wait for their answers need a few for each operation.
constexpr std::uint64_t kStatesMax = 200'000;

// One bucket, and what it is judged by.
struct Case {
  const Evidence& evidence;
  const FinalStream& stream;
  const KeyValueLog::Bucket& bucket;
  std::string prefix;                    // "$KV.BUCKET."; empty: the keys are subjects of a stream
  std::vector<core::Instant> losses;     // crashes that may cost acknowledged writes
  core::Instant until = core::kForever;  // what comes later is not judged: the stream's files were damaged
  std::map<std::pair<std::string, std::string>, std::vector<const KeyValueOperation*>> writes = {};  // by key and value
};

std::vector<Case> cases_of(const Evidence& evidence) {
  std::vector<Case> out;
  for (const auto& [place, bucket] : evidence.key_values.buckets()) {
    const FinalStream* stream = evidence.end.find(place.first, place.second);
    if (stream == nullptr) continue;
    const bool is_bucket = place.second.starts_with("KV_");
    Case each{evidence, *stream, bucket, is_bucket ? "$KV." + place.second.substr(3) + "." : "", {}};
    for (const Crash& crash : evidence.history.crashes()) {
      if (crash.node == stream->key.node && may_cost(evidence, *stream, crash)) each.losses.push_back(crash.at);
    }
    for (const Damage& damage : evidence.history.damages()) {
      if (damage.node == stream->key.node && damage.stream == stream->key.stream) each.until = std::min(each.until, damage.at);
    }
    for (const KeyValueOperation& operation : bucket.operations) {
      const KeyValueStep& step = operation.timed.operation;
      if (step.kind == Kind::write) each.writes[{operation.key, step.value}].push_back(&operation);
    }
    out.push_back(std::move(each));
  }
  return out;
}

// --- the histories

KeyValueHistory history_of(const Case& bucket, const std::string& key, bool with_reads) {
  KeyValueHistory out;
  for (const KeyValueOperation& operation : bucket.bucket.operations) {
    if (operation.key != key || operation.is_void || operation.timed.called > bucket.until) continue;
    if (operation.timed.operation.kind == Kind::read && !with_reads) continue;
    Timed<KeyValueStep> timed = operation.timed;
    if (timed.returned && *timed.returned > bucket.until && timed.operation.kind == Kind::read) continue;
    out.push_back(std::move(timed));
  }
  for (const core::Instant at : bucket.losses) {
    KeyValueStep loss;
    loss.kind = Kind::loss;
    if (at <= bucket.until) out.push_back({std::move(loss), at, at});
  }
  return out;
}

// What is under the key at the end, by a scan of the stream: a read like others.
std::optional<KeyValueStep> final_read(const Case& bucket, const std::string& key) {
  if (!bucket.stream.is_readable || !bucket.stream.unreadable.empty() || bucket.until != core::kForever) return std::nullopt;
  const std::uint64_t subject = core::hash_bytes(bucket.prefix + key);
  KeyValueStep step;
  step.told = Told::done;
  for (const FinalMessage& message : bucket.stream.messages) {
    if (message.subject != subject && key != ">") continue;
    step.revision = message.seq.value;
    if (message.id) step.value = bucket.evidence.ledger.name_of(*message.id);
    for (const char* marker : {"DEL", "PURGE"}) {
      if (message.content == core::content_hash(key_value_marker(marker), "")) step.value = marker;
    }
  }
  return step;
}

std::set<std::string> keys_of(const Case& bucket) {
  std::set<std::string> out;
  for (const KeyValueOperation& operation : bucket.bucket.operations) out.insert(operation.key);
  return out;
}

Divergence about(const Case& bucket, std::string_view invariant) {
  Divergence d;
  d.invariant = invariant;
  d.stream = bucket.stream.key.stream;
  d.node = bucket.stream.node;
  d.at = bucket.evidence.end.at;
  return d;
}

std::string place_in_time(const Timed<KeyValueStep>& timed) {
  return " (" + clock_text(timed.called) + (timed.returned ? " to " + clock_text(*timed.returned) : " on") + ")";
}

// The divergence of a history that no order explains.
std::optional<Divergence> judge_history(const Case& bucket, std::string_view invariant, const std::string& key,
                                        const KeyValueHistory& history) {
  const KeyValueModel model;
  const Linearization found = linearize(model, history, kStatesMax);
  if (found.verdict != Linearization::Verdict::impossible) return std::nullopt;
  KeyValueModel::State state = model.initial();
  for (const std::size_t index : found.order) state = model.step(state, history[index].operation).value_or(state);
  Divergence d = about(bucket, invariant);
  d.expected = "what the clients of " + (bucket.prefix.empty() ? std::string("subject ") : std::string("key ")) + key +
               " were told can have happened in some order, each operation between its call and its return";
  if (found.order.empty()) {
    d.actual = "no order explains it";
  } else {
    const Timed<KeyValueStep>& last = history[found.order.back()];
    d.actual = "after " + text_of(last.operation) + place_in_time(last) + " the key has " + text_of(state);
  }
  if (found.stuck) {
    const Timed<KeyValueStep>& stuck = history[*found.stuck];
    d.actual += ", and no order explains " + text_of(stuck.operation) + place_in_time(stuck);
    d.first_seq = core::Seq{stuck.operation.revision};
    d.at = stuck.returned.value_or(stuck.called);
  }
  return d;
}

// --- what was seen, one by one

// Why this cannot have been seen by `at`; empty if it can.
std::string why_unseen(const Case& bucket, const std::string& key, const std::string& value, std::uint64_t revision, core::Instant at) {
  const auto writes = bucket.writes.find({key, value});
  if (writes == bucket.writes.end()) return "nobody wrote that";
  for (const KeyValueOperation* write : writes->second) {
    const KeyValueStep& step = write->timed.operation;
    if (write->is_void || step.told == Told::refused || write->timed.called > at) continue;
    if (step.told == Told::nothing || step.revision == revision) return {};
  }
  return "that write has another revision, was refused or came later";
}

std::optional<Divergence> judge_sightings(const Case& bucket, const KeyValueWatch& watch) {
  std::map<std::string, const KeyValueSighting*> last;
  for (const KeyValueSighting& seen : watch.sightings) {
    if (seen.at > bucket.until) return std::nullopt;
    Divergence d = about(bucket, "latest-per-subject-visible");
    d.first_seq = core::Seq{seen.revision};
    d.at = seen.at;
    const std::string what = seen.value + " at revision " + std::to_string(seen.revision);
    const std::string why = why_unseen(bucket, seen.key, seen.value, seen.revision, seen.at);
    if (!why.empty()) {
      d.expected = watch.workload + "'s watch shows what was written to key " + seen.key;
      d.actual.append("it showed ").append(what).append(", but ").append(why);
      return d;
    }
    const KeyValueSighting* before = std::exchange(last[seen.key], &seen);
    if (before != nullptr && before->revision >= seen.revision) {
      d.expected = watch.workload + "'s watch shows newer and newer values of key " + seen.key;
      d.actual = "after revision " + std::to_string(before->revision) + " it showed " + what;
      return d;
    }
  }
  if (!watch.is_live) return std::nullopt;
  for (const std::string& key : keys_of(bucket)) {
    const std::optional<KeyValueStep> there = final_read(bucket, key);
    if (!there) continue;
    const auto seen = last.find(key);
    const std::uint64_t shown = seen == last.end() ? 0 : seen->second->revision;
    if (shown == there->revision) continue;
    Divergence d = about(bucket, "latest-per-subject-visible");
    d.first_seq = core::Seq{there->revision};
    d.expected = watch.workload + "'s watch has shown the last value of key " + key + ", " + text_of(*there);
    d.actual = shown == 0 ? "it has shown none" : "the last that it showed has revision " + std::to_string(shown);
    return d;
  }
  return std::nullopt;
}

std::optional<Divergence> judge_reads(const Case& bucket, const std::string& key) {
  KeyValueHistory history = history_of(bucket, key, true);
  for (const Timed<KeyValueStep>& read : history) {
    if (read.operation.kind != Kind::read || read.operation.revision == 0) continue;
    const KeyValueStep& step = read.operation;
    const std::string why = why_unseen(bucket, key, step.value, step.revision, *read.returned);
    if (why.empty()) continue;
    Divergence d = about(bucket, "latest-per-subject-visible");
    d.first_seq = core::Seq{step.revision};
    d.at = *read.returned;
    d.expected = "a get of key " + key + " shows what was written";
    d.actual = text_of(step) + ", but " + why;
    return d;
  }
  if (std::optional<KeyValueStep> end = final_read(bucket, key))
    history.push_back({std::move(*end), bucket.evidence.end.at, bucket.evidence.end.at});
  return judge_history(bucket, "latest-per-subject-visible", key, history);
}

}  // namespace

std::vector<Divergence> check_cas_exact(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const Case& bucket : cases_of(evidence)) {
    for (const std::string& key : keys_of(bucket)) {
      std::optional<Divergence> d = judge_history(bucket, "cas-exact", key, history_of(bucket, key, false));
      if (!d) continue;
      out.push_back(std::move(*d));
      break;
    }
  }
  return out;
}

// Reads, on top of the writes: a history whose writes alone cannot be explained is cas-exact's business.
std::vector<Divergence> check_latest_per_subject_visible(const Evidence& evidence) {
  std::vector<Divergence> out;
  for (const FinalStream& stream : evidence.end.streams) {
    for (const LatestOfSubject& latest : stream.latest) {
      if (latest.told == latest.scanned) continue;
      Divergence d;
      d.invariant = "latest-per-subject-visible";
      d.stream = stream.key.stream;
      d.node = stream.node;
      d.first_seq = latest.scanned;
      d.at = evidence.end.at;
      d.expected =
          "the last message of " + latest.subject + " is the one with the highest sequence, " + std::to_string(latest.scanned.value);
      d.actual = latest.told.value == 0 ? "the stream knows of none" : "the stream says that it is " + std::to_string(latest.told.value);
      out.push_back(std::move(d));
      break;
    }
  }
  for (const Case& bucket : cases_of(evidence)) {
    std::optional<Divergence> d;
    for (const std::string& key : keys_of(bucket)) {
      if (d || judge_history(bucket, "cas-exact", key, history_of(bucket, key, false))) continue;
      d = judge_reads(bucket, key);
    }
    for (const KeyValueWatch& watch : bucket.bucket.watches) {
      if (!d) d = judge_sightings(bucket, watch);
    }
    if (d) out.push_back(std::move(*d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
