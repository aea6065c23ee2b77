// The kernel by itself: fibers that play ping-pong over a link, and worlds that only wait. The trace hash is on, as always.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "sim/gate.h"
#include "sim/kernel.h"
#include "sim/network.h"
#include "tests/bench/bench.h"

namespace {

using namespace windtunnel;
using namespace std::chrono_literals;

constexpr core::Duration kLinkLatency = 1us;

// Pairs of nodes, each with a link of its own; on each pair one byte goes to and fro.
class PingPong {
 public:
  explicit PingPong(int nodes) {
    for (int pair = 0; pair < nodes / 2; ++pair) {
      const std::string a = "a" + std::to_string(pair);
      const std::string b = "b" + std::to_string(pair);
      const sim::HostId from = network_.add_host(a, static_cast<sim::NodeId>(2 * pair + 1));
      const sim::HostId to = network_.add_host(b, static_cast<sim::NodeId>(2 * pair + 2));
      network_.link(from, to, sim::LinkTraits{{kLinkLatency, kLinkLatency}});
      ports_.push_back(network_.attach(from, gate_, group_));
      core::Network& dialer = *ports_.back();
      ports_.push_back(network_.attach(to, gate_, group_));
      core::Network& server = *ports_.back();
      group_.spawn("pong", [this, &server] {
        const auto listener = server.listen(1);
        const auto connection = (*listener)->accept();
        echo(**connection);
      });
      group_.spawn("ping", [this, &dialer, b] {
        group_.sleep_until(core::after(kernel_.now(), 1ms));  // the other one listens by now
        const auto connection = dialer.connect({b, 1}, core::kForever);
        const core::Status sent = (*connection)->write("x");
        if (sent) echo(**connection);
      });
    }
    kernel_.run_until(core::Instant{10ms});
  }
  ~PingPong() { group_.kill(); }

  void run(std::uint64_t messages) {
    const std::uint64_t wanted = messages_ + messages;
    while (messages_ < wanted) kernel_.run_until(core::after(kernel_.now(), 100us));
  }
  [[nodiscard]] std::uint64_t events() const { return kernel_.trace().count(); }

 private:
  void echo(core::Connection& connection) {
    char byte = 0;
    for (;;) {
      const core::Result<std::size_t> got = connection.read({&byte, 1});
      if (!got || *got == 0) return;
      ++messages_;
      if (!connection.write({&byte, 1})) return;
    }
  }

  mutable sim::Kernel kernel_{core::Seed{1}};
  sim::SimNetwork network_{kernel_};
  sim::Gate gate_;
  core::TaskGroup group_{kernel_.runtime(), "bench"};
  std::vector<std::unique_ptr<core::Network>> ports_;
  std::uint64_t messages_ = 0;
};

// Two fibers that wake each other: the least that the kernel can do for an event.
double switches_per_second(double seconds) {
  sim::Kernel kernel{core::Seed{1}};
  core::TaskGroup group{kernel.runtime(), "bench"};
  bool is_over = false;
  for (int i = 0; i < 2; ++i) {
    group.spawn("yielder", [&] {
      while (!is_over) group.yield();
    });
  }
  group.spawn("clock", [&] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
      for (int i = 0; i < 1000; ++i) group.yield();
    }
    is_over = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  kernel.run_until(core::Instant{1s});
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double rate = static_cast<double>(kernel.trace().count()) / passed;
  group.kill();
  return rate;
}

// Virtual seconds a wall second of 10 nodes that do nothing but wait 500 ms, again and again.
template <typename Start>
double idle_rate(Start start) {
  sim::Kernel kernel{core::Seed{1}};
  core::TaskGroup group{kernel.runtime(), "bench"};
  [[maybe_unused]] const auto keep_alive = start(kernel, group);
  const auto begin = std::chrono::steady_clock::now();
  constexpr std::int64_t kVirtualSeconds = 300'000;
  kernel.run_until(core::Instant{std::chrono::seconds{kVirtualSeconds}});
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  group.kill();
  return static_cast<double>(kVirtualSeconds) / passed;
}

class Tick final : public core::Timer {
 public:
  Tick(sim::Kernel& kernel, core::TaskGroup& group) : kernel_(kernel), group_(group) { on_timer(); }
  void on_timer() noexcept override { group_.set_timer(*this, core::after(kernel_.now(), 500ms)); }

 private:
  sim::Kernel& kernel_;
  core::TaskGroup& group_;
};

}  // namespace

int main(int argc, char** argv) {
  windtunnel::tests::Bench bench{argc, argv};
  {
    PingPong two{2};
    const std::uint64_t before = two.events();
    two.run(100'000);
    const double events_a_message = static_cast<double>(two.events() - before) / 100'000;
    bench.measure("message over a link, 2 nodes", [&](std::uint64_t count) { two.run(count * 1000); }, {.per_call = 1000});
    bench.figure("events a message", events_a_message, "");
    if (const double ns = bench.nanoseconds("message over a link, 2 nodes"); ns > 0) {
      bench.figure("events over links, 2 nodes", events_a_message * 1e3 / ns, "million a second");
    }
  }
  {
    PingPong hundred{100};  // one world at a time in a process
    hundred.run(100'000);
    bench.measure("message over a link, 100 nodes", [&](std::uint64_t count) { hundred.run(count * 1000); },
                  {.baseline = "message over a link, 2 nodes", .at_most = 2.0, .per_call = 1000});
  }
  bench.figure("events of fibers that wake each other", switches_per_second(0.5) / 1e6, "million a second");
  bench.figure("10 idle nodes, sleeping fibers", idle_rate([](sim::Kernel& kernel, core::TaskGroup& group) {
                 for (int i = 0; i < 10; ++i) {
                   group.spawn("sleeper", [&kernel, &group] {
                     for (;;) group.sleep_until(core::after(kernel.now(), 500ms));
                   });
                 }
                 return 0;
               }),
               "virtual s a wall s");
  bench.figure("10 idle nodes, timer callbacks", idle_rate([](sim::Kernel& kernel, core::TaskGroup& group) {
                 std::vector<std::unique_ptr<Tick>> ticks;
                 for (int i = 0; i < 10; ++i) ticks.push_back(std::make_unique<Tick>(kernel, group));
                 return ticks;
               }),
               "virtual s a wall s");
  return bench.finish();
}
