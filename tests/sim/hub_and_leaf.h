// A hub with an origin and a leaf that mirrors it, each in a domain of its own.
#pragma once

#include <memory>
#include <string>

#include "core/jetstream/mirror.h"
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {

struct HubAndLeaf {
  explicit HubAndLeaf(core::Defects defects = {}, core::Seed seed = core::Seed{1}) : world(seed) {
    world.add(node_config("hub", "hub"));
    world.add(node_config("leaf", "leaf", "hub"), defects);
    world.link("hub", "leaf", {5ms, 40ms});
    world.start("hub");
    world.start("leaf");
    hub = std::make_unique<JetStreamClient>(world, "at_hub", "hub");
    leaf = std::make_unique<JetStreamClient>(world, "at_leaf", "leaf");
    world.run_for(3s);
  }
  void create_origin(const std::string& members = R"("subjects":["o.>"])") { REQUIRE(error_of(hub->create_stream("O", members)) == 0); }
  void create_mirror(const std::string& of = {}, const std::string& members = {}) {
    REQUIRE(error_of(leaf->create_stream(
                "M", R"("mirror":{"name":"O","external":{"api":"$JS.hub.API","deliver":""})" + of + "}" + members)) == 0);
  }
  Json origin() { return hub->stream("O")["state"]; }
  Json mirror() { return leaf->stream("M")["state"]; }
  Json status() { return leaf->stream("M")["mirror"]; }
  std::uint64_t last() { return world.stream("leaf", "M")->store().state().last_seq.value; }
  std::uint64_t attempts() { return world.stream("leaf", "M")->mirror()->attempts(); }
  // How long until the mirror has this message; 10 min if it never does.
  core::Duration until_last(std::uint64_t seq) {
    const core::Instant begin = world.kernel.now();
    while (last() < seq && world.kernel.now() - begin < 10min) world.run_for(10ms);
    return world.kernel.now() - begin;
  }
  void restart_hub(sim::Signal how, core::Duration down) {
    world.signal("hub", how);
    world.run_for(down);
    world.start("hub");
    hub = std::make_unique<JetStreamClient>(world, "at_hub" + std::to_string(++clients), "hub");
  }

  NodeWorld world;
  std::unique_ptr<JetStreamClient> hub;
  std::unique_ptr<JetStreamClient> leaf;
  int clients = 0;
};

}  // namespace windtunnel::tests
