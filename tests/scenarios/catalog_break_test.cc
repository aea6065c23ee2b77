// Every scenario of the catalog can fail: a core that is broken on purpose makes it, by the invariant that the scenario is
// about. Without the break it passes (dev test runs the catalog over many seeds).

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/support/no_real_world.h"
#include "tests/support/sanitized.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

struct Row {
  std::string file;
  Defect defect;
  std::string invariant;
  bool is_heavy = false;  // seconds of work: not under sanitizers
  std::uint64_t seed = 7;
};

const std::vector<Row> kRows = {
    {"crash-recovery/every-crash.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"crash-recovery/damaged-metadata.yaml", Defect::break_orphans, "expectation"},
    {"crash-recovery/disk-full.yaml", Defect::break_full_disk, "acked-is-durable"},
    {"crash-recovery/failed-fsync.yaml", Defect::break_sync_always, "acked-is-durable"},
    {"crash-recovery/kill-during-create.yaml", Defect::nats_7388, "expectation", false, 2},
    {"crash-recovery/lazy-fsync-window.yaml", Defect::no_dir_sync, "acked-is-durable"},
    {"crash-recovery/mirror-ahead-of-origin.yaml", Defect::break_mirror_never_resumes, "mirror-is-prefix"},
    {"crash-recovery/missing-blk.yaml", Defect::nats_7123, "state-equals-contents"},
    {"crash-recovery/one-bit-in-a-block.yaml", Defect::nats_7549, "acked-is-durable"},
    {"crash-recovery/stale-index.yaml", Defect::nats_5901, "state-equals-contents"},
    {"crash-recovery/swarm-stores.yaml", Defect::nats_7384, "index-is-cache"},
    {"crash-recovery/swarm-backlog.yaml", Defect::nats_6352, "bounded-work", false, 2},
    {"crash-recovery/swarm-readers.yaml", Defect::nats_7691, "corruption-is-surfaced", false, 1},
    {"crash-recovery/swarm-sizes.yaml", Defect::nats_6798, "acked-is-durable", true},
    {"crash-recovery/swarm-damage.yaml", Defect::nats_7549, "corruption-is-surfaced", false, 12},
    {"crash-recovery/swarm-sectors.yaml", Defect::nats_7549, "acked-is-durable", false, 6},
    {"crash-recovery/torn-tail.yaml", Defect::break_torn_tail, "acked-is-durable"},
    {"crash-recovery/compaction-storm.yaml", Defect::nats_5702a, "bounded-work"},
    {"crash-recovery/purge-crash.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"crash-recovery/restart-then-crash.yaml", Defect::nats_5497, "last-seq-monotone"},
    {"crash-recovery/crash-unsynced.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"crash-recovery/oversized-message.yaml", Defect::nats_6798, "acked-is-durable"},
    {"crash-recovery/zeroed-consumer-state.yaml", Defect::nats_7691, "corruption-is-surfaced"},
    {"crash-recovery/raised-and-crashed.yaml", Defect::nats_7782, "last-seq-monotone"},
    {"crash-recovery/idle-flush.yaml", Defect::nats_7594, "acked-is-durable"},
    {"crash-recovery/graceful-stop.yaml", Defect::nats_5497b, "consumer-state-durable"},
    {"crash-recovery/sigabrt-between-blocks.yaml", Defect::nats_6600, "last-seq-monotone"},
    {"crash-recovery/sigabrt-workqueue.yaml", Defect::nats_6881, "last-seq-monotone"},
    {"sick-disk/ids-unread.yaml", Defect::break_disk_errors, "dedup-exact"},
    {"sick-disk/notes-unread.yaml", Defect::break_disk_errors, "expectation"},
    {"sick-disk/notes-unwritten.yaml", Defect::break_disk_errors, "expectation"},
    {"sick-disk/position-unread.yaml", Defect::break_disk_errors, "expectation"},
    {"sick-disk/redelivery-unread.yaml", Defect::break_disk_errors, "expectation"},
    {"sick-disk/removal-refused.yaml", Defect::break_disk_errors, "expectation"},
    {"kv/latest-wins-through-crash.yaml", Defect::break_cas, "cas-exact"},
    {"leaf-sync/swarm-copies.yaml", Defect::break_source_skips, "no-loss-after-offline"},
    {"leaf-sync/both-ways.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"leaf-sync/brief-encounter.yaml", Defect::nats_8069, "no-loss-after-offline", false, 11},
    {"leaf-sync/ids-that-return.yaml", Defect::nats_7896, "sync-makes-progress"},
    {"leaf-sync/purged-aggregate.yaml", Defect::nats_8387, "expectation"},
    {"leaf-sync/flapping-link.yaml", Defect::nats_8111, "bounded-retry"},
    {"leaf-sync/no-domain.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"leaf-sync/offline-edge.yaml", Defect::break_source_skips, "no-loss-after-offline"},
    {"leaf-sync/overlapping-subjects.yaml", Defect::break_source_never_resumes, "sync-makes-progress"},
    {"leaf-sync/same-name.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"leaf-sync/same-name-gathered.yaml", Defect::nats_6468, "no-loss-after-offline"},
    {"leaf-sync/slow-link-backlog.yaml", Defect::break_source_never_resumes, "sync-makes-progress"},
    {"leaf-sync/source-through-restart.yaml", Defect::break_source_skips, "no-loss-after-offline"},
    {"leaf-sync/workqueue-origin.yaml", Defect::nats_3207, "no-loss-after-offline"},
    {"leaf-sync/wrong-prefix.yaml", Defect::nats_7530, "config-error-surfaced"},
    {"mirror-ha/half-open-link.yaml", Defect::break_mirror_never_resumes, "sync-makes-progress"},
    {"mirror-ha/lame-duck-hub.yaml", Defect::break_mirror_never_resumes, "sync-makes-progress"},
    {"mirror-ha/origin-reset.yaml", Defect::nats_8152, "expectation"},
    {"rollup-mirror/mirror-side-dedup.yaml", Defect::nats_6383, "mirror-is-prefix"},
    {"rollup-mirror/plain-lag.yaml", Defect::break_mirror_never_resumes, "sync-makes-progress"},
    {"rollup-mirror/refused-rollup.yaml", Defect::nats_8040, "mirror-is-prefix"},
    {"rollup-mirror/reused-id.yaml", Defect::break_dedupe, "dedup-exact"},
    {"rollup-mirror/swarm-rollups.yaml", Defect::nats_8040, "sync-makes-progress"},
    {"mirror-ha/swarm-origins.yaml", Defect::nats_8152, "mirror-is-prefix", false, 8},
    {"mirror-ha/cross-mirror.yaml", Defect::break_mirror_duplicates, "no-duplicate-in-mirror"},
    {"mirror-ha/hub-outage-retry.yaml", Defect::break_ack_before_store, "acked-is-durable"},
    {"mirror-ha/hub-outage.yaml", Defect::break_mirror_never_resumes, "sync-makes-progress"},
    {"mirror-ha/monitored-outage.yaml", Defect::break_mirror_never_resumes, "expectation"},
    {"mirror-ha/multi-level-mirror.yaml", Defect::break_mirror_skips, "mirror-is-prefix"},
    {"mirror-ha/read-write-split.yaml", Defect::break_mirror_never_resumes, "sync-makes-progress"},
    {"consumers/ack-floor-under-nak.yaml", Defect::break_ack_floor, "ack-floor-monotone-and-tight"},
    {"consumers/max-deliver.yaml", Defect::break_delivery_count, "delivery-count-monotone"},
    {"consumers/redelivery-order.yaml", Defect::break_skip_delivery, "at-least-once"},
    {"consumers/restart-keeps-pending.yaml", Defect::break_consumer_flush, "consumer-state-durable"},
    {"consumers/late-answers.yaml", Defect::nats_8168, "consumer-state-durable", false, 1},
    {"consumers/purge-under-deliveries.yaml", Defect::nats_5227, "ack-floor-monotone-and-tight", false, 8},
    {"consumers/renewed-consumer.yaml", Defect::break_skip_delivery, "at-least-once"},
    {"consumers/swarm-consumers.yaml", Defect::break_skip_delivery, "at-least-once"},
    {"consumers/vanishing-application.yaml", Defect::nats_5305, "delivery-count-monotone"},
    {"streams/dedup-window.yaml", Defect::nats_5818, "pub-ack-truthful"},
    {"streams/expected-sequence-cas.yaml", Defect::break_cas, "cas-exact"},
    {"streams/limits-discard-new.yaml", Defect::nats_4775, "discard-new-never-evicts"},
    {"streams/rollup-latest.yaml", Defect::nats_8004, "latest-per-subject-visible"},
    {"streams/rollup-latest.yaml", Defect::nats_8004, "purge-exact", false, 13},
    {"streams/swarm-streams.yaml", Defect::break_cas, "cas-exact"},
    {"streams/swarm-streams.yaml", Defect::break_stale_latest, "stream-linearizable"},
    {"streams/many-readers.yaml", Defect::break_stale_latest, "stream-linearizable"},
    {"streams/many-readers.yaml", Defect::nats_5702b, "stream-linearizable", false, 1},
    {"streams/tightened-limits.yaml", Defect::nats_6244, "per-subject-limit"},
    {"workqueue/cumulative-ack.yaml", Defect::nats_8423, "retention-only-removes-acked"},
    {"workqueue/crash-while-acking.yaml", Defect::break_ack_removal, "no-orphans"},
    {"workqueue/partitioned-filters.yaml", Defect::break_ack_removal, "no-orphans"},
    {"workqueue/republish-loop.yaml", Defect::nats_5702b, "ack-effective-before-reply", true},
};

TEST_CASE("each scenario of the catalog fails on a core that is broken where the scenario looks") {
  std::size_t number = 0;
  for (const Row& row : kRows) {
    CAPTURE(row.file);
    if (tests::kIsSanitized && (row.is_heavy || number++ % 6 != 0)) continue;
    const Loaded loaded = load_file("scenarios/catalog/" + row.file);
    REQUIRE(loaded.scenario.has_value());
    RunOptions options;
    options.seed = core::Seed{row.seed};
    const auto run = [&] {
      const tests::InsideSimulation inside;  // no clock, sleep, thread or random number of the real world
      return run_scenario(*loaded.scenario, options);
    };
    CHECK(run()->passed());
    options.defects.set(row.defect);
    const core::Result<RunResult> broken = run();
    REQUIRE(broken.has_value());
    CHECK(std::any_of(broken->divergences.begin(), broken->divergences.end(),
                      [&](const Divergence& d) { return d.invariant == row.invariant; }));
  }
}

TEST_CASE("no scenario of the catalog is without such a break") {
  std::set<std::string> broken;
  for (const Row& row : kRows) broken.insert(row.file);
  const std::filesystem::path catalog{"scenarios/catalog"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(catalog)) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path().string());
    CHECK(broken.contains(std::filesystem::relative(entry.path(), catalog).string()));
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
