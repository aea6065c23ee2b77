// A checker earns trust by failing: each invariant that is checked has a core broken on purpose here that violates it, and
// the same scenario on the right core passes.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/invariants/invariants.h"
#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

Scenario parse(const std::string& text) {
  Loaded loaded = load_text(text, "test.yaml");
  for (const Diagnostic& d : loaded.diagnostics) MESSAGE(d.text());
  REQUIRE(loaded.scenario.has_value());
  return *loaded.scenario;
}

RunResult run(const Scenario& scenario, std::vector<Defect> defects, std::uint64_t seed = 1) {
  RunOptions options;
  options.seed = core::Seed{seed};
  for (const Defect defect : defects) options.defects.set(defect);
  core::Result<RunResult> result = core::error(core::Errc::invalid_argument, "not run");
  {
    const tests::InsideSimulation inside;  // no clock, sleep, thread or random number of the real world
    result = run_scenario(scenario, options);
  }
  if (!result) MESSAGE(result.error().text());
  REQUIRE(result.has_value());
  return *result;
}

const Divergence* find(const RunResult& result, std::string_view invariant) {
  const auto it =
      std::find_if(result.divergences.begin(), result.divergences.end(), [&](const Divergence& d) { return d.invariant == invariant; });
  return it == result.divergences.end() ? nullptr : &*it;
}

const std::string kAlone = R"(
scenario: alone
about: One server, one stream.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
)";

const std::string kSyncAlways = R"(
scenario: sync-always
about: One server that syncs always loses power.
nodes: { hub: { domain: hub, sync_interval: always } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 6s, name: careful } ]
faults: [ { at: 3s, power_loss: { node: hub, keep: none } }, { at: 4s, start: hub } ]
)";

const std::string kMirror = R"(
scenario: mirror
about: A hub with a stream, a leaf with its mirror.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub } }
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 10s, name: careful } ]
)";

// Every other message is none of the mirror's business.
const std::string kFiltered = R"(
scenario: filtered
about: A mirror of some of its origin's subjects.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub, filter_subject: orders.new } }
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 10s, name: careful }
  - { publish: orders.old, at: hub, via: jetstream, rate: 31/s, for: 10s, name: other }
)";

const std::string kOutage = kMirror + R"(
faults: [ { at: 3s, signal: { node: hub, name: SIGABRT } }, { at: 5s, start: hub } ]
)";

// The hub is away for so long that the retries of 2.10 are two minutes apart.
const std::string kLongOutage = R"(
scenario: long-outage
about: A mirror whose hub is away for half an hour.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub } }
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 1/s, for: 30m, name: careful } ]
faults: [ { at: 3s, cut: { link: [hub, leaf], how: reset } }, { at: 30m, heal: { link: [hub, leaf] } } ]
)";

// A stream without blocks worth speaking of, and an operator who removes messages.
const std::string kStore = R"(
scenario: store
about: One server with small blocks.
nodes: { hub: { domain: hub, block_size: 4KiB, compact_min: 1KiB, sync_interval: 2s } }
)";
const std::string kPurged = kStore + R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads:
  - { publish: orders.old, at: hub, via: jetstream, rate: 50/s, for: 2s, size: 200B, name: early }
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 4s, size: 200B, start: 2s, name: careful }
  - { admin: ORDERS, at: hub, do: [purge], filter_subject: orders.old, every: 3s, count: 1, name: operator }
faults:
  - { at: 7s, signal: { node: hub, name: SIGKILL } }
  - { after: 100ms, lose_file: { node: hub, file: index.db } }
  - { after: 1s, start: hub }
)";
const std::string kBitFlipped = kStore + R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 4s, size: 200B, name: careful } ]
faults:
  - { at: 5s, signal: { node: hub, name: SIGKILL } }
  - { after: 100ms, bit_flip: { node: hub, file: "2.blk", bits: 1 } }
  - { after: 1s, start: hub }
)";
const std::string kDeleted = R"(
scenario: deleted
about: One server with very small blocks, and an operator who deletes message after message.
nodes: { hub: { domain: hub, block_size: 2KiB, compact_min: 1KiB, sync_interval: 2s } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads:
  - { publish: orders.old, at: hub, via: jetstream, rate: 50/s, for: 4s, size: 200B, name: early }
  - { admin: ORDERS, at: hub, do: [delete_message], every: 30ms, for: 5s, name: operator }
faults:
  - { at: 7s, signal: { node: hub, name: SIGKILL } }
  - { after: 100ms, lose_file: { node: hub, file: index.db } }
  - { after: 1s, start: hub }
)";
const std::string kWorkqueue = R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, retention: workqueue } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 10s, size: 200B, name: careful }
  - { consume: ORDERS, at: hub, consumer: worker, name: work }
)";
const std::string kConsumed = R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 4s, size: 200B, name: careful }
  - { consume: ORDERS, at: hub, consumer: worker, name: work }
)";
const std::string kLazyStore = R"(
scenario: lazy-store
about: One server that syncs every two minutes.
nodes: { hub: { domain: hub } }
)";
const std::string kBlocksEmptied = R"(
faults:
  - { at: 12s, signal: { node: hub, name: SIGTERM } }
  - { after: 100ms, truncate_file: { node: hub, file: "*.blk", pick: all, keep: 0B } }
  - { after: 1s, start: hub }
)";

