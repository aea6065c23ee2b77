#include "scenarios/language/tables.h"

#include <array>

#include "core/base/assert.h"
#include "faults/fault.h"
#include "scenarios/hazards/names.h"
#include "scenarios/language/shapes.h"
#include "scenarios/language/tables_nats.h"
#include "scenarios/language/tables_workloads.h"

namespace windtunnel::scenarios {
namespace {

using namespace shapes;

// --- nodes and links

constexpr Shape kSubjectList{.type = Type::list, .element = &kText};

constexpr std::array kNodeKeys = {
    Key{.name = "domain", .shape = kName, .about = "its JetStream domain"},
    Key{.name = "leaf_of", .shape = kName, .about = "the node to which it connects as a leaf"},
    Key{.name = "deny_imports", .shape = kSubjectList, .about = "subjects that must not come in over its leaf link"},
    Key{.name = "deny_exports", .shape = kSubjectList, .about = "subjects that must not go out over its leaf link"},
    Key{.name = "user", .shape = kText, .about = "what its clients and leafs must give"},
    Key{.name = "password", .shape = kText, .about = "what its clients and leafs must give"},
    Key{.name = "block_size", .shape = kSize, .about = "of message blocks; default: by the stream, as nats-server does"},
    Key{.name = "compact_min", .shape = kSize, .about = "smaller blocks are not compacted; default 2MiB"},
    Key{.name = "index_interval", .shape = kPositiveDuration, .about = "between writes of index.db; default 2m"},
    Key{.name = "sync_interval", .shape = {.type = Type::sync_interval}, .about = "between fsyncs, or always: before each ack; default 2m"},
    Key{.name = "ping_interval", .shape = kPositiveDuration, .about = "between PINGs to a silent peer; default 2m"},
    Key{.name = "max_payload", .shape = kSize, .about = "of what clients publish, up to 64MiB; default 1MiB"},
    Key{.name = "defects", .shape = kDefects, .about = "historic defects that this node has"},
};
constexpr Table kNode{.name = "a node", .keys = kNodeKeys};
constexpr Shape kNodeShape = object(kNode);

constexpr std::array kLinkKeys = {
    Key{.name = "between", .shape = kLinkEnds, .about = "the two nodes that it joins", .is_required = true},
    Key{.name = "latency", .shape = kDurationRange, .about = "one way, fixed or a range; default 1ms"},
    Key{.name = "bandwidth", .shape = {.type = Type::bandwidth}, .about = "in each direction; default: unlimited"},
};
constexpr Table kLink{.name = "a link", .keys = kLinkKeys};
constexpr Shape kLinkShape = object(kLink);

// --- faults

constexpr std::array<std::string_view, 4> kSignals = {"SIGTERM", "SIGUSR2", "SIGABRT", "SIGKILL"};
constexpr std::array<std::string_view, 4> kKeeps = {"none", "all", "any", "ordered"};
constexpr std::array<std::string_view, 2> kCutHows = {"reset", "black_hole"};
constexpr std::array<std::string_view, 2> kDirections = {"both", "a_to_b"};

constexpr Key kFaultNode{.name = "node", .shape = kName, .about = "the node that it strikes", .is_required = true};
constexpr Key kFaultLink{.name = "link", .shape = kLinkEnds, .about = "the two ends of the link", .is_required = true};

constexpr std::array kSignalBody = {kFaultNode, Key{.name = "name", .shape = choice(kSignals), .about = "the signal", .is_required = true}};
constexpr std::array kPowerLossBody = {
    kFaultNode, Key{.name = "keep", .shape = choice(kKeeps), .about = "what stays of what was not synced; default any"}};
constexpr std::array kNodeBody = {kFaultNode};
constexpr std::array kCutBody = {kFaultLink, Key{.name = "how", .shape = choice(kCutHows), .about = "default reset"},
                                 Key{.name = "direction", .shape = choice(kDirections), .about = "default both"}};
constexpr std::array kLinkBody = {kFaultLink};
constexpr std::array kDelayBody = {kFaultLink,
                                   Key{.name = "latency", .shape = kDurationRange, .about = "the new latency", .is_required = true}};
constexpr std::array kThrottleBody = {
    kFaultLink, Key{.name = "bandwidth", .shape = {.type = Type::bandwidth}, .about = "the new bandwidth", .is_required = true}};
constexpr std::array kClockStepBody = {
    kFaultNode, Key{.name = "by", .shape = {.type = Type::signed_duration}, .about = "negative: back", .is_required = true}};

constexpr Table kSignalTable{.name = "signal", .keys = kSignalBody, .shorthand = "node"};
constexpr Table kPowerLossTable{.name = "power_loss", .keys = kPowerLossBody, .shorthand = "node"};
constexpr Table kStartTable{.name = "start", .keys = kNodeBody, .shorthand = "node"};
constexpr Table kPauseTable{.name = "pause", .keys = kNodeBody, .shorthand = "node"};
constexpr Table kResumeTable{.name = "resume", .keys = kNodeBody, .shorthand = "node"};
constexpr Table kCutTable{.name = "cut", .keys = kCutBody, .shorthand = "link"};
constexpr Table kHealTable{.name = "heal", .keys = kLinkBody, .shorthand = "link"};
constexpr Table kDelayTable{.name = "delay", .keys = kDelayBody, .shorthand = "link"};
constexpr Table kThrottleTable{.name = "throttle", .keys = kThrottleBody, .shorthand = "link"};
constexpr Table kClockStepTable{.name = "clock_step", .keys = kClockStepBody, .shorthand = "node"};

// Of the disk.
constexpr std::array<std::string_view, 5> kPicks = {"random", "first", "middle", "last", "all"};
constexpr std::array<std::string_view, 1> kVersions = {"previous_sync"};
constexpr std::array<std::string_view, 5> kDiskErrors = {"EIO", "ENOSPC", "EROFS", "EACCES", "EMFILE"};
constexpr Key kFile{.name = "file",
                    .shape = {.type = Type::file_choice},
                    .about = "a glob such as msgs/*.blk, or a role: first .blk, newest .blk",
                    .is_required = true};
constexpr Key kAnyFile{.name = "file", .shape = {.type = Type::file_choice}, .about = "a glob such as msgs/*.blk; default: every file"};
constexpr Key kFileOf{.name = "of", .shape = kStreamName, .about = "only files of this stream"};
constexpr Key kPick{.name = "pick", .shape = choice(kPicks), .about = "which of the files that match; default random"};
constexpr Key kOnce{.name = "count", .shape = {.type = Type::count}, .about = "how often; 0: until heal_disk; default 1"};
constexpr Key kUntilHealed{.name = "count", .shape = {.type = Type::count}, .about = "how often; default 0: until heal_disk"};

constexpr std::array kRestBody = {kFaultNode, kFile, kFileOf, kPick};
constexpr std::array kStaleBody = {kFaultNode,
                                   kFile,
                                   kFileOf,
                                   kPick,
                                   Key{.name = "age", .shape = kPositiveDuration, .about = "as it was so long before the fault"},
                                   Key{.name = "version", .shape = choice(kVersions), .about = "as the sync before the last one left it"}};
constexpr std::array kTruncateBody = {kFaultNode,
                                      kFile,
                                      kFileOf,
                                      kPick,
                                      Key{.name = "keep", .shape = kSize, .about = "how much is left; 0B: an empty file"},
                                      Key{.name = "cut", .shape = kSize, .about = "how much of the end is gone"}};
constexpr std::array kZeroBody = {kFaultNode, kFile, kFileOf, kPick,
                                  Key{.name = "tail", .shape = kSize, .about = "how much of the end; default: all of the file"}};
constexpr std::array kBitFlipBody = {kFaultNode, kFile, kFileOf, kPick,
                                     Key{.name = "bits", .shape = kPositive, .about = "how many bits of one sector, up to 32; default 1"}};
constexpr std::array kTrickBody = {kFaultNode, kAnyFile, kFileOf, kOnce};
constexpr std::array kShortWriteBody = {kFaultNode, kAnyFile, kFileOf, kUntilHealed};
constexpr std::array kPhantomBody = {kFaultNode, kAnyFile, kFileOf};
constexpr std::array kFailedFsyncBody = {kFaultNode, kAnyFile, kFileOf, kOnce,
                                         Key{.name = "late",
                                             .shape = {.type = Type::boolean},
                                             .about = "the sync says that it worked, and the next one of the file fails; default false"}};
constexpr std::array kDiskErrorBody = {
    kFaultNode,
    Key{.name = "op", .shape = {.type = Type::op_name}, .about = "the operation that fails", .is_required = true},
    Key{.name = "error", .shape = choice(kDiskErrors), .about = "default EIO"},
    kAnyFile,
    kFileOf,
    kUntilHealed};
constexpr std::array kDiskFullBody = {kFaultNode, Key{.name = "free", .shape = kSize, .about = "how much still fits; default 0B"}};
constexpr std::array kSlowDiskBody = {kFaultNode, Key{.name = "factor", .shape = kPositive, .about = "of every latency; default 1"},
                                      Key{.name = "stall", .shape = kPositiveDuration, .about = "for so long nothing completes"}};
constexpr std::array<std::string_view, 2> kStaleWhich = {"age", "version"};
constexpr std::array<std::string_view, 2> kTruncateWhich = {"keep", "cut"};
constexpr std::array<std::string_view, 2> kSlowWhich = {"factor", "stall"};

constexpr Table kLoseFileTable{.name = "lose_file", .keys = kRestBody};
constexpr Table kStaleFileTable{.name = "stale_file", .keys = kStaleBody, .exactly_one = kStaleWhich};
constexpr Table kTruncateFileTable{.name = "truncate_file", .keys = kTruncateBody, .exactly_one = kTruncateWhich};
constexpr Table kZeroFileTable{.name = "zero_file", .keys = kZeroBody};
constexpr Table kBitFlipTable{.name = "bit_flip", .keys = kBitFlipBody};
constexpr Table kBadSectorTable{.name = "bad_sector", .keys = kRestBody};
constexpr Table kMisreadTable{.name = "misread", .keys = kTrickBody, .shorthand = "node"};
constexpr Table kMisdirectedReadTable{.name = "misdirected_read", .keys = kTrickBody, .shorthand = "node"};
constexpr Table kMisdirectedWriteTable{.name = "misdirected_write", .keys = kTrickBody, .shorthand = "node"};
constexpr Table kShortWriteTable{.name = "short_write", .keys = kShortWriteBody, .shorthand = "node"};
constexpr Table kPhantomSyncTable{.name = "phantom_sync", .keys = kPhantomBody, .shorthand = "node"};
constexpr Table kFailedFsyncTable{.name = "failed_fsync", .keys = kFailedFsyncBody, .shorthand = "node"};
constexpr Table kDiskErrorTable{.name = "disk_error", .keys = kDiskErrorBody};
constexpr Table kDiskFullTable{.name = "disk_full", .keys = kDiskFullBody, .shorthand = "node"};
constexpr Table kSlowDiskTable{.name = "slow_disk", .keys = kSlowDiskBody, .at_least_one = kSlowWhich};
constexpr Table kHealDiskTable{.name = "heal_disk", .keys = kNodeBody, .shorthand = "node"};

constexpr std::array kFaultKeys = {
    Key{.name = "at", .shape = kDurationRange, .about = "virtual time; a range is drawn by the seed"},
    Key{.name = "after", .shape = kDurationRange, .about = "time after the entry before this one"},
    Key{.name = "on",
        .shape = {.type = Type::op_trigger},
        .about = "a disk operation: 3rd fsync of msgs/2.blk at leaf; with at or after it counts from then on. Or with odds: 1/100 write of "
                 "*.blk at leaf"},
    Key{.name = "every", .shape = kDurationRange, .about = "again and again from `at` (or the start) on, after such a gap each"},
    Key{.name = "until", .shape = kPositiveDuration, .about = "the end of `every`, or of odds"},
};
constexpr std::array<std::string_view, 4> kWhens = {"at", "after", "on", "every"};
constexpr std::array<std::array<std::string_view, 2>, 3> kNotTogether = {{{"at", "after"}, {"every", "after"}, {"every", "on"}}};

constexpr std::array<Key, 1> body(const Table& table) {
  return {Key{.name = table.name, .shape = object(table), .about = "", .is_required = true}};
}
constexpr std::array kSignalKeys = body(kSignalTable);
constexpr std::array kPowerLossKeys = body(kPowerLossTable);
constexpr std::array kStartKeys = body(kStartTable);
constexpr std::array kPauseKeys = body(kPauseTable);
constexpr std::array kResumeKeys = body(kResumeTable);
constexpr std::array kCutKeys = body(kCutTable);
constexpr std::array kHealKeys = body(kHealTable);
constexpr std::array kDelayKeys = body(kDelayTable);
constexpr std::array kThrottleKeys = body(kThrottleTable);
constexpr std::array kClockStepKeys = body(kClockStepTable);
constexpr std::array kLoseFileKeys = body(kLoseFileTable);
constexpr std::array kStaleFileKeys = body(kStaleFileTable);
constexpr std::array kTruncateFileKeys = body(kTruncateFileTable);
constexpr std::array kZeroFileKeys = body(kZeroFileTable);
constexpr std::array kBitFlipKeys = body(kBitFlipTable);
constexpr std::array kBadSectorKeys = body(kBadSectorTable);
constexpr std::array kMisreadKeys = body(kMisreadTable);
constexpr std::array kMisdirectedReadKeys = body(kMisdirectedReadTable);
constexpr std::array kMisdirectedWriteKeys = body(kMisdirectedWriteTable);
constexpr std::array kShortWriteKeys = body(kShortWriteTable);
constexpr std::array kPhantomSyncKeys = body(kPhantomSyncTable);
constexpr std::array kFailedFsyncKeys = body(kFailedFsyncTable);
constexpr std::array kDiskErrorKeys = body(kDiskErrorTable);
constexpr std::array kDiskFullKeys = body(kDiskFullTable);
constexpr std::array kSlowDiskKeys = body(kSlowDiskTable);
constexpr std::array kHealDiskKeys = body(kHealDiskTable);

constexpr Table fault(std::string_view mark, std::span<const Key> keys) { return {.name = "a fault", .keys = keys, .mark = mark}; }
constexpr Table kSignalFault = fault("signal", kSignalKeys);
constexpr Table kPowerLossFault = fault("power_loss", kPowerLossKeys);
constexpr Table kStartFault = fault("start", kStartKeys);
constexpr Table kPauseFault = fault("pause", kPauseKeys);
constexpr Table kResumeFault = fault("resume", kResumeKeys);
constexpr Table kCutFault = fault("cut", kCutKeys);
constexpr Table kHealFault = fault("heal", kHealKeys);
constexpr Table kDelayFault = fault("delay", kDelayKeys);
constexpr Table kThrottleFault = fault("throttle", kThrottleKeys);
constexpr Table kClockStepFault = fault("clock_step", kClockStepKeys);
constexpr Table kLoseFileFault = fault("lose_file", kLoseFileKeys);
constexpr Table kStaleFileFault = fault("stale_file", kStaleFileKeys);
constexpr Table kTruncateFileFault = fault("truncate_file", kTruncateFileKeys);
constexpr Table kZeroFileFault = fault("zero_file", kZeroFileKeys);
constexpr Table kBitFlipFault = fault("bit_flip", kBitFlipKeys);
constexpr Table kBadSectorFault = fault("bad_sector", kBadSectorKeys);
constexpr Table kMisreadFault = fault("misread", kMisreadKeys);
constexpr Table kMisdirectedReadFault = fault("misdirected_read", kMisdirectedReadKeys);
constexpr Table kMisdirectedWriteFault = fault("misdirected_write", kMisdirectedWriteKeys);
constexpr Table kShortWriteFault = fault("short_write", kShortWriteKeys);
constexpr Table kPhantomSyncFault = fault("phantom_sync", kPhantomSyncKeys);
constexpr Table kFailedFsyncFault = fault("failed_fsync", kFailedFsyncKeys);
constexpr Table kDiskErrorFault = fault("disk_error", kDiskErrorKeys);
constexpr Table kDiskFullFault = fault("disk_full", kDiskFullKeys);
constexpr Table kSlowDiskFault = fault("slow_disk", kSlowDiskKeys);
constexpr Table kHealDiskFault = fault("heal_disk", kHealDiskKeys);

// In the order of faults::Action.
constexpr std::array<const Table*, 26> kFaultKinds = {&kSignalFault,
                                                      &kPowerLossFault,
                                                      &kStartFault,
                                                      &kPauseFault,
                                                      &kResumeFault,
                                                      &kCutFault,
                                                      &kHealFault,
                                                      &kDelayFault,
                                                      &kThrottleFault,
                                                      &kClockStepFault,
                                                      &kLoseFileFault,
                                                      &kStaleFileFault,
                                                      &kTruncateFileFault,
                                                      &kZeroFileFault,
                                                      &kBitFlipFault,
                                                      &kBadSectorFault,
                                                      &kMisreadFault,
                                                      &kMisdirectedReadFault,
                                                      &kMisdirectedWriteFault,
                                                      &kShortWriteFault,
                                                      &kPhantomSyncFault,
                                                      &kFailedFsyncFault,
                                                      &kDiskErrorFault,
                                                      &kDiskFullFault,
                                                      &kSlowDiskFault,
                                                      &kHealDiskFault};
static_assert(kFaultKinds.size() == std::variant_size_v<faults::Action>);
constexpr Table kFault{
    .name = "a fault", .keys = kFaultKeys, .variants = kFaultKinds, .at_least_one = kWhens, .not_together = kNotTogether};
constexpr Shape kFaultShape = object(kFault);

// --- the swarm

constexpr Shape kSwarmWord{.type = Type::swarm_word};
constexpr Shape kNodeName{.type = Type::name};
constexpr std::array kSwarmKeys = {
    Key{.name = "kinds",
        .shape = {.type = Type::list, .element = &kSwarmWord},
        .about = "kinds of faults, or groups of them: process, link, clock, disk; each is on or off by the seed",
        .is_required = true},
    Key{.name = "faults", .shape = {.type = Type::count_range}, .about = "how many strike; default 0..8"},
    Key{.name = "window", .shape = kDurationRange, .about = "in which they strike; default 5s..60s"},
    Key{.name = "heal_by", .shape = kPositiveDuration, .about = "from then on nothing is broken; default 70s, or 10s after the window"},
    Key{.name = "down_for", .shape = kDurationRange, .about = "how long each outage lasts; default 100ms..5s"},
    Key{.name = "nodes", .shape = {.type = Type::list, .element = &kNodeName}, .about = "that may be struck; default: all, and all links"},
};
constexpr Table kSwarm{.name = "a swarm", .keys = kSwarmKeys};
constexpr Shape kSwarmShape = object(kSwarm);

// --- expectations

constexpr std::array kInvariantsKeys = {
    Key{.name = "invariants", .shape = kInvariants, .about = "what must hold, during the run and at its end", .is_required = true}};
constexpr std::array kCounterKeys = {
    Key{.name = "workload", .shape = kName, .about = "the publish workload that is counted", .is_required = true},
    Key{.name = "published", .shape = kBound, .about = "messages handed to the client"},
    Key{.name = "acked", .shape = kBound, .about = "of them, those whose ack came"},
    Key{.name = "errors", .shape = kBound, .about = "of them, those whose client was told of a failure"},
    Key{.name = "no_responders", .shape = kBound, .about = "of the errors, 503"},
    Key{.name = "timeouts", .shape = kBound, .about = "of the errors, no answer in time"},
    Key{.name = "duplicates", .shape = kBound, .about = "acks that say duplicate"},
    Key{.name = "lost",
        .shape = {.type = Type::loss_bound},
        .about = "published, told of no error, and in no stream at the end; at_most may be a time before a power loss; reported: true"},
};
constexpr std::array<std::string_view, 7> kCounters = {"published", "acked", "errors", "no_responders", "timeouts", "duplicates", "lost"};
constexpr std::array<std::string_view, 1> kLastFault = {"last_fault"};
constexpr std::array kLagKeys = {
    Key{.name = "within", .shape = kDuration, .about = "how long it may take", .is_required = true},
    Key{.name = "of", .shape = choice(kLastFault), .about = "from when on; default last_fault"},
    Key{.name = "mirror", .shape = kStreamName, .about = "the mirror", .is_required = true},
    Key{.name = "on", .shape = kName, .about = "the node that holds it; may be left out if only one does"},
    Key{.name = "lag", .shape = kBound, .about = "origin last minus mirror last, as both stores have it"},
    Key{.name = "reported_lag", .shape = kBound, .about = "the lag that the server itself reports"},
};
constexpr std::array<std::string_view, 2> kLags = {"lag", "reported_lag"};
constexpr std::array kStreamKeys = {
    Key{.name = "stream", .shape = kStreamName, .about = "the stream", .is_required = true},
    Key{.name = "on", .shape = kName, .about = "the node that holds it; may be left out if only one does"},
    Key{.name = "messages", .shape = kBound, .about = "how many it holds at the end"},
    Key{.name = "first_seq", .shape = kBound, .about = "its first sequence at the end"},
    Key{.name = "last_seq", .shape = kBound, .about = "its last sequence at the end"},
};
constexpr std::array<std::string_view, 3> kStreamDemands = {"messages", "first_seq", "last_seq"};
constexpr std::array kConsumedKeys = {
    Key{.name = "consumed", .shape = kName, .about = "the consume workload", .is_required = true},
    Key{.name = "messages", .shape = kBound, .about = "different messages that it got"},
    Key{.name = "duplicates", .shape = kBound, .about = "deliveries of a message that it had already got"},
    Key{.name = "missing", .shape = kBound, .about = "messages of the stream that it never got"},
};
constexpr std::array<std::string_view, 3> kConsumedDemands = {"messages", "duplicates", "missing"};
constexpr std::array<std::string_view, 2> kEitherFault = {"first_fault", "last_fault"};
constexpr Key kWithin{.name = "within", .shape = kDuration, .about = "how long it may take", .is_required = true};
constexpr std::array kFirstAlarmKeys = {kWithin,
                                        Key{.name = "of", .shape = choice(kEitherFault), .about = "from when on; default first_fault"}};
constexpr std::array kOverKeys = {kWithin, Key{.name = "of", .shape = choice(kEitherFault), .about = "from when on; default last_fault"}};
constexpr Table kFirstAlarm{.name = "a first alarm", .keys = kFirstAlarmKeys, .shorthand = "within"};
constexpr Table kOver{.name = "the end of the alarms", .keys = kOverKeys, .shorthand = "within"};
constexpr std::array kWatchedKeys = {
    Key{.name = "watched", .shape = kName, .about = "the watch_lag workload", .is_required = true},
    Key{.name = "lag", .shape = kBound, .about = "the highest that an answer gave"},
    Key{.name = "active", .shape = {.type = Type::duration_bound}, .about = "the longest silence of an origin that an answer gave"},
    Key{.name = "unanswered", .shape = kBound, .about = "samples without an answer"},
    Key{.name = "errors", .shape = kBound, .about = "samples that showed an error"},
    Key{.name = "alarms", .shape = kBound, .about = "how often it rang"},
    Key{.name = "first_alarm", .shape = object(kFirstAlarm), .about = "it rings so soon after the fault, and not before it"},
    Key{.name = "over", .shape = object(kOver), .about = "from so long after the fault on nothing rings, to the end"},
};
constexpr std::array<std::string_view, 7> kWatchedDemands = {"lag", "active", "unanswered", "errors", "alarms", "first_alarm", "over"};
constexpr std::array kDivergenceKeys = {Key{.name = "divergence",
                                            .shape = kInvariant,
                                            .about = "passes only if exactly this invariant is reported as violated",
                                            .is_required = true}};

constexpr Table kInvariantsTable{.name = "an expectation of invariants", .keys = kInvariantsKeys, .mark = "invariants"};
constexpr Table kCounterTable{.name = "an expectation of a workload", .keys = kCounterKeys, .mark = "workload", .at_least_one = kCounters};
constexpr Table kLagTable{.name = "an expectation of a mirror", .keys = kLagKeys, .mark = "mirror", .exactly_one = kLags};
constexpr Table kStreamTable{.name = "an expectation of a stream", .keys = kStreamKeys, .mark = "stream", .at_least_one = kStreamDemands};
constexpr Table kConsumedTable{
    .name = "an expectation of a consumer", .keys = kConsumedKeys, .mark = "consumed", .at_least_one = kConsumedDemands};
constexpr Table kWatchedTable{
    .name = "an expectation of a monitor", .keys = kWatchedKeys, .mark = "watched", .at_least_one = kWatchedDemands};
constexpr Table kDivergenceTable{.name = "an expectation of a divergence", .keys = kDivergenceKeys, .mark = "divergence"};
constexpr std::array<const Table*, 7> kExpectationKinds = {&kInvariantsTable, &kCounterTable, &kLagTable,       &kStreamTable,
                                                           &kConsumedTable,   &kWatchedTable, &kDivergenceTable};
constexpr Table kExpectation{.name = "an expectation", .keys = {}, .variants = kExpectationKinds};
constexpr Shape kExpectationShape = object(kExpectation);

// --- the file

constexpr std::size_t kFaultsMax = 10'000;

constexpr std::array<TypeInfo, 38> kTypes = {{
    {"text", ""},
    {"a name of letters, digits, - and _, with a letter first",
     "^(?!(true|True|TRUE|false|False|FALSE|null|Null|NULL)$)[A-Za-z_][A-Za-z0-9_-]{0,63}$"},
    {"a name without spaces, '.', '*', '>', '/' and '\\'", "^[^ \\t\\r\\n\\f.*>/\\\\]{1,255}$"},
    {"a subject, such as orders.new or orders.>", "^([^ \\t\\r\\n\\f.>*]+|\\*)(\\.([^ \\t\\r\\n\\f.>*]+|\\*))*(\\.>)?$|^>$"},
    {"a subject without wildcards, such as orders.new", "^[^ \\t\\r\\n\\f.>*]+(\\.[^ \\t\\r\\n\\f.>*]+)*$"},
    {"true or false", ""},
    {"a whole number, 0 or more", ""},
    {"a whole number, 1 or more", ""},
    {"a whole number", ""},
    {"a duration such as 2m, or nanoseconds", "^([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+$"},
    {"a size such as 64KiB, bytes, or -1", "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$"},
    {"a time such as 2024-01-01T00:00:00Z",
     "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"},
    {"a duration with a unit, such as 5ms or 2m", "^([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+$"},
    {"a duration longer than 0, such as 5ms or 2m", "^([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+$"},
    {"a duration such as 5m or -5m", "^[+-]?([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+$"},
    {"a duration or a range, such as 5ms or 5ms..40ms",
     "^([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+(\\.\\.([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+)?$"},
    {"a duration such as 10s, or always", "^(always|([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+)$"},
    {"a size with a unit, such as 64KiB", "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$"},
    {"a size or a range, such as 64B or 100B..4KiB",
     "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)(\\.\\.[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB))?$"},
    {"a bandwidth such as 10MiB/s", "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)/s$"},
    {"a rate such as 20/s",
     "^[0-9]+/([0-9]+(\\.[0-9]+)?)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d)([0-9]+(\\.[0-9]+)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))*$"},
    {"a disk operation such as \"3rd fsync of msgs/2.blk at leaf\"",
     "^((before|after) )?([0-9]+(st|nd|rd|th)|1/[0-9]+) (create|write|fsync|truncate|rename|remove|mkdir|fsync-directory|open|read|list) "
     "of [^ /\"\\\\]+(/[^ /\"\\\\]+)* at [^ ]+$"},
    {"a whole number, or until-acked", ""},
    {"a whole number, or { at_least, at_most }", ""},
    {"the name of a defect", ""},
    {"the name of an invariant", ""},
    {"one of several words", ""},
    {"the two ends of a link, [a, b]", ""},
    {"a file as a glob or a role, such as msgs/*.blk or \"first .blk\"",
     "^((random|first|middle|last|all|newest) [^ */\"\\\\]+|[^ /\"\\\\]+(/[^ /\"\\\\]+)*)$"},
    {"a disk operation: create, write, fsync, truncate, rename, remove, mkdir, fsync-directory, open, read or list",
     "^(create|write|fsync|truncate|rename|remove|mkdir|fsync-directory|open|read|list)$"},
    {"a whole number or a range, such as 3 or 0..12", "^[0-9]+\\.\\.[0-9]+$"},
    {"a kind of fault, or a group of them", ""},
    {"a whole number, or { at_least, at_most, reported }, where at_most may be a duration such as 2m", ""},
    {"{ at_least, at_most } of durations, such as { at_most: 10s }", ""},
    {"a list", ""},
    {"names with their values", ""},
    {"names with their texts", ""},
    {"keys with their values", ""},
}};
static_assert(kTypes.size() == static_cast<std::size_t>(Type::object) + 1);

}  // namespace

const Table& scenario_table() {
  // The element shapes must outlive the table; these tables lie in other files, so their shapes are not constexpr.
  static const Shape stream_shape = object(stream_table());
  static const Shape consumer_shape = object(consumer_table());
  static const Shape workload_shape = object(workload_table());
  static const Shape hazard_shape = choice(hazard_names());
  static const std::array keys = {
      Key{.name = "scenario", .shape = kName, .about = "its name", .is_required = true},
      Key{.name = "about", .shape = kText, .about = "what the story teaches"},
      Key{.name = "seed", .shape = {.type = Type::count}, .about = "when the command line gives none; default 1"},
      Key{.name = "duration", .shape = kPositiveDuration, .about = "the length of the run in virtual time; default: until all is done"},
      Key{.name = "nodes", .shape = {.type = Type::map, .element = &kNodeShape}, .about = "the servers, by name", .is_required = true},
      Key{.name = "links",
          .shape = {.type = Type::list, .element = &kLinkShape},
          .about = "between nodes; leaf_of without a link gets one of 1ms"},
      Key{.name = "streams", .shape = {.type = Type::list, .element = &stream_shape}, .about = "created in this order at the start"},
      Key{.name = "consumers",
          .shape = {.type = Type::list, .element = &consumer_shape},
          .about = "created in this order after the streams"},
      Key{.name = "workloads", .shape = {.type = Type::list, .element = &workload_shape}, .about = "the load"},
      Key{.name = "faults",
          .shape = {.type = Type::list, .element = &kFaultShape, .entries_max = kFaultsMax},
          .about = "what goes wrong, and when"},
      Key{.name = "swarm", .shape = kSwarmShape, .about = "faults that the seed chooses"},
      Key{.name = "expect",
          .shape = {.type = Type::list, .element = &kExpectationShape},
          .about = "what must hold; where it names no invariant, all of them, so [] is every one and nothing else",
          .is_required = true},
      Key{.name = "hazards",
          .shape = {.type = Type::list, .element = &hazard_shape},
          .about = "those that it has on purpose, for `windtunnel check` (docs/hazards.md)"},
  };
  static const Table table{.name = "a scenario", .keys = keys};
  return table;
}

const TypeInfo& info_of(Type type) {
  const auto index = static_cast<std::size_t>(type);
  WT_ASSERT(index < kTypes.size());
  return kTypes[index];
}

}  // namespace windtunnel::scenarios
