// The `watch_lag` workload: a monitoring system that asks for the status of a mirror, or of a stream with sources, and rings.
//
// It knows what the server tells it and no more. That is the point: a mirror whose link is down reports the lag of its last message,
// usually 0, and no error; only `active` grows (reference: streams D.8, I.1). It draws nothing.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/env/clock.h"
#include "faults/units.h"
#include "scenarios/api_answer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

class Monitor final : public sim::Program {
 public:
  Monitor(core::Env& env, World& world, const WorkloadSpec& spec, const LagLog& log, LagRecord& record)
      : env_(env),
        world_(world),
        spec_(spec),
        watch_(std::get<WatchSpec>(spec.work)),
        log_(log),
        record_(record),
        node_(world.client_node(spec.name)),
        client_(env, client_options(spec)),
        jetstream_(client_, watch_.domain) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    const core::Instant end = watch_.duration ? core::after(begin, *watch_.duration) : core::kForever;
    for (core::Instant next = begin; next < end && !log_.is_closed(); next = core::after(next, watch_.every)) {
      env_.tasks.sleep_until(std::max(env_.clock.now(), next));
      look();
    }
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  void look() {
    const core::Reply reply = jetstream_.api("STREAM.INFO." + watch_.stream, "", core::after(env_.clock.now(), watch_.timeout));
    if (log_.is_closed()) return;
    LagReading reading;
    reading.at = env_.clock.now();
    std::string why;
    if (reply.kind == core::Reply::Kind::message) {
      reading.is_answered = true;
      why = read(reply.message.payload, reading);
    } else {
      why = unanswered_text(reply);
    }
    trace(reading, why);
    if (!rings_for(reading)) why.clear();
    if (!record_.add(reading, why)) return;
    if (record_.rings()) {
      world_.record(node_, core::LogLevel::warn, "watch.alarm",
                    {{"workload", spec_.name}, {"on", watch_.on}, {"stream", watch_.stream}, {"why", why}});
    } else {
      world_.record(node_, core::LogLevel::info, "watch.over", {{"workload", spec_.name}, {"on", watch_.on}, {"stream", watch_.stream}});
    }
  }

  // Whether what is wrong with such a look, if anything is, makes it ring.
  [[nodiscard]] bool rings_for(const LagReading& reading) const {
    if (!watch_.alarm) return false;
    if (!reading.is_answered) return watch_.alarm->is_for_silence;
    return reading.lag || watch_.alarm->is_for_errors;  // of a status alarm_text() has decided
  }

  [[nodiscard]] std::string unanswered_text(const core::Reply& reply) const {
    if (reply.kind == core::Reply::Kind::no_responders) return "no answer: nobody listens (503)";
    if (!client_.is_connected()) return "no answer: the monitor has no connection";
    return "no answer within " + faults::format_duration(watch_.timeout);
  }

  // What there is to ring for; empty: nothing.
  std::string read(std::string_view answer, LagReading& reading) {
    const std::optional<std::vector<OriginStatus>> statuses = read_origin_statuses(answer);
    if (!statuses) {
      reading.is_error = true;
      return api_error_text(answer).value_or("the answer tells of no mirror and no sources");
    }
    std::string why;
    for (const OriginStatus& status : *statuses) {
      const core::Duration active = silence_of(status, reading.at);
      reading.lag = std::max(reading.lag.value_or(0), status.lag);
      reading.active = std::max(reading.active.value_or(core::Duration{0}), active);
      reading.is_error = reading.is_error || !status.error.empty();
      if (why.empty()) why = alarm_text(status, active);
    }
    return why;
  }

  // Of an origin that was never heard of (active: -1) nobody knows since when; a monitor can count from when it was first told so.
  core::Duration silence_of(const OriginStatus& status, core::Instant now) {
    if (!status.active) return now - never_since_.try_emplace(status.origin, now).first->second;
    never_since_.erase(status.origin);
    return *status.active;
  }

  [[nodiscard]] std::string alarm_text(const OriginStatus& status, core::Duration active) const {
    if (!watch_.alarm) return {};
    if (watch_.alarm->is_for_errors && !status.error.empty()) return status.origin + ": " + status.error;
    if (watch_.alarm->active && active > *watch_.alarm->active) return "nothing heard of " + status.origin + " for " + rounded_text(active);
    if (watch_.alarm->lag && status.lag > *watch_.alarm->lag) return std::to_string(status.lag) + " messages behind " + status.origin;
    return {};
  }

  void trace(const LagReading& reading, const std::string& why) {
    if (reading.lag) {
      world_.record(node_, core::LogLevel::trace, "watch.seen",
                    {{"workload", spec_.name}, {"lag", *reading.lag}, {"active", reading.active->count()}, {"error", reading.is_error}});
    } else {
      world_.record(node_, core::LogLevel::trace, "watch.unseen", {{"workload", spec_.name}, {"why", why}});
    }
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const WatchSpec& watch_;
  const LagLog& log_;
  LagRecord& record_;
  const sim::NodeId node_;
  std::map<std::string, core::Instant> never_since_;  // by origin (nats-server lists sources in any order): when it first said "never"
  core::Client client_;
  core::JetStreamClient jetstream_;
};

}  // namespace

std::unique_ptr<sim::Program> make_monitor(core::Env& env, World& world, const WorkloadSpec& spec, const LagLog& log, LagRecord& record) {
  return std::make_unique<Monitor>(env, world, spec, log, record);
}

}  // namespace windtunnel::scenarios
