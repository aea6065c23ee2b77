// Cores that are broken on purpose in what they keep: durability, recovery, what is on the disk.

#include "tests/scenarios/broken_core.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

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

const std::string kCareless = "\nworkloads: [ { publish: orders.new, at: hub, via: core, rate: 20/s, for: 5s, name: careless } ]\n";

const std::string kNobody = "\nworkloads: [ { publish: elsewhere.new, at: hub, via: jetstream, rate: 20/s, for: 5s, name: careful } ]\n";

}  // namespace

std::vector<BrokenCore> broken_stores() {
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
      {"lets a consumer wait ahead of its stream",
       kLazyStore + kConsumed + "\nfaults: [ { at: 6s, power_loss: { node: hub, keep: ordered } }, { after: 1s, start: hub } ]\n",
       "consumer-not-ahead-of-stream",
       {Defect::nats_7692},
       "consumer-not-ahead-of-stream"},
  };
}

}  // namespace windtunnel::scenarios
