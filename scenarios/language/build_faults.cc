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

std::uint64_t count_of(const TypedValue& body, std::uint64_t fallback) { return body.get_or<std::uint64_t>("count", fallback); }

faults::FileChoice build_file(const TypedValue& body) {
  faults::FileChoice file = body.get_or<faults::FileChoice>("file", {});
  file.stream = body.get_or<std::string>("of", "");
  if (body.find("pick") != nullptr) file.pick = value_of(body, "pick", file.pick, faults::pick_names());
  return file;
}

faults::Action build_disk_action(std::string_view kind, const TypedValue& body) {
  const auto node = body.get<std::string>("node");
  const faults::FileChoice file = build_file(body);
  const auto size = [&body](std::string_view key) -> std::optional<core::Bytes> {
    const TypedValue* value = body.find(key);
    return value == nullptr ? std::nullopt : std::optional{value->as<core::Bytes>()};
  };
  if (kind == "lose_file") return faults::LoseFile{.node = node, .file = file};
  if (kind == "stale_file") {
    if (const TypedValue* age = body.find("age"))
      return faults::StaleFile{.node = node, .file = file, .version = faults::StaleVersion::by_age, .age = age->as<core::Duration>()};
    return faults::StaleFile{.node = node, .file = file, .version = faults::StaleVersion::previous_sync, .age = {}};
  }
  if (kind == "truncate_file") return faults::TruncateFile{.node = node, .file = file, .keep = size("keep"), .cut = size("cut")};
  if (kind == "zero_file") return faults::ZeroFile{.node = node, .file = file, .tail = size("tail")};
  if (kind == "bit_flip") return faults::BitFlip{.node = node, .file = file, .bits = body.get_or<std::uint64_t>("bits", 1)};
  if (kind == "bad_sector") return faults::BadSector{.node = node, .file = file};
  if (kind == "misread") return faults::Misread{.node = node, .file = file, .count = count_of(body, 1)};
  if (kind == "misdirected_read") return faults::MisdirectedRead{.node = node, .file = file, .count = count_of(body, 1)};
  if (kind == "misdirected_write") return faults::MisdirectedWrite{.node = node, .file = file, .count = count_of(body, 1)};
  if (kind == "short_write") return faults::ShortWrite{.node = node, .file = file, .count = count_of(body, 0)};
  if (kind == "phantom_sync") return faults::PhantomSync{.node = node, .file = file};
  if (kind == "failed_fsync")
    return faults::FailedFsync{.node = node, .file = file, .count = count_of(body, 1), .is_late = body.get_or<bool>("late", false)};
  if (kind == "disk_error") {
    const std::span<const std::string_view> ops = faults::disk_op_names();
    const auto op = std::find(ops.begin(), ops.end(), body.get<std::string>("op"));
    WT_ASSERT(op != ops.end());
    return faults::DiskError{.node = node,
                             .file = file,
                             .op = static_cast<faults::DiskOp>(op - ops.begin()),
                             .error = value_of(body, "error", faults::DiskErrorCode::eio, faults::disk_error_names()),
                             .count = count_of(body, 0)};
  }
  if (kind == "disk_full") return faults::DiskFull{.node = node, .free = size("free").value_or(core::Bytes{})};
  if (kind == "slow_disk")
    return faults::SlowDisk{
        .node = node, .factor = body.get_or<std::uint64_t>("factor", 1), .stall = body.get_or<core::Duration>("stall", {})};
  WT_ASSERT(kind == "heal_disk");
  return faults::HealDisk{.node = node};
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
  if (kind == "clock_step") return faults::ClockStep{.node = node(), .by = body.get<core::Duration>("by")};
  return build_disk_action(kind, body);
}

faults::Fault build_fault(const TypedValue& value, const TypedValue& body) {
  faults::Fault fault;
  const TypedValue* on = value.find("on");
  if (const TypedValue* at = value.find("at")) {
    fault.when = faults::At{at->as<faults::DurationRange>()};
  } else if (const TypedValue* after = value.find("after")) {
    fault.when = faults::After{after->as<faults::DurationRange>()};
  } else if (on != nullptr) {
    fault.when = on->as<faults::OpTrigger>();
  } else {
    fault.when = faults::At{};  // `every`, from the start on
  }
  if (on != nullptr && !std::holds_alternative<faults::OpTrigger>(fault.when)) fault.on = on->as<faults::OpTrigger>();
  if (const TypedValue* every = value.find("every")) fault.every = every->as<faults::DurationRange>();
  if (const TypedValue* until = value.find("until")) fault.until = until->as<core::Duration>();
  fault.action = build_action(value.variant, body);
  return fault;
}

