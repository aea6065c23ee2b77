#include "scenarios/judge.h"

#include <algorithm>
#include <set>

#include "faults/units.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/names.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {
namespace {

// A load that goes on leaves a lag at one look or another.
constexpr core::Duration kOnTheirWay = std::chrono::milliseconds{500};

std::uint64_t value_of(const Evidence& evidence, LostMessages& lost, std::uint16_t workload, Counter counter) {
  const Ledger::Book& book = evidence.ledger.books()[workload];
  switch (counter) {
    case Counter::published: return book.size();
    case Counter::acked: return book.count(Outcome::acked);
    case Counter::errors: return book.count(Outcome::error) + book.count(Outcome::no_responders) + book.count(Outcome::timed_out);
    case Counter::no_responders: return book.count(Outcome::no_responders);
    case Counter::timeouts: return book.count(Outcome::timed_out);
    case Counter::duplicates: return book.count_duplicates();
    case Counter::lost: return lost.of(workload).size();
  }
  return 0;
}

Divergence unmet(const Expectation& expectation, std::string expected, std::string actual, core::Instant at) {
  Divergence d;
  d.invariant = "expectation";
  d.sentence = "The scenario expects: " + expectation.text() + " (" + expectation.where.text() + ").";
  d.expected = std::move(expected);
  d.actual = std::move(actual);
  d.at = at;
  return d;
}

// The first lost message that the terms of the expectation do not cover, and why.
std::optional<std::pair<std::uint64_t, std::string>> beyond_terms(const Evidence& evidence, LostMessages& lost, std::uint16_t workload,
                                                                  const LossBound& terms) {
  for (const std::uint64_t index : lost.of(workload)) {
    const PublishRecord& record = evidence.ledger.at({workload, index});
    bool is_in_window = false;
    bool is_reported = false;
    for (const auto& [key, life] : evidence.history.lives()) {
      const auto stored =
          std::find_if(life.stored.begin(), life.stored.end(), [&](const StoredEvent& e) { return e.content == record.content(); });
      if (stored == life.stored.end()) continue;
      for (const Crash& crash : evidence.history.crashes()) {
        const bool is_after = crash.is_power_loss && crash.node == key.node && crash.at >= record.published_at();
        if (terms.within && is_after && crash.at - record.published_at() <= *terms.within) is_in_window = true;
      }
      for (const StreamLife::DamageReport& report : life.damage_reports) is_reported = is_reported || report.at >= stored->at;
    }
    if (terms.within && !is_in_window)
      return std::pair{index, "it was published more than " + faults::format_duration(*terms.within) + " before any power loss"};
    if (terms.is_reported && !is_reported) return std::pair{index, std::string("no stream that had it reported a loss")};
  }
  return std::nullopt;
}

void judge_workload(const CaseFile& file, LostMessages& all_lost, const Expectation& expectation, const WorkloadExpectation& wanted,
                    std::vector<Divergence>& out) {
  const std::vector<Ledger::Book>& books = file.evidence.ledger.books();
  for (std::size_t w = 0; w < books.size(); ++w) {
    if (books[w].name != wanted.workload) continue;
    for (const auto& [counter, bound] : wanted.counters) {
      const std::uint64_t value = value_of(file.evidence, all_lost, static_cast<std::uint16_t>(w), counter);
      if (bound.holds(value)) continue;
      Divergence d = unmet(expectation, wanted.workload + ": " + std::string(name_of(counter)) + " " + bound.text(),
                           std::string(name_of(counter)) + " " + std::to_string(value), file.evidence.end.at);
      if (counter == Counter::lost) {
        const std::vector<std::uint64_t>& lost = all_lost.of(static_cast<std::uint16_t>(w));
        if (!lost.empty()) {
          const PublishId first{static_cast<std::uint16_t>(w), lost.front()};
          d.message = file.evidence.ledger.name_of(first);
          d.actual += ", the first is #" + std::to_string(first.index);
          d.at = file.evidence.ledger.at(first).published_at();
        }
      }
      out.push_back(std::move(d));
    }
    if (!wanted.loss) continue;
    const auto beyond = beyond_terms(file.evidence, all_lost, static_cast<std::uint16_t>(w), *wanted.loss);
    if (!beyond) continue;
    const PublishId id{static_cast<std::uint16_t>(w), beyond->first};
    Divergence d = unmet(expectation, "what " + wanted.workload + " lost keeps to these terms",
                         "#" + std::to_string(id.index) + " is lost, and " + beyond->second, file.evidence.ledger.at(id).published_at());
    d.message = file.evidence.ledger.name_of(id);
    out.push_back(std::move(d));
  }
}

void judge_stream(const CaseFile& file, const Expectation& expectation, const StreamExpectation& wanted, std::vector<Divergence>& out) {
  const FinalStream* stream = file.evidence.end.find(wanted.on, wanted.stream);
  if (stream == nullptr || !stream->is_readable) {
    out.push_back(unmet(expectation, "stream " + wanted.stream + " at " + wanted.on, "it cannot be read", file.evidence.end.at));
    return;
  }
  const auto check = [&](const std::optional<Bound>& bound, std::string_view what, std::uint64_t value) {
    if (!bound || bound->holds(value)) return;
    Divergence d = unmet(expectation, wanted.stream + ": " + std::string(what) + " " + bound->text(),
                         std::string(what) + " " + std::to_string(value), file.evidence.end.at);
    d.stream = wanted.stream;
    d.node = wanted.on;
    out.push_back(std::move(d));
  };
  check(wanted.messages, "messages", stream->state.messages);
  check(wanted.first_seq, "first_seq", stream->state.first_seq.value);
  check(wanted.last_seq, "last_seq", stream->state.last_seq.value);
}

// What the workload's consumer is to have, as its server says or, if that does not have it, as the workload asks for.
std::vector<std::string> filters_of(const Evidence& evidence, const ConsumeSpec& consume) {
  for (const FinalConsumer& each : evidence.end.consumers) {
    if (each.exists && each.node == consume.on && each.stream.stream == consume.stream && each.name == consume.consumer)
      return each.filters;
  }
  return consume.filter_subject.empty() ? std::vector<std::string>{} : std::vector{consume.filter_subject};
}

void judge_consumed(const CaseFile& file, const Expectation& expectation, const ConsumedExpectation& wanted, std::vector<Divergence>& out) {
  const auto it =
      std::find_if(file.consumptions.begin(), file.consumptions.end(), [&](const Consumption& c) { return c.workload == wanted.workload; });
  if (it == file.consumptions.end()) return;
  const WorkloadSpec* spec = file.evidence.scenario.workload(wanted.workload);
  const auto* consume = spec == nullptr ? nullptr : std::get_if<ConsumeSpec>(&spec->work);
  std::uint64_t missing = 0;
  if (consume != nullptr) {
    if (const FinalStream* stream = file.evidence.end.find(consume->on, consume->stream)) {
      const std::vector<std::string> filters = filters_of(file.evidence, *consume);
      const std::set<std::uint64_t> subjects = stream->subjects_matching(filters);
      for (const FinalMessage& message : stream->messages) {
        const bool is_for_it = filters.empty() || subjects.contains(message.subject);
        if (is_for_it && !it->got.contains(message.seq)) ++missing;
      }
    }
  }
  const auto check = [&](const std::optional<Bound>& bound, std::string_view what, std::uint64_t value) {
    if (!bound || bound->holds(value)) return;
    out.push_back(unmet(expectation, wanted.workload + ": " + std::string(what) + " " + bound->text(),
                        std::string(what) + " " + std::to_string(value), file.evidence.end.at));
  };
  check(wanted.messages, "messages", it->got.size());
  check(wanted.duplicates, "duplicates", it->duplicates);
  check(wanted.missing, "missing", missing);
}

void judge_lag(const CaseFile& file, const Expectation& expectation, const LagExpectation& wanted, std::vector<Divergence>& out) {
  for (const LagWatch& watch : file.lag_watches) {
    if (watch.expectation != &wanted || watch.is_met()) continue;
    Divergence d = unmet(expectation,
                         "mirror " + wanted.mirror + ": lag " + wanted.lag.text() + " within " + faults::format_duration(wanted.within) +
                             " of the last fault",
                         watch.has_parted ? std::string("the mirror has parted from its origin") : "lag " + std::to_string(watch.lag),
                         std::min(watch.deadline, file.evidence.end.at));
    d.stream = wanted.mirror;
    d.node = wanted.on;
    out.push_back(std::move(d));
  }
}

// "00:00:31.000, 11s after the first fault"
std::string distance_text(core::Instant at, core::Instant fault, WatchedExpectation::Fault which) {
  const std::string words = which == WatchedExpectation::Fault::first ? " the first fault" : " the last fault";
  return clock_text(at) + ", " + (at < fault ? rounded_text(fault - at) + " before" : rounded_text(at - fault) + " after") + words;
}

// Why the first alarm is not where it is wanted; nullopt: it is, or nothing struck.
std::optional<std::pair<std::string, core::Instant>> misplaced_alarm(const CaseFile& file, const LagRecord& record,
                                                                     const WatchedExpectation::Deadline& wanted) {
  const std::optional<core::Instant> fault = wanted.of == WatchedExpectation::Fault::first ? file.first_fault : file.last_fault;
  if (!file.first_fault || !fault) return std::nullopt;
  if (record.alarms.empty()) return std::pair{std::string("no alarm"), core::after(*fault, wanted.within)};
  const core::Instant began = record.alarms.front().began;
  if (began >= *fault && began <= core::after(*fault, wanted.within)) return std::nullopt;
  return std::pair{"the first alarm at " + distance_text(began, *fault, wanted.of) + " (" + record.alarms.front().why + ")", began};
}

// The first alarm that rings when none should any more; nullopt: there is none.
std::optional<std::pair<std::string, core::Instant>> late_alarm(const CaseFile& file, const LagRecord& record,
                                                                const WatchedExpectation::Deadline& wanted) {
  const std::optional<core::Instant> fault = wanted.of == WatchedExpectation::Fault::first ? file.first_fault : file.last_fault;
  for (const LagAlarm& alarm : record.alarms) {
    const bool is_over = alarm.ended && (!fault || *alarm.ended <= core::after(*fault, wanted.within));
    if (is_over) continue;
    std::string text = "an alarm from " + clock_text(alarm.began) + " to ";
    text += !alarm.ended ? std::string("the end") : fault ? distance_text(*alarm.ended, *fault, wanted.of) : clock_text(*alarm.ended);
    return std::pair{text + " (" + alarm.why + ")", alarm.began};
  }
  return std::nullopt;
}

void judge_watched(const CaseFile& file, const Expectation& expectation, const WatchedExpectation& wanted, std::vector<Divergence>& out) {
  const LagRecord* record = file.lag_log.find(wanted.workload);
  if (record == nullptr) return;
  const auto report = [&](const std::string& expected, const std::string& actual, core::Instant at) {
    Divergence d = unmet(expectation, wanted.workload + ": " + expected, actual, at);
    d.stream = record->stream;
    d.node = record->on;
    out.push_back(std::move(d));
  };
  if (record->readings.empty()) return report("it looks at " + record->stream, "it never did", file.evidence.end.at);
  if (wanted.lag) {
    const LagReading* highest = record->highest_lag();
    if (highest == nullptr) {
      report("lag " + wanted.lag->text(), "no answer said a lag", file.evidence.end.at);
    } else if (!wanted.lag->holds(*highest->lag)) {
      report("lag " + wanted.lag->text(), "highest lag " + std::to_string(*highest->lag), highest->at);
    }
  }
  if (wanted.active) {
    const LagReading* longest = record->longest_silence();
    if (longest == nullptr) {
      report("active " + wanted.active->text(), "no answer said when anything was heard", file.evidence.end.at);
    } else if (!wanted.active->holds(*longest->active)) {
      report("active " + wanted.active->text(), "longest silence " + rounded_text(*longest->active), longest->at);
    }
  }
  const auto check = [&](const std::optional<Bound>& bound, std::string_view what, std::uint64_t value) {
    if (!bound || bound->holds(value)) return;
    report(std::string(what) + " " + bound->text(), std::string(what) + " " + std::to_string(value), file.evidence.end.at);
  };
  check(wanted.unanswered, "unanswered", record->unanswered());
  check(wanted.errors, "errors", record->errors());
  check(wanted.alarms, "alarms", record->alarms.size());
  const auto deadline = [](const WatchedExpectation::Deadline& by) {
    return " within " + faults::format_duration(by.within) +
           (by.of == WatchedExpectation::Fault::first ? " of the first fault" : " of the last fault");
  };
  if (wanted.first_alarm) {
    if (const auto found = misplaced_alarm(file, *record, *wanted.first_alarm))
      report("first alarm" + deadline(*wanted.first_alarm), found->first, found->second);
  }
  if (wanted.over) {
    if (const auto found = late_alarm(file, *record, *wanted.over))
      report("no alarm any more" + deadline(*wanted.over), found->first, found->second);
  }
}

// A run that is expected to diverge passes if it does so in exactly that way.
void judge_divergence(const Expectation& expectation, const DivergenceExpectation& wanted, std::vector<Divergence>& found,
                      core::Instant at) {
  std::set<std::string> names;
  for (const Divergence& d : found) names.insert(d.invariant);
  if (names == std::set<std::string>{wanted.invariant}) {
    found.clear();
    return;
  }
  if (names.contains(wanted.invariant)) return;  // the others are left to be reported
  found.push_back(
      unmet(expectation, "the divergence " + wanted.invariant, names.empty() ? "no divergence" : "divergences of other invariants", at));
}

}  // namespace

