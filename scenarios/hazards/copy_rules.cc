#include <algorithm>

#include "core/nats/subject.h"
#include "core/store/record.h"
#include "faults/units.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

std::string verb_of(const CopyFacts& copy) { return copy.is_mirror ? " mirrors " : " sources "; }
std::string word_of(const CopyFacts& copy) { return copy.is_mirror ? "mirror" : "source"; }

void find_origins(const Graph& graph, std::size_t stream, const CopyFacts& copy, Findings& findings) {
  const Facts& facts = graph.facts();
  const std::string here = named(graph, stream);
  const ServerFacts& own = facts.servers[facts.streams[stream].server];
  const std::string& server = own.name;
  std::size_t elsewhere = 0;
  switch (graph.find_origin(stream, copy, elsewhere)) {
    case OriginFound::found:
      if (!copy.is_external || copy.domain.text != own.domain.text) break;
      findings.add(HazardKind::origin_in_own_domain, copy.domain.where,
                   here + verb_of(copy) + quoted(copy.origin.text) + " of the domain " + quoted(copy.domain.text) +
                       ", which is that of its own server: nobody hears its requests, and the stream's info shows lag 0");
      break;
    case OriginFound::unknown: break;
    case OriginFound::no_domain:
      findings.add(HazardKind::origin_without_domain, copy.origin.where,
                   here + verb_of(copy) + quoted(copy.origin.text) + " without a domain and so looks for it on " + quoted(server) +
                       (own.are_streams_known ? "" : ", of which not all streams are given here") + "; the " + named(graph, elsewhere) +
                       " is never asked");
      break;
    case OriginFound::no_server:
      findings.add(HazardKind::origin_unreachable, copy.domain.where,
                   here + verb_of(copy) + quoted(copy.origin.text) + " of the domain " + quoted(copy.domain.text) +
                       ", which no server here has: every attempt waits in vain, and the stream's info shows lag 0");
      break;
    case OriginFound::no_stream:
      findings.add(HazardKind::origin_missing, copy.origin.where,
                   here + verb_of(copy) + quoted(copy.origin.text) + ", which " +
                       (copy.is_external ? "the domain " + quoted(copy.domain.text) : quoted(server)) + " does not have");
      break;
  }
}

void find_origin_kinds(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const StreamFacts& origin = graph.facts().streams[edge.origin];
  const std::string what = named(graph, edge.copier) + verb_of(*edge.copy) + named(graph, edge.origin);
  if (origin.retention != Retention::limits) {
    findings.add(
        HazardKind::workqueue_or_interest_origin, edge.copy->where,
        what + ", whose retention is " + std::string{name_of(origin.retention)} +
            ": a message counts as done there when it is handed to the connection, so what is under way when the link breaks is lost");
  }
  if (origin.storage == Storage::memory) {
    findings.add(HazardKind::memory_origin, edge.copy->where,
                 what + ", which is in memory: after a restart its sequences begin at 1 again, and the copy waits for numbers that it has");
  }
}

void find_rollups(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const StreamFacts& origin = graph.facts().streams[edge.origin];
  const StreamFacts& copier = graph.facts().streams[edge.copier];
  if (!origin.allows_rollup) return;
  const std::string pair =
      named(graph, edge.origin) + " allows rollups, and its " + word_of(*edge.copy) + " " + quoted(copier.name.text) + " ";
  if (copier.allows_rollup && !copier.denies_purge) {
    findings.add(
        HazardKind::rollup_on_both_ends, copier.at("allow_rollup_hdrs"),
        pair +
            "too: a copied rollup purges there as well, and an id that is used again within a duplicate window leaves both ends at the "
            "old value");
  } else {
    findings.add(HazardKind::rollup_refused_by_copy, copier.denies_purge ? copier.at("deny_purge") : copier.where,
                 pair + "does not: releases before 2.14 drop such messages in the copy without a word, and it serves the old value");
  }
}

bool is_lower(std::int64_t copy, std::int64_t origin) { return copy > 0 && (origin <= 0 || copy < origin); }

void find_limits(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const StreamFacts& origin = graph.facts().streams[edge.origin];
  const StreamFacts& copier = graph.facts().streams[edge.copier];
  const std::pair<std::string_view, bool> limits[] = {
      {"max_msgs", is_lower(copier.max_msgs, origin.max_msgs)},
      {"max_bytes", is_lower(copier.max_bytes, origin.max_bytes)},
      {"max_age", is_lower(copier.max_age.count(), origin.max_age.count())},
      {"max_msgs_per_subject", is_lower(copier.max_msgs_per_subject, origin.max_msgs_per_subject)},
  };
  std::vector<std::string_view> lower;
  for (const auto& [key, is_it] : limits) {
    if (is_it) lower.push_back(key);
  }
  if (!lower.empty()) {
    findings.add(HazardKind::copy_limits_lower, copier.at(lower.front()),
                 listed(lower) + " of " + named(graph, edge.copier) + (lower.size() == 1 ? " is" : " are") + " lower than at its origin, " +
                     named(graph, edge.origin) + ": the copy forgets first, and nothing tells its readers");
  }
  if (is_lower(copier.max_msg_size, origin.max_msg_size)) {
    findings.add(HazardKind::copy_refuses_messages, copier.at("max_msg_size"),
                 named(graph, edge.copier) + " takes no message above " + std::to_string(copier.max_msg_size) + " bytes, and " +
                     named(graph, edge.origin) + " does: such a message stops the copy for good");
  }
  if (copier.discards_new && (copier.max_msgs > 0 || copier.max_bytes > 0 || copier.discards_new_per_subject)) {
    findings.add(HazardKind::copy_refuses_messages, copier.at("discard"),
                 named(graph, edge.copier) + " refuses new messages when it is full: the copy of " + named(graph, edge.origin) +
                     " then stands still until something is removed");
  }
}