const std::string kKeyValue = R"(
scenario: bucket
about: One server with a key-value bucket, and two clients that change the same keys.
nodes: { hub: { domain: hub } }
streams:
  - { on: hub, name: KV_B, subjects: [$KV.B.>], storage: file, max_msgs_per_subject: 1, allow_rollup_hdrs: true, allow_direct: true }
workloads:
  - { key_value: B, at: hub, name: alice, keys: 2, rate: 40/s, for: 5s, do: [update, put, get, delete] }
  - { key_value: B, at: hub, name: bob, keys: 2, rate: 40/s, for: 5s, do: [update, get, create] }
)";
// The answer to the first attempts does not come in time, so they are repeated.
const std::string kRepeated = R"(
scenario: repeated
about: A publisher with message ids behind a link that is cut for a while repeats what had no answer.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads:
  - { publish: orders.new, at: leaf, via: jetstream, rate: 50/s, for: 6s, msg_id: true, timeout: 500ms, retries: until-acked, name: careful }
faults:
  - { at: 2s, cut: { link: [hub, leaf], how: black_hole } }
  - { at: 4s, heal: { link: [hub, leaf] } }
)";
const std::string kZeroedState = R"(
faults:
  - { at: 6s, signal: { node: hub, name: SIGKILL } }
  - { after: 100ms, zero_file: { node: hub, file: worker/o.dat } }
  - { after: 1s, start: hub }
)";
const std::string kRestarted = R"(
faults: [ { at: 3s, signal: { node: hub, name: SIGTERM } }, { at: 4s, start: hub } ]
)";
const std::string kFirstSeq = kStore + kRestarted + R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, first_seq: 500 } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s, name: careful } ]
)";
const std::string kUnheard = kStore + kRestarted + R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, retention: interest } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s, name: careful } ]
)";
// Its index is written when it stops, and then whole blocks go.
const std::string kLimited = kStore + kRestarted + R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, max_msgs: 100 } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 2s, size: 200B, name: early }
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 1s, size: 200B, start: 5s, name: careful }
)";
const std::string kRepurged = kLazyStore + R"(
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads:
  - { publish: orders.old, at: hub, via: jetstream, rate: 50/s, for: 2s, size: 200B, name: early }
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 2s, size: 200B, start: 2s, name: careful }
  - { admin: ORDERS, at: hub, do: [purge], filter_subject: orders.old, every: 5s, count: 1, name: operator }
)";

const std::string kSubjectLimit = R"(
scenario: subject-limit
about: A stream that keeps three messages a subject.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], max_msgs_per_subject: 3 } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s } ]
)";

const std::string kDiscardNew = R"(
scenario: discard-new
about: A stream that refuses what does not fit.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], discard: new, max_bytes: 1040 } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s, size: 30B } ]
)";

const std::string kPurgedWhole = R"(
scenario: purged-whole
about: An operator purges a stream.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>] } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s }
  - { admin: ORDERS, at: hub, do: [purge], every: 3s, count: 1 }
)";

const std::string kExpiring = R"(
scenario: expiring
about: Messages live for two seconds.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], max_age: 2s } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s } ]
)";

const std::string kInterest = R"(
scenario: interest
about: Two consumers want every message, and one of them does nothing.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], retention: interest } ]
consumers:
  - { on: hub, stream: ORDERS, name: busy, durable_name: busy, ack_policy: explicit }
  - { on: hub, stream: ORDERS, name: idle, durable_name: idle, ack_policy: explicit }
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 2s }
  - { consume: ORDERS, at: hub, consumer: busy }
)";