// What no single value shows: how a fault's times and its files go together.
void check_fault(const faults::Fault& fault, const TypedValue& value, const TypedValue& body, Diagnostics& diagnostics) {
  const faults::OpTrigger* trigger = fault.trigger();
  const bool has_odds = trigger != nullptr && trigger->odds != 0;
  if ((fault.every || has_odds) && !fault.until)
    diagnostics.add(value.where, std::string{fault.every ? "`every`" : "a fault with odds"} + " needs an end: write `until: 2m`");
  if (fault.until && !fault.every && !has_odds)
    diagnostics.add(value.find("until")->where, "`until` ends an `every` or a fault with odds, and this is neither");
  if (fault.every && fault.every->low == core::Duration::zero())
    diagnostics.add(value.find("every")->where, "`every` needs gaps longer than 0");
  if (const TypedValue* pick = body.find("pick"); pick != nullptr && body.get<faults::FileChoice>("file").pick != faults::Pick::random)
    diagnostics.add(pick->where, "the role in `file` says which one; leave out `pick`");
  if (const auto* flip = std::get_if<faults::BitFlip>(&fault.action); flip != nullptr && flip->bits > 32)
    diagnostics.add(body.find("bits")->where, "`bits` is 1 to 32");
  if (const auto* slow = std::get_if<faults::SlowDisk>(&fault.action); slow != nullptr && slow->factor > 1'000'000)
    diagnostics.add(body.find("factor")->where, "`factor` is 1 to 1000000");
  if (const auto* stale = std::get_if<faults::StaleFile>(&fault.action);
      stale != nullptr && stale->version == faults::StaleVersion::by_age && trigger != nullptr)
    diagnostics.add(body.find("age")->where,
                    "`age` needs a fault whose time is known beforehand; with `on` write `version: previous_sync`");
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
    spec.fault = build_fault(value, *body);
    check_fault(spec.fault, value, *body, diagnostics);
    if (const std::string* node = faults::node_of(spec.fault.action)) expect_node(*node, body->find("node")->where, scenario, diagnostics);
    if (const faults::LinkEnds* link = faults::link_of(spec.fault.action))
      expect_link(*link, body->find("link")->where, scenario, diagnostics);
    if (const faults::OpTrigger* trigger = spec.fault.trigger()) expect_node(trigger->node, value.find("on")->where, scenario, diagnostics);
    if (const faults::FileChoice* file = faults::files_of(spec.fault.action); file != nullptr && !file->stream.empty())
      expect_stream(file->stream, *faults::node_of(spec.fault.action), body->find("of")->where, false, scenario, diagnostics);
    if (spec.fault.until && scenario.duration && *spec.fault.until > *scenario.duration)
      diagnostics.add(value.find("until")->where,
                      "this is after the end of the run: `duration` is " + faults::format_duration(*scenario.duration));
    if (const auto* at = std::get_if<faults::At>(&spec.fault.when);
        at != nullptr && scenario.duration && at->time.high > *scenario.duration) {
      diagnostics.add(value.find("at")->where,
                      "this is after the end of the run: `duration` is " + faults::format_duration(*scenario.duration));
    }
    scenario.faults.push_back(std::move(spec));
  }
}

void build_swarm(const TypedValue& swarm, Scenario& scenario, Diagnostics& diagnostics) {
  faults::SwarmSpec spec;
  for (const TypedValue& word : swarm.find("kinds")->items) {
    for (const faults::SwarmKind kind : faults::swarm_kinds(word.as<std::string>())) spec.kinds.push_back(kind);
  }
  std::sort(spec.kinds.begin(), spec.kinds.end());
  spec.kinds.erase(std::unique(spec.kinds.begin(), spec.kinds.end()), spec.kinds.end());
  if (spec.kinds.empty()) diagnostics.add(swarm.where, "`kinds` must name at least one");
  if (const TypedValue* count = swarm.find("faults")) {
    spec.faults_min = count->as<CountRange>().low;
    spec.faults_max = count->as<CountRange>().high;
    if (spec.faults_max > 1000) diagnostics.add(count->where, "up to 1000 faults are supported");
  }
  if (const TypedValue* window = swarm.find("window")) {
    spec.window = window->as<faults::DurationRange>();
    spec.heal_by = spec.window.high + std::chrono::seconds{10};
  }
  if (const TypedValue* heal_by = swarm.find("heal_by")) spec.heal_by = heal_by->as<core::Duration>();
  spec.down_for = swarm.get_or<faults::DurationRange>("down_for", spec.down_for);
  if (spec.heal_by < spec.window.high) diagnostics.add(swarm.where, "`heal_by` lies before the end of `window`");
  if (scenario.duration && spec.heal_by > *scenario.duration)
    diagnostics.add(swarm.where, "`heal_by` lies after the end of the run: `duration` is " + faults::format_duration(*scenario.duration));
  if (const TypedValue* nodes = swarm.find("nodes")) {
    for (const TypedValue& name : nodes->items) {
      if (expect_node(name.as<std::string>(), name.where, scenario, diagnostics)) spec.nodes.push_back(name.as<std::string>());
    }
  } else {
    for (const NodeSpec& node : scenario.nodes) spec.nodes.push_back(node.name);
  }
  // Of the links those that end at one of these nodes.
  for (const LinkSpec& link : scenario.links) {
    const auto is_named = [&](const std::string& node) {
      return std::find(spec.nodes.begin(), spec.nodes.end(), node) != spec.nodes.end();
    };
    if (is_named(link.between.a) || is_named(link.between.b)) spec.links.push_back(link.between);
  }
  scenario.swarm = std::move(spec);
}

}  // namespace windtunnel::scenarios
