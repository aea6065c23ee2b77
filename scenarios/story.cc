#include "scenarios/story.h"

#include <algorithm>
#include <charconv>

#include "scenarios/world.h"

namespace windtunnel::scenarios {
namespace {

constexpr std::size_t kLinesMax = 24;
constexpr std::size_t kFaultsMax = 6;
constexpr std::size_t kAlarmsMax = 8;  // of the lines, those of monitors
constexpr core::EventName kFault{"fault"};
constexpr core::EventName kAlarm{"watch.alarm"};
constexpr core::EventName kOver{"watch.over"};

}  // namespace

std::string trace_line(const World& world, const sim::TraceEvent& event) {
  std::string line = clock_text(event.at) + " " + world.name_of(event.node) + " ";
  line.append(event.name.text);
  const std::string fields = event.fields_text();
  return fields.empty() ? line : line + " " + fields;
}

StoryTeller::StoryTeller(const World& world, const std::vector<Divergence>& divergences) : world_(world) {
  for (const Divergence& d : divergences) {
    Plot plot;
    plot.node = d.node;
    if (!d.stream.empty()) {
      plot.streams.push_back(d.stream);
      const StreamSpec* spec = world.scenario().stream(d.node, d.stream);
      if (spec != nullptr && spec->mirror) plot.streams.push_back(spec->mirror->name);
    }
    plot.seq = static_cast<std::int64_t>(d.first_seq.value);
    if (const std::size_t hash = d.message.rfind('#'); hash != std::string::npos) {
      plot.workload = d.message.substr(0, hash);
      std::from_chars(d.message.data() + hash + 1, d.message.data() + d.message.size(), plot.index);
    }
    plots_.push_back(std::move(plot));
  }
}

void StoryTeller::on_event(const sim::TraceEvent& event) {
  if (event.name == kFault) {
    const core::LogField* what = event.field("what");
    faults_.push_back({event.at, clock_text(event.at) + " " + std::string(what == nullptr ? "" : what->text)});
    return;
  }
  if (event.name == kAlarm || event.name == kOver) return tell_of_alarm(event);
  const core::LogField* stream = event.field("stream");
  const core::LogField* seq = event.field("seq");
  const core::LogField* workload = event.field("workload");
  const core::LogField* index = event.field("n");
  for (Plot& plot : plots_) {
    const bool is_sequence = plot.seq != 0 && stream != nullptr && seq != nullptr && seq->number == plot.seq &&
                             std::find(plot.streams.begin(), plot.streams.end(), stream->text) != plot.streams.end();
    const bool is_message =
        !plot.workload.empty() && workload != nullptr && index != nullptr && workload->text == plot.workload && index->number == plot.index;
    if (!is_sequence && !is_message) continue;
    if (!plot.begins) plot.begins = event.at;
    ++plot.events;
    if (plot.lines.size() < kLinesMax) plot.lines.push_back(trace_line(world_, event));
  }
}

// What a monitor said of the stream belongs to the story of whatever befell it there.
void StoryTeller::tell_of_alarm(const sim::TraceEvent& event) {
  const core::LogField* stream = event.field("stream");
  const core::LogField* on = event.field("on");
  for (Plot& plot : plots_) {
    if (plot.streams.empty() || stream == nullptr || plot.streams.front() != stream->text) continue;
    if (!plot.node.empty() && (on == nullptr || plot.node != on->text)) continue;
    if (!plot.alarm) plot.alarm = event.at;
    ++plot.events;
    if (plot.alarms < kAlarmsMax && plot.lines.size() < kLinesMax) {
      ++plot.alarms;
      plot.lines.push_back(trace_line(world_, event));
    }
  }
}

void StoryTeller::tell(std::vector<Divergence>& divergences) const {
  for (std::size_t i = 0; i < divergences.size() && i < plots_.size(); ++i) {
    const Plot& plot = plots_[i];
    divergences[i].life_story = plot.lines;
    if (plot.events > plot.lines.size()) {
      divergences[i].life_story.push_back("... and " + std::to_string(plot.events - plot.lines.size()) + " events more");
    }
    // The faults nearest to where the story begins; without a story, to where the divergence was noticed, which is told in the
    // scenario's time, and events in the kernel's.
    const core::Instant noticed = core::after(kTimeZero, divergences[i].at.time_since_epoch());
    const core::Instant middle = plot.begins.value_or(plot.alarm.value_or(noticed));
    std::vector<FaultLine> near = faults_;
    std::stable_sort(near.begin(), near.end(), [&](const FaultLine& a, const FaultLine& b) {
      const auto distance = [&](core::Instant t) { return t < middle ? middle - t : t - middle; };
      return distance(a.at) < distance(b.at);
    });
    if (near.size() > kFaultsMax) near.resize(kFaultsMax);
    std::stable_sort(near.begin(), near.end(), [](const FaultLine& a, const FaultLine& b) { return a.at < b.at; });
    divergences[i].faults_around.clear();
    for (const FaultLine& fault : near) divergences[i].faults_around.push_back(fault.text);
  }
}

}  // namespace windtunnel::scenarios