const std::string kQueue = R"(
scenario: queue
about: A work queue and its worker.
nodes: { hub: {} }
streams: [ { on: hub, name: JOBS, subjects: [jobs], retention: workqueue } ]
consumers: [ { on: hub, stream: JOBS, name: worker, durable_name: worker, ack_policy: explicit, ack_wait: 1s, max_ack_pending: 20 } ]
)";
const std::string kAcked = R"(
workloads:
  - { publish: jobs, at: hub, via: jetstream, rate: 20/s, for: 5s, retries: { max: until-acked }, msg_id: true }
  - { consume: JOBS, at: hub, consumer: worker }
)";
const std::string kRefused = R"(
workloads:
  - { publish: jobs, at: hub, via: jetstream, rate: 20/s, for: 5s }
  - { consume: JOBS, at: hub, consumer: worker, handle: { ack: 2, nak: 1 } }
)";
const std::string kIgnored = R"(
workloads:
  - { publish: jobs, at: hub, via: jetstream, rate: 50/s, for: 5s }
  - { consume: JOBS, at: hub, consumer: worker, batch: 50, handle: { ignore: 1 } }
)";

const std::string kLoop = R"(
scenario: loop
about: Jobs that come back.
nodes: { hub: {} }
streams:
  - { on: hub, name: JOBS, subjects: [jobs.*], retention: workqueue, max_msgs_per_subject: 1, discard: new, discard_new_per_subject: true, max_msgs: 1000 }
workloads: [ { republish_loop: JOBS, at: hub, subject: jobs, messages: 100, loops: 400, window: 30 } ]
)";

// Both ends of a leaf link capture the subject, so each wants it of the other.
const std::string kBothEnds = R"(
scenario: both-ends
about: A stream of the same subjects on both ends of a leaf link.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: AT_HUB, subjects: [orders.>] }
  - { on: leaf, name: AT_LEAF, subjects: [orders.>] }
workloads: [ { publish: orders.new, at: leaf, via: core, rate: 20/s, for: 5s } ]
)";

const std::string kSources = R"(
scenario: sources
about: A hub that sources from two edges, one of them behind a link that breaks.
nodes: { hub: { domain: hub }, east: { domain: east, leaf_of: hub }, west: { domain: west, leaf_of: hub } }
links: [ { between: [hub, west], latency: 200ms } ]
streams:
  - { on: east, name: EAST, subjects: [east.>] }
  - { on: west, name: WEST, subjects: [west.>], retention: workqueue }
  - { on: hub, name: ALL, sources: [ { name: EAST, domain: east }, { name: WEST, domain: west } ] }
workloads:
  - { publish: east.new, at: east, via: jetstream, rate: 50/s, for: 20s, name: eastern }
  - { publish: west.new, at: west, via: jetstream, rate: 50/s, for: 20s, name: western }
faults:
  - { at: 3s, cut: { link: [hub, west], how: reset } }
  - { at: 5s, heal: { link: [hub, west] } }
  - { at: 7s, cut: { link: [hub, west], how: reset } }
  - { at: 8s, heal: { link: [hub, west] } }
)";
const std::string kWrongDomain = R"(
scenario: wrong-domain
about: A source behind an API prefix that leads nowhere.
nodes: { hub: { domain: hub }, east: { domain: east, leaf_of: hub } }
streams:
  - { on: east, name: EAST, subjects: [east.>] }
  - { on: hub, name: ALL, sources: [ { name: EAST, external: { api: $JS.eats.API } } ] }
workloads: [ { publish: east.new, at: east, via: jetstream, rate: 20/s, for: 20s, name: eastern } ]
)";

struct Row {
  std::string what;
  std::string scenario;
  std::string expect;
  std::vector<Defect> defects;
  std::string invariant;
};

std::string only(const std::string& invariant) { return "\nexpect: [ { invariants: [" + invariant + "] } ]\n"; }

const std::string kCareful = "\nworkloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 5s, name: careful } ]\n";
const std::string kCareless = "\nworkloads: [ { publish: orders.new, at: hub, via: core, rate: 20/s, for: 5s, name: careless } ]\n";
const std::string kNobody = "\nworkloads: [ { publish: elsewhere.new, at: hub, via: jetstream, rate: 20/s, for: 5s, name: careful } ]\n";

