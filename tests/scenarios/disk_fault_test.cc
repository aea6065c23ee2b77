// Each kind of disk fault, as a scenario has it, changes what comes of a run; without it nothing happens.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/language/load.h"
#include "scenarios/run.h"
#include "tests/support/no_real_world.h"

namespace windtunnel::scenarios {
namespace {

struct Told {
  RunResult result;
  std::vector<std::string> lines;  // of the trace
  [[nodiscard]] std::size_t count(std::string_view what) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(what) != std::string::npos; }));
  }
};

Told run(const std::string& text, std::uint64_t seed = 1) {
  Loaded loaded = load_text(text, "test.yaml");
  for (const Diagnostic& d : loaded.diagnostics) MESSAGE(d.text());
  REQUIRE(loaded.scenario.has_value());
  Told told;
  RunOptions options;
  options.seed = core::Seed{seed};
  options.keep_trace = true;
  options.trace_line = [&told](std::string_view line) { told.lines.emplace_back(line); };
  core::Result<RunResult> result = core::error(core::Errc::invalid_argument, "not run");
  {
    const tests::InsideSimulation inside;
    result = run_scenario(*loaded.scenario, options);
  }
  if (!result) MESSAGE(result.error().text());
  REQUIRE(result.has_value());
  told.result = *std::move(result);
  return told;
}

// One server that syncs often and has small blocks, some load, these faults and these expectations.
std::string scenario(const std::string& faults, const std::string& expect, const std::string& node = "sync_interval: 2s") {
  return "scenario: disk\nabout: One server.\nnodes: { hub: { domain: hub, block_size: 4KiB, " + node +
         " } }\n"
         "streams: [ { on: hub, name: ORDERS, subjects: [orders.>], storage: file } ]\n"
         "workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 50/s, for: 6s, size: 200B, name: careful } ]\n"
         "faults: [ " +
         faults + " ]\nexpect: [ " + expect + " ]\n";
}

const std::string kSound = "{ invariants: [state-equals-contents, publish-outcome-known] }";
const std::string kKill = "{ at: 8s, signal: { node: hub, name: SIGKILL } }";
const std::string kStart = "{ at: 9s, start: hub }";
// With an orderly stop the index is current, and knows what is missing.
const std::string kStop = "{ at: 8s, signal: { node: hub, name: SIGTERM } }";
// Between a kill and the start after it.
std::string while_down(const std::string& fault) { return kKill + ", { at: 8500ms, " + fault + " }, " + kStart; }

// How many messages the publisher was told of are gone at the end.
std::uint64_t lost(const Told& told) {
  for (const std::string& note : told.result.notes) {
    const std::size_t at = note.find("lost without an error ");
    if (at != std::string::npos) return std::stoull(note.substr(at + 22));
  }
  return 0;
}

void check_passed(const Told& told) {
  for (const Divergence& d : told.result.divergences) MESSAGE(d.invariant << ": expected " << d.expected << ", actual " << d.actual);
  CHECK(told.result.passed());
}

TEST_CASE("without a disk fault a kill and a start lose nothing, and nobody speaks of damage") {
  const Told told = run(scenario(kKill + ", " + kStart, kSound));
  check_passed(told);
  CHECK(lost(told) == 0);
  CHECK(told.count("store.damage") == 0);
  CHECK(told.count("disk.failure") == 0);
}

TEST_CASE("damage at rest costs messages, bounded to the file, and is reported") {
  struct Row {
    std::string fault;
    std::uint64_t lost_min;
    std::uint64_t lost_max;
  };
  // A block of 4 KiB holds some 16 of these messages.
  for (const Row& row : std::vector<Row>{
           {"lose_file: { node: hub, file: \"first .blk\" }", 10, 20},
           {"lose_file: { node: hub, file: \"middle .blk\" }", 10, 20},
           {"truncate_file: { node: hub, file: \"3.blk\", cut: 300B }", 1, 3},
           {"truncate_file: { node: hub, file: \"3.blk\", keep: 0B }", 10, 20},
           {"zero_file: { node: hub, file: \"middle .blk\" }", 10, 20},
           {"zero_file: { node: hub, file: \"3.blk\", tail: 300B }", 1, 3},
           {"bit_flip: { node: hub, file: \"3.blk\", bits: 1 }", 1, 1},
           {"bit_flip: { node: hub, file: \"*.blk\", pick: all, bits: 1 }", 15, 25},
           {"bad_sector: { node: hub, file: \"3.blk\" }", 1, 20},  // a page cannot be read, which is all of so small a block
       }) {
    CAPTURE(row.fault);
    const Told told = run(scenario(kStop + ", { at: 8500ms, " + row.fault + " }, " + kStart, kSound));
    check_passed(told);
    CHECK(lost(told) >= row.lost_min);
    CHECK(lost(told) <= row.lost_max);
    // A block of no bytes leaves no damaged record to speak of; that its messages are lost is in the stream's state.
    if (row.fault.find("keep: 0B") == std::string::npos) CHECK(told.count("store.damage") >= 1);
    const auto tells_loss = [](const std::string& line) {
      return line.find("store.recovered") != std::string::npos && !line.ends_with(" lost=0");
    };
    CHECK(std::any_of(told.lines.begin(), told.lines.end(), tells_loss));
  }
}

