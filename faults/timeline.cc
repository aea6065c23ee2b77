#include "faults/timeline.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/base/assert.h"

namespace windtunnel::faults {
namespace {

core::Duration draw(const DurationRange& range, core::Random& random) {
  return range.low == range.high ? range.low : random.between(range.low, range.high);
}

}  // namespace

Timeline::Timeline(std::span<const Fault> faults, const core::Random& random) {
  std::map<std::string, unsigned> copies;  // equal entries must not strike at equal times
  bool is_unknown = false;                 // the entry before has no time yet
  core::Instant previous{};
  for (const Fault& fault : faults) {
    const std::string text = to_text(fault);
    core::Random own = random.child(text + "#" + std::to_string(copies[text]++));
    TimelineEntry entry{.fault = fault, .at = std::nullopt, .delay = {}, .waits_for_previous = false};
    if (const At* at = std::get_if<At>(&fault.when)) {
      entry.delay = draw(at->time, own);
      entry.at = core::after(core::Instant{}, entry.delay);
    } else if (const After* after = std::get_if<After>(&fault.when)) {
      entry.delay = draw(after->delay, own);
      entry.waits_for_previous = true;
      if (!is_unknown) entry.at = core::after(previous, entry.delay);
    }
    is_unknown = !entry.at.has_value();
    if (entry.at) previous = *entry.at;
    entries_.push_back(std::move(entry));
  }
}

std::vector<std::size_t> Timeline::struck(std::size_t index, core::Instant now) {
  WT_ASSERT(index < entries_.size());
  WT_ASSERT(std::holds_alternative<OpTrigger>(entries_[index].fault.when));
  WT_ASSERT(!entries_[index].at.has_value());
  entries_[index].at = now;
  return settle_after(index);
}

std::vector<std::size_t> Timeline::settle_after(std::size_t index) {
  std::vector<std::size_t> settled;
  core::Instant previous = *entries_[index].at;
  for (std::size_t next = index + 1; next < entries_.size() && entries_[next].waits_for_previous; ++next) {
    previous = core::after(previous, entries_[next].delay);
    entries_[next].at = previous;
    settled.push_back(next);
  }
  return settled;
}

std::optional<core::Instant> Timeline::last_fault() const {
  core::Instant last{};
  for (const TimelineEntry& entry : entries_) {
    if (!entry.at) return std::nullopt;
    last = std::max(last, *entry.at);
  }
  return last;
}

}  // namespace windtunnel::faults
