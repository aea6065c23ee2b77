#include "scenarios/invariants/names.h"

namespace windtunnel::scenarios {
namespace {

constexpr InvariantName kNames[] = {
    // Durability and recovery.
    {"acked-is-durable", "What a PubAck has confirmed is read back unchanged, whatever the durability contract allows to fail in between."},
    {"no-resurrection", "A message whose removal was confirmed or seen never comes back."},
    {"last-seq-monotone", "A stream's last sequence never decreases, and no sequence is given to two messages."},
    {"first-seq-exact", "The first sequence is the smallest live one, or the one after the last; it never decreases."},
    {"state-equals-contents", "What a stream reports of itself equals what a scan of its messages counts."},
    {"recovery-equals-precrash",
     "A restart changes nothing; after a crash the store stands where it stood at some point since it was last durable."},
    {"index-is-cache", "Recovery gives the same with the index snapshot, with an older one, a damaged one and none."},
    {"corruption-is-surfaced", "Missing or damaged data is reported, never passed off as valid or as empty."},
    {"consumer-state-durable", "After a restart a consumer stands where it stood when its state was last flushed, or later."},
    {"consumer-survives", "A durable consumer exists until it is deleted or its inactivity rule removes it."},
    {"expiry-exact", "A message leaves when its age says so, neither earlier nor later."},
    // Stream semantics.
    {"per-subject-limit", "No subject holds more messages than its limit, and those it holds are the newest."},
    {"discard-new-never-evicts", "With discard: new no stored message is removed to make room."},
    {"latest-per-subject-visible", "The last message of a subject is the one with the highest live sequence."},
    {"purge-exact", "A purge removes exactly what it names."},
    {"dedup-exact", "Within its window a message id is stored once, and a repeat is answered with the first copy's sequence."},
    {"pub-ack-truthful", "A PubAck names the sequence at which its message is stored."},
    {"cas-exact", "Expected-last conditions are judged against the state at which the message is ordered."},
    {"stream-linearizable",
     "What the clients of a stream are told of publishes, gets, deletions and purges can have happened one after the other."},
    {"bounded-work", "Background rewriting costs no more than a fixed multiple of what it removes."},
    {"block-size-bounded", "Block files stay within their size plus one record."},
    // Retention and consumers.
    {"retention-only-removes-acked", "Under workqueue and interest retention only what every consumer has acknowledged is removed."},
    {"no-orphans", "A message that interests no consumer any more leaves within a bounded time."},
    {"ack-effective-before-reply", "When a confirmed ack is answered its effects are visible to everyone."},
    {"at-least-once", "Every message is delivered, again and again until it is acknowledged, ended or out of deliveries."},
    {"delivery-count-monotone", "The delivery count of a message grows with each delivery, from 1."},
    {"ack-floor-monotone-and-tight", "The ack floor never decreases and lies right below the lowest pending sequence."},
    {"consumer-not-ahead-of-stream", "A consumer is never ahead of its stream."},
    {"num-pending-exact", "num_pending is the number of messages that are still to be delivered."},
    {"ack-pending-bounded", "Pending entries are live messages, no more than max_ack_pending."},
    // Mirrors, sources, leaf links.
    {"mirror-is-prefix", "A mirror holds what its origin held at the same sequences, and is never ahead of it."},
    {"no-duplicate-in-mirror", "A message of the origin is in a mirror once at most."},
    {"sync-makes-progress",
     "When origin, mirror and link are healthy again the lag becomes 0 within a fixed time, however long the outage was."},
    {"bounded-retry", "A copy makes one attempt at a time, none too soon after the last, and none for what happens elsewhere."},
    {"no-loss-after-offline", "What a node acknowledged while it was cut off is in the aggregate afterwards, once and in order."},
    {"no-silent-drop", "A message that an application regards as captured is in a stream, or its publisher was told of an error."},
    {"publish-outcome-known", "A publish that asks for an ack ends in an ack that a stream backs, in an error or in a timeout."},
    {"config-error-surfaced", "A copy that cannot make progress shows an error or a lag."},
    {"interest-matches-subscriptions",
     "Interest across links is the union of the live subscriptions behind them, and each of these has a message once."},
    {"no-forwarding-loop", "No message passes the same server twice."},
};

}  // namespace

std::span<const InvariantName> invariant_names() { return kNames; }

const InvariantName* invariant_named(std::string_view name) {
  for (const InvariantName& each : kNames) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

}  // namespace windtunnel::scenarios