TEST_CASE("damage strikes a running node too") {
  const Told told = run(scenario("{ at: 4s, lose_file: { node: hub, file: \"2.blk\" } }, " + kKill + ", " + kStart, kSound));
  check_passed(told);
  CHECK(lost(told) >= 10);
}

// The page that is appended to cannot be read any more, and so nothing can be appended to it.
TEST_CASE("a bad sector where the next message goes refuses that one, and what was stored there is neither lost nor in the way") {
  const auto struck = [](const std::string& fault) {
    return run(scenario(fault + kKill + ", " + kStart,
                        "{ invariants: [acked-is-durable, state-equals-contents, publish-outcome-known, last-seq-monotone, "
                        "recovery-equals-precrash, corruption-is-surfaced] }"));
  };
  const auto errors = [](const Told& told) { return told.count("publish.error"); };
  const Told whole = struck("");
  check_passed(whole);
  CHECK(errors(whole) == 0);
  const Told told = struck("{ at: 4s, bad_sector: { node: hub, file: \"newest .blk\" } }, ");
  check_passed(told);
  CHECK(told.count("disk.bad_sector") >= 1);
  CHECK(told.count("store.block_left") == 1);
  CHECK(errors(told) == 1);
  CHECK(lost(told) == 0);
  CHECK(told.result.trace_hash != whole.result.trace_hash);
  // After a restart nothing is remembered: what lay there is lost, and it is said.
  const Told forgotten = struck(
      "{ at: 3500ms, signal: { node: hub, name: SIGTERM } }, { at: 3600ms, start: hub }, "
      "{ at: 3610ms, bad_sector: { node: hub, file: \"newest .blk\" } }, ");
  check_passed(forgotten);
  CHECK(lost(forgotten) >= 1);
  CHECK(lost(forgotten) <= 20);
}

TEST_CASE("an older file comes back: a block of some seconds ago lacks what was appended since") {
  // Block 15 is being written at 5 s.
  const Told told = run(scenario(while_down("stale_file: { node: hub, file: \"*.blk\", pick: all, age: 4s }"), kSound));
  CHECK(lost(told) >= 1);
  CHECK(lost(told) <= 20);
  CHECK(told.count("disk.restore") >= 5);
  const Told by_sync = run(
      scenario(while_down("stale_file: { node: hub, file: \"newest .blk\", version: previous_sync }"), kSound, "sync_interval: always"));
  CHECK(by_sync.count("disk.restore") == 1);
  CHECK(lost(by_sync) == 1);  // what the last sync saved
}

TEST_CASE("operations that fail are told to the publisher, and nothing that was acknowledged is lost") {
  struct Row {
    std::string fault;
    std::string trace;
    bool has_errors;
  };
  for (const Row& row : std::vector<Row>{
           {"disk_error: { node: hub, op: write, error: EIO, file: \"*.blk\", count: 5 }", "error=io_error", true},
           {"disk_error: { node: hub, op: create, error: EMFILE }", "error=io_error", true},
           {"disk_error: { node: hub, op: open, error: EACCES, file: \"*.blk\" }", "error=read_only", true},
           {"disk_full: { node: hub, free: 100B }", "disk.write_failed", true},
           {"failed_fsync: { node: hub, file: \"*.blk\", count: 1 }", "disk.failure operation=sync", false},
           {"slow_disk: { node: hub, factor: 5000 }", "fault what=\"slow_disk", false},
           {"slow_disk: { node: hub, stall: 3s }", "fault what=\"slow_disk", false},
           {"short_write: { node: hub, file: \"*.blk\" }", "disk.write_short", false},
       }) {
    CAPTURE(row.fault);
    const Told told = run(scenario(
        "{ at: 2s, " + row.fault + " }, { at: 4s, heal_disk: hub }, " + kKill + ", " + kStart,
        "{ invariants: [acked-is-durable, state-equals-contents, publish-outcome-known, last-seq-monotone] }, { workload: careful, "
        "acked: { at_least: 150 } }"));
    check_passed(told);
    CHECK(told.count("heal_disk hub") == 1);
    const bool has_errors =
        told.result.notes[0].find("errors") != std::string::npos || told.result.notes[0].find("timed out") != std::string::npos;
    if (row.has_errors) CHECK(has_errors);
    if (row.has_errors || row.trace.starts_with("disk.")) CHECK(told.count(row.trace) >= 1);
  }
}