bool LagWatch::is_met() const { return met_at && *looked_at - *met_at <= kOnTheirWay; }

std::vector<Divergence> judge(const CaseFile& file) {
  const Scenario& scenario = file.evidence.scenario;
  std::vector<Divergence> out;
  for (const Invariant& invariant : invariants()) {
    if (!scenario.asks_for(invariant.name)) continue;
    for (Divergence& d : invariant.check(file.evidence)) {
      if (const InvariantName* named = invariant_named(invariant.name)) d.sentence = named->sentence;
      out.push_back(std::move(d));
    }
  }
  LostMessages lost{file.evidence};
  for (const Expectation& expectation : scenario.expectations) {
    if (const auto* workload = std::get_if<WorkloadExpectation>(&expectation.what)) judge_workload(file, lost, expectation, *workload, out);
    if (const auto* stream = std::get_if<StreamExpectation>(&expectation.what)) judge_stream(file, expectation, *stream, out);
    if (const auto* consumed = std::get_if<ConsumedExpectation>(&expectation.what)) judge_consumed(file, expectation, *consumed, out);
    if (const auto* lag = std::get_if<LagExpectation>(&expectation.what)) judge_lag(file, expectation, *lag, out);
    if (const auto* watched = std::get_if<WatchedExpectation>(&expectation.what)) judge_watched(file, expectation, *watched, out);
  }
  for (const std::string& missed : file.missed_faults) {
    Divergence d;
    d.invariant = "expectation";
    d.sentence = "Every fault of the timeline strikes.";
    d.expected = missed;
    d.actual = "its disk operation never happened";
    d.at = file.evidence.end.at;
    out.push_back(std::move(d));
  }
  for (const Expectation& expectation : scenario.expectations) {
    if (const auto* wanted = std::get_if<DivergenceExpectation>(&expectation.what))
      judge_divergence(expectation, *wanted, out, file.evidence.end.at);
  }
  return out;
}

