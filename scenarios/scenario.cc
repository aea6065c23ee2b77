#include "scenarios/scenario.h"

#include <algorithm>

#include <array>
#include <charconv>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/nats/subject.h"

namespace windtunnel::scenarios {
namespace {

constexpr std::array<std::string_view, 6> kAdminActions = {"purge",  "delete_message",  "erase_message",
                                                           "update", "delete_consumer", "create_consumer"};
constexpr std::array<std::string_view, 6> kKeyValueActions = {"put", "create", "update", "delete", "purge", "get"};
constexpr std::array<std::string_view, 3> kReadActions = {"last", "sequence", "next"};
constexpr std::array<std::string_view, 7> kCounters = {"published", "acked", "errors", "no_responders", "timeouts", "duplicates", "lost"};

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

template <typename Spec>
const Spec* find_named(const std::vector<Spec>& specs, std::string_view name) {
  for (const Spec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

template <typename AnyBound>
void add(std::string& out, std::string_view what, const std::optional<AnyBound>& bound) {
  if (bound) out += (out.ends_with(':') ? " " : ", ") + std::string{what} + " " + bound->text();
}

void add_deadline(std::string& out, std::string_view what, const std::optional<WatchedExpectation::Deadline>& deadline) {
  if (!deadline) return;
  out += (out.ends_with(':') ? " " : ", ") + std::string{what} + " within " + faults::format_duration(deadline->within) + " of the " +
         (deadline->of == WatchedExpectation::Fault::first ? "first fault" : "last fault");
}

}  // namespace

bool OriginSpec::takes(std::string_view subject) const {
  return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& each) { return core::matches(subject, each); });
}

std::string SourcePosition::text() const { return line == 0 ? file : file + ":" + std::to_string(line) + ":" + std::to_string(column); }

std::uint64_t PublishSpec::messages() const {
  std::uint64_t by_time = ~std::uint64_t{0};
  if (duration) {
    // Those with due(i) < duration: ceil(duration * count / per), in 128 bits.
    using Wide = core::Uint128;
    const auto per = static_cast<Wide>(static_cast<std::uint64_t>(rate.per.count()));
    const Wide due = (static_cast<Wide>(static_cast<std::uint64_t>(duration->count())) * rate.count + per - 1) / per;
    if (due < by_time) by_time = static_cast<std::uint64_t>(due);
  }
  return count && *count < by_time ? *count : by_time;
}

namespace {

// Which of `choices` the message takes: spread as if by chance, and the same in every run.
std::uint64_t spread(std::uint64_t index, std::uint64_t salt, std::uint64_t choices) {
  std::uint64_t x = (index + 1) * 0x9e3779b97f4a7c15 + salt;  // splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return (x ^ (x >> 31)) % choices;
}

}  // namespace

std::string PublishSpec::subject_of(std::uint64_t index) const {
  return subjects == 0 ? subject : subject + "." + std::to_string(spread(index, core::hash_bytes(subject), subjects));
}

std::uint64_t PublishSpec::id_of(std::uint64_t index) const { return ids == 0 ? index : spread(index, 1, ids); }

std::string RepublishSpec::subject_of(std::uint64_t job) const { return subject + "." + std::to_string(job); }

std::optional<std::uint64_t> RepublishSpec::job_of(std::string_view of_subject) const {
  const std::string_view digits = of_subject.substr(of_subject.rfind('.') + 1);
  std::uint64_t job = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), job);
  const bool is_number = error == std::errc{} && end == digits.data() + digits.size();
  return is_number && job < messages && subject_of(job) == of_subject ? std::optional{job} : std::nullopt;
}

std::uint64_t AdminSpec::times() const {
  const std::uint64_t by_time = duration ? static_cast<std::uint64_t>(*duration / every) : ~std::uint64_t{0};
  return count > 0 && count < by_time ? count : by_time;
}

bool Bound::holds(std::uint64_t value) const { return (!at_least || value >= *at_least) && (!at_most || value <= *at_most); }

std::string Bound::text() const {
  if (at_least && at_most) {
    return *at_least == *at_most ? "exactly " + std::to_string(*at_least)
                                 : "between " + std::to_string(*at_least) + " and " + std::to_string(*at_most);
  }
  if (at_least) return "at least " + std::to_string(*at_least);
  return at_most ? "at most " + std::to_string(*at_most) : "any number";
}

bool DurationBound::holds(core::Duration value) const { return (!at_least || value >= *at_least) && (!at_most || value <= *at_most); }

std::string DurationBound::text() const {
  if (at_least && at_most) return "between " + faults::format_duration(*at_least) + " and " + faults::format_duration(*at_most);
  if (at_least) return "at least " + faults::format_duration(*at_least);
  return at_most ? "at most " + faults::format_duration(*at_most) : "any time";
}