TEST_CASE("a slow disk delays acknowledgements") {
  const auto settled_late = [](const std::string& faults) {
    const Told told = run(scenario(faults, kSound, "sync_interval: always"));
    return told.count("publish.timed_out");
  };
  CHECK(settled_late("{ at: 2s, heal_disk: hub }") == 0);
  CHECK(settled_late("{ at: 2s, slow_disk: { node: hub, stall: 8s } }") >= 10);
  CHECK(settled_late("{ at: 2s, slow_disk: { node: hub, factor: 3000 } }") >= 1);
}

TEST_CASE("what is read wrong once is read right the second time: nothing is lost for it") {
  for (const std::string kind : {"misread", "misdirected_read"}) {
    CAPTURE(kind);
    const Told told = run(scenario("{ at: 8s, signal: { node: hub, name: SIGKILL } }, { at: 8500ms, " + kind +
                                       ": { node: hub, file: \"*.blk\", count: 1 } }, " + kStart,
                                   "{ invariants: [acked-is-durable, state-equals-contents] }"));
    check_passed(told);
    CHECK(told.count("disk.trick kind=" + kind) == 1);
    CHECK(lost(told) == 0);
  }
}

TEST_CASE("a misdirected write costs what it hit and what it was, and both are found") {
  const Told told =
      run(scenario("{ at: 4s, misdirected_write: { node: hub, file: \"*.blk\", count: 1 } }, " + kKill + ", " + kStart, kSound));
  check_passed(told);
  CHECK(told.count("disk.misdirected") == 1);
  CHECK(lost(told) >= 1);
  CHECK(lost(told) <= 6);
  CHECK(told.count("store.damage") >= 1);
}

TEST_CASE("a drive that lies loses what it said it had, with sync: always too; one that was healed before does not") {
  const auto lost_with = [](const std::string& faults) {
    return lost(run(
        scenario(faults + ", { at: 5s, power_loss: { node: hub, keep: none } }, { at: 7s, start: hub }", kSound, "sync_interval: always")));
  };
  CHECK(lost_with("{ at: 1s, heal_disk: hub }") == 0);
  CHECK(lost_with("{ at: 3s, phantom_sync: hub }") >= 50);
  CHECK(lost_with("{ at: 3s, phantom_sync: hub }, { after: 1ms, heal_disk: hub }") <= 2);
}

TEST_CASE("an operation of a start is a place to crash: recovery is crashed, and then recovers") {
  const Told told =
      run(scenario(kKill + ", " + kStart +
                       ", { after: 0s, on: \"3rd read of *.blk at hub\", signal: { node: hub, name: SIGKILL } }, { after: 1s, start: hub }",
                   "{ invariants: [acked-is-durable, state-equals-contents, last-seq-monotone] }"));
  check_passed(told);
  CHECK(told.count("process.end why=SIGKILL") == 2);
  CHECK(told.count("store.recovered") == 2);  // as the stream was made, and at last; not in between
}

TEST_CASE("after an operation it has taken effect, before it it has not") {
  const auto bytes_left = [](const std::string& moment) {
    const Told told = run(
        scenario("{ on: \"" + moment + " 5th write of 1.blk at hub\", signal: { node: hub, name: SIGKILL } }, { after: 1s, start: hub }",
                 "{ invariants: [acked-is-durable] }"));
    std::vector<std::string> recovered;  // the first: as the stream was made
    for (const std::string& line : told.lines) {
      if (line.find("store.recovered") != std::string::npos) recovered.push_back(line.substr(line.find("messages=")));
    }
    REQUIRE(recovered.size() == 2);
    return recovered[1].substr(0, recovered[1].find(' '));
  };
  CHECK(bytes_left("before") == "messages=4");
  CHECK(bytes_left("after") == "messages=5");
}