// Whether it keeps what the server `from` takes from coming to `to`. Its own outage does not: it takes no messages then.
bool is_between(const Graph& graph, const OutageFacts& outage, std::size_t from, std::size_t to) {
  return outage.b == kNowhere ? outage.a != from && graph.passes(from, to, outage.a) : graph.passes(from, to, outage.a, outage.b);
}

// What an origin gets in an outage, at least.
struct Inflow {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  bool is_wanted = false;  // the copy takes some of it
};

Inflow inflow_of(const Graph& graph, const CopyEdge& edge, const OutageFacts& outage, Findings& findings) {
  const StreamFacts& origin = graph.facts().streams[edge.origin];
  // In a file (core/store/record.h); in memory a little less.
  const std::uint64_t overhead = origin.storage == Storage::file ? core::kEmptyRecordSize : 16;
  const std::vector<PlacedText>& filters = edge.copy->filters;
  Inflow out;
  for (const PublisherFacts& publisher : graph.facts().publishers) {
    const bool is_cut_off = outage.b == kNowhere ? graph.passes(publisher.server, origin.server, outage.a)
                                                 : graph.passes(publisher.server, origin.server, outage.a, outage.b);
    if (!publisher.pace || is_cut_off) continue;
    std::uint64_t captured = 0;
    for (const std::string& part : publisher.parts) {
      findings.spend(1 + origin.subjects.size() + filters.size());
      const bool is_all = std::any_of(origin.subjects.begin(), origin.subjects.end(),
                                      [&part](const PlacedText& each) { return core::is_subset(part, each.text); });
      if (!is_all || !graph.reaches(publisher.server, origin.server, part)) continue;
      ++captured;
      out.is_wanted = out.is_wanted || filters.empty() || !origin.stored_as.empty() ||
                      std::any_of(filters.begin(), filters.end(), [&part](const auto& each) { return core::collide(part, each.text); });
    }
    if (captured == 0) continue;
    const std::uint64_t sent =
        outage.begin ? publisher.pace->due_before(sum(*outage.begin, outage.length)) - publisher.pace->due_before(*outage.begin)
                     : publisher.pace->due_before(sum(publisher.pace->start, outage.length));
    // Of several subjects each has its share.
    const std::uint64_t stored = std::min(sent, std::uint64_t{1} << 40) * captured / publisher.parts.size();
    const std::uint64_t size = overhead + publisher.subject.text.size() + std::min(publisher.size_min, std::uint64_t{1} << 20);
    out.messages = std::min(out.messages + stored, std::uint64_t{1} << 41);
    out.bytes = std::min(out.bytes + stored * size, std::uint64_t{1} << 62);
  }
  return out;
}

// What a publisher does at a known pace while the copy cannot be reached, against what the origin keeps. A stream that refuses what
// is beyond its limits tells its publishers; one that keeps some of each subject, or what consumers want, is meant to forget.
void find_overflow(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const Facts& facts = graph.facts();
  const StreamFacts& origin = facts.streams[edge.origin];
  const std::size_t to = facts.streams[edge.copier].server;
  const bool is_queue = origin.retention != Retention::limits || origin.max_msgs_per_subject > 0 || origin.discards_new;
  if ((origin.max_msgs <= 0 && origin.max_bytes <= 0) || origin.server == to || is_queue) return;
  for (const OutageFacts& outage : facts.outages) {
    const bool is_too_old_anyway = origin.max_age.count() > 0 && origin.max_age <= outage.length;
    if (findings.is_full() || is_too_old_anyway || !is_between(graph, outage, origin.server, to)) continue;
    const Inflow inflow = inflow_of(graph, edge, outage, findings);
    const bool is_too_many = origin.max_msgs > 0 && inflow.messages > static_cast<std::uint64_t>(origin.max_msgs);
    const bool is_too_large = origin.max_bytes > 0 && inflow.bytes > static_cast<std::uint64_t>(origin.max_bytes);
    if (!inflow.is_wanted || (!is_too_many && !is_too_large)) continue;
    const std::string_view key = is_too_many ? "max_msgs" : "max_bytes";
    const std::string kept = is_too_many ? std::to_string(origin.max_msgs) + " messages" : std::to_string(origin.max_bytes) + " bytes";
    const std::string come = is_too_many ? std::to_string(inflow.messages) : std::to_string(inflow.bytes) + " bytes";
    std::string why = named(graph, edge.origin);
    why.append(" keeps ").append(kept).append(" (").append(key).append("), and in an outage of ");
    why.append(faults::format_duration(outage.length)).append(" (").append(outage.where.text()).append(") it may get ").append(come);
    why.append(": what it removes for them, ").append(named(graph, edge.copier)).append(" never gets");
    findings.add(HazardKind::limit_reached_in_outage, origin.at(key), std::move(why));
    return;
  }
}

