// Each storage defect has a scenario of the catalog that finds it: by its plain run, or with one crash after a disk operation, as
// `windtunnel crash-points` tries them all (docs/crash-points.md has the same table). Without the defect the same run, with the same
// crash, finds nothing.

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;
using How = sim::Survivors::How;

struct Finder {
  Defect defect;
  std::string_view scenario;
  std::string_view invariant;
  std::string_view operation = {};  // how the operation begins behind which the crash comes; empty: no crash
  How keep = How::kill;
};

const std::vector<Finder> kFinders = {
    {Defect::nats_5426, "every-crash", "index-is-cache"},
    {Defect::nats_5497, "restart-then-crash", "last-seq-monotone"},
    {Defect::nats_5497b, "graceful-stop", "consumer-state-durable"},
    {Defect::nats_5702a, "compaction-storm", "bounded-work"},
    {Defect::nats_5831, "compaction-storm", "bounded-work"},
    {Defect::nats_5901, "restart-then-crash", "index-is-cache"},
    {Defect::nats_5901, "stale-index", "state-equals-contents"},
    {Defect::nats_5973, "compaction-storm", "block-size-bounded"},
    {Defect::nats_6352, "compaction-storm", "bounded-work"},
    {Defect::nats_6600, "every-crash", "last-seq-monotone", "remove jetstream/$G/streams/JOBS/msgs/"},
    {Defect::nats_6684, "restart-then-crash", "state-equals-contents", "create jetstream/$G/streams/PACKED/msgs/1.blk.tmp"},
    {Defect::nats_6685, "purge-crash", "index-is-cache"},
    {Defect::nats_6753, "restart-then-crash", "acked-is-durable"},
    {Defect::nats_6798, "oversized-message", "acked-is-durable"},
    {Defect::nats_6881, "sigabrt-workqueue", "last-seq-monotone"},
    {Defect::nats_7123, "missing-blk", "state-equals-contents"},
    {Defect::nats_7384, "every-crash", "index-is-cache", "rename jetstream/$G/streams/JOBS/obs/worker/o.dat"},
    {Defect::nats_7387, "every-crash", "index-is-cache", "write jetstream/$G/streams/DESK/msgs/7.blk"},
    {Defect::nats_7388, "every-crash", "acked-is-durable", "write jetstream/$G/streams/", How::none},
    {Defect::nats_7549, "one-bit-in-a-block", "acked-is-durable"},
    {Defect::nats_7594, "idle-flush", "acked-is-durable"},
    {Defect::nats_7594, "crash-unsynced", "acked-is-durable", "write jetstream/$G/streams/ORDERS/obs/billing/"},
    {Defect::nats_7676, "every-crash", "last-seq-monotone", "sync jetstream/$G/streams/DESK/msgs/8.blk", How::none},
    {Defect::nats_7691, "zeroed-consumer-state", "corruption-is-surfaced"},
    {Defect::nats_7692, "crash-unsynced", "consumer-not-ahead-of-stream", "rename jetstream/$G/streams/ORDERS/obs/billing/o.dat",
     How::sizes},
    {Defect::nats_7782, "raised-and-crashed", "last-seq-monotone"},
    {Defect::no_dir_sync, "every-crash", "acked-is-durable", "sync jetstream/$G/streams/", How::none},
};

// Crashes behind the `number`-th operation that begins like that, from 0. nullopt: there is no such operation.
std::optional<RunResult> run(const Scenario& scenario, const Finder& finder, core::Defects defects, std::uint64_t number) {
  RunOptions options;
  options.seed = core::Seed{1};
  options.defects = defects;
  options.tells_stories = false;
  bool has_crashed = finder.operation.empty();
  std::uint64_t seen = 0;
  if (!has_crashed) {
    options.crash_hook = [&](const CrashMoment& moment) -> std::optional<sim::Survivors> {
      if (has_crashed || moment.is_preparing || !moment.what.starts_with(finder.operation) || seen++ < number) return std::nullopt;
      has_crashed = true;
      return sim::Survivors{finder.keep, 0};
    };
  }
  const tests::InsideSimulation inside;  // no clock, sleep, thread or random number of the real world
  core::Result<RunResult> result = run_scenario(scenario, options);
  if (!has_crashed || !result) return std::nullopt;
  return *std::move(result);
}

TEST_CASE("each storage defect is found by its scenario, which passes without it") {
  for (const Finder& finder : kFinders) {
    CAPTURE(core::name_of(finder.defect));
    CAPTURE(finder.scenario);
    const Loaded loaded = load_file("scenarios/catalog/crash-recovery/" + std::string(finder.scenario) + ".yaml");
    REQUIRE(loaded.scenario.has_value());
    core::Defects defects;
    defects.set(finder.defect);
    bool is_found = false;
    for (std::uint64_t number = 0; !is_found; ++number) {
      const std::optional<RunResult> broken = run(*loaded.scenario, finder, defects, number);
      if (!broken) break;
      is_found = std::any_of(broken->divergences.begin(), broken->divergences.end(),
                             [&](const Divergence& d) { return d.invariant == finder.invariant; });
      if (is_found) {
        const std::optional<RunResult> right = run(*loaded.scenario, finder, {}, number);
        CHECK((!right || right->passed()));
      }
      if (finder.operation.empty()) break;
    }
    CHECK(is_found);
  }
}

TEST_CASE("no storage defect is without a finder") {
  std::set<Defect> found{// Of mirrors: tests/scenarios/broken_core_test.cc.
                         Defect::nats_6981,
                         // Of mirrors and sources: tests/sim/jetstream_mirror_test.cc and jetstream_source_test.cc show both sides.
                         Defect::nats_3207, Defect::nats_6206, Defect::nats_6383, Defect::nats_7530, Defect::nats_7796, Defect::nats_7896,
                         Defect::nats_8040, Defect::nats_8069, Defect::nats_8111, Defect::nats_8152, Defect::nats_8387,
                         // Of streams and consumers: tests/sim/jetstream_*_test.cc show both sides.
                         Defect::nats_4775, Defect::nats_5227, Defect::nats_5305, Defect::nats_5697, Defect::nats_5702b, Defect::nats_5818,
                         Defect::nats_6244, Defect::nats_6343, Defect::nats_6526, Defect::nats_8004, Defect::nats_8168, Defect::nats_8423};
  for (const Finder& finder : kFinders) found.insert(finder.defect);
  for (const core::DefectInfo& info : core::all_defects()) {
    CAPTURE(info.name);
    if (!info.name.starts_with("break-")) CHECK(found.contains(info.defect));
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
