// A run that forgets what is over judges as one that remembers everything (issue 5: a day of load in bounded memory).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/scenarios/run_text.h"
#include "tests/support/sanitized.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;

constexpr std::uint64_t kNever = UINT64_MAX;

RunResult run(const std::string& text, std::uint64_t prune_every, const std::vector<Defect>& defects = {}) {
  RunOptions options = with_defects(defects);
  options.prune_every = prune_every;
  options.tells_stories = false;
  return run_text(text, options);
}

// Two rings of 200 messages, two seconds of load; a message id is known for twenty.
std::string world(const std::string& faults, const std::string& mirror = "max_msgs: 200") {
  return "scenario: ring\nabout: Rings.\nnodes: { hub: { domain: hub }, leaf: { domain: leaf, leaf_of: hub } }\n"
         "streams:\n"
         "  - { on: hub, name: ORDERS, subjects: [orders.>], max_msgs: 200, duplicate_window: 20s }\n"
         "  - { on: leaf, name: COPY, mirror: { name: ORDERS, domain: hub }, " +
         mirror +
         " }\n"
         "workloads:\n"
         "  - { publish: orders.new, at: leaf, via: jetstream, domain: hub, rate: 100/s, for: 60s, name: careful, msg_id: true,\n"
         "      timeout: 500ms, retries: { max: until-acked, wait: 100ms } }\n"
         "  - { publish: orders.old, at: leaf, via: core, rate: 20/s, for: 60s, name: careless }\n"
         "faults: [ " +
         faults + " ]\nexpect: [ { workload: careful, published: 6000 } ]\n";  // and every invariant
}

std::vector<std::string> names(const RunResult& result) {
  std::vector<std::string> out;
  for (const Divergence& d : result.divergences) out.push_back(d.invariant + " " + d.stream + " " + d.message);
  return out;
}

TEST_CASE("pruning changes neither the run nor what is found") {
  const std::string outage = "{ at: 20s, signal: { node: hub, name: SIGABRT } }, { at: 25s, start: hub }";
  // What waits in the hole arrives late, and was sent again meanwhile.
  const std::string hole = "{ at: 20s, cut: { link: [hub, leaf], how: black_hole } }, { at: 26s, heal: { link: [hub, leaf] } }";
  const std::string power = "{ at: 20s, power_loss: hub }, { at: 25s, start: hub }";
  for (const std::string& faults : {std::string{}, outage, hole, power}) {
    for (const std::vector<Defect>& defects : {std::vector<Defect>{},
                                               {Defect::break_mirror_duplicates},
                                               {Defect::break_mirror_skips},
                                               {Defect::break_ack_before_store},
                                               {Defect::break_dedupe},
                                               {Defect::break_silent_no_responders}}) {
      if (tests::kIsSanitized && faults != hole) continue;
      CAPTURE(faults);
      CAPTURE(defects.size());
      const RunResult whole = run(world(faults), kNever, defects);
      const RunResult pruned = run(world(faults), 500, defects);
      CHECK(names(pruned) == names(whole));
      CHECK(pruned.notes == whole.notes);
      CHECK(pruned.trace_hash == whole.trace_hash);
      CHECK(whole.remembered >= pruned.remembered);
      if (!defects.empty()) continue;
      if (faults != power) CHECK(pruned.remembered < 8000);  // the window and a look's worth, in both streams; after a loss all is kept
    }
  }
}

TEST_CASE("nothing is forgotten that a stream of the family still has") {
  const RunResult result = run(world("", "max_msgs: 100000"), 500);
  CHECK(result.passed());
  CHECK(result.remembered >= 14000);
}

}  // namespace
}  // namespace windtunnel::scenarios
