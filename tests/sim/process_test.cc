#include "sim/process.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/log.h"
#include "core/env/sync.h"

namespace windtunnel::sim {
namespace {

using namespace std::chrono_literals;
using core::Bytes;
using core::Duration;
using core::Env;
using core::Seed;
using Lines = std::vector<std::string>;

core::Instant at(Duration d) { return core::Instant{d}; }

// Runs what a test gives it.
struct Scripted final : Program {
  Env& env;
  std::function<void(Env&)> body;
  std::function<bool(Signal)> handler;
  std::function<void()> last;  // in the destructor
  explicit Scripted(Env& e, std::function<void(Env&)> b) : env(e), body(std::move(b)) {}
  ~Scripted() override {
    if (last) last();
  }
  void run() override { body(env); }
  bool on_signal(Signal signal) override { return handler && handler(signal); }
};

Process::Factory program(std::function<void(Env&)> body) {
  return [body = std::move(body)](Env& env) { return std::make_unique<Scripted>(env, body); };
}

void forever(Env& env) { env.tasks.park("forever"); }

struct World {
  Kernel kernel;
  SimNetwork network{kernel};
  Process node{kernel, network, {.name = "n1", .node = NodeId{1}}};
  Process peer{kernel, network, {.name = "n2", .node = NodeId{2}}};
  explicit World(std::uint64_t seed = 1) : kernel(Seed{seed}) { network.link(node.host(), peer.host(), {.latency = {1ms, 1ms}}); }
  void run(Duration time) { kernel.run_until(kernel.now() + time); }
};

struct Events final : TraceObserver {
  Lines lines;
  void on_event(const TraceEvent& event) override {
    if (event.level >= core::LogLevel::info) lines.push_back(std::string(event.name.text) + " " + event.fields_text());
  }
};

TEST_CASE("a program runs until it returns; then the process has exited and its connections are closed") {
  World world;
  std::string ended;
  world.peer.start(program([&](Env& env) {
    auto listener = *env.network.listen(4222);
    auto connection = *listener->accept();
    std::string buffer(10, '\0');
    const auto got = connection->read(buffer);
    const auto then = connection->read(buffer);
    ended = std::to_string(got.value_or(99)) + " " + std::to_string(then.value_or(99));
  }));
  world.node.start(program([&](Env& env) {
    env.tasks.spawn("left over", [&env] { forever(env); });
    env.tasks.sleep_until(at(10ms));
    auto connection = *env.network.connect({"n2", 4222}, core::kForever);
    CHECK(connection->write("hello").has_value());
  }));
  CHECK(world.node.is_running());
  world.run(1s);
  CHECK_FALSE(world.node.is_running());
  CHECK(world.node.ended() == Process::Ended::exited);
  CHECK(ended == "5 0");
}

TEST_CASE("a kill unwinds the tasks in the order of their creation, then destroys the program, all behind the gate") {
  World world;
  Lines order;
  struct Guard {
    Env& env;
    Lines& order;
    std::string name;
    core::Connection* connection;
    ~Guard() {
      order.push_back(name);
      env.log.error("unwinding", {{"name", name}});  // must reach nobody
      if (connection != nullptr) connection->close();
    }
  };
  std::unique_ptr<core::Listener> listener;
  std::unique_ptr<core::File> file;
  world.node.start([&](Env& env) {
    auto made = std::make_unique<Scripted>(env, [&](Env& e) {
      const Guard guard{e, order, "main", nullptr};
      for (const char* name : {"first", "second", "third"}) {
        e.tasks.spawn(name, [&e, &order, name] {
          auto connection = *e.network.connect({"n1", 4222}, core::kForever);
          const Guard inner{e, order, name, connection.get()};
          forever(e);
        });
      }
      listener = *e.network.listen(4222);
      file = *e.disk.open("f", {.create = true});
      (void)file->write_at(Bytes{0}, "abc");
      forever(e);
    });
    made->last = [&] {
      order.push_back("program");
      listener.reset();
      file.reset();
      env.log.error("destroyed", {});
    };
    return made;
  });
  Events events;
  world.kernel.trace().add(events);
  world.run(1s);
  CHECK(world.network.listener_count(world.node.host()) == 1);
  CHECK(world.network.connection_count(world.node.host()) == 3);
  world.node.kill(Signal::abrt);
  CHECK(order == Lines{"main", "first", "second", "third", "program"});
  CHECK(events.lines == Lines{"process.end why=SIGABRT incarnation=1"});
  CHECK(world.node.tasks() == nullptr);
  CHECK(world.network.listener_count(world.node.host()) == 0);
  CHECK(world.network.connection_count(world.node.host()) == 0);
  CHECK(world.node.disk().tree().content("f") == "abc");
  CHECK(world.kernel.runtime().is_quiescent());
}

TEST_CASE("what a killed process wrote is there for the next incarnation; what it had not, is not") {
  World world;
  world.node.start(program([](Env& env) {
    auto file = *env.disk.open("f", {.create = true});
    (void)file->write_at(Bytes{0}, "written");
    std::string buffered = "only in memory";
    forever(env);
  }));
  world.run(1s);
  world.node.kill();
  CHECK(world.node.ended() == Process::Ended::killed);
  std::string found;
  world.node.start(program([&](Env& env) { found = env.disk.read_file("f").value_or("none"); }));
  world.run(1s);
  CHECK(found == "written");
  CHECK(world.node.incarnations() == 2);
}

TEST_CASE("a power loss takes what was not synced, and the host until it is started again") {
  World world;
  std::string connected;
  const auto dial = program([&](Env& env) {
    const auto made = env.network.connect({"n1", 4222}, env.clock.now() + 5s);
    connected = made ? "ok" : core::name_of(made.error().code);
  });
  const auto serve = program([](Env& env) {
    (void)env.disk.open("f", {.create = true});
    auto listener = *env.network.listen(4222);
    (void)listener->accept();
    forever(env);
  });
  world.node.start(serve);
  world.run(1s);
  world.node.lose_power(Keep::none);
  CHECK(world.node.ended() == Process::Ended::power_lost);
  CHECK(world.node.disk().tree().files().empty());
  world.peer.start(dial);
  world.run(10s);
  CHECK(connected == "timeout");
  world.node.start(serve);
  world.peer.start(dial);
  world.run(10s);
  CHECK(connected == "ok");
  world.node.kill();
  world.peer.start(dial);
  world.run(10s);
  CHECK(connected == "refused");
}

TEST_CASE("power can be lost after a kill, with the page cache that the kill had kept") {
  World world;
  world.node.start(program([](Env& env) {
    auto file = *env.disk.open("f", {.create = true});
    (void)file->write_at(Bytes{0}, "abc");
    forever(env);
  }));
  world.run(1s);
  world.node.kill();
  CHECK(world.node.disk().tree().files().size() == 1);
  world.node.lose_power(Keep::none);
  CHECK(world.node.disk().tree().files().empty());
}

TEST_CASE("SIGTERM and SIGUSR2 reach the program's handler; without one the process is killed") {
  for (const bool is_handled : {true, false}) {
    CAPTURE(is_handled);
    World world;
    Lines signals;
    world.node.start([&](Env& env) {
      auto stop = std::make_shared<core::Event>(env.tasks);  // owned by the body and the handler
      auto made = std::make_unique<Scripted>(env, [stop](Env&) { stop->wait("stop"); });
      if (is_handled) {
        made->handler = [&, stop](Signal signal) {
          signals.emplace_back(name_of(signal));
          env.tasks.sleep_until(env.clock.now() + 2s);  // a handler may suspend
          if (signal == Signal::term) stop->set();
          return true;
        };
      }
      return made;
    });
    world.run(1s);
    world.node.signal(Signal::usr2);
    world.run(1s);
    CHECK(world.node.is_running() == is_handled);
    world.node.signal(Signal::term);
    world.run(1s);
    CHECK(world.node.is_running() == is_handled);
    world.run(2s);
    CHECK_FALSE(world.node.is_running());
    CHECK(world.node.ended() == (is_handled ? Process::Ended::exited : Process::Ended::killed));
    CHECK(signals == (is_handled ? Lines{"SIGUSR2", "SIGTERM"} : Lines{}));
  }
}

TEST_CASE("a paused process stands still while its timers pass, and goes on when it is resumed") {
  World world;
  std::vector<Duration> ticks;
  bool is_signalled = false;
  world.node.start([&](Env& env) {
    auto made = std::make_unique<Scripted>(env, [&](Env& e) {
      for (int i = 1; i <= 10; ++i) {
        e.tasks.sleep_until(at(i * 100ms));
        ticks.push_back(e.clock.now().time_since_epoch());
      }
    });
    made->handler = [&](Signal) { return is_signalled = true; };
    return made;
  });
  world.run(250ms);
  world.node.pause();
  world.node.signal(Signal::term);
  world.run(300ms);
  CHECK(ticks.size() == 2);
  CHECK_FALSE(is_signalled);
  world.node.resume();
  world.run(0ms);
  CHECK(is_signalled);
  CHECK(ticks == std::vector<Duration>{100ms, 200ms, 550ms, 550ms, 550ms});
  world.run(1s);
  CHECK(ticks.size() == 10);
}

TEST_CASE("a paused process can be killed") {
  World world;
  world.node.start(program(forever));
  world.run(1ms);
  world.node.pause();
  world.node.kill();
  CHECK_FALSE(world.node.is_paused());
  world.node.start(program(forever));
  CHECK(world.node.is_running());
}

TEST_CASE("wall clocks show the world's start, and step and drift without moving virtual time") {
  World world;
  CHECK(world.node.wall_now() == kWorldStart);
  CHECK(core::rfc3339(kWorldStart) == "2024-01-01T00:00:00Z");
  world.run(10s);
  CHECK(world.node.wall_now() - kWorldStart == 10s);
  world.node.step_clock(-3s);
  CHECK(world.node.wall_now() - kWorldStart == 7s);
  world.node.set_clock_drift(200);
  world.run(1000s);
  CHECK(world.node.wall_now() - kWorldStart == 1007s + 200ms);
  CHECK(world.peer.wall_now() - kWorldStart == 1010s);
  world.node.set_clock_drift(0);
  world.node.set_clock_drift(-500);
  world.run(10ms);
  CHECK(world.node.wall_now() - kWorldStart == 1007s + 200ms + 10ms - 5us);
  Duration shown{};
  world.node.start(program([&](Env& env) { shown = env.clock.wall_now() - kWorldStart; }));
  world.run(0ms);
  CHECK(shown == 1007s + 200ms + 10ms - 5us);
}

TEST_CASE("each incarnation has random streams of its own, the same in each run") {
  const auto draws = [](std::uint64_t seed) {
    World world(seed);
    std::vector<std::uint64_t> out;
    for (int i = 0; i < 3; ++i) {
      world.node.start(program([&](Env& env) { out.push_back(env.random.next()); }));
      world.run(1ms);
    }
    return out;
  };
  const auto first = draws(1);
  CHECK(first[0] != first[1]);
  CHECK(first[1] != first[2]);
  CHECK(first == draws(1));
  CHECK(first != draws(2));
}

TEST_CASE("a program's log goes into the trace, with its node") {
  World world;
  struct Nodes final : TraceObserver {
    Lines lines;
    void on_event(const TraceEvent& event) override {
      if (event.name.text == "hello") lines.push_back(std::to_string(static_cast<std::uint32_t>(event.node)) + " " + event.fields_text());
    }
  } nodes;
  world.kernel.trace().add(nodes);
  world.peer.start(program([](Env& env) { env.log.info("hello", {{"seq", 17}}); }));
  world.run(1ms);
  CHECK(nodes.lines == Lines{"2 seq=17"});
}

TEST_CASE("a world of programs, kills and restarts has the same trace each time") {
  const auto hash = [](std::uint64_t seed) {
    World world(seed);
    const auto serve = program([](Env& env) {
      auto listener = *env.network.listen(4222);
      for (int i = 0;; ++i) {
        auto connection = *listener->accept();
        auto file = *env.disk.open("f" + std::to_string(i), {.create = true});
        std::string buffer(100, '\0');
        for (;;) {
          const auto count = connection->read(buffer);
          if (!count || *count == 0) break;
          (void)file->write_at(*file->size(), std::string_view(buffer).substr(0, *count));
          if (env.random.chance({1, 3})) (void)file->sync();
        }
      }
    });
    const auto talk = program([](Env& env) {
      for (;;) {
        auto made = env.network.connect({"n2", 4222}, env.clock.now() + 1s);
        while (made && (*made)->write("some bytes")) env.tasks.sleep_until(env.clock.now() + env.random.between(1ms, 5ms));
        env.tasks.sleep_until(env.clock.now() + 100ms);
      }
    });
    world.peer.start(serve);
    world.node.start(talk);
    for (int round = 0; round < 5; ++round) {
      world.run(300ms);
      if (round % 2 == 0) {
        world.peer.kill();
      } else {
        world.peer.lose_power(Keep::any);
      }
      world.run(200ms);
      world.peer.start(serve);
    }
    return world.kernel.trace().hash();
  };
  CHECK(hash(1) == hash(1));
  CHECK(hash(1) != hash(2));
}

}  // namespace
}  // namespace windtunnel::sim
