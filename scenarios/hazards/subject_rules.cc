#include <map>
#include <optional>
#include <tuple>

#include "scenarios/hazards/pattern_tree.h"
#include "scenarios/hazards/patterns.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

// A subject of a stream, as indices.
struct Captured {
  std::size_t stream = 0;
  std::size_t subject = 0;
};

// Two subjects that a publish at one of their servers can bring to both: the earliest such pair of a kind is told.
struct Meeting {
  std::size_t earlier = 0;  // the stream
  std::size_t mine = 0;     // the later one's subject
  std::size_t theirs = 0;   // the earlier one's
  friend auto operator<=>(const Meeting&, const Meeting&) = default;
};

// Whether a publish at one of the two can be stored by both.
bool can_both_store(const Graph& graph, const StreamFacts& a, const StreamFacts& b, std::string_view common) {
  return graph.reaches(a.server, b.server, common) || graph.reaches(b.server, a.server, common);
}

void report_copy(const Graph& graph, std::size_t later, const Meeting& meeting, bool is_later_copy, Findings& findings) {
  const PlacedText& mine = graph.facts().streams[later].subjects[meeting.mine];
  const PlacedText& theirs = graph.facts().streams[meeting.earlier].subjects[meeting.theirs];
  const std::size_t copier = is_later_copy ? later : meeting.earlier;
  findings.add(HazardKind::copy_captures_origin_subjects, is_later_copy ? mine.where : theirs.where,
               named(graph, copier) + " captures " + quoted(is_later_copy ? mine.text : theirs.text) + " and copies " +
                   named(graph, is_later_copy ? meeting.earlier : later) + ", which captures " +
                   quoted(is_later_copy ? theirs.text : mine.text) +
                   ": while the link is up each message comes once directly and once as a copy");
}

void report_overlap(const Graph& graph, std::size_t later, const Meeting& meeting, Findings& findings) {
  const PlacedText& mine = graph.facts().streams[later].subjects[meeting.mine];
  const PlacedText& theirs = graph.facts().streams[meeting.earlier].subjects[meeting.theirs];
  findings.add(HazardKind::overlapping_subjects, mine.where,
               quoted(mine.text) + " of " + named(graph, later) + " overlaps with " + quoted(theirs.text) + " of " +
                   named(graph, meeting.earlier) +
                   ": while the link is up both store each message and both answer; while it is down only the near one has it");
}

}  // namespace

// Once a stream and kind: what it has in common with others would only repeat it.
void find_subject_hazards(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  PatternTree<Captured> seen;
  for (std::size_t b = 0; b < facts.streams.size() && !findings.is_full(); ++b) {
    const StreamFacts& later = facts.streams[b];
    std::optional<Meeting> overlap;
    std::optional<Meeting> copy;
    bool is_later_copy = false;
    for (std::size_t i = 0; i < later.subjects.size(); ++i) {
      seen.visit(later.subjects[i].text, [&](const Captured& other) {
        if (findings.is_full()) return;
        findings.spend(1);
        const StreamFacts& earlier = facts.streams[other.stream];
        const Meeting meeting{other.stream, i, other.subject};
        if (earlier.server == later.server || (overlap && copy && *overlap <= meeting && *copy <= meeting)) return;
        if (!graph.are_joined(earlier.server, later.server) || !graph.are_of_one_account(earlier, later)) return;
        const std::optional<std::string> common = intersection(later.subjects[i].text, earlier.subjects[other.subject].text);
        if (!common || !can_both_store(graph, earlier, later, *common)) return;
        findings.spend(100);
        const bool is_into_later = graph.are_copied(b, other.stream, *common);
        const bool is_copy = is_into_later || graph.are_copied(other.stream, b, *common);
        std::optional<Meeting>& first = is_copy ? copy : overlap;
        if (first && *first <= meeting) return;
        first = meeting;
        if (is_copy) is_later_copy = is_into_later;
      });
    }
    if (copy) report_copy(graph, b, *copy, is_later_copy, findings);
    if (overlap) report_overlap(graph, b, *overlap, findings);
    for (std::size_t i = 0; i < later.subjects.size(); ++i) seen.add(later.subjects[i].text, {b, i});
  }
}

}  // namespace windtunnel::scenarios
