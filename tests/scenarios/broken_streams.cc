// Cores that are broken on purpose in what they answer: publishes, limits, retention, consumers, key-value buckets.

#include "tests/scenarios/broken_core.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

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

// Whoever is told that a message is stored may count on it for as long as a consumer waits for it.
const std::string kAwaited = R"(
scenario: awaited
about: An interest stream with a consumer for some of its subjects that nobody reads.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.>], retention: interest } ]
consumers: [ { on: hub, stream: ORDERS, name: idle, durable_name: idle, ack_policy: explicit, filter_subject: orders.new } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 4s }
  - { publish: orders.old, at: hub, via: jetstream, rate: 20/s, for: 4s }
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

// Readers while it is published and removed.
std::string read_with(const std::string& limits, const std::string& more) {
  return R"(
scenario: looked-at
about: A stream whose messages are looked up while others come and go.
nodes: { hub: {} }
streams: [ { on: hub, name: ORDERS, subjects: [orders.*], allow_direct: true)" +
         limits + R"( } ]
workloads:
  - { publish: orders, subjects: 3, at: hub, via: jetstream, rate: 40/s, for: 5s, name: careful }
  - { read: ORDERS, at: hub, rate: 60/s, for: 6s, do: [last, sequence, next], name: alice }
  - { read: ORDERS, at: hub, rate: 60/s, for: 6s, do: [last, sequence], name: bob }
)" + more;
}
const std::string kPurging = "  - { admin: ORDERS, at: hub, do: [purge], filter_subject: orders.1, every: 700ms, for: 5s }\n";
const std::string kEmptying = "  - { admin: ORDERS, at: hub, do: [purge], every: 700ms, for: 5s }\n";

const std::string kReadQueue = R"(
scenario: read-queue
about: A work queue that somebody looks into.
nodes: { hub: {} }
streams: [ { on: hub, name: JOBS, subjects: [jobs.*], retention: workqueue } ]
workloads:
  - { publish: jobs, subjects: 3, at: hub, via: jetstream, rate: 50/s, for: 5s }
  - { consume: JOBS, at: hub, consumer: worker }
  - { read: JOBS, at: hub, rate: 2000/s, for: 6s, do: [last], name: alice }
  - { read: JOBS, at: hub, rate: 2000/s, for: 6s, do: [sequence], name: bob }
)";

}  // namespace

std::vector<BrokenCore> broken_streams() {
  return {
      {"takes a message for one that nobody wants", kAwaited, "acked-is-durable", {Defect::break_interest_missed}, "acked-is-durable"},
      {"does not compare expected revisions", kKeyValue, "cas-exact", {Defect::break_cas}, "cas-exact"},
      {"does not find what was just stored",
       kKeyValue,
       "latest-per-subject-visible",
       {Defect::break_stale_latest},
       "latest-per-subject-visible"},
      {"does not find what was just stored: an order of gets",
       read_with("", ""),
       "stream-linearizable",
       {Defect::break_stale_latest},
       "stream-linearizable"},
      {"leaves a message in a purge: an order of gets",
       read_with("", kEmptying),
       "stream-linearizable",
       {Defect::break_purge},
       "stream-linearizable"},
      {"keeps more of a subject than its limit: an order of gets",
       read_with(", max_msgs_per_subject: 4", kPurging),
       "stream-linearizable",
       {Defect::break_subject_limit},
       "stream-linearizable"},
      {"acknowledges what nobody can get",
       read_with("", ""),
       "stream-linearizable",
       {Defect::break_ack_before_store},
       "stream-linearizable"},
      {"confirms an ack, and a get still finds the message",
       kReadQueue,
       "stream-linearizable",
       {Defect::nats_5702b},
       "stream-linearizable"},
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
  };
}

}  // namespace windtunnel::scenarios
