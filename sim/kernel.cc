#include "sim/kernel.h"

#include <map>
#include <utility>

#include "core/base/assert.h"

namespace windtunnel::sim {
namespace {

// Marks of the kernel's own steps in the trace hash.
enum class Step : std::uint64_t { pick = 1u << 28, run = 2u << 28, jump = 3u << 28 };

constexpr std::uint64_t step(Step what, std::uint64_t value) { return static_cast<std::uint64_t>(what) << 32 ^ value; }

}  // namespace

// Time jumps; the seed picks among the ready.
class Kernel::SeededSchedule final : public core::Schedule {
 public:
  SeededSchedule(core::Random random, Trace& trace) : random_(random), trace_(trace) {}

  void set_runtime(core::Runtime& runtime) { runtime_ = &runtime; }
  std::size_t pick(std::size_t ready) override {
    const std::uint64_t index = random_.below(ready);
    trace_.step(runtime_->now(), step(Step::pick, index));
    return index;
  }
  void running(std::uint64_t fiber) override { trace_.step(runtime_->now(), step(Step::run, fiber)); }
  core::Instant idle(core::Instant next) override {
    trace_.step(next, step(Step::jump, 0));
    return next;
  }

 private:
  core::Random random_;
  Trace& trace_;
  core::Runtime* runtime_ = nullptr;
};

// What the driver has to do and when. The timer calls the driver; the driver runs what is due.
class Kernel::Actions final : public core::Timer {
 public:
  Actions(core::Runtime& runtime, core::TaskGroup& group) : runtime_(runtime), group_(group) {}
  ~Actions() override { cancel(); }

  void add(core::Instant when, std::function<void()> action) {
    when = std::max(when, runtime_.now());
    actions_.emplace(when, std::move(action));
    set();
    if (when == runtime_.now()) runtime_.call_driver();
  }
  void run_due() {
    while (!actions_.empty() && actions_.begin()->first <= runtime_.now()) {
      const std::function<void()> action = std::move(actions_.begin()->second);
      actions_.erase(actions_.begin());
      action();
    }
    set();
  }
  void on_timer() noexcept override { runtime_.call_driver(); }

 private:
  void set() {
    if (actions_.empty()) {
      cancel();
    } else {
      group_.set_timer(*this, actions_.begin()->first);
    }
  }

  core::Runtime& runtime_;
  core::TaskGroup& group_;
  std::multimap<core::Instant, std::function<void()>> actions_;  // equal times in the order of their insertion
};

Kernel::Kernel(core::Seed seed)
    : random_(seed),
      schedule_(std::make_unique<SeededSchedule>(random_.child("scheduler"), trace_)),
      runtime_(*schedule_),
      harness_(runtime_, "harness"),
      actions_(std::make_unique<Actions>(runtime_, harness_)) {
  schedule_->set_runtime(runtime_);
}

Kernel::~Kernel() {
  actions_.reset();
  harness_.kill();
}

void Kernel::at(core::Instant when, std::function<void()> action) { actions_->add(when, std::move(action)); }

void Kernel::run_until(core::Instant limit) {
  actions_->run_due();
  while (runtime_.run_until(limit)) actions_->run_due();
}

}  // namespace windtunnel::sim