void find_age(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const Facts& facts = graph.facts();
  const StreamFacts& origin = facts.streams[edge.origin];
  const std::size_t from = origin.server;
  const std::size_t to = facts.streams[edge.copier].server;
  if (origin.max_age.count() <= 0 || from == to) return;
  const OutageFacts* longest = facts.planned_outage ? &*facts.planned_outage : nullptr;
  for (const OutageFacts& outage : facts.outages) {
    if (is_between(graph, outage, from, to) && (longest == nullptr || outage.length > longest->length)) longest = &outage;
  }
  if (longest == nullptr || origin.max_age > longest->length) return;
  findings.add(HazardKind::max_age_shorter_than_outage, origin.at("max_age"),
               named(graph, edge.origin) + " forgets messages after " + faults::format_duration(origin.max_age) + ", and an outage of " +
                   faults::format_duration(longest->length) + " (" + longest->where.text() + ") keeps " + named(graph, edge.copier) +
                   " from copying them");
}

void find_denials(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const Facts& facts = graph.facts();
  const std::size_t copier = facts.streams[edge.copier].server;
  const std::size_t origin = facts.streams[edge.origin].server;
  if (copier == origin) return;
  const CopyFacts& copy = *edge.copy;
  // With one filter the request names it (reference: wire 14.4).
  const std::string filter = copy.filters.size() == 1 ? ".*." + copy.filters.front().text : "";
  const std::string prefix = copy.deliver.empty() ? "$JS" : copy.deliver;
  const struct {
    std::size_t from;
    std::size_t to;
    std::string subject;
    std::string_view loss;
  } needs[] = {
      {copier, origin, "$JS." + copy.domain.text + ".API.CONSUMER.CREATE." + copy.origin.text + filter,
       "it can never ask for its consumer"},
      {origin, copier, "$JSC.R.*", "it never hears that it has a consumer"},
      {origin, copier, prefix + (copy.is_mirror ? ".M.*" : ".S.*"), "nothing is ever delivered to it"},
      {copier, origin, "$JS.FC.>", "it stands still after the first 2 MiB, for its flow control is never answered"},
  };
  for (const auto& need : needs) {
    const PlacedText* rule = graph.denial(need.from, need.to, need.subject, Graph::Denied::one);
    if (rule == nullptr) continue;
    findings.add(HazardKind::copy_traffic_denied, rule->where,
                 quoted(rule->text) + " is denied on the link, and " + named(graph, edge.copier) + verb_of(*edge.copy) +
                     named(graph, edge.origin) + " over it by " + quoted(need.subject) + ": " + std::string{need.loss});
    return;
  }
}

void find_filters(const Graph& graph, const CopyEdge& edge, Findings& findings) {
  const std::vector<std::string>& contents = graph.contents(edge.origin);
  if (contents.empty()) return;
  for (const PlacedText& filter : edge.copy->filters) {
    const bool matches_any =
        std::any_of(contents.begin(), contents.end(), [&filter](const std::string& each) { return core::collide(filter.text, each); });
    if (matches_any) continue;
    findings.add(HazardKind::filter_matches_nothing, filter.where,
                 quoted(filter.text) + " matches none of the subjects of " + named(graph, edge.origin) + ": " + named(graph, edge.copier) +
                     " copies nothing by it, and its info shows lag 0");
  }
}

}  // namespace

void find_copy_hazards(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  for (std::size_t s = 0; s < facts.streams.size() && !findings.is_full(); ++s) {
    const StreamFacts& stream = facts.streams[s];
    for (const CopyFacts& copy : stream.copies) find_origins(graph, s, copy, findings);
    if (stream.is_mirror() && stream.has_subjects) {
      findings.add(
          HazardKind::mirror_with_subjects, stream.at("subjects"),
          named(graph, s) + " is a mirror and has subjects: nats-server refuses it (10034), for a mirror takes everything from its origin");
    }
    if (stream.is_mirror() && stream.duplicate_window && stream.duplicate_window->count() > 0) {
      findings.add(HazardKind::mirror_dedup_window, stream.at("duplicate_window"),
                   named(graph, s) +
                       " is a mirror with a duplicate_window: an id that its origin stored twice, for its own window was over, is "
                       "refused here, and releases before 2.12.8 then stand still");
    }
  }
  for (const CopyEdge& edge : graph.edges()) {
    if (findings.is_full()) break;
    find_origin_kinds(graph, edge, findings);
    find_rollups(graph, edge, findings);
    find_limits(graph, edge, findings);
    find_age(graph, edge, findings);
    find_overflow(graph, edge, findings);
    find_filters(graph, edge, findings);
    find_denials(graph, edge, findings);
  }
}

}  // namespace windtunnel::scenarios