std::vector<Row> rows() {
  return {
      {"acknowledges what it does not store", kAlone + kCareful, "acked-is-durable", {Defect::break_ack_before_store}, "acked-is-durable"},
      {"does not sync before it acknowledges", kSyncAlways, "acked-is-durable", {Defect::break_sync_always}, "acked-is-durable"},
      {"does not sync, and its sequences go back", kSyncAlways, "last-seq-monotone", {Defect::break_sync_always}, "last-seq-monotone"},
      {"makes up an acknowledgement where nobody listens",
       kAlone + kNobody,
       "publish-outcome-known",
       {Defect::break_silent_no_responders},
       "publish-outcome-known"},
      {"acknowledges what it does not store: a lie",
       kAlone + kCareful,
       "publish-outcome-known",
       {Defect::break_ack_before_store},
       "publish-outcome-known"},
      {"drops plain publishes", kAlone + kCareless, "no-silent-drop", {Defect::break_ack_before_store}, "no-silent-drop"},
      {"skips messages of a source", kSources, "no-loss-after-offline", {Defect::break_source_skips}, "no-loss-after-offline"},
      {"loses what a work queue handed out", kSources, "no-loss-after-offline", {Defect::nats_3207}, "no-loss-after-offline"},
      {"stores messages of a source twice",
       kSources,
       "no-duplicate-in-mirror",
       {Defect::break_source_duplicates},
       "no-duplicate-in-mirror"},
      {"gives up sources", kSources, "sync-makes-progress", {Defect::break_source_never_resumes}, "sync-makes-progress"},
      {"sets a source up twice when its link is back", kSources, "bounded-retry", {Defect::nats_8111}, "bounded-retry"},
      {"sets up what no link's return concerns", kSources, "bounded-retry", {Defect::nats_7796}, "bounded-retry"},
      {"does not say that nobody answers", kWrongDomain, "config-error-surfaced", {Defect::nats_7530}, "config-error-surfaced"},
      {"skips messages of the origin", kMirror, "mirror-is-prefix", {Defect::break_mirror_skips}, "mirror-is-prefix"},
      {"skips messages that the mirror's filter is for", kFiltered, "mirror-is-prefix", {Defect::break_mirror_skips}, "mirror-is-prefix"},
      {"stores messages of the origin twice",
       kMirror,
       "no-duplicate-in-mirror",
       {Defect::break_mirror_duplicates},
       "no-duplicate-in-mirror"},
      {"stores messages twice, and so under other sequences",
       kMirror,
       "mirror-is-prefix",
       {Defect::break_mirror_duplicates},
       "mirror-is-prefix"},
      {"gives up after an outage", kOutage, "sync-makes-progress", {Defect::break_mirror_never_resumes}, "sync-makes-progress"},
      {"resumes by a slow timer, as releases did", kLongOutage, "sync-makes-progress", {Defect::nats_6981}, "sync-makes-progress"},
      {"counts messages that are not there",
       kAlone + kCareful,
       "state-equals-contents",
       {Defect::break_state_counts},
       "state-equals-contents"},
      {"drops tombstones that are still needed", kDeleted, "no-resurrection", {Defect::nats_5426}, "no-resurrection"},
      {"says a first sequence that is not there", kPurged, "first-seq-exact", {Defect::break_first_seq}, "first-seq-exact"},
      {"gives up a block at its first damaged record", kBitFlipped, "acked-is-durable", {Defect::nats_7549}, "acked-is-durable"},
      {"says nothing of what it gave up", kBitFlipped, "corruption-is-surfaced", {Defect::nats_7549}, "corruption-is-surfaced"},
      {"forgets the last sequence with the blocks",
       kLazyStore + kWorkqueue + kBlocksEmptied,
       "last-seq-monotone",
       {Defect::nats_6881},
       "last-seq-monotone"},
      {"purges at a restart what it had", kFirstSeq, "recovery-equals-precrash", {Defect::nats_6753}, "recovery-equals-precrash"},
      {"forgets at a restart what it gave out", kUnheard, "recovery-equals-precrash", {Defect::nats_5497}, "recovery-equals-precrash"},
      {"believes an index that is out of date", kLimited, "index-is-cache", {Defect::nats_5901}, "index-is-cache"},
      {"marks no removals, for the index knows them", kRepurged, "index-is-cache", {Defect::nats_6685}, "index-is-cache"},
      {"takes a consumer state that cannot be read for none",
       kStore + kConsumed + kZeroedState,
       "corruption-is-surfaced",
       {Defect::nats_7691},
       "corruption-is-surfaced"},
      {"rewrites a block again and again", kPurged, "bounded-work", {Defect::nats_5702a}, "bounded-work"},
      {"never begins a new block for tombstones", kPurged, "block-size-bounded", {Defect::nats_5973}, "block-size-bounded"},
      {"writes a consumer's state once",
       kStore + kConsumed + "\nfaults: [ { at: 6s, signal: { node: hub, name: SIGKILL } }, { after: 1s, start: hub } ]\n",
       "consumer-state-durable",
       {Defect::break_consumer_flush},
       "consumer-state-durable"},
      {"does not compare expected revisions", kKeyValue, "cas-exact", {Defect::break_cas}, "cas-exact"},
      {"does not find what was just stored",
       kKeyValue,
       "latest-per-subject-visible",
       {Defect::break_stale_latest},
       "latest-per-subject-visible"},
      {"names a sequence at which nothing is stored",
       kAlone + kCareful,
       "pub-ack-truthful",
       {Defect::break_ack_before_store},
       "pub-ack-truthful"},
      {"does not enforce a subject's limit", kSubjectLimit, "per-subject-limit", {Defect::break_subject_limit}, "per-subject-limit"},
      {"evicts where it should refuse", kDiscardNew, "discard-new-never-evicts", {Defect::nats_4775}, "discard-new-never-evicts"},
      {"leaves a message in a purge", kPurgedWhole, "purge-exact", {Defect::break_purge}, "purge-exact"},
      {"lets messages grow old", kExpiring, "expiry-exact", {Defect::break_expiry}, "expiry-exact"},
      {"removes what another consumer still wants",
       kInterest,
       "retention-only-removes-acked",
       {Defect::break_interest},
       "retention-only-removes-acked"},
      {"keeps what was acknowledged", kQueue + kAcked, "no-orphans", {Defect::break_ack_removal}, "no-orphans"},
      {"confirms an ack before it takes effect", kLoop, "ack-effective-before-reply", {Defect::nats_5702b}, "ack-effective-before-reply"},
      {"passes messages over", kQueue + kAcked, "at-least-once", {Defect::break_skip_delivery}, "at-least-once"},
      {"does not count deliveries",
       kQueue + kRefused,
       "delivery-count-monotone",
       {Defect::break_delivery_count},
       "delivery-count-monotone"},
      {"leaves the ack floor where it is",
       kQueue + kAcked,
       "ack-floor-monotone-and-tight",
       {Defect::break_ack_floor},
       "ack-floor-monotone-and-tight"},
      {"counts what is pending wrongly", kLoop, "num-pending-exact", {Defect::nats_6343}, "num-pending-exact"},
      {"delivers more than may be pending",
       kQueue + kIgnored,
       "ack-pending-bounded",
       {Defect::break_max_ack_pending},
       "ack-pending-bounded"},
      {"deletes consumers when it stops",
       kQueue + kAcked + "\nfaults: [ { at: 3s, signal: { node: hub, name: SIGTERM } }, { after: 1s, start: hub } ]\n",
       "consumer-survives",
       {Defect::break_consumer_shutdown},
       "consumer-survives"},
      {"stores repeated messages again", kRepeated, "dedup-exact", {Defect::break_dedupe}, "dedup-exact"},
      {"never withdraws interest",
       kOutage,
       "interest-matches-subscriptions",
       {Defect::break_leaf_interest},
       "interest-matches-subscriptions"},
      {"sends messages back over the leaf connection that they came from",
       kBothEnds,
       "interest-matches-subscriptions",
       {Defect::break_leaf_echo},
       "interest-matches-subscriptions"},
      {"sends messages back where they came from", kBothEnds, "no-forwarding-loop", {Defect::break_leaf_echo}, "no-forwarding-loop"},
      {"lets a consumer wait ahead of its stream",
       kLazyStore + kConsumed + "\nfaults: [ { at: 6s, power_loss: { node: hub, keep: ordered } }, { after: 1s, start: hub } ]\n",
       "consumer-not-ahead-of-stream",
       {Defect::nats_7692},
       "consumer-not-ahead-of-stream"},
  };
}

