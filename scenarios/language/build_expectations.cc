#include <vector>

#include "scenarios/language/build.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

std::optional<Bound> bound_of(const TypedValue& value, std::string_view key) {
  const TypedValue* found = value.find(key);
  return found == nullptr ? std::nullopt : std::optional{found->as<Bound>()};
}

// What can be expected of a workload: it publishes, in whatever way, so that it has the counters of one that does; it consumes;
// it watches.
enum class Expectable : std::uint8_t { counters, consumed, watched, nothing };

Expectable expectable_of(const WorkloadSpec& workload) {
  if (std::holds_alternative<ConsumeSpec>(workload.work)) return Expectable::consumed;
  if (std::holds_alternative<WatchSpec>(workload.work)) return Expectable::watched;
  const bool has_none = std::holds_alternative<AdminSpec>(workload.work) || std::holds_alternative<ReadSpec>(workload.work);
  return has_none ? Expectable::nothing : Expectable::counters;
}

// The workload that an expectation names. nullptr, with a diagnostic, if there is none or this cannot be expected of it.
const WorkloadSpec* expect_workload(const TypedValue& name, Expectable expected, const Scenario& scenario, Diagnostics& diagnostics) {
  const std::string& wanted = name.as<std::string>();
  const WorkloadSpec* workload = scenario.workload(wanted);
  if (workload != nullptr) {
    const Expectable own = expectable_of(*workload);
    if (own == expected) return workload;
    std::string why = " is an operator's; say what must become of its stream";
    if (own == Expectable::counters) why = " publishes; say `workload: " + wanted + "`";
    if (own == Expectable::consumed) why = " consumes; say `consumed: " + wanted + "`";
    if (own == Expectable::watched) why = " watches; say `watched: " + wanted + "`";
    diagnostics.add(name.where, "workload " + quoted(wanted) + why);
    return nullptr;
  }
  std::vector<std::string_view> names;
  for (const WorkloadSpec& each : scenario.workloads) names.push_back(each.name);
  diagnostics.add(name.where, "there is no workload " + quoted(wanted) + hint(wanted, names));
  return nullptr;
}

WorkloadExpectation build_counters(const TypedValue& value, const Scenario& scenario, Diagnostics& diagnostics) {
  WorkloadExpectation out{.workload = value.get<std::string>("workload"), .counters = {}, .loss = std::nullopt};
  expect_workload(*value.find("workload"), Expectable::counters, scenario, diagnostics);
  for (const Counter counter :
       {Counter::published, Counter::acked, Counter::errors, Counter::no_responders, Counter::timeouts, Counter::duplicates}) {
    if (const auto bound = bound_of(value, name_of(counter))) out.counters.emplace_back(counter, *bound);
  }
  if (const TypedValue* lost = value.find(name_of(Counter::lost))) {
    const auto& loss = lost->as<LossBound>();
    out.counters.emplace_back(Counter::lost, loss.count);
    if (loss.within || loss.is_reported) out.loss = loss;
  }
  return out;
}

// The node of the stream that an expectation names with `key` and, perhaps, `on`; empty if there is none.
std::string node_of_stream(const TypedValue& value, std::string_view key, bool only_mirrors, const Scenario& scenario,
                           Diagnostics& diagnostics) {
  const TypedValue* on = value.find("on");
  if (on != nullptr && !expect_node(on->as<std::string>(), on->where, scenario, diagnostics)) return {};
  const TypedValue& name = *value.find(key);
  const StreamSpec* stream =
      expect_stream(name.as<std::string>(), on == nullptr ? "" : on->as<std::string>(), name.where, only_mirrors, scenario, diagnostics);
  return stream == nullptr ? std::string{} : stream->on;
}

LagExpectation build_lag(const TypedValue& value, const Scenario& scenario, Diagnostics& diagnostics) {
  LagExpectation lag;
  lag.within = value.get<core::Duration>("within");
  lag.mirror = value.get<std::string>("mirror");
  lag.on = node_of_stream(value, "mirror", true, scenario, diagnostics);
  lag.is_reported = value.find("reported_lag") != nullptr;
  lag.lag = value.get<Bound>(lag.is_reported ? "reported_lag" : "lag");
  return lag;
}

