// A source that was killed before it noted how far it had come, and whose origin lost messages meanwhile and gave their sequences to
// others: what it has tells where they part (core/jetstream/source_doubt.cc).
#include "sim/survivors.h"
#include "tests/sim/hub_and_edges.h"

namespace windtunnel::tests {
namespace {

constexpr const char* kNotes = "jetstream/$G/streams/ALL/copies.json";

// An edge with `synced` messages that no power loss takes, and a hub that has noted `noted` of them, and has those up to 10.
struct Regrown {
  explicit Regrown(int synced, int noted, const std::string& members = {}, const std::string& origin = {}) {
    w.create_origin(1, origin);
    w.create_all(HubAndEdges::source(1, members));
    w.publish(1, std::min(synced, noted));
    if (synced <= noted) w.world.run_for(3min);
    w.publish(1, noted - std::min(synced, noted));
    CHECK(w.until_count(noted) < 5s);
    w.restart_hub(sim::Signal::term, 1s);
    w.world.run_for(2s);  // it is connected, and what it knows now is noted
    if (synced > noted) {
      w.publish(1, synced - noted);
      CHECK(w.until_count(synced) < 5s);
      sync_edge();
    }
    w.publish(1, 10 - std::max(synced, noted));
    CHECK(w.until_count(10) < 5s);
    w.world.signal("hub", sim::Signal::kill);
  }
  // An orderly stop: what the edge has is synced, and the hub, which is not there, hears nothing of it.
  void sync_edge() {
    w.world.cut("hub", "e1", sim::Cut::reset);
    w.restart_edge(1, sim::Signal::term, 1s);
    w.world.heal("hub", "e1");
    w.world.run_for(5s);
  }
  void lose_power(int left) {
    w.world.process("e1").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
    w.world.run_for(5s);
    w.world.start("e1");
    w.edge[1] = std::make_unique<JetStreamClient>(w.world, "at_e1_again", "e1");
    REQUIRE(w.edge[1]->stream("EDGE_1")["state"]["last_seq"] == left);
  }
  void start_hub() {
    w.world.start("hub");
    w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_again", "hub");
    w.world.run_for(15s);
  }
  [[nodiscard]] std::string last_header() { return headers_of(w.message(w.state()["last_seq"].get<std::uint64_t>())); }
  HubAndEdges w{1};
};

TEST_CASE("an origin that lost messages and grew past a position that was not noted is found out: nothing is lost, nothing comes twice") {
  struct Row {
    const char* what;
    int synced;
    int noted;
    bool has_notes;
    int again;  // published after the power loss, before the hub is back
  };
  const Row rows[] = {
      {"it has more than it had, and kept what was noted", 7, 5, true, 8},
      {"it has as many as it had", 7, 5, true, 3},
      {"it has less than it had", 7, 5, true, 2},
      {"it has nothing but what was kept", 7, 5, true, 0},
      {"it lost some of what was noted", 3, 5, true, 12},
      {"it lost some of what was noted, and has less than that", 3, 5, true, 1},
      {"it lost what was not noted", 5, 5, true, 9},
      {"it lost everything", 0, 5, true, 14},
      {"there are no notes", 7, 5, false, 8},
      {"there are no notes, and it has less", 7, 5, false, 1},
      {"there are no notes, and it lost everything", 0, 5, false, 14},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Regrown world{row.synced, row.noted};
    HubAndEdges& w = world.w;
    if (!row.has_notes) w.world.process("hub").disk().drop(kNotes);
    world.lose_power(row.synced);
    w.publish(1, row.again);
    world.start_hub();
    CHECK(brought(w, "e1.a") == numbers(1, 10 + row.again));
    w.publish(1, 15);
    w.world.run_for(5s);
    CHECK(brought(w, "e1.a") == numbers(1, 25 + row.again));
    CHECK(w.status()["error"].is_null());
    w.restart_hub(sim::Signal::kill);
    w.world.run_for(10s);
    CHECK(w.count() == 25 + static_cast<std::uint64_t>(row.again));
  }
}

}  // namespace
}  // namespace windtunnel::tests
