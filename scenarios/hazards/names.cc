#include "scenarios/hazards/names.h"

#include <array>

#include "core/base/assert.h"

namespace windtunnel::scenarios {
namespace {

constexpr auto kCount = static_cast<std::size_t>(HazardKind::count_);

constexpr std::array<HazardInfo, kCount> kHazards = {{
    {"same-stream-name", "Both ends of a leaf link, or of several in a line, have a stream of the same name.",
     "Name each stream after the server that holds it, such as EVENTS_EDGE1 and EVENTS"},
    {"overlapping-subjects",
     "Streams of two servers that leaf links join capture the same subject: a publish there is stored, and acknowledged, by both.",
     "Give each server subjects of its own, such as edge1.>, and copy between them by a mirror or a source"},
    {"copy-captures-origin-subjects", "A stream captures subjects that it also copies from another server: each message comes twice.",
     "Take the subjects off the copy; it gets everything through its source"},
    {"equal-domains", "Two servers that leaf links join have the same JetStream domain, so a request for it may be answered by either.",
     "Give each server a domain of its own"},
    {"leaf-without-domain", "Two servers that a leaf link joins hold streams, and one of them has no JetStream domain.",
     "Give both servers a `domain`, each its own"},
    {"equal-server-names", "Two servers have the same server_name.", "Give each server a server_name of its own"},
    {"copy-cycle", "Mirrors and sources lead in a circle, so that a message comes back to a stream that it has passed.",
     "Copy in one direction only, or give each direction a stream, or a filter_subject, of its own"},
    {"origin-without-domain", "A mirror or source names a stream of another server without its domain, and looks for it on its own.",
     "Name the origin's domain: `domain: NAME` in a scenario, `external: { api: $JS.NAME.API }` in NATS"},
    {"origin-in-own-domain",
     "A mirror or source names the domain of its own server: a server maps that for its clients, and not for itself.",
     "Take the domain off an origin that lies on the same server"},
    {"origin-unreachable", "A mirror or source asks a JetStream domain that no server here has.", "Correct the domain in external.api"},
    {"origin-missing", "A mirror or source names a stream that its domain does not have.", "Correct the name, or create the origin"},
    {"copy-traffic-denied", "A leaf link denies subjects that a mirror or source needs: its requests, its deliveries or its flow control.",
     "Let $JS.<domain>.API.>, $JSC.R.>, $JS.FC.> and $JS.M.> and $JS.S.> (or those under external.deliver) cross the link, in both "
     "directions"},
    {"mirror-with-subjects", "A mirror has subjects of its own, which nats-server refuses (10034).", "Take the subjects off the mirror"},
    {"workqueue-or-interest-origin",
     "The origin of a mirror or source has retention workqueue or interest: what is handed to the link is removed there, also if it never "
     "arrives.",
     "Give the origin retention limits, with a max_age that outlasts the longest outage"},
    {"memory-origin",
     "The origin of a mirror or source is in memory: after a restart its sequences begin anew, and the copy stands still or parts from it.",
     "Give the origin `storage: file`"},
    {"republish-loop", "What a stream republishes comes back to it, over other streams, and is republished again, without end.",
     "Republish to subjects that no stream captures, or that only a stream captures which passes nothing on"},
    {"double-route", "A message reaches a stream by two of its sources, and is stored twice.",
     "Give the sources filters that do not overlap, or take one of them off"},
    {"filter-matches-nothing", "The filter of a mirror, source or consumer matches none of the subjects that the stream has.",
     "Correct the filter"},
    {"rollup-on-both-ends",
     "A stream and its copy both allow rollups: a copied rollup header removes messages in the copy too, whatever else is there.",
     "Leave allow_rollup_hdrs on at both ends only if the copy is to forget with its origin, and publish each version under an id of its "
     "own"},
    {"rollup-refused-by-copy",
     "A stream allows rollups and its copy does not: releases before 2.14 drop each rollup message in the copy (nats-8040).",
     "Set allow_rollup_hdrs on the copy, without deny_purge, or take it off the origin"},
    {"copy-limits-lower", "A copy keeps less than its origin has.",
     "Raise the limits of the copy to those of its origin, or accept that it is shorter"},
    {"copy-refuses-messages", "A copy may refuse what its origin has taken, and then stands still at that message.",
     "Give the copy a max_msg_size that is not below the origin's, and `discard: old`"},
    {"max-age-shorter-than-outage", "Messages of an origin are too old before an outage of the link to its copy is over.",
     "Give the origin a max_age that is longer than the outage, or none"},
    {"limit-reached-in-outage", "An origin gets more during an outage of the link to its copy than its max_msgs or max_bytes keep.",
     "Give the origin limits that hold what comes in the longest outage"},
    {"dedup-at-source-origin",
     "A stream whose publishers use message ids is the source of another: the copy remembers the ids too, and refuses what the origin has "
     "stored.",
     "Give the sourcing stream `duplicate_window: 100ms`, which is the least: the origin has looked at the ids already"},
    {"colliding-msg-ids", "Several streams whose publishers use message ids are sources of one: an id that two of them use is stored once.",
     "Begin each id with the name of its edge, or give the sourcing stream `duplicate_window: 100ms`"},
    {"mirror-dedup-window", "A mirror has a duplicate_window of its own and refuses what its origin has stored (nats-6383).",
     "Take duplicate_window off the mirror"},
    {"dedup-window-too-short", "A publisher repeats a message under the same id for longer than the stream remembers the id.",
     "Give the stream a duplicate_window that is longer than the last retry can be late"},
    {"retries-without-msg-id",
     "A publisher repeats what was not acknowledged, without a message id: what was stored before its ack was lost is stored again.",
     "Set `msg_id: true`"},
    {"plain-publish-to-remote",
     "A plain publish goes to a subject that only a stream of another server captures: while the link is down it vanishes without an "
     "error.",
     "Publish `via: jetstream` and look at the ack, or capture the subject on the publisher's own server"},
    {"publish-to-nothing", "A publisher sends to a subject that no stream captures.", "Correct the subject, or add it to a stream"},
    {"publish-refused",
     "The stream that captures a publisher's subject refuses what it sends: a roll-up that it does not allow, or too large a message.",
     "Set `allow_rollup_hdrs: true` without `deny_purge`, or raise the limit"},
    {"ack-of-other-domain", "A publisher takes only acks of a JetStream domain that has no stream for its subject.",
     "Name the domain of the stream that captures the subject, or none"},
    {"default-sync-with-power-loss",
     "A server loses power and does not sync before it acknowledges: what it acknowledged since the last sync may be lost.",
     "Set `sync_interval: always` on the server; where the loss is what a scenario shows, accept the hazard"},
    {"critical-single-replica", "A stream that is marked as critical has a single replica.",
     "Set num_replicas to 3, or take the marking off"},
    {"workqueue-unfiltered-consumers", "A work queue has a second consumer without a filter, which nats-server refuses (10099).",
     "Give each consumer a filter_subject of its own, or let them share one consumer"},
    {"workqueue-overlapping-filters", "Two consumers of a work queue have filters that overlap, which nats-server refuses (10100).",
     "Make the filters disjoint"},
    {"workqueue-ack-policy", "A consumer of a work queue does not acknowledge each message, which nats-server refuses (10098, 10084).",
     "Set `ack_policy: explicit`"},
    {"workqueue-deliver-policy", "A consumer of a work queue does not begin with the first message, which nats-server refuses (10101).",
     "Set `deliver_policy: all`"},
    {"workqueue-copied-and-consumed",
     "A work queue is an origin and has consumers: while the copy is connected none can be created (10099, 10100), and each message goes "
     "to one of them.",
     "Copy from a stream with retention limits, and keep the work queue for its workers"},
    {"interest-without-consumers",
     "A stream with retention interest has no consumer, or none for some subject: publishes are acknowledged and not stored.",
     "Create its consumers first, or use retention limits"},
    {"ack-wait-shorter-than-work",
     "An application may take longer for a message than the ack wait of its consumer, and gets it again meanwhile.",
     "Raise ack_wait above the longest work, or let the handler say in_progress"},
    {"max-ack-pending-low", "max_ack_pending is lower than what a pull asks for, or 1: deliveries wait for acks one by one.",
     "Raise max_ack_pending to a multiple of the batch, unless strict order is what you want"},
    {"incomplete-check",
     "A file leaves streams or consumers out, or there is more to compare than `check` does: some rules have not seen all.",
     "Give every page of a list, and what it could not tell; of too many streams check the servers of one leaf topology, or one account, "
     "at once"},
}};

constexpr std::array<std::string_view, kCount> names() {
  std::array<std::string_view, kCount> out{};
  for (std::size_t i = 0; i < kCount; ++i) out[i] = kHazards[i].name;
  return out;
}
constexpr std::array<std::string_view, kCount> kNames = names();
static_assert(!kNames.back().empty());

}  // namespace

const HazardInfo& info_of(HazardKind kind) {
  WT_ASSERT(kind < HazardKind::count_);
  return kHazards[static_cast<std::size_t>(kind)];
}
std::string_view name_of(HazardKind kind) { return info_of(kind).name; }
std::span<const HazardInfo> all_hazards() { return kHazards; }
std::span<const std::string_view> hazard_names() { return kNames; }

std::optional<HazardKind> hazard_named(std::string_view name) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (kNames[i] == name) return static_cast<HazardKind>(i);
  }
  return std::nullopt;
}

}  // namespace windtunnel::scenarios
