// LagLog: what the monitors of a run saw of mirrors and sources, and when they rang. It holds what the servers said, which need not
// be what is: a mirror that hears nothing goes on reporting its last lag (reference: streams D.8).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

// One look at a stream's status. Of several sources the worst of each number.
struct LagReading {
  core::Instant at;  // when the answer came, or was given up
  bool is_answered = false;
  bool is_error = false;  // the answer is an error, or shows one
  // Only of an answer that is a status:
  std::optional<std::uint64_t> lag;
  std::optional<core::Duration> active;  // since anything was heard; since the first look that was told "never", if it never was
};

struct LagAlarm {
  core::Instant began;
  std::optional<core::Instant> ended;  // nullopt: it still rings at the end
  std::string why;                     // as it began: "nothing heard of ORDERS@hub for 12s345ms"
};

// Of one `watch_lag` workload.
struct LagRecord {
  std::string workload;
  std::string on;  // the node that holds the stream
  std::string stream;
  std::vector<LagReading> readings;
  std::vector<LagAlarm> alarms;

  // Notes a reading. `why`: what there is to ring for; empty: nothing. True if an alarm began or ended.
  bool add(const LagReading& reading, std::string_view why);
  [[nodiscard]] bool rings() const { return !alarms.empty() && !alarms.back().ended; }

  // The reading with the highest lag or the longest silence, the first of equals; nullptr if no answer was a status.
  [[nodiscard]] const LagReading* highest_lag() const;
  [[nodiscard]] const LagReading* longest_silence() const;
  [[nodiscard]] std::uint64_t unanswered() const;
  [[nodiscard]] std::uint64_t errors() const;
  // "monitor: 12 looks at COPY, highest lag 0, longest silence 12s345ms, 1 alarm, from 00:00:35.001 to 00:00:55.002 (why)"
  [[nodiscard]] std::string text() const;
};

class LagLog {
 public:
  // The record stays where it is.
  LagRecord& open(std::string workload, std::string on, std::string stream);
  [[nodiscard]] const std::deque<LagRecord>& records() const { return records_; }
  [[nodiscard]] const LagRecord* find(std::string_view workload) const;
  // The run is over: what the monitors see from now on, while its end is looked at, is no part of it.
  void close() { is_closed_ = true; }
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  std::deque<LagRecord> records_;
  bool is_closed_ = false;
};

// To the millisecond: "12s345ms".
[[nodiscard]] std::string rounded_text(core::Duration duration);

}  // namespace windtunnel::scenarios