// `of`: which fault it is about if that is not said.
std::optional<WatchedExpectation::Deadline> deadline_of(const TypedValue& value, std::string_view key, WatchedExpectation::Fault of) {
  const TypedValue* found = value.find(key);
  if (found == nullptr) return std::nullopt;
  WatchedExpectation::Deadline out{.within = found->get<core::Duration>("within"), .of = of};
  if (const TypedValue* said = found->find("of"))
    out.of = said->as<std::string>() == name_of(WatchedExpectation::Fault::first) ? WatchedExpectation::Fault::first
                                                                                  : WatchedExpectation::Fault::last;
  return out;
}

WatchedExpectation build_watched(const TypedValue& value, const Scenario& scenario, Diagnostics& diagnostics) {
  using Fault = WatchedExpectation::Fault;
  const TypedValue* active = value.find("active");
  WatchedExpectation out{.workload = value.get<std::string>("watched"),
                         .lag = bound_of(value, "lag"),
                         .active = active == nullptr ? std::nullopt : std::optional{active->as<DurationBound>()},
                         .unanswered = bound_of(value, "unanswered"),
                         .errors = bound_of(value, "errors"),
                         .alarms = bound_of(value, "alarms"),
                         .first_alarm = deadline_of(value, "first_alarm", Fault::first),
                         .over = deadline_of(value, "over", Fault::last)};
  const WorkloadSpec* workload = expect_workload(*value.find("watched"), Expectable::watched, scenario, diagnostics);
  for (const std::string_view key : {"alarms", "first_alarm", "over"}) {
    const TypedValue* said = value.find(key);
    if (said == nullptr || workload == nullptr) continue;
    if (!std::get<WatchSpec>(workload->work).alarm)
      diagnostics.add(said->where, "workload " + quoted(out.workload) + " never rings: it has no `alarm`");
    if (key != "alarms" && scenario.faults.empty() && !scenario.swarm)
      diagnostics.add(said->where, quoted(key) + " counts from a fault, and this scenario has none");
  }
  return out;
}

}  // namespace

void build_expectations(const TypedValue& expectations, Scenario& scenario, Diagnostics& diagnostics) {
  // An empty list names no invariant, and so wants all of them.
  for (const TypedValue& value : expectations.items) {
    Expectation expectation;
    expectation.where = value.where;
    if (value.variant == "invariants") {
      InvariantsExpectation out;
      for (const TypedValue& name : value.find("invariants")->items) out.names.push_back(name.as<std::string>());
      if (out.names.empty())
        diagnostics.add(value.where, "`invariants` must name at least one; without it every invariant must hold, also with `expect: []`");
      expectation.what = std::move(out);
    } else if (value.variant == "workload") {
      expectation.what = build_counters(value, scenario, diagnostics);
    } else if (value.variant == "mirror") {
      expectation.what = build_lag(value, scenario, diagnostics);
    } else if (value.variant == "stream") {
      StreamExpectation out{.stream = value.get<std::string>("stream"),
                            .on = node_of_stream(value, "stream", false, scenario, diagnostics),
                            .messages = bound_of(value, "messages"),
                            .first_seq = bound_of(value, "first_seq"),
                            .last_seq = bound_of(value, "last_seq")};
      expectation.what = std::move(out);
    } else if (value.variant == "consumed") {
      expect_workload(*value.find("consumed"), Expectable::consumed, scenario, diagnostics);
      expectation.what = ConsumedExpectation{.workload = value.get<std::string>("consumed"),
                                             .messages = bound_of(value, "messages"),
                                             .duplicates = bound_of(value, "duplicates"),
                                             .missing = bound_of(value, "missing")};
    } else if (value.variant == "watched") {
      expectation.what = build_watched(value, scenario, diagnostics);
    } else {
      WT_ASSERT(value.variant == "divergence");
      expectation.what = DivergenceExpectation{value.get<std::string>("divergence")};
    }
    scenario.expectations.push_back(std::move(expectation));
  }
}

}  // namespace windtunnel::scenarios
