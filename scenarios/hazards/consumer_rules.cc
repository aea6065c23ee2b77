#include <algorithm>

#include "core/nats/subject.h"
#include "faults/units.h"
#include "scenarios/hazards/rules.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

std::string of(const Graph& graph, const ConsumerFacts& consumer) { return quoted(consumer.name) + " of " + named(graph, consumer.stream); }

// What nats-server refuses, in its order (reference: streams B.2). `others`: the consumers before it.
void find_refused(const Graph& graph, const ConsumerFacts& consumer, const std::vector<const ConsumerFacts*>& others, Findings& findings) {
  if (consumer.ack_policy != AckPolicy::explicit_) {
    findings.add(HazardKind::workqueue_ack_policy, consumer.ack_where,
                 "consumer " + of(graph, consumer) + " has the ack policy " + std::string{name_of(consumer.ack_policy)} +
                     ": a work queue removes a message when it is acknowledged, and takes no other policy than explicit");
  }
  if (consumer.deliver_policy != "all") {
    findings.add(HazardKind::workqueue_deliver_policy, consumer.deliver_where,
                 "consumer " + of(graph, consumer) + " has the deliver policy " + consumer.deliver_policy +
                     ": what it passes over in a work queue nobody would ever work off");
  }
  if (others.empty()) return;
  if (consumer.filters.empty()) {
    findings.add(HazardKind::workqueue_unfiltered_consumers, consumer.where,
                 "consumer " + of(graph, consumer) + " has no filter, and " + quoted(others.front()->name) +
                     " is there already: each message of a work queue belongs to one consumer");
    return;
  }
  for (const ConsumerFacts* other : others) {
    for (const PlacedText& mine : consumer.filters) {
      findings.spend(1 + other->filters.size());
      const auto theirs = std::find_if(other->filters.begin(), other->filters.end(),
                                       [&mine](const PlacedText& each) { return core::collide(mine.text, each.text); });
      if (theirs == other->filters.end() && !other->filters.empty()) continue;
      findings.add(HazardKind::workqueue_overlapping_filters, mine.where,
                   quoted(mine.text) + " of consumer " + of(graph, consumer) + " overlaps with " +
                       (other->filters.empty() ? "everything that " + quoted(other->name) + " takes"
                                               : quoted(theirs->text) + " of " + quoted(other->name)) +
                       ": each message of a work queue belongs to one consumer");
      return;
    }
  }
}

void find_filters(const Graph& graph, const ConsumerFacts& consumer, Findings& findings) {
  const std::vector<std::string>& contents = graph.contents(consumer.stream);
  if (contents.empty()) return;
  for (const PlacedText& filter : consumer.filters) {
    findings.spend(contents.size());
    const bool matches_any =
        std::any_of(contents.begin(), contents.end(), [&filter](const std::string& each) { return core::collide(filter.text, each); });
    if (matches_any) continue;
    findings.add(HazardKind::filter_matches_nothing, filter.where,
                 quoted(filter.text) + " matches none of the subjects of " + named(graph, consumer.stream) + ": consumer " +
                     quoted(consumer.name) + " gets nothing by it");
  }
}

// What publishers send to a stream whose consumers all have filters, or one of its own subjects, that no filter matches.
void find_unwanted(const Graph& graph, std::size_t s, const std::vector<const ConsumerFacts*>& consumers, Findings& findings) {
  const Facts& facts = graph.facts();
  const StreamFacts& stream = facts.streams[s];
  const bool are_known = facts.servers[stream.server].are_consumers_known || stream.consumer_count == consumers.size();
  if (!are_known || !stream.stored_as.empty()) return;
  const auto is_wanted = [&](const std::string& part) {
    return std::any_of(consumers.begin(), consumers.end(), [&part](const ConsumerFacts* consumer) {
      return consumer->filters.empty() || std::any_of(consumer->filters.begin(), consumer->filters.end(),
                                                      [&part](const PlacedText& filter) { return core::collide(filter.text, part); });
    });
  };
  for (const PublisherFacts& publisher : facts.publishers) {
    for (const std::string& part : publisher.parts) {
      findings.spend(1 + stream.subjects.size() + consumers.size());
      if (!stream.captures(part) || is_wanted(part) || !graph.reaches(publisher.server, stream.server, part)) continue;
      findings.add(HazardKind::interest_without_consumers, publisher.subject.where,
                   quoted(publisher.name) + " publishes " + quoted(part) + ", and no consumer of " + named(graph, s) +
                       " has a filter for it: it is acknowledged, and not stored");
      return;
    }
  }
  for (const PlacedText& subject : stream.subjects) {
    findings.spend(1 + consumers.size());
    if (is_wanted(subject.text)) continue;
    findings.add(HazardKind::interest_without_consumers, subject.where,
                 "no consumer of " + named(graph, s) + " has a filter for " + quoted(subject.text) +
                     ", which the stream captures: what is published there is acknowledged, and not stored");
    return;
  }
}