TEST_CASE("a fault with odds strikes some of the operations until its end, and by the seed") {
  std::set<std::size_t> counts;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Told told =
        run(scenario("{ on: \"1/10 write of *.blk at hub\", until: 5s, slow_disk: { node: hub, stall: 1ms } }", kSound), seed);
    const std::size_t strikes = told.count("slow_disk hub");
    CHECK(strikes >= 5);
    CHECK(strikes <= 60);
    counts.insert(strikes);
    for (const std::string& line : told.lines) {
      if (line.find("slow_disk hub") != std::string::npos) CHECK(line.substr(0, 12) < "00:00:05.001");
    }
  }
  CHECK(counts.size() > 1);
}

TEST_CASE("a fault with `every` strikes again and again, at other files") {
  const Told told = run(
      scenario("{ at: 1s, every: 1s, until: 6s, bit_flip: { node: hub, file: \"*.blk\", bits: 1 } }, " + kKill + ", " + kStart, kSound));
  CHECK(told.count("disk.flip_bits") == 5);
  CHECK(lost(told) >= 2);
}

TEST_CASE("a clock that is set while the node is down is what the node finds when it starts") {
  const auto first_time = [](const std::string& by) {
    const Told told = run(scenario(kKill + ", { at: 8500ms, clock_step: { node: hub, by: " + by + " } }, " + kStart,
                                   "{ invariants: [acked-is-durable, state-equals-contents, last-seq-monotone] }"));
    check_passed(told);
    CHECK(told.count("clock.step by_ns=") >= 1);
    return lost(told);
  };
  CHECK(first_time("-1h") == 0);
  CHECK(first_time("1h") == 0);
  // It bites: with max_age what was stored before is an hour old now.
  std::string aged =
      scenario(kKill + ", { at: 8500ms, clock_step: { node: hub, by: 1h } }, " + kStart, "{ stream: ORDERS, on: hub, messages: 0 }");
  aged.replace(aged.find("storage: file"), 13, "storage: file, max_age: 10m");
  check_passed(run(aged));
}

TEST_CASE("the order of a list does not move what a fault leaves to the seed") {
  const std::string flip = "{ at: 8500ms, bit_flip: { node: hub, file: \"*.blk\", bits: 3 } }";
  const auto flipped = [](const Told& told) {
    for (const std::string& line : told.lines) {
      if (line.find("disk.flip_bits") != std::string::npos) return line;
    }
    return std::string{};
  };
  const std::string alone = flipped(run(scenario(kKill + ", " + flip + ", " + kStart, kSound)));
  CHECK(alone == flipped(run(scenario("{ at: 8900ms, misread: hub }, " + kKill + ", " + kStart + ", " + flip, kSound))));
  CHECK_FALSE(alone.empty());
  CHECK(alone != flipped(run(scenario(kKill + ", " + flip + ", " + kStart, kSound), 2)));
}

// ---- the swarm ----

const std::string kSwarmWorld = R"(
scenario: swarmed
about: A hub and a leaf, and whatever the seed finds.
nodes: { hub: { domain: hub, block_size: 4KiB, sync_interval: 1s }, leaf: { domain: leaf, leaf_of: hub, ping_interval: 2s } }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub } }
workloads: [ { publish: orders.new, at: hub, via: jetstream, rate: 20/s, for: 20s, name: careful } ]
)";
const std::string kSwarmExpect = "expect: [ { invariants: [publish-outcome-known] } ]\n";

TEST_CASE("what a swarm drew, put into the file in its place, gives the same trace with the same seed") {
  std::size_t entries = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const Told swarmed = run(
        kSwarmWorld + "swarm: { kinds: [process, link, clock, disk], faults: 0..8, window: 2s..18s, heal_by: 25s }\n" + kSwarmExpect, seed);
    std::string faults = swarmed.result.timeline.empty() ? "" : "faults:\n";
    for (const std::string& entry : swarmed.result.timeline) faults += "  - " + entry + "\n";
    entries += swarmed.result.timeline.size();
    const Told plain = run(kSwarmWorld + faults + kSwarmExpect, seed);
    CHECK(plain.result.trace_hash == swarmed.result.trace_hash);
    CHECK(plain.result.events == swarmed.result.events);
    CHECK(plain.result.timeline.empty());
  }
  CHECK(entries > 20);
}

TEST_CASE("after a swarm the world is healed: mirrors are level and nothing that was acknowledged is lost by a kill or a cut") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const Told told = run(kSwarmWorld + "swarm: { kinds: [kill, stop, pause, cut, delay], faults: 1..8, window: 2s..18s, heal_by: 25s }\n" +
                              "expect: [ { invariants: [acked-is-durable, mirror-is-prefix, last-seq-monotone] }, "
                              "{ within: 30s, of: last_fault, mirror: COPY, lag: 0 } ]\n",
                          seed);
    check_passed(told);
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