TEST_CASE("each invariant fails on a core that is broken on purpose, and holds on the right one") {
  for (const Row& row : rows()) {
    CAPTURE(row.what);
    const Scenario scenario = parse(row.scenario + only(row.expect));
    const RunResult right = run(scenario, {});
    for (const Divergence& d : right.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(right.passed());
    const RunResult broken = run(scenario, row.defects);
    const Divergence* found = find(broken, row.invariant);
    CHECK(found != nullptr);
    if (found == nullptr) continue;
    CHECK_FALSE(found->sentence.empty());
    CHECK_FALSE(found->expected.empty());
    CHECK_FALSE(found->actual.empty());
  }
}

TEST_CASE("every invariant that is checked has a row above, and a sentence") {
  const std::vector<Row> all = rows();
  for (const Invariant& invariant : invariants()) {
    CAPTURE(invariant.name);
    CHECK(std::any_of(all.begin(), all.end(), [&](const Row& row) { return row.invariant == invariant.name; }));
  }
}

TEST_CASE("what a power loss may legally cost is no alarm, and what it may not is one") {
  const std::string scenario = R"(
scenario: lazy-sync
about: The default syncs every two minutes, and acknowledges before.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 6s, name: careful } ]
faults: [ { at: 3s, power_loss: { node: hub, keep: none } }, { at: 4s, start: hub } ]
expect:
  - invariants: [acked-is-durable, last-seq-monotone]
  - { workload: careful, lost: { at_least: 40 } }
)";
  const RunResult result = run(parse(scenario), {});
  for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(result.passed());
}