std::vector<std::string> remark(const CaseFile& file) {
  std::vector<std::string> out;
  for (const FinalStream& stream : file.evidence.end.streams) {
    const std::string name = stream.key.stream + " on " + stream.node;
    if (!stream.mirror_error.empty()) out.push_back("mirror " + name + " ends with an error: " + stream.mirror_error);
    for (const FinalCopy& copy : stream.copies) {
      const bool is_source = stream.spec != nullptr && !stream.spec->mirror;
      if (is_source && !copy.error.empty())
        out.push_back("source " + copy.from->name + " of " + name + " ends with an error: " + copy.error);
    }
  }
  for (const Consumption& c : file.consumptions) {
    if (!c.refusal.empty()) out.push_back(c.workload + " never had its consumer: " + c.refusal);
  }
  return out;
}

std::vector<std::string> summarise(const CaseFile& file) {
  std::vector<std::string> out;
  LostMessages lost{file.evidence};
  const std::vector<Ledger::Book>& books = file.evidence.ledger.books();
  for (std::size_t w = 0; w < books.size(); ++w) {
    std::string line = books[w].name + ": published " + std::to_string(books[w].size());
    const auto add = [&](Counter counter, std::string_view words) {
      const std::uint64_t value = value_of(file.evidence, lost, static_cast<std::uint16_t>(w), counter);
      if (value > 0) line += ", " + std::string(words) + " " + std::to_string(value);
    };
    add(Counter::acked, "acked");
    add(Counter::duplicates, "of them duplicates");
    add(Counter::no_responders, "no responders");
    add(Counter::timeouts, "timed out");
    const std::uint64_t errors = books[w].count(Outcome::error);
    if (errors > 0) line += ", other errors " + std::to_string(errors);
    add(Counter::lost, "lost without an error");
    out.push_back(std::move(line));
  }
  for (const Consumption& c : file.consumptions) {
    out.push_back(c.workload + ": got " + std::to_string(c.got.size()) + " messages in " + std::to_string(c.deliveries) + " deliveries");
  }
  for (const LagRecord& record : file.lag_log.records()) out.push_back(record.text());
  return out;
}

}  // namespace windtunnel::scenarios
