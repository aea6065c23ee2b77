#include "scenarios/world.h"

#include <doctest/doctest.h>

#include <string>

#include "scenarios/language/load.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHubAndLeaf = R"(
scenario: hub-and-leaf
about: A hub with a stream, a leaf with its mirror.
nodes:
  hub: { domain: hub }
  leaf: { domain: leaf, leaf_of: hub }
links:
  - { between: [hub, leaf], latency: 5ms..40ms }
streams:
  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file }
  - { on: leaf, name: ORDERS_MIRROR, mirror: { name: ORDERS, domain: hub } }
workloads:
  - { publish: orders.new, at: leaf, via: core, rate: 1/s, for: 1s, name: one }
expect:
  - invariants: [mirror-is-prefix]
)";

Scenario load(const char* text) {
  Loaded loaded = load_text(text, "test.yaml");
  for (const Diagnostic& d : loaded.diagnostics) MESSAGE(d.text());
  REQUIRE(loaded.scenario.has_value());
  return *loaded.scenario;
}

std::uint64_t last_seq(World& world, std::string_view node, std::string_view stream) {
  core::Stream* found = world.stream(node, stream);
  return found == nullptr ? UINT64_MAX : found->store().state().last_seq.value;
}

void publish(World& world, std::string_view node, int count) {
  for (int i = 0; i < count; ++i) {
    world.server(world.node(node))
        ->server()
        .publish(core::MessageView{.subject = "orders.new", .reply = {}, .headers = {}, .payload = "x"});
  }
}

SCENARIO("a mirror on a leaf follows its hub through an outage") {
  GIVEN("a hub with a stream and a leaf with its mirror, 100 messages published") {
    const Scenario scenario = load(kHubAndLeaf);
    World world{scenario, core::Seed{7}, {}};
    const core::Status ready = world.build();
    if (!ready) MESSAGE(ready.error().text());
    REQUIRE(ready.has_value());
    world.reach_time_zero();
    publish(world, "hub", 100);
    world.kernel().run_until(kTimeZero + 3s);
    REQUIRE(last_seq(world, "hub", "ORDERS") == 100);
    CHECK(last_seq(world, "leaf", "ORDERS_MIRROR") == 100);
    WHEN("the hub dies by SIGABRT, comes back and gets more") {
      world.node("hub").process->signal(sim::Signal::abrt);
      world.kernel().run_until(kTimeZero + 20s);
      CHECK(last_seq(world, "leaf", "ORDERS_MIRROR") == 100);
      world.start(world.node("hub"));
      world.kernel().run_until(kTimeZero + 21s);
      publish(world, "hub", 50);
      world.kernel().run_until(kTimeZero + 30s);
      THEN("nothing was lost and the mirror is level within 10 s") {
        CHECK(last_seq(world, "hub", "ORDERS") == 150);
        CHECK(last_seq(world, "leaf", "ORDERS_MIRROR") == 150);
      }
    }
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
