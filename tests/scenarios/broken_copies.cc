// Cores that are broken on purpose between nodes: mirrors, sources, leaf links.

#include "tests/scenarios/broken_core.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

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

// The same by a transform, of what alternates with the rest.
const std::string kRenamed = R"(
scenario: renamed
about: A mirror and a source that take some of their origin's subjects under other names.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub, subject_transforms: [ { src: orders.new.*, dest: "new.{{wildcard(1)}}" } ] } }
  - { on: leaf, name: ALL, sources: [ { name: ORDERS, domain: hub, subject_transforms: [ { src: orders.new.*, dest: "new.{{wildcard(1)}}" } ] } ] }
workloads:
  - { publish: orders.new, subjects: 3, at: hub, via: jetstream, rate: 50/s, for: 10s, name: careful }
  - { publish: orders.old, at: hub, via: jetstream, rate: 31/s, for: 12s, name: other }
)";

// Of interest to somebody in the mirror, and to nobody else.
const std::string kWanted = R"(
scenario: wanted
about: A mirror that keeps what its consumer waits for, and uses the other sequences up.
nodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, retention: interest, mirror: { name: ORDERS, domain: hub } }
consumers: [ { on: leaf, stream: COPY, name: idle, durable_name: idle, ack_policy: explicit, filter_subject: orders.new } ]
workloads:
  - { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 10s, name: careful }
  - { publish: orders.old, at: hub, via: jetstream, rate: 31/s, for: 10s, name: other }
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
  # Who changes something else excuses nothing.
  - { admin: ALL, at: hub, do: [update], update: [{ description: other }, {}], every: 500ms, for: 20s }
faults:
  - { at: 3s, cut: { link: [hub, west], how: reset } }
  - { at: 5s, heal: { link: [hub, west] } }
  - { at: 7s, cut: { link: [hub, west], how: reset } }
  - { at: 8s, heal: { link: [hub, west] } }
)";

// What is stored twice is gone at the end, from a ring that has been turned over since.
const std::string kTurnedOver = R"(
scenario: turned-over
about: An aggregate that loses what it has not synced when its power goes.
nodes: { hub: { domain: hub, sync_interval: 2s }, leaf: { domain: leaf, leaf_of: hub } }
streams:
  - { on: leaf, name: EDGE, subjects: [edge.>] }
  - { on: hub, name: ALL, sources: [ { name: EDGE, domain: leaf } ], max_msgs: 60 }
workloads: [ { publish: edge.new, at: leaf, via: jetstream, domain: leaf, rate: 50/s, for: 20s, name: careful } ]
faults: [ { at: 5s, power_loss: { node: hub } }, { at: 6s, start: hub } ]
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

}  // namespace

std::vector<BrokenCore> broken_copies() {
  return {
      {"skips messages of a source", kSources, "no-loss-after-offline", {Defect::break_source_skips}, "no-loss-after-offline"},
      {"loses what a work queue handed out", kSources, "no-loss-after-offline", {Defect::nats_3207}, "no-loss-after-offline"},
      {"stores messages of a source twice",
       kSources,
       "no-duplicate-in-mirror",
       {Defect::break_source_duplicates},
       "no-duplicate-in-mirror"},
      {"reads messages of a source again after a power loss",
       kTurnedOver,
       "no-duplicate-in-mirror",
       {Defect::break_source_rereads},
       "no-duplicate-in-mirror"},
      {"gives up sources", kSources, "sync-makes-progress", {Defect::break_source_never_resumes}, "sync-makes-progress"},
      {"sets a source up twice when its link is back", kSources, "bounded-retry", {Defect::nats_8111}, "bounded-retry"},
      {"sets up what no link's return concerns", kSources, "bounded-retry", {Defect::nats_7796}, "bounded-retry"},
      {"does not say that nobody answers", kWrongDomain, "config-error-surfaced", {Defect::nats_7530}, "config-error-surfaced"},
      {"skips messages of the origin", kMirror, "mirror-is-prefix", {Defect::break_mirror_skips}, "mirror-is-prefix"},
      {"skips messages that the mirror's filter is for", kFiltered, "mirror-is-prefix", {Defect::break_mirror_skips}, "mirror-is-prefix"},
      {"skips messages that a mirror's transform is for",
       kRenamed,
       "mirror-is-prefix, sync-makes-progress",
       {Defect::break_mirror_skips},
       "mirror-is-prefix"},
      {"skips messages that a source's transform is for",
       kRenamed,
       "no-loss-after-offline, sync-makes-progress",
       {Defect::break_source_skips},
       "no-loss-after-offline"},
      {"skips what a consumer of the mirror waits for", kWanted, "mirror-is-prefix", {Defect::break_interest_missed}, "mirror-is-prefix"},
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
  };
}

}  // namespace windtunnel::scenarios