std::string Expectation::text() const {
  return std::visit(Overloaded{
                        [](const InvariantsExpectation& e) {
                          std::string out = "invariants:";
                          for (const std::string& name : e.names) out += (out.ends_with(':') ? " " : ", ") + name;
                          return out;
                        },
                        [](const WorkloadExpectation& e) {
                          std::string out = "workload " + e.workload + ":";
                          for (const auto& [counter, bound] : e.counters) add(out, name_of(counter), std::optional{bound});
                          if (e.loss && e.loss->within)
                            out += ", all of it within " + faults::format_duration(*e.loss->within) + " of a power loss";
                          if (e.loss && e.loss->is_reported) out += ", and reported";
                          return out;
                        },
                        [](const LagExpectation& e) {
                          return "mirror " + e.mirror + " on " + e.on + ": within " + faults::format_duration(e.within) +
                                 " of the last fault " + (e.is_reported ? "reported lag " : "lag ") + e.lag.text();
                        },
                        [](const StreamExpectation& e) {
                          std::string out = "stream " + e.stream + " on " + e.on + ":";
                          add(out, "messages", e.messages);
                          add(out, "first_seq", e.first_seq);
                          add(out, "last_seq", e.last_seq);
                          return out;
                        },
                        [](const ConsumedExpectation& e) {
                          std::string out = "consumed by " + e.workload + ":";
                          add(out, "messages", e.messages);
                          add(out, "duplicates", e.duplicates);
                          add(out, "missing", e.missing);
                          return out;
                        },
                        [](const WatchedExpectation& e) {
                          std::string out = "watched by " + e.workload + ":";
                          add(out, "lag", e.lag);
                          add(out, "active", e.active);
                          add(out, "unanswered", e.unanswered);
                          add(out, "errors", e.errors);
                          add(out, "alarms", e.alarms);
                          add_deadline(out, "first alarm", e.first_alarm);
                          add_deadline(out, "no alarm", e.over);
                          return out;
                        },
                        [](const DivergenceExpectation& e) { return "divergence: " + e.invariant; },
                    },
                    what);
}

const NodeSpec* Scenario::node(std::string_view node_name) const { return find_named(nodes, node_name); }
const WorkloadSpec* Scenario::workload(std::string_view workload_name) const { return find_named(workloads, workload_name); }

const StreamSpec* Scenario::stream(std::string_view on, std::string_view stream_name) const {
  for (const StreamSpec& each : streams) {
    if (each.on == on && each.name == stream_name) return &each;
  }
  return nullptr;
}

const LinkSpec* Scenario::link(const faults::LinkEnds& ends) const {
  for (const LinkSpec& each : links) {
    if (each.between.joins_same(ends)) return &each;
  }
  return nullptr;
}

const NodeSpec* Scenario::node_of_domain(std::string_view domain) const {
  for (const NodeSpec& each : nodes) {
    if (each.domain == domain && !domain.empty()) return &each;
  }
  return nullptr;
}

const StreamSpec* Scenario::origin(const StreamSpec& copy, const OriginSpec& from) const {
  if (from.external_api.empty()) return stream(copy.on, from.name);
  if (from.domain.empty()) return nullptr;  // a prefix of another form: nobody can tell where it leads
  for (const StreamSpec& each : streams) {
    const NodeSpec* holder = node(each.on);
    if (each.name == from.name && holder != nullptr && holder->domain == from.domain) return &each;
  }
  return nullptr;
}

bool Scenario::rolls_up() const {
  return std::any_of(workloads.begin(), workloads.end(), [](const WorkloadSpec& workload) {
    const auto* publish = std::get_if<PublishSpec>(&workload.work);
    return publish != nullptr && publish->rollup != PublishSpec::Rollup::none;
  });
}

bool Scenario::asks_for(std::string_view invariant) const {
  bool names_any = false;
  for (const Expectation& expectation : expectations) {
    if (const auto* named = std::get_if<InvariantsExpectation>(&expectation.what)) {
      names_any = names_any || !named->names.empty();
      if (std::find(named->names.begin(), named->names.end(), invariant) != named->names.end()) return true;
    }
    if (const auto* divergence = std::get_if<DivergenceExpectation>(&expectation.what)) {
      names_any = true;
      if (divergence->invariant == invariant) return true;
    }
  }
  return !names_any;
}

std::vector<faults::Fault> Scenario::timeline() const {
  std::vector<faults::Fault> out;
  for (const FaultSpec& spec : faults) out.push_back(spec.fault);
  return out;
}

Scenario Scenario::drawn(core::Seed with) const {
  Scenario out = *this;
  out.swarm.reset();
  if (!swarm) return out;
  // As Kernel::random("swarm") of a world with this seed.
  for (faults::Fault& fault : faults::draw_swarm(*swarm, core::Random{with}.child("swarm"))) out.faults.push_back({std::move(fault), {}});
  return out;
}

std::string_view name_of(Counter counter) { return kCounters[static_cast<std::size_t>(counter)]; }
std::string_view name_of(Storage storage) { return storage == Storage::file ? "file" : "memory"; }
std::string_view name_of(Retention retention) {
  return retention == Retention::limits ? "limits" : retention == Retention::interest ? "interest" : "workqueue";
}
std::string_view name_of(AckPolicy policy) { return policy == AckPolicy::none ? "none" : policy == AckPolicy::all ? "all" : "explicit"; }
std::string_view name_of(Via via) { return via == Via::core ? "core" : "jetstream"; }

std::string_view name_of(HandlerSpec::Answer answer) {
  constexpr std::array<std::string_view, HandlerSpec::kAnswers> kNames = {"ack",         "nak",    "nak_later", "term",
                                                                          "in_progress", "ignore", "crash"};
  return kNames[static_cast<std::size_t>(answer)];
}
std::string_view name_of(WatchedExpectation::Fault fault) {
  return fault == WatchedExpectation::Fault::first ? "first_fault" : "last_fault";
}
std::string_view name_of(AdminAction action) { return kAdminActions[static_cast<std::size_t>(action)]; }
std::span<const std::string_view> admin_action_names() { return kAdminActions; }
std::span<const std::string_view> key_value_action_names() { return kKeyValueActions; }
std::span<const std::string_view> read_action_names() { return kReadActions; }

}  // namespace windtunnel::scenarios
