#include "faults/fault.h"

#include <array>

#include "core/base/assert.h"

namespace windtunnel::faults {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

constexpr std::array<std::string_view, 4> kSignals = {"SIGTERM", "SIGUSR2", "SIGABRT", "SIGKILL"};
constexpr std::array<std::string_view, 4> kKeeps = {"none", "all", "any", "ordered"};
constexpr std::array<std::string_view, 2> kCutHows = {"reset", "black_hole"};
constexpr std::array<std::string_view, 2> kDirections = {"both", "a_to_b"};

constexpr std::array<FaultKind, std::variant_size_v<Action>> kKinds = {{
    {"signal",
     "The node's process gets SIGTERM (orderly stop), SIGUSR2 (lame duck), SIGABRT or SIGKILL (memory is gone, the page cache stays).",
     "{ at: 20s, signal: { node: hub, name: SIGABRT } }"},
    {"power_loss",
     "The node's machine loses power: the process and, of what was never synced, all (keep: none), nothing (all) or a part (any, ordered).",
     "{ at: 25s, power_loss: { node: hub, keep: any } }"},
    {"start", "The node's process is started again on what its disk holds.", "{ at: 40s, start: hub }"},
    {"pause", "The node's process stands still, as under SIGSTOP; its connections stay open.", "{ at: 10s, pause: leaf }"},
    {"resume", "A paused process goes on; timers that have run out meanwhile fire at once.", "{ after: 30s, resume: leaf }"},
    {"cut", "A link breaks: its connections are reset and new ones refused, or its bytes vanish in a black hole; both ways or from a to b.",
     "{ at: 15s..20s, cut: { link: [hub, leaf], how: black_hole } }"},
    {"heal", "A link works again as it did at the start: ends its cut, delay and throttle.", "{ after: 10s, heal: { link: [hub, leaf] } }"},
    {"delay", "A link gets another latency, fixed or a range, until it is healed.",
     "{ at: 5s, delay: { link: [hub, leaf], latency: 200ms..2s } }"},
    {"throttle", "A link gets another bandwidth, until it is healed.", "{ at: 5s, throttle: { link: [hub, leaf], bandwidth: 16KiB/s } }"},
    {"clock_step", "The node's wall clock jumps forwards or back; virtual time and its timers do not notice.",
     "{ at: 30s, clock_step: { node: hub, by: -5m } }"},
}};

std::string node_body(const std::string& node) { return "{ node: " + node + " }"; }
std::string link_body(const LinkEnds& link) { return "link: [" + link.a + ", " + link.b + "]"; }

std::string when_text(const When& when) {
  return std::visit(Overloaded{
                        [](const At& at) { return "at: " + format_duration_range(at.time); },
                        [](const After& after) { return "after: " + format_duration_range(after.delay); },
                        [](const OpTrigger& trigger) { return "on: \"" + to_text(trigger) + "\""; },
                    },
                    when);
}

std::string body_text(const Action& action) {
  return std::visit(Overloaded{
                        [](const SendSignal& f) { return "{ node: " + f.node + ", name: " + std::string{name_of(f.name)} + " }"; },
                        [](const PowerLoss& f) { return "{ node: " + f.node + ", keep: " + std::string{name_of(f.keep)} + " }"; },
                        [](const Start& f) { return node_body(f.node); },
                        [](const Pause& f) { return node_body(f.node); },
                        [](const Resume& f) { return node_body(f.node); },
                        [](const Cut& f) {
                          return "{ " + link_body(f.link) + ", how: " + std::string{name_of(f.how)} +
                                 ", direction: " + std::string{name_of(f.direction)} + " }";
                        },
                        [](const Heal& f) { return "{ " + link_body(f.link) + " }"; },
                        [](const Delay& f) { return "{ " + link_body(f.link) + ", latency: " + format_duration_range(f.latency) + " }"; },
                        [](const Throttle& f) { return "{ " + link_body(f.link) + ", bandwidth: " + format_bandwidth(f.bandwidth) + " }"; },
                        [](const ClockStep& f) { return "{ node: " + f.node + ", by: " + format_duration(f.by) + " }"; },
                    },
                    action);
}

}  // namespace

std::span<const FaultKind> fault_kinds() { return kKinds; }
const FaultKind& kind_of(const Action& action) { return kKinds[action.index()]; }

const std::string* node_of(const Action& action) {
  return std::visit(
      [](const auto& fault) -> const std::string* {
        if constexpr (requires { fault.node; }) {
          return &fault.node;
        } else {
          return nullptr;
        }
      },
      action);
}

const LinkEnds* link_of(const Action& action) {
  return std::visit(
      [](const auto& fault) -> const LinkEnds* {
        if constexpr (requires { fault.link; }) {
          return &fault.link;
        } else {
          return nullptr;
        }
      },
      action);
}

std::string to_text(const Fault& fault) {
  return "{ " + when_text(fault.when) + ", " + std::string{kind_of(fault.action).name} + ": " + body_text(fault.action) + " }";
}

std::string describe(const Action& action) {
  const std::string kind{kind_of(action).name};
  return std::visit(
      Overloaded{
          [](const SendSignal& f) { return std::string{name_of(f.name)} + " " + f.node; },
          [&](const PowerLoss& f) { return kind + " " + f.node + " keep=" + std::string{name_of(f.keep)}; },
          [&](const Start& f) { return kind + " " + f.node; },
          [&](const Pause& f) { return kind + " " + f.node; },
          [&](const Resume& f) { return kind + " " + f.node; },
          [&](const Cut& f) {
            const std::string arrow = f.direction == Direction::both ? " <-> " : " -> ";
            return kind + " " + f.link.a + arrow + f.link.b + " how=" + std::string{name_of(f.how)};
          },
          [&](const Heal& f) { return kind + " " + f.link.a + " <-> " + f.link.b; },
          [&](const Delay& f) { return kind + " " + f.link.a + " <-> " + f.link.b + " latency=" + format_duration_range(f.latency); },
          [&](const Throttle& f) { return kind + " " + f.link.a + " <-> " + f.link.b + " bandwidth=" + format_bandwidth(f.bandwidth); },
          [&](const ClockStep& f) { return kind + " " + f.node + " by=" + format_duration(f.by); },
      },
      action);
}

std::string_view name_of(SignalName signal) { return kSignals[static_cast<std::size_t>(signal)]; }
std::string_view name_of(Keep keep) { return kKeeps[static_cast<std::size_t>(keep)]; }
std::string_view name_of(CutHow how) { return kCutHows[static_cast<std::size_t>(how)]; }
std::string_view name_of(Direction direction) { return kDirections[static_cast<std::size_t>(direction)]; }
std::span<const std::string_view> signal_names() { return kSignals; }
std::span<const std::string_view> keep_names() { return kKeeps; }
std::span<const std::string_view> cut_how_names() { return kCutHows; }
std::span<const std::string_view> direction_names() { return kDirections; }

}  // namespace windtunnel::faults
