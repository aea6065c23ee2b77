#include <algorithm>
#include <vector>

#include "scenarios/language/build.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

// The value of an enumeration whose words stand in its order. Requires: the word is one of them (the tables say so).
template <typename Enum>
Enum value_of(const TypedValue& body, std::string_view key, Enum fallback, std::span<const std::string_view> words) {
  const TypedValue* value = body.find(key);
  if (value == nullptr) return fallback;
  const auto found = std::find(words.begin(), words.end(), value->as<std::string>());
  WT_ASSERT(found != words.end());
  return static_cast<Enum>(found - words.begin());
}

faults::Action build_action(std::string_view kind, const TypedValue& body) {
  const auto node = [&body] { return body.get<std::string>("node"); };
  const auto link = [&body] { return body.get<faults::LinkEnds>("link"); };
  if (kind == "signal") {
    return faults::SendSignal{.node = node(), .name = value_of(body, "name", faults::SignalName::kill, faults::signal_names())};
  }
  if (kind == "power_loss")
    return faults::PowerLoss{.node = node(), .keep = value_of(body, "keep", faults::Keep::any, faults::keep_names())};
  if (kind == "start") return faults::Start{.node = node()};
  if (kind == "pause") return faults::Pause{.node = node()};
  if (kind == "resume") return faults::Resume{.node = node()};
  if (kind == "cut") {
    return faults::Cut{.link = link(),
                       .how = value_of(body, "how", faults::CutHow::reset, faults::cut_how_names()),
                       .direction = value_of(body, "direction", faults::Direction::both, faults::direction_names())};
  }
  if (kind == "heal") return faults::Heal{.link = link()};
  if (kind == "delay") return faults::Delay{.link = link(), .latency = body.get<faults::DurationRange>("latency")};
  if (kind == "throttle") return faults::Throttle{.link = link(), .bandwidth = body.get<core::Bytes>("bandwidth")};
  WT_ASSERT(kind == "clock_step");
  return faults::ClockStep{.node = node(), .by = body.get<core::Duration>("by")};
}

faults::When build_when(const TypedValue& value) {
  if (const TypedValue* at = value.find("at")) return faults::At{at->as<faults::DurationRange>()};
  if (const TypedValue* after = value.find("after")) return faults::After{after->as<faults::DurationRange>()};
  return value.get<faults::OpTrigger>("on");
}

void expect_link(const faults::LinkEnds& ends, const SourcePosition& where, const Scenario& scenario, Diagnostics& diagnostics) {
  bool is_good = expect_node(ends.a, where, scenario, diagnostics);
  is_good = expect_node(ends.b, where, scenario, diagnostics) && is_good;
  if (!is_good || scenario.link(ends) != nullptr) return;
  std::vector<std::string> texts;
  for (const LinkSpec& link : scenario.links) texts.push_back("[" + link.between.a + ", " + link.between.b + "]");
  const std::vector<std::string_view> views{texts.begin(), texts.end()};
  diagnostics.add(where,
                  "there is no link between " + quoted(ends.a) + " and " + quoted(ends.b) +
                      (views.empty() || views.size() > 8 ? "" : (views.size() == 1 ? "; there is " : "; there are ") + listed(views)));
}

}  // namespace

void build_faults(const TypedValue& faults, Scenario& scenario, Diagnostics& diagnostics) {
  for (const TypedValue& value : faults.items) {
    FaultSpec spec;
    spec.where = value.where;
    const TypedValue* body = value.find(value.variant);
    WT_ASSERT(body != nullptr);
    spec.fault = {.when = build_when(value), .action = build_action(value.variant, *body)};
    if (const std::string* node = faults::node_of(spec.fault.action)) expect_node(*node, body->find("node")->where, scenario, diagnostics);
    if (const faults::LinkEnds* link = faults::link_of(spec.fault.action))
      expect_link(*link, body->find("link")->where, scenario, diagnostics);
    if (const auto* trigger = std::get_if<faults::OpTrigger>(&spec.fault.when))
      expect_node(trigger->node, value.find("on")->where, scenario, diagnostics);
    if (const auto* at = std::get_if<faults::At>(&spec.fault.when);
        at != nullptr && scenario.duration && at->time.high > *scenario.duration) {
      diagnostics.add(value.find("at")->where,
                      "this is after the end of the run: `duration` is " + faults::format_duration(*scenario.duration));
    }
    scenario.faults.push_back(std::move(spec));
  }
}

}  // namespace windtunnel::scenarios
