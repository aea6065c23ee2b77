// The world in which a store is inspected: nothing else runs, no time passes, and nobody listens.
#pragma once

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/network.h"
#include "core/env/tasks.h"

namespace windtunnel::core {

class InspectionWorld {
 public:
  InspectionWorld(Disk& disk, WallTime now, Defects defects = {})
      : clock_(now), defects_(defects), env_{clock_, disk, network_, tasks_, log_, Random{Seed{1}}, defects_} {}
  InspectionWorld(const InspectionWorld&) = delete;
  InspectionWorld& operator=(const InspectionWorld&) = delete;

  [[nodiscard]] Env& env() { return env_; }

 private:
  class StillClock final : public Clock {
   public:
    explicit StillClock(WallTime wall) : wall_(wall) {}
    [[nodiscard]] Instant now() const override { return Instant{}; }
    [[nodiscard]] WallTime wall_now() const override { return wall_; }

   private:
    WallTime wall_;
  };
  // A store's background work is never begun, so nobody ever waits for anybody. Whoever tried would be unwound.
  class NoTasks final : public Tasks {
   public:
    void spawn(std::string_view, std::function<void()>) override {}
    Task& current() override { throw TaskKilled{}; }
    Wake park(const char*, Instant) override { throw TaskKilled{}; }
    void unpark(Task&) noexcept override {}
    void yield() override {}
    void sleep_until(Instant) override {}
    void set_timer(Timer&, Instant) override {}
  };
  class NoNetwork final : public Network {
   public:
    Result<std::unique_ptr<Listener>> listen(std::uint16_t) override { return error(Errc::unsupported, "no network"); }
    Result<std::unique_ptr<Connection>> connect(const Address&, Instant) override { return error(Errc::unsupported, "no network"); }
  };
  class NoLog final : public Log {
   public:
    void event(LogLevel, EventName, LogFields) noexcept override {}
  };

  StillClock clock_;
  NoNetwork network_;
  NoTasks tasks_;
  NoLog log_;
  Defects defects_;
  Env env_;
};

}  // namespace windtunnel::core
