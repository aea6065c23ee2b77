#include "scenarios/lag_log.h"

#include <algorithm>

#include "faults/units.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::string rounded_text(core::Duration duration) {
  return faults::format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
}

bool LagRecord::add(const LagReading& reading, std::string_view why) {
  readings.push_back(reading);
  if (rings() == !why.empty()) return false;
  if (why.empty()) {
    alarms.back().ended = reading.at;
  } else {
    alarms.push_back({reading.at, std::nullopt, std::string(why)});
  }
  return true;
}

const LagReading* LagRecord::highest_lag() const {
  const LagReading* out = nullptr;
  for (const LagReading& reading : readings) {
    if (reading.lag && (out == nullptr || *reading.lag > *out->lag)) out = &reading;
  }
  return out;
}

const LagReading* LagRecord::longest_silence() const {
  const LagReading* out = nullptr;
  for (const LagReading& reading : readings) {
    if (reading.active && (out == nullptr || *reading.active > *out->active)) out = &reading;
  }
  return out;
}

std::uint64_t LagRecord::unanswered() const {
  return static_cast<std::uint64_t>(std::count_if(readings.begin(), readings.end(), [](const LagReading& r) { return !r.is_answered; }));
}

std::uint64_t LagRecord::errors() const {
  return static_cast<std::uint64_t>(std::count_if(readings.begin(), readings.end(), [](const LagReading& r) { return r.is_error; }));
}

std::string LagRecord::text() const {
  std::string out = workload + ": " + std::to_string(readings.size()) + " looks at " + stream;
  if (const LagReading* highest = highest_lag()) out += ", highest lag " + std::to_string(*highest->lag);
  if (const LagReading* longest = longest_silence()) out += ", longest silence " + rounded_text(*longest->active);
  if (const std::uint64_t number = unanswered(); number > 0) out += ", unanswered " + std::to_string(number);
  if (const std::uint64_t number = errors(); number > 0) out += ", with errors " + std::to_string(number);
  if (alarms.empty()) return out + ", no alarm";
  const LagAlarm& first = alarms.front();
  out += ", " + std::to_string(alarms.size()) + (alarms.size() == 1 ? " alarm, from " : " alarms, the first from ");
  out += clock_text(first.began) + (first.ended ? " to " + clock_text(*first.ended) : " to the end");
  return out + " (" + first.why + ")";
}

LagRecord& LagLog::open(std::string workload, std::string on, std::string stream) {
  return records_.emplace_back(LagRecord{std::move(workload), std::move(on), std::move(stream), {}, {}});
}

const LagRecord* LagLog::find(std::string_view workload) const {
  const auto found = std::find_if(records_.begin(), records_.end(), [&](const LagRecord& record) { return record.workload == workload; });
  return found == records_.end() ? nullptr : &*found;
}

}  // namespace windtunnel::scenarios