TEST_CASE("a kill loses nothing that was acknowledged, without any sync") {
  for (const char* signal : {"SIGABRT", "SIGKILL", "SIGTERM"}) {
    CAPTURE(signal);
    const std::string scenario = kAlone + R"(
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 6s, name: careful } ]
faults: [ { at: 3s, signal: { node: hub, name: )" +
                                 signal + R"( } }, { at: 4s, start: hub } ]
expect:
  - invariants: [acked-is-durable, last-seq-monotone, state-equals-contents, publish-outcome-known]
  - { workload: careful, errors: { at_least: 1 }, acked: { at_least: 150 } }
)";
    const RunResult result = run(parse(scenario), {});
    for (const Divergence& d : result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
    CHECK(result.passed());
  }
}

TEST_CASE("what a stream's limits remove is not lost, and limits that are none excuse nothing") {
  const auto scenario = [](const std::string& limit) {
    return R"(
scenario: limited
about: One server, one stream with limits.
nodes: { hub: { domain: hub } }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file, )" +
           limit + R"( } ]
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 5s, name: careful } ]
expect: [ { invariants: [acked-is-durable, no-silent-drop, state-equals-contents] }, { stream: ORDERS, on: hub, messages: { at_most: 100 } } ]
)";
  };
  CHECK(run(parse(scenario("max_msgs: 10")), {}).passed());
  CHECK(run(parse(scenario("max_msgs: -1")), {}).passed());
  CHECK(find(run(parse(scenario("max_msgs: -1")), {Defect::break_ack_before_store}), "acked-is-durable") != nullptr);
}

TEST_CASE("a divergence that is expected makes a run pass, and its absence makes it fail") {
  const std::string expected = kAlone + kCareful + "\nexpect: [ { divergence: acked-is-durable } ]\n";
  CHECK_FALSE(run(parse(expected), {}).passed());
  const RunResult broken = run(parse(expected), {Defect::break_ack_before_store});
  for (const Divergence& d : broken.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(broken.passed());
}

TEST_CASE("a divergence tells the life of its message and the faults around it") {
  const RunResult broken = run(parse(kSyncAlways + only("acked-is-durable")), {Defect::break_sync_always});
  const Divergence* found = find(broken, "acked-is-durable");
  REQUIRE(found != nullptr);
  CHECK(found->stream == "ORDERS");
  CHECK(found->node == "hub");
  CHECK(found->first_seq.value > 0);
  const auto tells = [&](const std::vector<std::string>& lines, const std::string& what) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  CHECK(tells(found->life_story, "stream.stored"));
  CHECK(tells(found->life_story, "publish.acked"));
  CHECK(tells(found->faults_around, "power_loss hub"));
}

TEST_CASE("the same seed gives the same run and another seed another one, whatever ran before in this process") {
  const Scenario scenario = parse(kOutage + only("mirror-is-prefix"));
  const RunResult first = run(scenario, {}, 5);
  const RunResult other = run(scenario, {}, 6);
  const RunResult again = run(scenario, {}, 5);
  CHECK(first.trace_hash == again.trace_hash);
  CHECK(first.events == again.events);
  CHECK(first.trace_hash != other.trace_hash);
}

}  // namespace
}  // namespace windtunnel::scenarios
