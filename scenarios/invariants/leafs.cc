// The invariants of leaf links (reference: defect corpus, "Mirrors, sources, leaf links"). They are judged as the run goes on
// (scenarios/leaf_watch.h).

#include <string>
#include <utility>
#include <vector>

#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_interest_matches(const Evidence& evidence);
std::vector<Divergence> check_no_forwarding_loop(const Evidence& evidence);

namespace {

std::vector<Divergence> found(const Evidence& evidence, LeafFinding::Kind kind, const char* invariant) {
  std::vector<Divergence> out;
  if (evidence.leafs == nullptr) return out;
  for (const LeafFinding& finding : *evidence.leafs) {
    if (finding.kind != kind) continue;
    Divergence d;
    d.invariant = invariant;
    d.expected = finding.expected;
    d.actual = finding.actual;
    d.message = finding.message;
    d.node = finding.node;
    d.at = finding.at;
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace

std::vector<Divergence> check_interest_matches(const Evidence& evidence) {
  return found(evidence, LeafFinding::Kind::interest, "interest-matches-subscriptions");
}

std::vector<Divergence> check_no_forwarding_loop(const Evidence& evidence) {
  return found(evidence, LeafFinding::Kind::loop, "no-forwarding-loop");
}

}  // namespace windtunnel::scenarios
