#include "faults/timeline.h"

#include <algorithm>
#include <map>
#include <string>

#include "core/base/assert.h"

namespace windtunnel::faults {
namespace {

// Of one entry with `every`: a gap of nanoseconds must not fill the memory.
constexpr std::size_t kRepeatsMax = 10'000;

core::Duration draw(const DurationRange& range, core::Random& random) {
  return range.low == range.high ? range.low : random.between(range.low, range.high);
}

}  // namespace

Timeline::Timeline(std::span<const Fault> faults, const core::Random& random) {
  std::map<std::string, unsigned> copies;  // equal entries must not strike at equal times
  for (const Fault& fault : faults) {
    const std::string text = to_text(fault);
    core::Random own = random.child(text + "#" + std::to_string(copies[text]++));
    if (fault.every) {
      add_repeated(fault, own);
    } else {
      add(fault, own);
    }
  }
}

void Timeline::add(const Fault& fault, core::Random random) {
  TimelineEntry entry;
  entry.fault = fault;
  entry.random = random.child("strike");
  if (const At* at = std::get_if<At>(&fault.when)) {
    entry.delay = draw(at->time, random);
    settle(entry, core::after(core::Instant{}, entry.delay));
  } else if (const After* after = std::get_if<After>(&fault.when)) {
    entry.delay = draw(after->delay, random);
    entry.waits_for_previous = true;
    const std::optional<core::Instant> previous = entries_.empty() ? core::Instant{} : entries_.back().at;
    if (previous) settle(entry, core::after(*previous, entry.delay));
  } else {
    settle(entry, core::Instant{});
  }
  entries_.push_back(std::move(entry));
}

void Timeline::add_repeated(const Fault& fault, core::Random random) {
  const At* from = std::get_if<At>(&fault.when);
  WT_ASSERT(from != nullptr);
  WT_ASSERT(fault.until.has_value());
  const core::Random strikes = random.child("strike");
  core::Instant time = core::after(core::Instant{}, draw(from->time, random));
  const core::Instant end = core::after(core::Instant{}, *fault.until);
  for (std::size_t n = 0; n < kRepeatsMax; ++n) {
    const core::Duration gap = draw(*fault.every, random);
    time = core::after(time, gap);
    if (gap <= core::Duration{0} || time > end) return;
    TimelineEntry entry;
    entry.fault = fault;
    entry.delay = gap;
    entry.at = time;
    entry.random = strikes.child(std::to_string(n));
    entries_.push_back(std::move(entry));
  }
}

void Timeline::settle(TimelineEntry& entry, core::Instant time) {
  if (entry.fault.trigger() == nullptr) {
    entry.at = time;
    return;
  }
  entry.armed_at = time;
  if (entry.has_odds()) entry.at = std::max(time, core::after(core::Instant{}, entry.fault.until.value_or(core::Duration{0})));
}

std::vector<std::size_t> Timeline::struck(std::size_t index, core::Instant now) {
  WT_ASSERT(index < entries_.size());
  WT_ASSERT(entries_[index].fault.trigger() != nullptr);
  WT_ASSERT(!entries_[index].at.has_value());
  entries_[index].at = now;
  return settle_after(index);
}

std::vector<std::size_t> Timeline::settle_after(std::size_t index) {
  std::vector<std::size_t> settled;
  for (std::size_t next = index + 1; next < entries_.size() && entries_[next].waits_for_previous && entries_[next - 1].at; ++next) {
    settle(entries_[next], core::after(*entries_[next - 1].at, entries_[next].delay));
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
