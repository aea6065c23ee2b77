#include "tests/scenarios/finders.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;
using How = sim::Survivors::How;

const std::vector<Finder> kFinders = {
    {Defect::nats_5426, "storage", "crash-recovery/every-crash", "index-is-cache"},
    {Defect::nats_5497, "storage", "crash-recovery/restart-then-crash", "last-seq-monotone"},
    {Defect::nats_5497b, "storage", "crash-recovery/graceful-stop", "consumer-state-durable"},
    {Defect::nats_5702a, "storage", "crash-recovery/compaction-storm", "bounded-work"},
    {Defect::nats_5831, "storage", "crash-recovery/compaction-storm", "bounded-work"},
    {Defect::nats_5901, "storage", "crash-recovery/restart-then-crash", "index-is-cache"},
    {Defect::nats_5901, "storage", "crash-recovery/stale-index", "state-equals-contents"},
    {Defect::nats_5973, "storage", "crash-recovery/compaction-storm", "block-size-bounded"},
    {Defect::nats_6352, "storage", "crash-recovery/compaction-storm", "bounded-work"},
    {Defect::nats_6600, "storage", "crash-recovery/every-crash", "last-seq-monotone", "remove jetstream/$G/streams/JOBS/msgs/"},
    {Defect::nats_6684, "storage", "crash-recovery/restart-then-crash", "state-equals-contents",
     "create jetstream/$G/streams/PACKED/msgs/1.blk.tmp"},
    {Defect::nats_6685, "storage", "crash-recovery/purge-crash", "index-is-cache"},
    {Defect::nats_6753, "storage", "crash-recovery/restart-then-crash", "acked-is-durable"},
    {Defect::nats_6798, "storage", "crash-recovery/oversized-message", "acked-is-durable"},
    {Defect::nats_6881, "storage", "crash-recovery/sigabrt-workqueue", "last-seq-monotone"},
    {Defect::nats_7123, "storage", "crash-recovery/missing-blk", "state-equals-contents"},
    {Defect::nats_7384, "storage", "crash-recovery/every-crash", "index-is-cache", "rename jetstream/$G/streams/JOBS/obs/worker/o.dat"},
    {Defect::nats_7387, "storage", "crash-recovery/every-crash", "index-is-cache", "write jetstream/$G/streams/DESK/msgs/7.blk"},
    {Defect::nats_7388, "storage", "crash-recovery/every-crash", "acked-is-durable", "write jetstream/$G/streams/", How::none},
    {Defect::nats_7549, "storage", "crash-recovery/one-bit-in-a-block", "acked-is-durable"},
    {Defect::nats_7594, "storage", "crash-recovery/idle-flush", "acked-is-durable"},
    {Defect::nats_7594, "storage", "crash-recovery/crash-unsynced", "acked-is-durable", "write jetstream/$G/streams/ORDERS/obs/billing/"},
    {Defect::nats_7676, "storage", "crash-recovery/every-crash", "last-seq-monotone", "sync jetstream/$G/streams/DESK/msgs/8.blk",
     How::none},
    {Defect::nats_7691, "storage", "crash-recovery/zeroed-consumer-state", "corruption-is-surfaced"},
    {Defect::nats_7692, "storage", "crash-recovery/crash-unsynced", "consumer-not-ahead-of-stream",
     "rename jetstream/$G/streams/ORDERS/obs/billing/o.dat", How::sizes},
    {Defect::nats_7782, "storage", "crash-recovery/raised-and-crashed", "last-seq-monotone"},
    {Defect::no_dir_sync, "storage", "crash-recovery/every-crash", "acked-is-durable", "sync jetstream/$G/streams/", How::none},
    {Defect::nats_4775, "streams", "streams/limits-discard-new", "discard-new-never-evicts"},
    {Defect::nats_5818, "streams", "streams/dedup-window", "pub-ack-truthful"},
    {Defect::nats_6244, "streams", "streams/tightened-limits", "per-subject-limit"},
    {Defect::nats_6526, "streams", "streams/rollup-latest", "latest-per-subject-visible"},
    {Defect::nats_8004, "streams", "streams/rollup-latest", "latest-per-subject-visible"},
    {Defect::nats_5697, "retention", "workqueue/partitioned-filters", "retention-only-removes-acked"},
    {Defect::nats_5702b, "retention", "workqueue/crash-while-acking", "ack-effective-before-reply"},
    {Defect::nats_8423, "retention", "workqueue/cumulative-ack", "retention-only-removes-acked"},
    {Defect::nats_5227, "consumers", "consumers/purge-under-deliveries", "ack-floor-monotone-and-tight"},
    {Defect::nats_5305, "consumers", "consumers/vanishing-application", "delivery-count-monotone"},
    {Defect::nats_6343, "consumers", "workqueue/crash-while-acking", "num-pending-exact"},
    {Defect::nats_8168, "consumers", "consumers/late-answers", "consumer-state-durable"},
    {Defect::nats_3207, "copies", "leaf-sync/workqueue-origin", "no-loss-after-offline"},
    {Defect::nats_4148, "copies", "mirror-ha/hub-outage", "publish-outcome-known"},
    {Defect::nats_6206, "copies", "mirror-ha/origin-reset", "expectation"},
    {Defect::nats_6383, "copies", "rollup-mirror/mirror-side-dedup", "mirror-is-prefix"},
    {Defect::nats_6468, "copies", "leaf-sync/same-name-gathered", "no-loss-after-offline"},
    {Defect::nats_6468, "copies", "leaf-sync/no-domain", "config-error-surfaced"},
    {Defect::nats_6981, "copies", "leaf-sync/offline-edge", "sync-makes-progress"},
    {Defect::nats_7530, "copies", "leaf-sync/wrong-prefix", "config-error-surfaced"},
    {Defect::nats_7796, "copies", "leaf-sync/flapping-link", "bounded-retry"},
    {Defect::nats_7896, "copies", "leaf-sync/ids-that-return", "sync-makes-progress"},
    {Defect::nats_8040, "copies", "rollup-mirror/refused-rollup", "mirror-is-prefix"},
    {Defect::nats_8069, "copies", "leaf-sync/brief-encounter", "no-loss-after-offline"},
    {Defect::nats_8111, "copies", "leaf-sync/flapping-link", "bounded-retry"},
    {Defect::nats_8152, "copies", "mirror-ha/origin-reset", "expectation"},
    {Defect::nats_8387, "copies", "leaf-sync/purged-aggregate", "expectation"},
};

}  // namespace

const std::vector<Finder>& finders() { return kFinders; }

}  // namespace windtunnel::scenarios