void find_worker_hazards(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  std::vector<bool> is_reported(facts.consumers.size());
  for (const WorkerFacts& worker : facts.workers) {
    const ConsumerFacts& consumer = facts.consumers[worker.consumer];
    if (consumer.ack_policy != AckPolicy::none && worker.work_max >= consumer.ack_wait && !worker.says_in_progress) {
      findings.add(HazardKind::ack_wait_shorter_than_work, worker.where,
                   quoted(worker.name) + " may take " + faults::format_duration(worker.work_max) + " for a message, and consumer " +
                       of(graph, consumer) + " delivers it again after " + faults::format_duration(consumer.ack_wait));
    }
    const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(consumer.max_ack_pending, 0));
    if (consumer.ack_policy != AckPolicy::none && limit > 0 && limit < worker.batch && !is_reported[worker.consumer]) {
      is_reported[worker.consumer] = true;
      findings.add(HazardKind::max_ack_pending_low, consumer.max_ack_pending_where,
                   "consumer " + of(graph, consumer) + " has at most " + std::to_string(limit) + " open deliveries, and " +
                       quoted(worker.name) + " asks for " + std::to_string(worker.batch) + " at once: each pull is served in parts");
    }
  }
  for (std::size_t c = 0; c < facts.consumers.size(); ++c) {
    const ConsumerFacts& consumer = facts.consumers[c];
    if (consumer.ack_policy == AckPolicy::none || consumer.max_ack_pending != 1 || is_reported[c]) continue;
    findings.add(HazardKind::max_ack_pending_low, consumer.max_ack_pending_where,
                 "consumer " + of(graph, consumer) +
                     " has one open delivery at a time: one message that is not acknowledged holds up all that "
                     "follow for its ack wait");
  }
}

}  // namespace

void find_consumer_hazards(const Graph& graph, Findings& findings) {
  const Facts& facts = graph.facts();
  std::vector<std::vector<const ConsumerFacts*>> of_stream(facts.streams.size());
  for (const ConsumerFacts& consumer : facts.consumers) {
    if (findings.is_full()) return;
    if (facts.streams[consumer.stream].retention == Retention::workqueue)
      find_refused(graph, consumer, of_stream[consumer.stream], findings);
    find_filters(graph, consumer, findings);
    of_stream[consumer.stream].push_back(&consumer);
  }
  for (std::size_t s = 0; s < facts.streams.size(); ++s) {
    const StreamFacts& stream = facts.streams[s];
    const bool is_copied = !graph.edges_out_of(s).empty();
    if (stream.retention == Retention::workqueue && is_copied && !of_stream[s].empty()) {
      findings.add(HazardKind::workqueue_copied_and_consumed, of_stream[s].front()->where,
                   named(graph, s) + " is an origin of " + named(graph, graph.edges()[graph.edges_out_of(s).front()].copier) +
                       " and has the consumer " + quoted(of_stream[s].front()->name) +
                       ": whichever is there first keeps the other out, or takes a part of its messages");
    }
    const bool is_without = facts.servers[stream.server].are_consumers_known ? of_stream[s].empty() : stream.consumer_count == 0u;
    if (stream.retention == Retention::interest && is_without && !is_copied) {
      findings.add(HazardKind::interest_without_consumers, stream.at("retention"),
                   named(graph, s) + " keeps messages for its consumers and has none: it acknowledges what it gets, and stores nothing");
    }
    if (stream.retention == Retention::interest && !of_stream[s].empty() && !is_copied) find_unwanted(graph, s, of_stream[s], findings);
  }
  find_worker_hazards(graph, findings);
}

}  // namespace windtunnel::scenarios
